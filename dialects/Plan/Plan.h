//===- Plan.h - the plan dialect --------------------------------*- C++ -*-===//
//
// What the runtime does: buffers at fixed offsets of one arena, kernel launches, library calls, in
// order. See Plan.td for the attributes and PlanOps.td for the ops with their constraints.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <mlir/Bytecode/BytecodeOpInterface.h>
#include <mlir/IR/Builders.h>
#include <mlir/IR/BuiltinOps.h>
#include <mlir/IR/ImplicitLocOpBuilder.h>
#include <mlir/IR/OpImplementation.h>
#include <mlir/IR/RegionKindInterface.h>
#include <mlir/IR/SymbolTable.h>

#include "dialects/Stc/Stc.h"
#include "dialects/Tile/Tile.h"

namespace stc::plan {
/// Bytes of a dense tensor of static shape; an element takes whole bytes.
int64_t bytesOf(mlir::ShapedType type);
} // namespace stc::plan

#include "dialects/Plan/PlanDialect.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/Plan/PlanAttrs.h.inc"
#define GET_OP_CLASSES
#include "dialects/Plan/PlanOps.h.inc"
