//===- PlanDialect.cpp - the plan dialect: registration -------------------===//

#include "dialects/Plan/Plan.h"

#include <llvm/ADT/TypeSwitch.h>
#include <mlir/IR/DialectImplementation.h>

using namespace mlir;
using namespace stc::plan;

#include "dialects/Plan/PlanDialect.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/Plan/PlanAttrs.cpp.inc"

void PlanDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/Plan/PlanAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/Plan/PlanOps.cpp.inc"
      >();
}

/// The largest number where 63 bits do not hold the bytes, which fits nowhere.
int64_t stc::plan::bytesOf(ShapedType type) {
  Type element = type.getElementType();
  unsigned bits =
      element.isIndex() ? IndexType::kInternalStorageBitWidth : element.getIntOrFloatBitWidth();
  if (llvm::is_contained(type.getShape(), 0))
    return 0;
  int64_t bytes = llvm::divideCeil(bits, 8);
  for (int64_t size : type.getShape())
    if (__builtin_mul_overflow(bytes, size, &bytes))
      return std::numeric_limits<int64_t>::max();
  return bytes;
}
