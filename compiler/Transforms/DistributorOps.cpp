//===- DistributorOps.cpp - what ops do with operands in parts ------------===//

#include "compiler/Transforms/Distributor.h"

#include <llvm/ADT/ScopeExit.h>
#include <mlir/IR/Matchers.h>

using namespace mlir;
using namespace stc;
using namespace stc::distribution;

void Distributor::rebuild(Operation *op, ValueRange operands, ArrayRef<Placement> placements) {
  OperationState state(op->getLoc(), op->getName(), operands, {}, op->getAttrs());
  for (auto [result, placement] : llvm::zip_equal(op->getResults(), placements))
    state.types.push_back(localType(typeOf(result), placement));
  Operation *local = static_cast<OpBuilder &>(b).create(state);
  for (auto [result, placement, own] :
       llvm::zip_equal(op->getResults(), placements, local->getResults()))
    define(result, placement, own);
}

void Distributor::onWholes(Operation *op) {
  auto operands = llvm::map_to_vector(op->getOperands(), [&](Value value) { return whole(value); });
  rebuild(op, operands, SmallVector<Placement>(op->getNumResults(), Placement::whole()));
}

/// Whether the op is linear in operand `number`, the others being the same on all devices.
static bool isLinearIn(Operation *op, unsigned number) {
  if (isa<arith::NegFOp, arith::ExtFOp, arith::MulFOp, PinOp, StopGradientOp>(op))
    return true;
  return isa<arith::DivFOp>(op) && number == 0;
}

bool Distributor::onKept(Operation *op) {
  std::optional<Placement> kept;
  for (Value operand : op->getOperands())
    if (auto own = known[operand].kept)
      kept = own;
  auto isKeptSo = [&](Value operand) {
    return known[operand].kept == kept || matchPattern(operand, m_Constant());
  };
  if (!kept || !llvm::all_of(op->getOperands(), isKeptSo))
    return false;
  Value parts = slicedOp(op, localType(typeOf(op->getResult(0)), *kept), *kept);
  defineKept(op->getResult(0), *kept, parts);
  return true;
}

void Distributor::elementwise(Operation *op) {
  if (onKept(op))
    return;
  Placement placement = Placement::whole();
  unsigned partials = 0, last = 0;
  for (auto [number, operand] : llvm::enumerate(op->getOperands())) {
    if (placementOf(operand).isDealt() && !placement.isDealt())
      placement = placementOf(operand);
    if (isPartialForOne(operand))
      ++partials, last = number;
  }
  // What all devices have joins a sum in equal shares, so that more than one sum is taken at once.
  auto canBeShared = [&](Value value) {
    return isPartialForOne(value) ||
           (placementOf(value).isWhole() && typeOf(value).getElementTypeBitWidth() >= 32);
  };
  const bool isSum = isa<arith::AddFOp, arith::SubFOp>(op) && partials > 0 &&
                     llvm::all_of(op->getOperands(), canBeShared);
  if (!placement.isDealt() && (isSum || (partials == 1 && isLinearIn(op, last)))) {
    SmallVector<Value> operands;
    for (auto [number, value] : llvm::enumerate(op->getOperands()))
      operands.push_back(isSum || number == last ? in(value, Placement::partial()) : whole(value));
    return rebuild(op, operands, Placement::partial());
  }
  const bool hasPartial =
      llvm::any_of(op->getOperands(), [&](Value value) { return placementOf(value).isPartial(); });
  if (!placement.isDealt() && hasPartial && sharesState)
    placement = anyPart(typeOf(op->getResult(0)));
  auto operands =
      llvm::map_to_vector(op->getOperands(), [&](Value value) { return in(value, placement); });
  rebuild(op, operands, placement);
}

void Distributor::broadcast(BroadcastOp op) {
  const Placement own = placementOf(op.getInput());
  if (own.isDealt())
    return rebuild(op, in(op.getInput(), own), Placement::dealt(op.getDims()[own.dim], own.block));
  if (isPartialForOne(op.getInput()))
    return rebuild(op, in(op.getInput(), own), own);
  onWholes(op);
}

void Distributor::reduce(ReduceOp op) {
  const Placement own = placementOf(op.getInput());
  if (isPartialForOne(op.getInput()) && op.getKind() == Reduction::Sum)
    return rebuild(op, in(op.getInput(), own), own);
  if (!own.isDealt())
    return onWholes(op);
  Value local = in(op.getInput(), own);
  if (!llvm::is_contained(op.getDims(), own.dim)) {
    const int64_t gone = llvm::count_if(op.getDims(), [&](int64_t dim) { return dim < own.dim; });
    return rebuild(op, local, Placement::dealt(own.dim - gone, own.block));
  }
  rebuild(op, local, Placement::partial());
  if (op.getKind() == Reduction::Sum)
    return;
  Value most = summed(in(op.getResult(), Placement::partial()), op.getKind());
  define(op.getResult(), Placement::whole(), most);
}

