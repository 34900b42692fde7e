//===- RowLanes.cpp - how the columns of rows stand in lanes --------------===//

#include "compiler/Conversion/TileToCuda/RowLanes.h"

#include <limits>
#include <numeric>

using namespace mlir;
using namespace stc;

/// Bytes of the widest access, and neighbours of a lane at most.
static constexpr int64_t kAccessBytes = 16, kMaxVector = 8;
/// Columns of rows that may stay in registers, and registers of a lane for them.
static constexpr int64_t kMostColumns = 2048, kMostRegisters = 224;
/// Elements of a lane whose loads are under way at once, where rows do not stay in registers.
static constexpr int64_t kElementsAtOnce = 64, kStepsAtOnce = 16;

static bool isSame(Value a, Value b) {
  auto left = getConstantIntValue(a), right = getConstantIntValue(b);
  return a == b || (left && right && *left == *right);
}

/// How far a value is behind another one.
static std::optional<int64_t> distance(Value from, Value to) {
  auto first = getConstantIntValue(from), last = getConstantIntValue(to);
  if (first && last)
    return *last - *first;
  auto sum = to.getDefiningOp<arith::AddIOp>();
  if (!sum)
    return std::nullopt;
  if (isSame(sum.getLhs(), from))
    return getConstantIntValue(sum.getRhs());
  return isSame(sum.getRhs(), from) ? getConstantIntValue(sum.getLhs()) : std::nullopt;
}

SweepColumns::SweepColumns(tile::SweepOp op)
    : length(distance(op.getLower(), op.getUpper())), most(std::numeric_limits<int64_t>::max()) {
  if (length)
    most = *length;
  else if (auto least = op.getUpper().getDefiningOp<arith::MinUIOp>())
    for (Value end : least->getOperands())
      most = std::min(most, distance(op.getLower(), end).value_or(most));
}

/// A power of two, at most kMaxVector, that divides an index.
static int64_t divisorOf(Value index) {
  if (auto constant = getConstantIntValue(index))
    return std::gcd(*constant, kMaxVector);
  Operation *op = index.getDefiningOp();
  if (!isa_and_nonnull<arith::MulIOp, arith::AddIOp, arith::SubIOp, arith::MinUIOp>(op))
    return 1;
  int64_t left = divisorOf(op->getOperand(0)), right = divisorOf(op->getOperand(1));
  return isa<arith::MulIOp>(op) ? std::min(left * right, kMaxVector) : std::min(left, right);
}

//===--- accesses ---------------------------------------------------------===//

namespace {
/// A load or a store of a sweep.
struct Access {
  tile::SweepOp sweep;
  Operation *op;
  Value memory;
  ValueRange indices;

  MemRefType type() const { return cast<MemRefType>(memory.getType()); }
  bool isStore() const { return isa<memref::StoreOp>(op); }
  /// Of the sweep's columns; null for none. Nothing if the access is not at the columns.
  std::optional<Value> offset() const {
    return indices.empty() ? std::nullopt : tile::SweepOp(sweep).getOffset(indices.back());
  }
  int64_t elementBytes() const { return llvm::divideCeil(type().getElementTypeBitWidth(), 8); }
};

SmallVector<Access> accessesOf(tile::SweepOp sweep) {
  SmallVector<Access> all;
  for (Operation &op : sweep.getBody().front()) {
    if (auto load = dyn_cast<memref::LoadOp>(op))
      all.push_back({sweep, load, load.getMemRef(), load.getIndices()});
    else if (auto store = dyn_cast<memref::StoreOp>(op))
      all.push_back({sweep, store, store.getMemRef(), store.getIndices()});
  }
  return all;
}

/// Whether two accesses are to the same columns, so that a lane meets only its own.
bool sharesColumns(Access a, Access b) {
  auto first = a.offset(), second = b.offset();
  return first && second && (*first && *second ? isSame(*first, *second) : *first == *second) &&
         isSame(a.sweep.getLower(), b.sweep.getLower()) &&
         isSame(a.sweep.getUpper(), b.sweep.getUpper());
}
} // namespace

/// A store is seen by its lane alone, as long as no other one reads there.
static LogicalResult checkOwnColumns(tile::KernelOp kernel, ArrayRef<Access> accesses) {
  for (const Access &store : accesses)
    for (const Access &other : accesses)
      if (store.isStore() && other.memory == store.memory && !sharesColumns(store, other))
        for (const Access &load : accesses)
          if (!load.isStore() && load.memory == store.memory)
            return kernel.emitError("expected what a sweep writes to be read at the same columns "
                                    "on this GPU, found a buffer of ")
                   << store.type() << " with others";
  return success();
}

