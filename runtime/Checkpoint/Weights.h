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

/// Writes the variables under their names into these files, of which each device writes one while
/// there are any; all devices do this together, one whole variable after the other. The first gets
/// what was written, the others nothing; an error is that of all. Fails (NonFinite) if a variable
/// holds a value that is not finite: its file keeps its last good contents.
Result<std::vector<WrittenFile>> saveVariables(Executor &executor, VariableSet set,
                                               std::span<const std::string> paths);

/// The index (Shards.h) of the files of saveVariables.
std::string printIndex(const program::Program &program, VariableSet set,
                       std::span<const std::string> files);

/// Reads all of them from a file, or from the shards of an index. One that lacks a variable, has
/// another, or one of another shape or dtype is an error that lists them, and changes nothing.
Result<void> loadVariables(Executor &executor, VariableSet set, const std::string &path);

/// The file of weights that a path stands for: a folder of a run or of a checkpoint has one in it.
std::string weightsFile(const std::string &path);

inline Result<void> saveWeights(Executor &executor, const std::string &path) {
  auto saved = saveVariables(executor, VariableSet::Weights, std::span(&path, 1));
  return saved ? Result<void>() : forward(saved);
}
inline Result<void> loadWeights(Executor &executor, const std::string &path) {
  return loadVariables(executor, VariableSet::Weights, weightsFile(path));
}

} // namespace stc::runtime