void Distributor::reshape(ReshapeOp op) {
  const Placement own = placementOf(op.getInput());
  if (own.isPartial() && !isPartialForOne(op.getInput()))
    return onWholes(op);
  if (auto kept = known[op.getInput()].kept)
    if (auto to = reshaped(*kept, typeOf(op.getInput()).getShape(), op.getType().getShape()))
      return defineKept(
          op.getResult(), *to,
          ReshapeOp::create(b, localType(op.getType(), *to), in(op.getInput(), *kept)));
  auto placement = reshaped(own, typeOf(op.getInput()).getShape(), op.getType().getShape());
  if (!placement)
    return onWholes(op);
  rebuild(op, in(op.getInput(), own), *placement);
}

/// Split and concat, of the last dimension.
void Distributor::columns(Operation *op) {
  for (Value operand : op->getOperands()) {
    const Placement own = placementOf(operand);
    if (!own.isDealt() || own.dim + 1 == typeOf(operand).getRank())
      continue;
    auto operands =
        llvm::map_to_vector(op->getOperands(), [&](Value value) { return in(value, own); });
    return rebuild(op, operands, SmallVector<Placement>(op->getNumResults(), own));
  }
  onWholes(op);
}

void Distributor::matmul(MatmulOp op) {
  const int64_t rank = typeOf(op.getLhs()).getRank(), rhsRank = typeOf(op.getRhs()).getRank();
  const bool isShared = rhsRank == 2 && rank > 2;
  const int64_t rows = op.getTransposeLhs() ? rank - 1 : rank - 2, inner = 2 * rank - 3 - rows;
  const int64_t columns = op.getTransposeRhs() ? rhsRank - 2 : rhsRank - 1,
                rhsInner = 2 * rhsRank - 3 - columns;
  const Placement lhs = placementOf(op.getLhs()), rhs = placementOf(op.getRhs());
  auto make = [&](Placement left, Placement right, Placement result) {
    rebuild(op, {in(op.getLhs(), left), in(op.getRhs(), right)}, result);
  };
  const Placement whole = Placement::whole();
  if (lhs.isDealt() && lhs.dim == inner)
    return make(lhs, Placement::dealt(rhsInner, lhs.block), Placement::partial());
  if (rhs.isDealt() && rhs.dim == rhsInner && !lhs.isDealt())
    return make(Placement::dealt(inner, rhs.block), rhs, Placement::partial());
  if (lhs.isDealt() && lhs.dim == rows)
    return make(lhs, whole, Placement::dealt(rank - 2, lhs.block));
  if (lhs.isDealt()) // of the batch
    return make(lhs, isShared ? whole : lhs, lhs);
  if (rhs.isDealt() && rhs.dim == columns)
    return make(whole, rhs, Placement::dealt(rank - 1, rhs.block));
  if (rhs.isDealt() && rhs.dim < rhsRank - 2)
    return make(rhs, rhs, rhs);
  onWholes(op);
}

void Distributor::gather(GatherOp op) {
  const Placement own = placementOf(op.getIndices());
  if (!own.isDealt())
    return onWholes(op);
  rebuild(op, {whole(op.getTable()), in(op.getIndices(), own)}, own);
}

void Distributor::scatterAdd(ScatterAddOp op) {
  const Placement own = placementOf(op.getRows());
  // Also of rows that others read: a sum of tables is then no more than one of rows.
  if (own.isPartial() && op.getType().getNumElements() <= typeOf(op.getRows()).getNumElements())
    return rebuild(op, {in(op.getRows(), own), whole(op.getIndices())}, own);
  if (!own.isDealt() || own.dim >= typeOf(op.getIndices()).getRank())
    return onWholes(op);
  rebuild(op, {in(op.getRows(), own), in(op.getIndices(), own)}, Placement::partial());
}

/// Over another axis, along a dimension of its own.
void Distributor::collective(Operation *op, int64_t dim) {
  Value input = op->getOperand(0);
  const Placement own = placementOf(input);
  // All but a maximum are linear.
  auto sum = dyn_cast<AllReduceOp>(op);
  if (isPartialForOne(input) && !(sum && sum.getKind() != Reduction::Sum))
    return rebuild(op, in(input, own), own);
  if (!own.isDealt() || own.dim == dim)
    return onWholes(op);
  rebuild(op, in(input, own), own);
}

