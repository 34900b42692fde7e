//===- TensorFiles.h - inputs and outputs of entries as .npy files ------------------===//
#pragma once

#include "runtime/Device/Executor.h"

#include <string>
#include <vector>

namespace stc::run {

/// "f32[4, 128]": the type of a tensor over all devices in a file, which has no floats of 16 bits.
std::string describeInFile(const program::Program &program, const program::Tensor &tensor);

/// The bytes of an entry's inputs over all devices, in order, from as many files. Errors: another
/// number of files, another shape or type than the input's, and those of reading.
runtime::Result<std::vector<std::vector<std::byte>>>
readInputs(const program::Program &program, const program::Entry &entry,
           const std::vector<std::string> &paths);

/// By the process of the first device; all read the output together.
runtime::Result<void> writeOutput(const std::string &path, const program::Tensor &tensor,
                                  runtime::Executor &executor);

} // namespace stc::run
