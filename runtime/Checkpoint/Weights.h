//===- Weights.h - a program's variables in safetensors files ---------------------------===//
#pragma once

#include "runtime/Checkpoint/Safetensors.h"
#include "runtime/Device/Executor.h"
#include "runtime/Support/Error.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace stc::runtime {

/// What of a program's variables a file holds: the parameters, or what training must have besides
/// to go on (moments, counters, the loss scale). Scratch is in neither.
enum class VariableSet { Weights, OptimizerState };

std::vector<const program::Tensor *> variablesOf(const program::Program &program, VariableSet set);

/// For each wanted tensor that of the file with its shape and the name at its place in `names`, and
/// with its dtype or another that `accept` takes. Error: one line that lists what is missing,
/// unexpected or different. `path` and `owner` ("the weights of 'x'") are for the message.
Result<std::vector<const NamedTensor *>>
matchTensors(const program::Program &program, std::span<const NamedTensor> found,
             std::span<const program::Tensor *const> wanted, std::span<const std::string> names,
             const std::string &path, const std::string &owner,
             bool (*accept)(program::DType found, program::DType wanted));

/// Whether all elements are finite numbers; those that are no floats are.
bool isFinite(program::DType dtype, std::span<const std::byte> data);

/// Writes the variables under their names and returns the file's checksum. Of several devices,
/// which do this together, the first writes, one whole variable after the other. Fails (NonFinite)
/// if one of them holds a value that is not finite: the file keeps its last good contents.
Result<uint64_t> saveVariables(Executor &executor, VariableSet set, const std::string &path);

/// Reads all of them. A file that lacks one, has another, or one of another shape or dtype is an
/// error that lists them, and changes nothing.
Result<void> loadVariables(Executor &executor, VariableSet set, const std::string &path);

/// The file of weights that a path stands for: a folder of a run or of a checkpoint has one in it.
std::string weightsFile(const std::string &path);

inline Result<uint64_t> saveWeights(Executor &executor, const std::string &path) {
  return saveVariables(executor, VariableSet::Weights, path);
}
inline Result<void> loadWeights(Executor &executor, const std::string &path) {
  return loadVariables(executor, VariableSet::Weights, weightsFile(path));
}

} // namespace stc::runtime
