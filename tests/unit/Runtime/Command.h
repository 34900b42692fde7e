//===- Command.h - runs stc-run as a person does ---------------------------------------------===//
#pragma once

#include <string>
#include <vector>

namespace stc::runtime::test {

struct Outcome {
  int code = -1; ///< the exit code, or the signal that ended it, negative
  std::string out, err;
};

/// Runs a program with its arguments; sends it a signal, if one is given, once it trains.
Outcome runProgram(std::vector<std::string> arguments, int signal = 0);

/// Runs stc-run.
Outcome run(std::vector<std::string> arguments, int signal = 0);

/// Runs a Python program on its arguments.
Outcome runPython(const std::string &program, std::vector<std::string> arguments);
/// Whether Python has these modules: "numpy, safetensors".
bool pythonHas(const std::string &modules);

} // namespace stc::runtime::test
