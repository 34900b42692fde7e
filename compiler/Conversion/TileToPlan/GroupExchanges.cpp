//===- GroupExchanges.cpp - collectives under way together ----------------===//
//
// A collective starts when what it sends is there, and small ones go together: to start one costs
// as much as to send a megabyte. What variables hold is there from the start.
//
//===----------------------------------------------------------------------===//

#include "compiler/Conversion/Passes.h"
#include "dialects/Stc/Stc.h"
#include "dialects/Tile/Tile.h"

#include <llvm/ADT/TypeSwitch.h>
#include <map>
#include <mlir/Dialect/Func/IR/FuncOps.h>

namespace stc {
#define GEN_PASS_DEF_GROUPEXCHANGES
#include "compiler/Conversion/Passes.h.inc"
} // namespace stc

using namespace mlir;
using namespace stc;
using tile::CollectiveAttr;
using tile::CollectiveKind;

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

static int64_t bytesOf(Value value) {
  return typeOf(value).getNumElements() *
         llvm::divideCeil(typeOf(value).getElementTypeBitWidth(), 8);
}

/// Null for another op.
static CollectiveAttr collectiveOf(Operation *op) {
  auto make = [&](auto collective, CollectiveKind kind, Value whole, int64_t dim) {
    int64_t runs = 1;
    for (int64_t size : typeOf(whole).getShape().take_front(dim))
      runs *= size;
    return CollectiveAttr::get(op->getContext(), kind, collective.getAxisAttr(),
                               collective.getCount(), runs);
  };
  return TypeSwitch<Operation *, CollectiveAttr>(op)
      .Case([&](AllGatherOp op) {
        return make(op, CollectiveKind::AllGather, op.getResult(), op.getDim());
      })
      .Case([&](AllSliceOp op) {
        return make(op, CollectiveKind::AllSlice, op.getInput(), op.getDim());
      })
      .Case([&](ReduceScatterOp op) {
        return make(op, CollectiveKind::ReduceScatter, op.getInput(), op.getDim());
      })
      .Case([&](AllToAllOp op) {
        return make(op, CollectiveKind::AllToAll, op.getInput(), op.getDim());
      })
      .Case([&](AllReduceOp op) {
        const bool isSum = op.getKind() == Reduction::Sum;
        return make(op, isSum ? CollectiveKind::AllReduce : CollectiveKind::AllMax, op.getInput(),
                    0);
      })
      .Default(CollectiveAttr());
}

static bool isCollective(Operation *op) {
  return isa<AllGatherOp, AllSliceOp, ReduceScatterOp, AllToAllOp, AllReduceOp>(op);
}

static int64_t exchangedBytes(Operation *op) {
  return std::max(bytesOf(op->getOperand(0)), bytesOf(op->getResult(0)));
}

/// Right behind what it needs: a conversion, say, which others have left to its user.
static void moveUp(tile::LaunchOp launch) {
  Operation *last = nullptr;
  for (Value operand : launch->getOperands())
    if (Operation *made = operand.getDefiningOp(); made && (!last || last->isBeforeInBlock(made)))
      last = made;
  if (last)
    launch->moveAfter(last);
}

/// Puts what sends an argument or a variable's value to the start, unless the variable is written
/// before. To take a slice of what is there sends nothing, and stays where it is needed.
static void hoist(Block &block, const DenseSet<Operation *> &later) {
  llvm::DenseSet<Attribute> written;
  Operation *start = &block.front();
  for (Operation &op : llvm::make_early_inc_range(block)) {
    if (auto write = dyn_cast<WriteOp>(op))
      written.insert(write.getVariableAttr());
    if (!isCollective(&op) || isa<AllSliceOp>(op) || later.contains(&op))
      continue;
    auto moveToStart = [&](Operation *moved) {
      if (moved == start)
        start = start->getNextNode();
      else
        moved->moveBefore(start);
    };
    Operation *sent = op.getOperand(0).getDefiningOp();
    if (!sent) {
      moveToStart(&op);
    } else if (auto read = dyn_cast<ReadOp>(sent)) {
      if (written.contains(read.getVariableAttr()))
        continue;
      if (!read->isBeforeInBlock(start))
        moveToStart(read);
      moveToStart(&op);
    } else {
      if (auto launch = dyn_cast<tile::LaunchOp>(sent))
        moveUp(launch);
      // What already stands behind it goes first.
      Operation *place = sent->getNextNode();
      while (isCollective(place) && place != &op)
        place = place->getNextNode();
      if (place != &op)
        op.moveBefore(place);
    }
  }
}

/// A variable, or what needs nothing else: a launch, an exchange of these.
static bool isOfVariables(Operation *op) {
  return isa<ReadOp>(op) || (isa<tile::LaunchOp, tile::ExchangeOp>(op) &&
                             llvm::all_of(op->getOperands(), [](Value value) {
                               return value.getDefiningOp() && isOfVariables(value.getDefiningOp());
                             }));
}

static Operation *firstUser(Operation *op) {
  Operation *first = op->getBlock()->getTerminator();
  for (Operation *user : op->getUsers())
    if (user->isBeforeInBlock(first))
      first = user;
  return first;
}

