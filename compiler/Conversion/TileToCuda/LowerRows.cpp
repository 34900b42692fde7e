//===- LowerRows.cpp - kernels of rows and tables for a GPU ---------------===//
//
// Warps take items in turn. What is outside of sweeps is the same in all lanes of a warp, and each
// of them does it, but one stores it. There is no barrier and no shared memory.
//
//===----------------------------------------------------------------------===//

#include "compiler/Conversion/TileToCuda/RowEmitter.h"
#include "compiler/Conversion/TileToCuda/TileToCuda.h"

using namespace mlir;
using namespace stc;

namespace {
using Values = RowEmitter::Values;

class RowBody {
public:
  explicit RowBody(RowEmitter &rows) : rows(rows), e(rows.e), b(rows.b) {}

  LogicalResult emit(Block &block) {
    // A sweep that sets sums before a loop adds to them sets registers.
    if (rows.lanes.unrolls)
      for (auto loop : block.getOps<scf::ForOp>())
        for (auto &[memory, load] : findRowSums(loop))
          if (isSetBefore(loop, memory))
            rows.sums[memory] =
                Values(countOf(load), LLVM::PoisonOp::create(b, load.getType()).getResult());
    for (Operation &op : block.without_terminator())
      if (failed(emit(&op)))
        return failure();
    return success();
  }

private:
  LogicalResult emit(Operation *op) {
    if (auto loop = dyn_cast<scf::ForOp>(op))
      return emitLoop(loop);
    if (auto sweep = dyn_cast<tile::SweepOp>(op)) {
      emitSweep(rows, sweep);
    } else if (auto load = dyn_cast<memref::LoadOp>(op)) {
      Value value = LLVM::LoadOp::create(b, load.getType(),
                                         rows.address(load.getMemRef(), mapped(load.getIndices())));
      rows.mapping.map(load.getResult(), value);
    } else if (auto store = dyn_cast<memref::StoreOp>(op)) {
      e.ifThen(e.equal(rows.lane, 0), [&] {
        LLVM::StoreOp::create(b, rows.mapping.lookup(store.getValueToStore()),
                              rows.address(store.getMemRef(), mapped(store.getIndices())));
      });
    } else if (op->getNumRegions() == 0 && isMemoryEffectFree(op)) {
      rows.clone(*op, rows.mapping);
    } else {
      return op->emitOpError("does not run on this GPU");
    }
    return success();
  }

  Values mapped(ValueRange values) {
    return llvm::map_to_vector(values, [&](Value value) { return rows.mapping.lookup(value); });
  }

  /// Sums of columns are carried behind what the loop carries anyway.
  LogicalResult emitLoop(scf::ForOp loop) {
    llvm::MapVector<Value, memref::LoadOp> sums;
    if (rows.lanes.unrolls)
      sums = findRowSums(loop);
    Values init = mapped(loop.getInitArgs());
    for (auto &[memory, load] : sums)
      init.append(rows.sums.contains(memory) ? rows.sums[memory] : loadSums(load));
    LogicalResult result = success();
    auto take = [&](ValueRange carried) {
      for (auto &[memory, load] : llvm::reverse(sums)) {
        size_t count = countOf(load);
        rows.sums[memory] = Values(carried.take_back(count));
        carried = carried.drop_back(count);
      }
      return carried;
    };
    auto lookup = [&](Value value) { return rows.mapping.lookup(value); };
    Values results = e.loop(lookup(loop.getLowerBound()), lookup(loop.getUpperBound()),
                            lookup(loop.getStep()), init, [&](Value row, ValueRange carried) {
                              rows.mapping.map(loop.getInductionVar(), row);
                              rows.mapping.map(loop.getRegionIterArgs(), take(carried));
                              result = emit(*loop.getBody());
                              Values next = mapped(loop.getBody()->getTerminator()->getOperands());
                              for (auto &[memory, load] : sums)
                                next.append(rows.sums[memory]);
                              return next;
                            });
    rows.mapping.map(loop.getResults(), take(results));
    for (auto &[memory, load] : sums) {
      storeSums(load, rows.sums[memory]);
      rows.sums.erase(memory);
    }
    return result;
  }

  //===--- sums of columns ------------------------------------------------===//

  /// Whether a sweep beside the loop writes all elements first.
  static bool isSetBefore(scf::ForOp loop, Value memory) {
    for (Operation &op : *loop->getBlock()) {
      if (&op == loop)
        return false;
      auto sweep = dyn_cast<tile::SweepOp>(op);
      for (Operation *user : memory.getUsers())
        if (sweep && user->getParentOp() == sweep)
          return isa<memref::StoreOp>(user); // of one that reads, too, the load is the last user
    }
    llvm_unreachable("expected the loop in its block");
  }

  int64_t countOf(memref::LoadOp load) {
    auto sweep = cast<tile::SweepOp>(load->getParentOp());
    return rows.lanes.stepsAtOnce(sweep) * rows.lanes.vector;
  }

  void eachStep(memref::LoadOp load,
                function_ref<void(tile::SweepOp, int64_t step, const LaneColumns &)> body) {
    auto sweep = cast<tile::SweepOp>(load->getParentOp());
    int64_t sure = SweepColumns(sweep).length.value_or(0);
    Value lower = rows.mapping.lookup(sweep.getLower());
    for (int64_t step = 0; step < rows.lanes.stepsAtOnce(sweep); ++step)
      body(sweep, step,
           rows.columnsOf(sweep, lower, step, (step + 1) * rows.lanes.stepColumns() > sure));
  }

  Values loadSums(memref::LoadOp load) {
    Values all;
    eachStep(load, [&](tile::SweepOp sweep, int64_t, const LaneColumns &at) {
      all.append(rows.load(load, sweep, at));
    });
    return all;
  }

  void storeSums(memref::LoadOp load, ValueRange sums) {
    const int64_t vector = rows.lanes.vector;
    eachStep(load, [&](tile::SweepOp sweep, int64_t step, const LaneColumns &at) {
      rows.store(sums.slice(step * vector, vector), load.getMemRef(), load.getIndices(), sweep, at);
    });
  }

  RowEmitter &rows;
  CudaEmitter &e;
  ImplicitLocOpBuilder &b;
};
} // namespace

LogicalResult stc::emitRows(RowEmitter &rows, Block &block) { return RowBody(rows).emit(block); }

LogicalResult stc::lowerRows(tile::KernelOp source) {
  FailureOr<RowLanes> lanes = chooseLanes(source);
  if (failed(lanes))
    return failure();
  CudaKernel kernel(source, Float32Type::get(source.getContext()));
  RowEmitter rows(kernel, *lanes);
  rows.setLane(rows.e.threadId(kRowThreads));
  LogicalResult result = success();
  kernel.eachItemOfWarp(kRowThreads, [&](Value item) {
    for (auto [k, buffer] : llvm::enumerate(source.getBuffers()))
      rows.mapping.map(buffer, kernel.buffer(k));
    for (auto [k, size] : llvm::enumerate(source.getSizes()))
      rows.mapping.map(
          size, Value(arith::IndexCastOp::create(rows.b, rows.b.getIndexType(), kernel.size(k))));
    rows.mapping.map(source.getItem(), item);
    result = emitRows(rows, source.getBody().front());
  });
  if (failed(result))
    return failure();
  kernel.setDistinctBuffers();
  kernel.finish(kRowThreads, /*sharedBytes=*/0, rows.lanes.blocks());
  return success();
}