FailureOr<RowLanes> stc::chooseLanes(tile::KernelOp kernel) {
  SmallVector<Access> accesses;
  int64_t readers = 0, vector = kMaxVector;
  bool areFew = true, sums = false;
  kernel.walk([&](tile::SweepOp sweep) {
    SmallVector<Access> some = accessesOf(sweep);
    SweepColumns columns(sweep);
    int64_t loads = 0, bytes = kAccessBytes;
    int64_t divisor = std::min(divisorOf(sweep.getLower()), divisorOf(sweep.getUpper()));
    for (const Access &access : some) {
      auto offset = access.offset();
      if (!offset)
        continue;
      loads += !access.isStore();
      bytes = std::min(bytes, access.elementBytes());
      if (*offset)
        divisor = std::min(divisor, divisorOf(*offset));
      if (access.indices.size() > 1)
        divisor = std::min(divisor, std::gcd(access.type().getShape().back(), kMaxVector));
    }
    vector = std::min({vector, divisor, kAccessBytes / bytes});
    while (vector > 1 && (columns.most < kWarpLanes * vector || loads * vector > kElementsAtOnce))
      vector /= 2;
    readers += loads > 0;
    areFew &= columns.most <= kMostColumns;
    llvm::append_range(accesses, some);
  });
  kernel.walk([&](scf::ForOp loop) { sums |= !findRowSums(loop).empty(); });
  if (failed(checkOwnColumns(kernel, accesses)))
    return failure();

  // What is read of a row once, though it may be written in several sweeps.
  RowLanes lanes{.vector = std::max<int64_t>(vector, 1)};
  SmallVector<Access> kept;
  for (const Access &access : accesses) {
    if (access.isStore() || !access.offset() || llvm::any_of(kept, [&](const Access &other) {
          return other.memory == access.memory &&
                 other.indices.drop_back() == access.indices.drop_back();
        }))
      continue;
    kept.push_back(access);
    int64_t words = SweepColumns(access.sweep).most / kWarpLanes * access.elementBytes() / 4;
    lanes.registers += std::min(words, kMostRegisters + 1);
  }
  lanes.unrolls = areFew && (readers > 1 || sums) && lanes.registers <= kMostRegisters;
  return lanes;
}

int64_t RowLanes::stepsAtOnce(tile::SweepOp op) const {
  SweepColumns columns(op);
  int64_t loads = llvm::count_if(
      accessesOf(op), [](const Access &access) { return !access.isStore() && access.offset(); });
  int64_t steps = std::clamp<int64_t>(kElementsAtOnce / (vector * std::max<int64_t>(loads, 1)), 1,
                                      kStepsAtOnce);
  int64_t all = columns.most / stepColumns() + (columns.most % stepColumns() != 0);
  return unrolls ? all
                 : std::min<int64_t>(llvm::bit_floor<uint64_t>(steps), std::max<int64_t>(all, 1));
}

llvm::MapVector<Value, memref::LoadOp> stc::findRowSums(scf::ForOp loop) {
  // Of each buffer that is written, all accesses in the loop.
  llvm::MapVector<Value, SmallVector<Access>> all;
  bool inner = false;
  loop.walk([&](tile::SweepOp sweep) {
    inner |= sweep->getParentOp() != loop;
    for (const Access &access : accessesOf(sweep))
      all[access.memory].push_back(access);
  });
  llvm::MapVector<Value, memref::LoadOp> sums;
  if (inner)
    return sums; // it is the inner loop that adds
  for (auto &[memory, accesses] : all) {
    Access first = accesses.front();
    auto isOutside = [&](Value value) { return !value || loop.isDefinedOutsideOfLoop(value); };
    bool is =
        first.indices.size() == 1 && first.offset() && isOutside(*first.offset()) &&
        isOutside(first.sweep.getLower()) && isOutside(first.sweep.getUpper()) &&
        SweepColumns(first.sweep).most <= kMostColumns && !first.isStore() &&
        llvm::any_of(accesses, [](const Access &access) { return access.isStore(); }) &&
        llvm::all_of(accesses, [&](const Access &access) { return sharesColumns(first, access); });
    // Nothing but sweeps may see the buffer meanwhile.
    is &= llvm::none_of(memory.getUsers(), [&](Operation *user) {
      return loop->isProperAncestor(user) && !isa<tile::SweepOp>(user->getParentOp());
    });
    if (is)
      sums[memory] = cast<memref::LoadOp>(first.op);
  }
  return sums;
}
