//===- RowGroups.cpp - which roots one kernel computes --------------------===//
//
// Roots over one space join when they read the same large value, or one reads another elementwise.
// Ops keep a valid order at all times: a root moves up to the position of a group if all that it
// reads stands before it, or the group moves down to the root if all users of the group come later.
// Both are refused over more than a few heavy ops, so that no large value lives much longer.
//
//===----------------------------------------------------------------------===//

#include "compiler/Transforms/RowFusion.h"

#include <algorithm>

using namespace mlir;
using namespace stc;
using namespace stc::rows;

/// A kernel has a buffer for each value that it reads or writes.
static constexpr size_t maxBuffers = 40;
/// How many products or attentions a large value's kernel may move over.
static constexpr int maxDistance = 2;
/// Groups that read a value and are offered to a further reader.
static constexpr size_t maxCandidates = 4;
static constexpr int64_t smallSpace = 4096;

namespace {
class Grouper {
public:
  Grouper(const rows::Block &block, ArrayRef<Slice> slices) : block(block), slices(slices) {
    int heavy = 0;
    DenseMap<StringAttr, int> lastAccess;
    for (int position = 0; position < block.size(); ++position) {
      Operation *op = block.op(position);
      bool light = isa<ReadOp, WriteOp, ReshapeOp, arith::ConstantOp>(op);
      heavyBefore.push_back(heavy += !block.fusible(position) && !light);
      if (auto read = dyn_cast<ReadOp>(op))
        lastAccess[read.getVariableAttr().getAttr()] = position;
      if (auto write = dyn_cast<WriteOp>(op))
        lastAccess[write.getVariableAttr().getAttr()] = position;
    }
    for (auto [variable, position] : lastAccess)
      if (isa<WriteOp>(block.op(position)))
        sinkable.insert(position);
    groupOf.resize(slices.size(), -1);
    for (auto [index, slice] : llvm::enumerate(slices)) {
      sliceOfRoot[slice.root] = index;
      for (const Access &access : slice.accesses)
        readers[access.value].push_back(index);
    }
  }

  std::vector<Group> run() {
    for (int slice = 0, count = slices.size(); slice < count; ++slice)
      place(slice);
    llvm::erase_if(groups, [](const Group &group) { return group.slices.empty(); });
    llvm::sort(groups, [](const Group &a, const Group &b) { return a.position < b.position; });
    return std::move(groups);
  }

private:
  Value valueOf(const Slice &slice) const { return block.op(slice.root)->getResult(0); }

  int64_t sizeOf(const Slice &slice) const {
    int64_t size = 1;
    for (int64_t dim : slice.space)
      size *= dim;
    return size;
  }

  /// The slice whose root the value is, or -1.
  int sliceProducing(Value value) const {
    int position = block.computed(value);
    if (position < 0)
      return -1;
    return sliceOfRoot.lookup(position);
  }

  void place(int index) {
    for (int group : candidates(slices[index]))
      if (join(index, group))
        return;
    groupOf[index] = groups.size();
    if (slices[index].space.empty())
      lastScalars = groups.size();
    groups.push_back({slices[index].root, {index}, slices[index].ops});
  }

  SmallVector<int> candidates(const Slice &slice) {
    SmallVector<int> result;
    auto offer = [&](int group) {
      if (group >= 0 && !llvm::is_contained(result, group))
        result.push_back(group);
    };
    for (const Access &access : slice.accesses)
      if (int producer = sliceProducing(access.value); producer >= 0)
        offer(groupOf[producer]);
    int64_t size = sizeOf(slice);
    for (const Access &access : slice.accesses) {
      if (size > 1 && 2 * elementsOf(access.value) < size)
        continue;
      SmallVector<int> grouped;
      for (int reader : llvm::reverse(readers[access.value]))
        if (groupOf[reader] >= 0 && grouped.size() < maxCandidates)
          grouped.push_back(groupOf[reader]);
      llvm::for_each(grouped, offer);
    }
    if (slice.space.empty())
      offer(lastScalars);
    llvm::sort(result, std::greater<>());
    return result;
  }

