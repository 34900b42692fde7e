//===- CudaKernel.h - the frame of a kernel for an NVIDIA GPU ---*- C++ -*-===//
#pragma once

#include "compiler/Conversion/TileToCuda/CudaEmitter.h"
#include "compiler/Conversion/TileToCuda/TensorMaps.h"
#include "dialects/Plan/Plan.h"

#include <mlir/Dialect/MemRef/IR/MemRef.h>
#include <mlir/IR/IRMapping.h>

namespace stc {

/// Places in shared memory, each at a multiple of some bytes: 1024 as swizzled tiles want, at most.
class SharedMemoryAllocator {
public:
  explicit SharedMemoryAllocator(int64_t alignment = 1024) : alignment(alignment) {}
  int64_t add(int64_t bytes) {
    int64_t at = used;
    used += llvm::alignTo(bytes, alignment);
    return at;
  }
  int64_t bytes() const { return used; }

private:
  int64_t alignment, used = 0;
};

/// The scalars of an item.
struct CudaItem {
  mlir::Value batch, head, keyHead, residue, tile;

  CudaItem() = default;
  /// Of an op over tiles, whose scalars a kernel has mapped.
  template <typename Op>
  CudaItem(Op op, mlir::IRMapping &mapping)
      : batch(mapping.lookup(op.getBatch())), head(mapping.lookup(op.getHead())),
        keyHead(mapping.lookup(op.getKeyHead())), residue(mapping.lookup(op.getResidue())),
        tile(mapping.lookup(op.getTile())) {}

  /// The same in another residue.
  CudaItem in(mlir::Value other) const {
    CudaItem item = *this;
    item.residue = other;
    return item;
  }
  /// Where keys, values and their gradients are.
  CudaItem ofKeys() const {
    CudaItem item = *this;
    item.head = keyHead;
    return item;
  }
};

/// Where the sum of a query's gradient has a column, of each 32: a lane of a product has pairs of
/// columns, every fourth one, and finds four of them side by side, in 16 bytes of shared memory
/// that no other lane's store collides with. Pairs 4i + c and 4i + c + 1 are `kSumPairStride`
/// apart.
inline constexpr int64_t kSumPairStride = 8;
mlir::Value sumColumn(CudaEmitter &e, mlir::Value column);
/// How far column c + 8j is behind column c, of a multiple of 32 and up to 7 more.
inline int64_t sumColumnsBehind(int64_t j) { return j / 4 * 32 + j / 2 % 2 * 4 + j % 2 * 2; }

/// Runs the body for the heads of queries that share the head of keys of an op's item; values are
/// carried from one to the next.
template <typename Op>
CudaEmitter::Values
eachHead(CudaEmitter &e, Op op, const CudaItem &item, mlir::ValueRange carried,
         llvm::function_ref<CudaEmitter::Values(const CudaItem &, mlir::ValueRange)> body) {
  const int64_t group = op.getGroup();
  if (group == 1)
    return body(item, carried);
  mlir::Value groupEnd = e.mul(e.add(item.keyHead, 1), group);
  return e.loop(item.head, groupEnd, e.i(op.getHeadStep()), carried,
                [&](mlir::Value head, mlir::ValueRange all) {
                  CudaItem one = item;
                  one.head = head;
                  return body(one, all);
                });
}

/// Where a tile's gradient goes: rows of a view; with `resume` it is added to what stands there.
struct GradientPlace {
  const CudaTensor &tensor;
  tile::ViewAttr view;
  CudaItem item;
  float scale;
  bool resume;
};

/// Waits for the launches before, and lets the next one start (programmatic dependent launch).
void createLaunchWait(mlir::OpBuilder &b, mlir::Location loc);

/// The frame of a kernel: a function from tensor maps, buffers, sizes and the number of items,
/// whose blocks (or warps) take items in turn. Of several launches at once, a function from a table
/// with a row for each (its first item, its buffers, its sizes; i64), the number of rows and that
/// of all items.
class CudaKernel {
public:
  CudaKernel(tile::KernelOp kernel, mlir::Type element);

  /// Everything is emitted through this one.
  CudaEmitter &emitter() { return *e; }
  TensorMaps maps;

  /// The map as a parameter: added to the function at the end of the work.
  mlir::Value map(unsigned number);
  /// A buffer's address (global memory); of several launches, only within `eachItemOfWarp`.
  mlir::Value buffer(unsigned argument);
  /// One of the kernel's sizes: i64. As `buffer`.
  mlir::Value size(unsigned argument);
  /// The bytes of one of the kernel's tensors from its first element: i64.
  mlir::Value address(const CudaTensor &tensor, mlir::Value batch, mlir::Value position,
                      mlir::Value head, int64_t column = 0);

  /// Of one element of a row.
  mlir::Value elementAddress(const CudaTensor &tensor, mlir::Value position, const CudaItem &item,
                             mlir::Value column);

