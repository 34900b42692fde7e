//===- RowRoots.cpp - which values stand in memory ------------------------===//
//
// A value is needed in memory if something other than a row kernel reads it, or if a kernel cannot
// compute it on the way: reductions over anything but the last dimension, and scalars that are
// repeated over a tensor. All others are computed again in each kernel that reads them, unless
// several do and loading it takes fewer large operands: the residual stream x + f(x) of a deep
// model is read by all later layers, and would be summed from the start in each. A chain that is
// too long for one kernel is cut.
//
//===----------------------------------------------------------------------===//

#include "compiler/Transforms/RowFusion.h"

#include <mlir/IR/Matchers.h>

using namespace mlir;
using namespace stc;
using namespace stc::rows;

/// A kernel has a buffer for each operand; long sums of scalars are cut into kernels of this many.
static constexpr size_t maxOperands = 24;
/// A value repeated along leading dimensions is computed again if it costs no more than this.
static constexpr int cheapCost = 4;
static constexpr int maxCost = 1000;

bool rows::isFusible(Operation *op) {
  auto isTensor = [](Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (!tensor || !tensor.hasStaticShape() || tensor.getNumElements() == 0 || tensor.getEncoding())
      return false;
    Type element = tensor.getElementType();
    return isa<Float16Type, BFloat16Type, Float32Type, Float64Type>(element) ||
           llvm::is_contained({1, 8, 32, 64},
                              element.isSignlessInteger() ? element.getIntOrFloatBitWidth() : 0);
  };
  if (op->getNumResults() != 1 || !isTensor(op->getResult(0).getType()))
    return false;
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    return isa<SplatElementsAttr>(constant.getValue());
  if (isa<BroadcastOp, ReduceOp, IotaOp, RandomOp>(op))
    return true;
  return OpTrait::hasElementwiseMappableTraits(op) && isMemoryEffectFree(op) &&
         llvm::all_of(op->getOperandTypes(), isTensor);
}

int64_t rows::elementsOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getNumElements();
}

rows::Block::Block(mlir::Block &block) {
  for (Operation &op : block) {
    positions[&op] = ops.size();
    ops.push_back(&op);
    fusibles.push_back(isFusible(&op));
  }
  keep.resize(ops.size(), Keep::No);
}

int rows::Block::positionOf(Operation *op) const {
  for (; op; op = op->getParentOp())
    if (auto position = positions.find(op); position != positions.end())
      return position->second;
  return size() - 1;
}

int rows::Block::computed(Value value) const {
  Operation *op = value.getDefiningOp();
  if (!op)
    return -1;
  auto position = positions.find(op);
  return position != positions.end() && fusibles[position->second] ? position->second : -1;
}

int rows::Block::inlined(Value value) const {
  int position = computed(value);
  return position >= 0 && keep[position] == Keep::No ? position : -1;
}

int rows::costOf(Operation *op) {
  if (isa<arith::ConstantOp, BroadcastOp, IotaOp>(op))
    return 0;
  if (isa<RandomOp>(op))
    return 30;
  return isa<math::MathDialect>(op->getDialect()) ? 8 : 1;
}

int64_t rows::workOf(const Block &block, ArrayRef<int> ops) {
  llvm::SmallDenseMap<int, int> sweeps; // over a row: how many reductions an op comes after
  int last = 0;
  for (int position : ops) {
    Operation *op = block.op(position);
    int sweep = 0;
    for (Value operand : op->getOperands())
      if (auto inner = sweeps.find(block.computed(operand)); inner != sweeps.end())
        sweep = std::max(sweep, inner->second);
    auto reduce = dyn_cast<ReduceOp>(op);
    sweep += reduce && reduce.isRowReduction();
    sweeps[position] = sweep;
    last = std::max(last, sweep);
  }
  int64_t work = 0;
  for (auto [position, sweep] : sweeps)
    work += costOf(block.op(position)) * (last - sweep + 1);
  return work;
}

namespace {
/// Leading dimensions of the result: what is broadcast is a scalar of each row.
bool alongRows(BroadcastOp broadcast) {
  for (auto [index, dim] : llvm::enumerate(broadcast.getDims()))
    if (static_cast<int64_t>(index) != dim)
      return false;
  return !broadcast.getDims().empty();
}

class RootChooser {
public:
  explicit RootChooser(rows::Block &block)
      : block(block), meet(block.size(), memory), depth(block.size(), 0), operands(block.size()),
        cost(block.size(), 0) {}

  void run() {
    for (int position = 0; position < block.size(); ++position)
      if (block.fusible(position))
        chooseNeeded(position);
    for (int position = block.size() - 1; position >= 0; --position)
      if (block.fusible(position))
        findMeet(position);
    for (int position = 0; position < block.size(); ++position)
      if (block.fusible(position))
        chooseCheaper(position);
  }

private:
  static constexpr int memory = -1, unused = -2;

  void chooseNeeded(int position) {
    Operation *op = block.op(position);
    cost[position] = costOf(op);
    for (Value operand : op->getOperands())
      if (int inner = block.inlined(operand); inner >= 0)
        cost[position] = std::min(cost[position] + cost[inner], maxCost);
    auto reduce = dyn_cast<ReduceOp>(op);
    bool needed = reduce && !reduce.isRowReduction();
    for (Operation *user : op->getUsers())
      needed |= readsMemory(position, user);
    if (needed && !op->use_empty())
      block.keep[position] = Keep::Needed;
  }