  bool join(int index, int number) {
    const Slice &slice = slices[index];
    Group &group = groups[number];
    const Slice &first = slices[group.slices.front()];
    if (slice.space != first.space || !reductionsAgree(slice, group) || !fitsBuffers(slice, group))
      return false;
    int lowest = -1; // the last position that the slice needs before it
    for (const Access &access : slice.accesses) {
      int producer = sliceProducing(access.value);
      if (producer < 0 || groupOf[producer] != number)
        lowest = std::max(lowest, positionOf(access.value));
      else if (!readsInPlace(slice, access, slices[producer]))
        return false;
    }
    bool free = sizeOf(slice) <= smallSpace || 8 * elementsOf(valueOf(slice)) <= sizeOf(slice);
    bool near = std::abs(heavyBefore[slice.root] - heavyBefore[group.position]) <= maxDistance;
    bool movesUp = lowest < group.position && (free || near);
    if (!movesUp && !(near && firstUser(group, index) > slice.root))
      return false;
    std::vector<int> ops = opsWith(slice, group);
    if (workOf(block, ops) > kMostWork)
      return false;
    if (!movesUp)
      group.position = slice.root;
    group.ops = std::move(ops);
    group.slices.push_back(index);
    groupOf[index] = number;
    return true;
  }

  /// Reductions of one kernel go over the same rows.
  bool reductionsAgree(const Slice &slice, const Group &group) const {
    if (slice.reduced.empty())
      return true;
    auto rowsOf = [](const Slice &slice) {
      int columns = slice.space.size() - 1;
      return llvm::filter_to_vector(slice.reduced, [&](int dim) { return dim != columns; });
    };
    for (int other : group.slices)
      if (!slices[other].reduced.empty() && rowsOf(slices[other]) != rowsOf(slice))
        return false;
    return true;
  }

  bool fitsBuffers(const Slice &slice, const Group &group) const {
    size_t buffers = slice.accesses.size() + 1;
    for (int other : group.slices)
      buffers += slices[other].accesses.size() + 1;
    return buffers <= maxBuffers;
  }

  static std::vector<int> opsWith(const Slice &slice, const Group &group) {
    std::vector<int> ops;
    std::ranges::set_union(slice.ops, group.ops, std::back_inserter(ops));
    return ops;
  }

  /// Whether the slice can use a value that the same kernel computes: element for element.
  bool readsInPlace(const Slice &slice, const Access &access, const Slice &producer) const {
    if (!producer.reduced.empty())
      return false;
    for (auto [index, dim] : llvm::enumerate(access.dims))
      if (static_cast<int>(index) != dim)
        return false;
    return llvm::count_if(slice.accesses,
                          [&](const Access &other) { return other.value == access.value; }) == 1;
  }

  int positionOf(Value value) const {
    if (int producer = sliceProducing(value); producer >= 0)
      return groups[groupOf[producer]].position;
    Operation *op = value.getDefiningOp();
    return op && block.contains(op) ? block.positionOf(op) : -1;
  }

  /// The first position at which something outside needs a result of the group, `joining` aside.
  int firstUser(const Group &group, int joining) {
    int first = block.size();
    for (int index : group.slices) {
      Value value = valueOf(slices[index]);
      for (Operation *user : value.getUsers()) {
        int position = block.positionOf(user);
        if (!block.fusible(position) && !sinkable.contains(position))
          first = std::min(first, position);
      }
      for (int reader : readers[value]) {
        if (reader == joining || (groupOf[reader] >= 0 && groupOf[reader] == groupOf[index]))
          continue;
        first = std::min(first, groupOf[reader] >= 0 ? groups[groupOf[reader]].position
                                                     : slices[reader].root);
      }
    }
    return first;
  }

  const rows::Block &block;
  ArrayRef<Slice> slices;
  std::vector<Group> groups;
  std::vector<int> groupOf, heavyBefore;
  DenseMap<int, int> sliceOfRoot;
  DenseMap<Value, SmallVector<int>> readers;
  DenseSet<int> sinkable; // writes that can move down behind all other ops
  int lastScalars = -1;
};
} // namespace

std::vector<Group> rows::groupSlices(const rows::Block &block, ArrayRef<Slice> slices) {
  return Grouper(block, slices).run();
}