  /// So many positions behind an address in a tensor.
  mlir::Value advance(mlir::Value address, const CudaTensor &tensor, mlir::Value positions);

  /// A place in shared memory, or that of a slot among equal ones.
  mlir::Value shared(int64_t offset) { return e->add(sharedBase, offset); }
  mlir::Value slotted(int64_t offset, mlir::Value slot, int64_t bytes) {
    return e->add(shared(offset), e->mul(slot, bytes));
  }

  /// Elements from an address on, aligned to all of them, as vectors of up to 16 bytes; these as
  /// floats; both; and back.
  CudaEmitter::Values loadVectors(mlir::Type element, mlir::Value address, int64_t count);
  CudaEmitter::Values elementsOf(mlir::ValueRange vectors);
  CudaEmitter::Values loadElements(mlir::Type element, mlir::Value address, int64_t count) {
    return elementsOf(loadVectors(element, address, count));
  }
  void storeElements(const CudaEmitter::Values &values, mlir::Type element, mlir::Value address);

  /// A lane's elements of a row: pairs from its first column on, 8 columns apart.
  CudaEmitter::Values loadRow(const CudaTensor &tensor, mlir::Value position, const CudaItem &item,
                              mlir::Value column, int64_t columns);
  /// Of results of 16 rows, those of the lane's row `half` of two, as elements of a row.
  void storeRow(const CudaTensor &tensor, mlir::Value position, const CudaItem &item,
                mlir::Value column, const CudaEmitter::Values &results, int half);

  /// So many blocks, a cluster, take each item together; of a kernel for Hopper GPUs, before the
  /// first `eachItem`.
  void setCluster(int64_t blocks) { clusterBlocks = blocks; }
  /// The number of this block in its cluster.
  mlir::Value blockOfCluster();

  /// Runs `body` for the scalars of the block's first item, and only then waits for the launches
  /// before, on a Hopper GPU. What it reads of memory may be old.
  void beforeWait(llvm::function_ref<void(mlir::IRMapping &mapping)> body);
  /// Waits for the launches before, on a Hopper GPU; what was read until here was read before.
  void waitForLaunches();

  /// Within the body of `eachItem`: whether the block has another item, and the first of the items
  /// that all blocks take together.
  mlir::Value hasNext, roundStart;
  /// Runs `body` for the items of this block, at least one, with values carried from one to the
  /// next; `mapping` has the kernel's scalars of the item.
  CudaEmitter::Values eachItem(
      mlir::ValueRange carried,
      llvm::function_ref<CudaEmitter::Values(mlir::IRMapping &mapping, mlir::ValueRange)> body);
  /// Runs `body` once more for those of a round and all rounds behind it.
  void eachItemFrom(mlir::Value roundStart,
                    llvm::function_ref<void(mlir::IRMapping &mapping)> body);

  /// Runs `body` for the items of this warp, all different, of a block of so many threads. The item
  /// is an index.
  void eachItemOfWarp(int64_t threads, llvm::function_ref<void(mlir::Value item)> body);

  /// Promises that no two buffers overlap, so that what is loaded from one stays known when another
  /// is written. Of several launches it is not known.
  void setDistinctBuffers() { areDistinct = true; }

  /// Turns the kernel into one of the plan, with its grid; registers are limited so that `blocks`
  /// blocks fit a multiprocessor.
  void finish(int64_t threads, int64_t sharedBytes, int64_t blocks = 1);

protected:
  mlir::Value sharedBase;
  std::unique_ptr<mlir::ImplicitLocOpBuilder> b;
  std::unique_ptr<CudaEmitter> e;

private:
  /// This block, or cluster of blocks, and how many there are.
  std::pair<mlir::Value, mlir::Value> blockOfGrid();
  /// `place` is that of the block in its first round.
  CudaEmitter::Values eachItemOf(
      mlir::Value firstRound, mlir::Value place, mlir::ValueRange carried,
      llvm::function_ref<CudaEmitter::Values(mlir::IRMapping &mapping, mlir::ValueRange)> body);
  /// The kernel's scalars of an item; of memory that may change while the kernel runs, or not.
  mlir::IRMapping scalarsOf(mlir::Value item, bool mayChange);

  tile::KernelOp kernel;
  mlir::OpBuilder outer;
  plan::KernelOp result;
  mlir::ModuleOp module;
  mlir::LLVM::LLVMFuncOp function;
  /// Finds an item's launch, its buffers and sizes; gives its number there.
  mlir::Value enterLaunch(mlir::Value item);

  llvm::SmallVector<mlir::Value> mapParameters, bufferParameters, sizeParameters;
  /// Of several launches: their table and number.
  mlir::Value launchTable, launches;
  mlir::Value items;
  bool areDistinct = false;
  int64_t clusterBlocks = 1;
};

} // namespace stc
