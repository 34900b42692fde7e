//===- Graph.cpp - short spellings for building stc functions -------------===//

#include "compiler/Model/Graph.h"

#include <numeric>

using namespace mlir;
using namespace stc;
using namespace stc::model;

Graph::Graph(ModuleOp module, StringRef name, ArrayRef<Input> inputs)
    : b(module.getLoc(), module.getContext()), inputs(inputs) {
  b.setInsertionPointToEnd(module.getBody());
  SmallVector<Type> types =
      llvm::map_to_vector(inputs, [](const Input &input) -> Type { return input.type; });
  function = func::FuncOp::create(b, name, b.getFunctionType(types, {}));
  b.setInsertionPointToStart(function.addEntryBlock());
}

DictionaryAttr Graph::bySequences(Builder &b) {
  return b.getDictionaryAttr(b.getNamedAttr("data", b.getI64IntegerAttr(0)));
}

DictionaryAttr Graph::byWindows(Builder &b) {
  return b.getDictionaryAttr({b.getNamedAttr("context", b.getI64IntegerAttr(1)),
                              b.getNamedAttr("data", b.getI64IntegerAttr(0))});
}

void Graph::finish(ArrayRef<std::pair<StringRef, Value>> results, DictionaryAttr dealt) {
  SmallVector<Value> values =
      llvm::map_to_vector(results, [](const auto &result) { return result.second; });
  func::ReturnOp::create(b, values);
  function.setFunctionType(
      b.getFunctionType(function.getArgumentTypes(), TypeRange(ValueRange(values))));
  if (!dealt)
    dealt = bySequences(b);
  auto isBatch = [](Type type) { return cast<RankedTensorType>(type).getRank() > 0; };
  for (auto [k, input] : llvm::enumerate(inputs)) {
    function.setArgAttr(k, "stc.name", b.getStringAttr(input.name));
    if (isBatch(input.type))
      function.setArgAttr(k, kDealt, dealt);
    if (input.below > 0)
      function.setArgAttr(k, kBelow, b.getI64IntegerAttr(input.below));
  }
  // Results are whole, so that whoever drives the devices has the same to decide by on each.
  for (auto [k, result] : llvm::enumerate(results))
    function.setResultAttr(k, "stc.name", b.getStringAttr(result.first));
}

Value Graph::read(StringRef name) {
  auto module = function->getParentOfType<ModuleOp>();
  return ReadOp::create(b, module.lookupSymbol<VariableOp>(name).getType(), name);
}

void Graph::write(StringRef name, Value value) { WriteOp::create(b, name, value); }

Value Graph::min(Value l, Value r) {
  return arith::SelectOp::create(b, arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, l, r), l,
                                 r);
}

Value Graph::max(Value l, Value r) {
  return arith::SelectOp::create(b, arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, l, r), l,
                                 r);
}

Value Graph::reshape(Value value, ArrayRef<int64_t> to) {
  if (shape(value) == to)
    return value;
  return ReshapeOp::create(b, cast<RankedTensorType>(value.getType()).clone(to), value);
}

Value Graph::broadcast(Value value, ArrayRef<int64_t> to, ArrayRef<int64_t> dims) {
  if (shape(value) == to)
    return value;
  return BroadcastOp::create(b, cast<RankedTensorType>(value.getType()).clone(to), value, dims);
}

Value Graph::broadcastColumns(Value vector, Value to) {
  return broadcast(vector, shape(to), {int64_t(shape(to).size()) - 1});
}

Value Graph::broadcastRows(Value rows, Value to) {
  SmallVector<int64_t> dims(shape(to).size() - 1);
  std::iota(dims.begin(), dims.end(), 0);
  return broadcast(rows, shape(to), dims);
}

Value Graph::reduce(Reduction kind, Value value, ArrayRef<int64_t> dims) {
  SmallVector<int64_t> kept;
  for (auto [dim, size] : llvm::enumerate(shape(value)))
    if (!llvm::is_contained(dims, dim))
      kept.push_back(size);
  return ReduceOp::create(b, cast<RankedTensorType>(value.getType()).clone(kept), kind, value,
                          dims);
}

Value Graph::sumAll(Value value) {
  SmallVector<int64_t> dims(shape(value).size());
  std::iota(dims.begin(), dims.end(), 0);
  return dims.empty() ? value : reduce(Reduction::Sum, value, dims);
}