  bool readsMemory(int position, Operation *user) {
    Operation *op = block.op(position);
    if (user->getBlock() != op->getBlock() || !block.fusible(block.positionOf(user)))
      return true;
    if (isa<arith::ConstantOp>(op))
      return false;
    Value value = op->getResult(0);
    bool scalar = cast<RankedTensorType>(value.getType()).getRank() == 0;
    if (isa<RandomOp>(user))
      return true;
    auto broadcast = dyn_cast<BroadcastOp>(user);
    if (!broadcast || elementsOf(broadcast) <= 4 * elementsOf(value))
      return broadcast && scalar;
    return scalar || (!alongRows(broadcast) && cost[position] > cheapCost);
  }

  /// The value through which everything that needs this one goes, or `memory` if there is none.
  /// These are the immediate post-dominators of the graph of uses.
  void findMeet(int position) {
    int common = unused;
    for (Operation *user : block.op(position)->getUsers()) {
      int next =
          user->getBlock() == block.op(position)->getBlock() ? block.positionOf(user) : memory;
      if (next != memory && block.fusible(next) && meet[next] == unused)
        continue;
      common = common == unused ? next : meetOf(common, next);
    }
    if (block.keep[position] != Keep::No)
      common = memory;
    meet[position] = common;
    depth[position] = common < 0 ? 1 : depth[common] + 1;
  }

  int meetOf(int a, int b) const {
    while (a != b) {
      if (a < 0 || b < 0)
        return memory;
      int &deeper = depth[a] >= depth[b] ? a : b;
      deeper = meet[deeper];
    }
    return a;
  }

  void chooseCheaper(int position) {
    Operation *op = block.op(position);
    gatherOperands(position);
    while (operands[position].size() > maxOperands && hardenLargest(op))
      gatherOperands(position);
    while (workOf(position) > kMostWork && cut(op))
      gatherOperands(position);
    if (block.keep[position] != Keep::No || meet[position] != memory || isa<arith::ConstantOp>(op))
      return;
    int64_t elements = elementsOf(op->getResult(0));
    int large = llvm::count_if(operands[position],
                               [&](Value operand) { return 2 * elementsOf(operand) >= elements; });
    if (large >= 2)
      block.keep[position] = Keep::Cheaper;
  }

  void gatherOperands(int position) {
    auto &all = operands[position];
    all.clear();
    auto insert = [&](Value value) {
      if (!llvm::is_contained(all, value))
        all.push_back(value);
    };
    for (Value operand : block.op(position)->getOperands()) {
      if (int inner = block.inlined(operand); inner >= 0)
        llvm::for_each(operands[inner], insert);
      else
        insert(operand);
    }
  }

  bool hardenLargest(Operation *op) {
    int largest = -1;
    for (Value operand : op->getOperands())
      if (int inner = block.inlined(operand); inner >= 0)
        if (largest < 0 || operands[inner].size() > operands[largest].size())
          largest = inner;
    if (largest < 0 || operands[largest].size() < 2)
      return false;
    block.keep[largest] = Keep::Needed;
    return true;
  }

  /// Of the kernel that would compute the value, were it a root.
  int64_t workOf(int position) const {
    SmallVector<int> pending{position};
    llvm::SmallDenseSet<int> seen{position};
    while (!pending.empty())
      for (Value operand : block.op(pending.pop_back_val())->getOperands())
        if (int inner = block.inlined(operand); inner >= 0 && seen.insert(inner).second)
          pending.push_back(inner);
    SmallVector<int> ops(seen.begin(), seen.end());
    llvm::sort(ops);
    return rows::workOf(block, ops);
  }

  /// Puts the operand in memory that leaves the least work.
  bool cut(Operation *op) {
    int best = -1;
    int64_t least = 0;
    for (Value operand : op->getOperands()) {
      int place = placeToCut(operand);
      if (place < 0)
        continue;
      block.keep[place] = Keep::Needed;
      int64_t work = workOf(block.positionOf(op));
      block.keep[place] = Keep::No;
      if (best < 0 || work < least) {
        best = place;
        least = work;
      }
    }
    if (best < 0)
      return false;
    block.keep[best] = Keep::Needed;
    return true;
  }

  /// An inlined value that an operand is computed from: the operand itself, but what a broadcast
  /// repeats, which is smaller, and not a value that takes little to compute from one that others
  /// need, too, and would have to be cut at once more.
  int placeToCut(Value operand) const {
    while (auto broadcast = operand.getDefiningOp<BroadcastOp>())
      operand = broadcast.getInput();
    int place = block.inlined(operand);
    if (place < 0 || isa<arith::ConstantOp>(block.op(place)))
      return -1;
    int inner = place;
    for (int work = 0; inner >= 0 && block.op(inner)->hasOneUse();) {
      Operation *op = block.op(inner);
      work += costOf(op);
      if (op->getNumOperands() != 1 || work > cheapCost)
        return place;
      inner = block.inlined(op->getOperand(0));
    }
    return inner >= 0 ? inner : place;
  }

  rows::Block &block;
  std::vector<int> meet, depth;
  std::vector<SmallVector<Value, 4>> operands; // that stand in memory, of each slice
  std::vector<int> cost;
};
} // namespace

void rows::chooseRoots(rows::Block &block) { RootChooser(block).run(); }
