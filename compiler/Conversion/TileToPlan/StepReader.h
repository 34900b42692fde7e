//===- StepReader.h - what the steps of an entry do -------------*- C++ -*-===//
//
// Reads a plan back from the ops that were written for it, so that what is checked is what will
// run: of a launch, which buffer its kernel reads for each operand and writes for each result.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Conversion/TileToPlan/EntryProgram.h"
#include "dialects/Plan/Plan.h"

namespace stc {

/// The buffer of `variant` that does what each buffer of `kernel` does, -1 for one that is not
/// used; nothing if the two do not compute the same.
std::optional<llvm::SmallVector<int64_t>> matchBuffers(tile::KernelOp kernel,
                                                       tile::KernelOp variant);

/// Runs the steps of an entry symbolically and says where they do not do what the program means.
std::optional<std::string> checkWritten(plan::EntryOp op, const EntryProgram &entry,
                                        std::span<const planner::Place> variables,
                                        const mlir::SymbolTable &symbols);

} // namespace stc
