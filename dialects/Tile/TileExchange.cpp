//===- TileExchange.cpp - collectives under way together ------------------===//

#include "dialects/Tile/Tile.h"

using namespace mlir;
using namespace stc::tile;

std::optional<int64_t> CollectiveAttr::resultElements(int64_t elements) {
  switch (getKind()) {
  case CollectiveKind::AllGather: {
    int64_t all;
    if (elements % getRuns() || __builtin_mul_overflow(elements, getCount(), &all))
      return std::nullopt;
    return all;
  }
  case CollectiveKind::AllSlice:
  case CollectiveKind::ReduceScatter:
    if (elements % getRuns() || elements / getRuns() % getCount())
      return std::nullopt;
    return elements / getCount();
  case CollectiveKind::AllToAll:
    if (elements % getRuns() || elements / getRuns() % getCount())
      return std::nullopt;
    return elements;
  case CollectiveKind::AllReduce:
  case CollectiveKind::AllMax:
    return elements;
  }
  llvm_unreachable("expected a kind of collective");
}

LogicalResult stc::tile::verifyCollectives(Operation *op, ArrayAttr collectives, TypeRange from,
                                           TypeRange to) {
  if (from.empty() || from.size() != collectives.size() || from.size() != to.size())
    return op->emitOpError("(C1) expected operands, and a collective and a result for each, found ")
           << from.size() << ", " << collectives.size() << " and " << to.size();
  for (auto [operand, result, attribute] : llvm::zip_equal(from, to, collectives)) {
    auto input = cast<RankedTensorType>(operand), output = cast<RankedTensorType>(result);
    auto collective = cast<CollectiveAttr>(attribute);
    if (input.getElementType() != output.getElementType())
      return op->emitOpError("(C1) expected a result of ")
             << input.getElementType() << ", found " << output.getElementType();
    if (collective.getAxis().getValue().empty() || collective.getCount() < 1 ||
        collective.getRuns() < 1)
      return op->emitOpError("(C2) expected an axis with a name, a device and a run, found ")
             << collective;
    if (collective.resultElements(input.getNumElements()) != output.getNumElements())
      return op->emitOpError("(C3) expected sizes that fit ")
             << collective << ", found " << input << " and " << output;
  }
  return success();
}

LogicalResult ExchangeOp::verify() {
  return verifyCollectives(*this, getCollectives(), getOperandTypes(), getResultTypes());
}
