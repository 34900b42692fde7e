//===- GpuPrograms.h - what is timed where the GPU is -----------*- C++ -*-===//
#pragma once

#include <mlir/Support/LLVM.h>

#include <filesystem>
#include <string>
#include <vector>

namespace stc {

/// Compiles the GPU's benchmark rows of the shared cases in bf16 (all, or those of these names) to
/// FOLDER/NAME.stcp, each with an entry NAME.forward and an entry NAME with the gradient, and lists
/// them in FOLDER/cases.json for compare.py. Errors are printed.
mlir::LogicalResult writeGpuPrograms(const std::filesystem::path &folder,
                                     const std::vector<std::string> &names);

} // namespace stc
