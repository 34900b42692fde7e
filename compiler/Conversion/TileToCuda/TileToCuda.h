//===- TileToCuda.h - kernels for NVIDIA GPUs -------------------*- C++ -*-===//
#pragma once

#include "compiler/Schedule/MmaSyncSchedule.h"
#include "compiler/Schedule/WgmmaSchedule.h"
#include "dialects/Tile/Tile.h"

#include <mlir/Pass/PassManager.h>

namespace stc {

/// Error: no target of these passes.
mlir::LogicalResult checkTarget(mlir::ModuleOp module, llvm::StringRef target);
/// What attention of a GPU asks of its buffers and of their elements. Errors are the op's.
mlir::LogicalResult checkBuffers(mlir::Operation *op);
mlir::LogicalResult checkElements(mlir::Operation *op, mlir::Value query);

/// The op's schedule, by products of warpgroups; no value where it is by those of single warps.
std::optional<WgmmaSchedule> wgmmaSchedule(tile::AttentionOp op);
std::optional<WgmmaKeyGradSchedule> wgmmaSchedule(tile::AttentionKeyGradOp op);
std::optional<WgmmaQueryGradSchedule> wgmmaSchedule(tile::AttentionQueryGradOp op);
/// And by these, which it has.
MmaSyncSchedule mmaSyncSchedule(tile::AttentionOp op);
MmaSyncKeyGradSchedule mmaSyncSchedule(tile::AttentionKeyGradOp op);
MmaSyncSchedule mmaSyncSchedule(tile::AttentionQueryGradOp op);

/// Replaces a kernel around one attention op by a kernel of the plan in nvvm and llvm: with
/// products of warpgroups and the copy engine, which want views and rows that it can reach, or with
/// products and copies of warps, for all others and on older GPUs.
mlir::LogicalResult lowerWgmmaForward(tile::KernelOp kernel, tile::AttentionOp op,
                                      const WgmmaSchedule &schedule);
mlir::LogicalResult lowerMmaSyncForward(tile::KernelOp kernel, tile::AttentionOp op,
                                        const MmaSyncSchedule &schedule);

/// The gradients: what each query needs first, tiles of keys and of queries, and the gradient of
/// queries from their sums.
mlir::LogicalResult lowerAttentionDelta(tile::KernelOp kernel, tile::AttentionDeltaOp op);
mlir::LogicalResult lowerWgmmaKeyGrad(tile::KernelOp kernel, tile::AttentionKeyGradOp op,
                                      const WgmmaKeyGradSchedule &schedule);
mlir::LogicalResult lowerWgmmaQueryGrad(tile::KernelOp kernel, tile::AttentionQueryGradOp op,
                                        const WgmmaQueryGradSchedule &schedule);
mlir::LogicalResult lowerMmaSyncKeyGrad(tile::KernelOp kernel, tile::AttentionKeyGradOp op,
                                        const MmaSyncKeyGradSchedule &schedule);
mlir::LogicalResult lowerMmaSyncQueryGrad(tile::KernelOp kernel, tile::AttentionQueryGradOp op,
                                          const MmaSyncSchedule &schedule);
mlir::LogicalResult lowerAttentionQuerySum(tile::KernelOp kernel, tile::AttentionQuerySumOp op);

/// Replaces a kernel of rows or tables: everything but attention, on any GPU.
mlir::LogicalResult lowerRows(tile::KernelOp kernel);
/// A product of few rows with what is around it. One that `waits` for the launches ahead of it by
/// itself has its weights under way before, if they are invariant.
mlir::LogicalResult lowerRowProduct(tile::KernelOp kernel, tile::RowProductOp op, bool waits);
/// Sampling: one query; on Hopper by a cluster of blocks where there are few heads, which ask for
/// what is cached before they wait for the query.
mlir::LogicalResult lowerAttentionRow(tile::KernelOp kernel, tile::AttentionRowOp op,
                                      bool isHopper);

/// From launches of tile kernels to kernels in the LLVM dialect with ops of nvvm, for sm_80 or
/// sm_90a.
void buildCudaPipeline(mlir::OpPassManager &passes, llvm::StringRef target);
void registerCudaPipeline();

} // namespace stc
