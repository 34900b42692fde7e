//===- Command.h - the command stc-compile ----------------------*- C++ -*-===//
#pragma once

/// What the command does, with the arguments of main, and its exit code. In C, so that an executable
/// can call it in a shared library that shows nothing of C++.
extern "C" int stcCompileCommand(int argc, char **argv);
