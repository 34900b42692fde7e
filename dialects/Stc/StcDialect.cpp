//===- StcDialect.cpp - the stc dialect: registration and attributes ------===//

#include "dialects/Stc/Stc.h"

#include <llvm/ADT/TypeSwitch.h>
#include <mlir/IR/DialectImplementation.h>

using namespace mlir;
using namespace stc;

#include "dialects/Stc/StcDialect.cpp.inc"
#include "dialects/Stc/StcEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/Stc/Differentiable.cpp.inc"
#include "dialects/Stc/StcAttrs.cpp.inc"

void StcDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/Stc/StcAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/Stc/StcOps.cpp.inc"
      >();
}

LogicalResult PatternAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                  ArrayRef<StringAttr> heads) {
  if (heads.empty())
    return emitError() << "expected at least one pattern";
  for (StringAttr head : heads)
    if (auto error = pattern::Pattern::check(head.getValue()))
      return emitError() << "in pattern \"" << head.getValue() << "\" at byte " << error->offset
                         << ": " << error->message;
  return success();
}

std::vector<std::string> PatternAttr::inTurn(int64_t heads) const {
  std::vector<std::string> texts;
  for (StringAttr text : getHeads())
    texts.push_back(text.str());
  return pattern::headPatterns(texts, heads);
}

LogicalResult PatternAttr::verifyEncoding(ArrayRef<int64_t> shape, Type elementType,
                                          function_ref<InFlightDiagnostic()> emitError) const {
  if (shape.size() != 4)
    return emitError()
           << "expected a pattern on a tensor of shape [batch, heads, queries, keys], found rank "
           << shape.size();
  return success();
}

PatternAttr stc::patternOf(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor ? dyn_cast_if_present<PatternAttr>(tensor.getEncoding()) : PatternAttr();
}

AttentionShape::AttentionShape(Value tensor, Layout layout) {
  ArrayRef<int64_t> dims = cast<RankedTensorType>(tensor.getType()).getShape();
  batch = dims[0], positions = dims[1], heads = dims[2], size = dims[3];
  if (layout == Layout::HeadMajor)
    std::swap(positions, heads);
}

SmallVector<int64_t, 4> AttentionShape::dims(Layout layout) const {
  if (layout == Layout::HeadMajor)
    return {batch, heads, positions, size};
  return {batch, positions, heads, size};
}

Value stc::splat(OpBuilder &builder, Location loc, Type type, double value) {
  auto tensor = cast<RankedTensorType>(type);
  Attribute element;
  if (auto floatType = dyn_cast<FloatType>(tensor.getElementType()))
    element = builder.getFloatAttr(floatType, value);
  else
    element = builder.getIntegerAttr(tensor.getElementType(), static_cast<int64_t>(value));
  return arith::ConstantOp::create(builder, loc, DenseElementsAttr::get(tensor, element));
}
