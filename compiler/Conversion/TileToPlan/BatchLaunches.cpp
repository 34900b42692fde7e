//===- BatchLaunches.cpp - neighbouring launches of one kernel as one -----===//

#include "compiler/Conversion/Passes.h"
#include "compiler/Conversion/TileToPlan/Unlaunched.h"
#include "dialects/Plan/Plan.h"
#include "dialects/Tile/Tile.h"

#include <mlir/Dialect/MemRef/IR/MemRef.h>

namespace stc {
#define GEN_PASS_DEF_BATCHLAUNCHES
#include "compiler/Conversion/Passes.h.inc"
} // namespace stc

using namespace mlir;
using namespace stc;

namespace {
struct Bytes {
  int64_t begin, end;
  bool overlaps(Bytes other) const { return begin < other.end && other.begin < end; }
};

/// The bytes that a launch reads or writes, and those that it writes.
struct Access {
  SmallVector<Bytes> touched, written;

  bool conflicts(const Access &other) const {
    auto meet = [](ArrayRef<Bytes> some, ArrayRef<Bytes> others) {
      return llvm::any_of(some, [&](Bytes a) {
        return llvm::any_of(others, [&](Bytes b) { return a.overlaps(b); });
      });
    };
    return meet(written, other.touched) || meet(other.written, touched);
  }
};

struct BatchLaunchesPass : stc::impl::BatchLaunchesBase<BatchLaunchesPass> {
  void runOnOperation() override {
    SymbolTable table(getOperation());
    symbols = &table;
    batchedKernels.clear();
    for (auto entry : getOperation().getOps<plan::EntryOp>())
      batchAll(entry);
    eraseUnlaunchedKernels(getOperation());
  }

private:
  /// Cuts the steps into runs of launches of one kernel, and these where a launch needs another.
  void batchAll(plan::EntryOp entry) {
    SmallVector<plan::LaunchOp> batch;
    SmallVector<Access> accesses;
    auto close = [&] {
      if (batch.size() > 1)
        makeBatch(batch);
      batch.clear();
      accesses.clear();
    };
    for (Operation &step : llvm::make_early_inc_range(entry.getBody().front())) {
      auto launch = dyn_cast<plan::LaunchOp>(step);
      tile::KernelOp kernel =
          launch ? symbols->lookup<tile::KernelOp>(launch.getKernel()) : tile::KernelOp();
      if (!kernel || kernel.getKind() == "attention" || kernel.getKind() == "product") {
        close();
        continue;
      }
      Access access = accessOf(launch, kernel);
      if (!batch.empty() &&
          (batch.size() == tile::kMaxBatch || batch.front().getKernel() != launch.getKernel() ||
           llvm::any_of(accesses, [&](const Access &one) { return one.conflicts(access); })))
        close();
      batch.push_back(launch);
      accesses.push_back(std::move(access));
    }
    close();
  }

  static Access accessOf(plan::LaunchOp launch, tile::KernelOp kernel) {
    Access access;
    for (auto [buffer, argument] :
         llvm::zip_equal(launch.getBuffers().getAsRange<plan::BufferAttr>(), kernel.getBuffers())) {
      Bytes bytes{buffer.getOffset(), buffer.getOffset() + buffer.getBytes()};
      access.touched.push_back(bytes);
      if (tile::isWritten(argument))
        access.written.push_back(bytes);
    }
    return access;
  }

  void makeBatch(MutableArrayRef<plan::LaunchOp> launches) {
    OpBuilder builder(launches.front());
    auto batch = plan::BatchOp::create(builder, launches.front().getLoc());
    Block &body = batch.getBody().emplaceBlock();
    FlatSymbolRefAttr kernel = batchedKernel(launches.front().getKernelAttr());
    for (plan::LaunchOp launch : launches) {
      launch->moveBefore(&body, body.end());
      launch.setKernelAttr(kernel);
    }
  }

  /// The kernel that finds an item's launch first.
  FlatSymbolRefAttr batchedKernel(FlatSymbolRefAttr name) {
    FlatSymbolRefAttr &batched = batchedKernels[name];
    if (batched)
      return batched;
    auto kernel = symbols->lookup<tile::KernelOp>(name.getAttr());
    auto clone = cast<tile::KernelOp>(kernel->clone());
    clone.setSymName((name.getValue() + "_batch").str());
    clone->setAttr(tile::kBatchedKernel, UnitAttr::get(&getContext()));
    symbols->insert(clone, std::next(kernel->getIterator())); // gives it a name of its own
    return batched = FlatSymbolRefAttr::get(clone.getSymNameAttr());
  }

  SymbolTable *symbols = nullptr;
  DenseMap<Attribute, FlatSymbolRefAttr> batchedKernels;
};
} // namespace
