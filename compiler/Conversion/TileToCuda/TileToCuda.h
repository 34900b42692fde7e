//===- TileToCuda.h - kernels for NVIDIA GPUs -------------------*- C++ -*-===//
#pragma once

#include "compiler/Schedule/HopperSchedule.h"
#include "dialects/Tile/Tile.h"

#include <mlir/Pass/PassManager.h>

namespace stc {

/// Replaces a kernel around one attention op by a kernel of the plan in nvvm and llvm.
mlir::LogicalResult lowerHopperForward(tile::KernelOp kernel, tile::AttentionOp op,
                                       const HopperSchedule &schedule);

/// The gradient by tiles of keys, and what goes before it and after it.
mlir::LogicalResult lowerHopperBackward(tile::KernelOp kernel, tile::AttentionKeyGradOp op,
                                        const HopperGradSchedule &schedule);
mlir::LogicalResult lowerAttentionDelta(tile::KernelOp kernel, tile::AttentionDeltaOp op);
mlir::LogicalResult lowerAttentionQueryGrad(tile::KernelOp kernel, tile::AttentionQueryGradOp op);

/// From launches of tile kernels to kernels in the LLVM dialect with ops of nvvm.
void buildCudaPipeline(mlir::OpPassManager &passes);
void registerCudaPipeline();

} // namespace stc