LogicalResult Distributor::write(WriteOp op) {
  auto module = function->getParentOfType<ModuleOp>();
  auto variable = module.lookupSymbol<VariableOp>(op.getVariable());
  auto dim = dealtDim(variable->getAttrOfType<DictionaryAttr>(kDealt), axis);
  const RankedTensorType type = typeOf(op.getValue());
  Placement placement = dim ? Placement::dealt(*dim, type.getDimSize(*dim)) : Placement::whole();
  rebuild(op, in(op.getValue(), placement), {});
  return success();
}

LogicalResult Distributor::finish(func::ReturnOp op) {
  SmallVector<Value> results;
  for (auto [number, value] : llvm::enumerate(op.getOperands())) {
    auto dim = dealtDim(function.getResultAttrOfType<DictionaryAttr>(number, kDealt), axis);
    Placement placement =
        dim ? Placement::dealt(*dim, typeOf(value).getDimSize(*dim)) : Placement::whole();
    results.push_back(in(value, placement));
  }
  func::ReturnOp::create(b, results);
  return success();
}

LogicalResult Distributor::distribute(Operation *op) {
  b.setInsertionPoint(op);
  b.setLoc(op->getLoc());
  if (auto read = dyn_cast<ReadOp>(op)) {
    auto module = function->getParentOfType<ModuleOp>();
    auto variable = module.lookupSymbol<VariableOp>(read.getVariable());
    auto dim = dealtDim(variable->getAttrOfType<DictionaryAttr>(kDealt), axis);
    const auto placement =
        dim ? Placement::dealt(*dim, read.getType().getDimSize(*dim)) : Placement::whole();
    rebuild(op, {}, placement);
    if (dim && variable.getRole() == Role::Parameter)
      defineKept(read, placement, in(read, placement));
    return success();
  }
  if (auto known = dyn_cast<WriteOp>(op))
    return write(known);
  if (auto known = dyn_cast<func::ReturnOp>(op))
    return finish(known);
  if (isa<AttentionOp, AttentionGradOp, AttentionRowOp, InsertRowOp>(op))
    return attention(op);
  if (auto known = dyn_cast<BroadcastOp>(op))
    broadcast(known);
  else if (auto known = dyn_cast<ReduceOp>(op))
    reduce(known);
  else if (auto known = dyn_cast<ReshapeOp>(op))
    reshape(known);
  else if (auto known = dyn_cast<MatmulOp>(op))
    matmul(known);
  else if (auto known = dyn_cast<GatherOp>(op))
    gather(known);
  else if (auto known = dyn_cast<ScatterAddOp>(op))
    scatterAdd(known);
  else if (auto known = dyn_cast<AllGatherOp>(op))
    collective(op, known.getDim());
  else if (auto known = dyn_cast<AllSliceOp>(op))
    collective(op, known.getDim());
  else if (auto known = dyn_cast<ReduceScatterOp>(op))
    collective(op, known.getDim());
  else if (auto known = dyn_cast<AllToAllOp>(op))
    collective(op, known.getDim());
  else if (isa<AllReduceOp>(op))
    collective(op, /*dim=*/-1);
  else if (isa<SplitOp, ConcatOp>(op))
    columns(op);
  else if (isElementwise(op))
    elementwise(op);
  else
    onWholes(op);
  return success();
}

LogicalResult Distributor::run() {
  Block &body = function.getBody().front();
  SmallVector<Operation *> ops;
  for (Operation &op : body)
    ops.push_back(&op);
  SmallVector<BlockArgument> arguments(body.getArguments());
  for (BlockArgument argument : arguments) {
    auto dim =
        dealtDim(function.getArgAttrOfType<DictionaryAttr>(argument.getArgNumber(), kDealt), axis);
    const RankedTensorType type = typeOf(argument);
    Placement placement = dim ? Placement::dealt(*dim, type.getDimSize(*dim)) : Placement::whole();
    // Stands for itself, and has the local type when all else is built.
    Value local = body.addArgument(localType(type, placement), argument.getLoc());
    define(argument, placement, local);
  }
  chooseBlocks();
  b.setInsertionPointToStart(&body);
  for (BlockArgument argument : arguments)
    dealInBlocks(argument);
  for (Operation *op : ops)
    if (failed(distribute(op)))
      return failure();
  for (Operation *op : llvm::reverse(ops))
    op->erase();
  body.eraseArguments(0, arguments.size());
  function.setFunctionType(
      b.getFunctionType(body.getArgumentTypes(), body.getTerminator()->getOperandTypes()));
  return success();
}
