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
#include <mlir/Dialect/Func/IR/FuncOps.h>

namespace stc {
#define GEN_PASS_DEF_STARTEXCHANGES
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

/// Right behind what it needs: a conversion, say, which others have left to its user.
static void moveUp(tile::LaunchOp launch) {
  Operation *last = nullptr;
  for (Value operand : launch->getOperands())
    if (Operation *made = operand.getDefiningOp(); made && (!last || last->isBeforeInBlock(made)))
      last = made;
  if (last)
    launch->moveAfter(last);
}

/// Puts what sends a variable's value to the start, unless the variable is written before.
static void hoist(Block &block) {
  llvm::DenseSet<Attribute> written;
  Operation *start = &block.front();
  for (Operation &op : llvm::make_early_inc_range(block)) {
    if (auto write = dyn_cast<WriteOp>(op))
      written.insert(write.getVariableAttr());
    if (!isCollective(&op))
      continue;
    auto moveToStart = [&](Operation *moved) {
      if (moved == start)
        start = start->getNextNode();
      else
        moved->moveBefore(start);
    };
    Operation *sent = op.getOperand(0).getDefiningOp();
    if (auto read = dyn_cast_or_null<ReadOp>(sent)) {
      if (written.contains(read.getVariableAttr()))
        continue;
      if (!read->isBeforeInBlock(start))
        moveToStart(read);
      moveToStart(&op);
    } else if (sent) {
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

/// A variable, or a launch that needs nothing else.
static bool isOfVariables(Operation *op) {
  auto isRead = [](Value value) { return isa_and_present<ReadOp>(value.getDefiningOp()); };
  return isa<ReadOp>(op) || (isa<tile::LaunchOp>(op) && llvm::all_of(op->getOperands(), isRead));
}

namespace {
class Group {
public:
  void add(Operation *op) {
    ops.push_back(op);
    bytes += std::max(bytesOf(op->getOperand(0)), bytesOf(op->getResult(0)));
  }
  bool has(Operation *op) const { return llvm::is_contained(ops, op); }
  int64_t size() const { return bytes; }
  /// One exchange for all, where the last one stands.
  void close() {
    if (ops.empty())
      return;
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
  }

private:
  SmallVector<Operation *> ops;
  int64_t bytes = 0;
};

struct StartExchangesPass : stc::impl::StartExchangesBase<StartExchangesPass> {
  void runOnOperation() override {
    for (Block &block : getOperation().getBody())
      hoist(block);
  }
};

struct GroupExchangesPass : stc::impl::GroupExchangesBase<GroupExchangesPass> {
  using GroupExchangesBase::GroupExchangesBase;

  void runOnOperation() override {
    for (Block &block : getOperation().getBody()) {
      hoist(block);
      Group group;
      bool isStart = true;
      for (Operation &op : llvm::make_early_inc_range(block)) {
        auto isOfGroup = [&](Value operand) {
          return operand.getDefiningOp() && group.has(operand.getDefiningOp());
        };
        if (llvm::any_of(op.getOperands(), isOfGroup))
          group.close();
        if (!isCollective(&op)) {
          // What is sent from the start on waits for nothing else.
          if (isStart && !isOfVariables(&op)) {
            group.close();
            isStart = false;
          }
          continue;
        }
        group.add(&op);
        if (group.size() >= bucket)
          group.close();
      }
      group.close();
    }
  }
};
} // namespace