/// Those that send on what another gives them, along another axis of devices: they move to right
/// before their first user, out of the way of the others.
static DenseSet<Operation *> thoseBehindOthers(Block &block) {
  DenseSet<Operation *> later;
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block))) {
    Operation *sent = isCollective(&op) ? op.getOperand(0).getDefiningOp() : nullptr;
    if (!sent || !isCollective(sent))
      continue;
    Operation *place = firstUser(&op);
    while (later.contains(place->getPrevNode()))
      place = place->getPrevNode();
    op.moveBefore(place);
    later.insert(&op);
  }
  return later;
}

/// One exchange is under way while the one before is being used, so that others, which are needed
/// at once, do not stand behind all of them.
static void takeTurns(ArrayRef<Operation *> exchanges) {
  for (size_t k = 2; k < exchanges.size(); ++k) {
    Operation *place = firstUser(exchanges[k - 2]), *own = firstUser(exchanges[k]);
    if (own->isBeforeInBlock(place))
      place = own;
    if (exchanges[k]->isBeforeInBlock(place))
      exchanges[k]->moveBefore(place);
  }
}

namespace {
class Group {
public:
  void add(Operation *op) {
    ops.push_back(op);
    bytes += exchangedBytes(op);
  }
  bool has(Operation *op) const { return llvm::is_contained(ops, op); }
  int64_t size() const { return bytes; }
  /// One exchange for all, where the last one stands; null if there are none.
  Operation *close() {
    if (ops.empty())
      return nullptr;
    OpBuilder builder(ops.back());
    SmallVector<Value> operands, results;
    SmallVector<Attribute> collectives;
    for (Operation *op : ops) {
      operands.push_back(op->getOperand(0));
      results.push_back(op->getResult(0));
      collectives.push_back(collectiveOf(op));
    }
    auto exchange =
        tile::ExchangeOp::create(builder, ops.front()->getLoc(), TypeRange(ValueRange(results)),
                                 operands, builder.getArrayAttr(collectives));
    for (auto [old, result] : llvm::zip_equal(results, exchange.getResults()))
      old.replaceAllUsesWith(result);
    for (Operation *op : ops)
      op->erase();
    ops.clear();
    bytes = 0;
    return exchange;
  }

private:
  SmallVector<Operation *> ops;
  int64_t bytes = 0;
};

/// How long collectives have until one needs what they give, in bytes of other collectives.
class Waits {
public:
  explicit Waits(Block &block) {
    int64_t bytes = 0;
    for (Operation &op : block) {
      before[&op] = bytes;
      if (isCollective(&op))
        bytes += exchangedBytes(&op);
    }
  }
  /// That start before the first user of an op.
  int64_t bytesBeside(Operation *op) const {
    return before.at(firstUser(op)) - before.at(op) - exchangedBytes(op);
  }

private:
  DenseMap<Operation *, int64_t> before; ///< bytes of the collectives before an op
};

struct GroupExchangesPass : stc::impl::GroupExchangesBase<GroupExchangesPass> {
  using GroupExchangesBase::GroupExchangesBase;

  void runOnOperation() override {
    for (Block &block : getOperation().getBody())
      while (llvm::any_of(block, [](Operation &op) { return isCollective(&op); })) {
        const DenseSet<Operation *> later = thoseBehindOthers(block);
        hoist(block, later);
        group(block, later);
      }
  }

  void group(Block &block, const DenseSet<Operation *> &later) {
    const Waits waits(block);
    std::map<Kind, Group> groups;
    bool isStart = true;
    SmallVector<Operation *> ofStart;
    auto close = [&](Group &group) {
      if (Operation *exchange = group.close(); exchange && isStart)
        ofStart.push_back(exchange);
    };
    for (Operation &op : llvm::make_early_inc_range(block)) {
      auto isNeeded = [&](const Group &group) {
        return llvm::any_of(op.getOperands(), [&](Value operand) {
          return operand.getDefiningOp() && group.has(operand.getDefiningOp());
        });
      };
      for (auto &[kind, group] : groups)
        if (isNeeded(group))
          close(group);
      // What is sent from the start on goes in the order in which it is needed, and waits for
      // nothing else.
      if (isStart && !isCollective(&op) && !isOfVariables(&op)) {
        for (auto &[kind, group] : groups)
          close(group);
        isStart = false;
      }
      if (!isCollective(&op) || later.contains(&op))
        continue;
      Group &group = groups[isStart ? Kind::Large : kindOf(&op, waits)];
      group.add(&op);
      if (group.size() >= bucket)
        close(group);
    }
    for (auto &[kind, group] : groups)
      close(group);
    takeTurns(ofStart);
  }

private:
  /// Those that are needed before others fill a bucket do not wait for these. Small ones take no
  /// time to speak of, but to start: all that can go together do.
  enum class Kind { Urgent, Small, Large };
  Kind kindOf(Operation *op, const Waits &waits) const {
    constexpr int64_t small = 64 << 10;
    if (waits.bytesBeside(op) < bucket)
      return Kind::Urgent;
    return bytesOf(op->getOperand(0)) < small ? Kind::Small : Kind::Large;
  }
};
} // namespace
