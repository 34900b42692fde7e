//===- main.cpp - stc-compile as an executable ----------------------------===//

#include "tools/stc-compile/Command.h"

int main(int argc, char **argv) { return stcCompileCommand(argc, argv); }
