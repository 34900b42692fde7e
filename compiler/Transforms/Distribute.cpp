//===- Distribute.cpp - functions over the devices of an axis -------------===//

#include "compiler/Transforms/Distributor.h"
#include "compiler/Transforms/Passes.h"

#include <llvm/ADT/StringSwitch.h>

namespace stc {
#define GEN_PASS_DEF_DISTRIBUTE
#include "compiler/Transforms/Passes.h.inc"
} // namespace stc

using namespace mlir;
using namespace stc;
using namespace stc::distribution;

/// Whether a function is straight-line code on tensors of static shape, which all of this is about.
static bool isOfTensors(func::FuncOp function) {
  if (!llvm::hasSingleElement(function.getBody()))
    return false;
  auto isTensor = [](Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    return tensor && tensor.hasStaticShape();
  };
  Block &body = function.getBody().front();
  return llvm::all_of(body.getArgumentTypes(), isTensor) &&
         isa<func::ReturnOp>(body.getTerminator()) && llvm::all_of(body, [&](Operation &op) {
           return op.getNumRegions() == 0 && llvm::all_of(op.getResultTypes(), isTensor);
         });
}

/// Whether what an attribute deals over the axis can be cut so often.
static LogicalResult verifyDealt(Operation *op, StringRef what, Type type, DictionaryAttr dealt,
                                 StringAttr axis, int64_t count) {
  auto dim = dealtDim(dealt, axis);
  if (!dim)
    return success();
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || !tensor.hasStaticShape())
    return op->emitOpError("expected a tensor of static shape as ") << what << ", found " << type;
  if (*dim < 0 || *dim >= tensor.getRank())
    return op->emitOpError("expected a dimension of ")
           << what << ", " << tensor << ", to deal over \"" << axis.getValue() << "\", found "
           << *dim;
  const int64_t size = tensor.getDimSize(*dim);
  if (size % count == 0)
    return success();
  auto error = op->emitOpError("expected a size that ")
               << count << " devices divide as dimension " << *dim << " of " << what << ", found "
               << size;
  int64_t fits = count;
  while (size % fits != 0)
    --fits;
  error.attachNote() << "the largest number of devices below " << count << " that divides it is "
                     << fits;
  return error;
}

namespace {
struct DistributePass : stc::impl::DistributeBase<DistributePass> {
  using DistributeBase::DistributeBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (block < 0) {
      module.emitError("expected blocks of at least one position, or 0, found ") << block;
      return signalPassFailure();
    }
    if (axis.empty() || count < 1) {
      module.emitError("expected an axis with a name and at least one device, found \"")
          << axis << "\" of " << int64_t(count);
      return signalPassFailure();
    }
    if (count > 1 && failed(distribute(module, StringAttr::get(&getContext(), axis))))
      signalPassFailure();
  }

  LogicalResult distribute(ModuleOp module, StringAttr name) {
    Builder b(module.getContext());
    auto choice = llvm::StringSwitch<std::optional<ExchangeChoice>>(exchange)
                      .Case("auto", ExchangeChoice::Auto)
                      .Case("heads", ExchangeChoice::Heads)
                      .Case("rows", ExchangeChoice::Rows)
                      .Default(std::nullopt);
    if (!choice)
      return module.emitError("expected the exchange auto, heads or rows, found ") << exchange;
    Type scattered = llvm::StringSwitch<Type>(scatteredType)
                         .Case("f32", b.getF32Type())
                         .Case("bf16", b.getBF16Type())
                         .Case("f16", b.getF16Type())
                         .Default({});
    if (!scattered)
      return module.emitError("expected f32, bf16 or f16 as scattered-type, found \"")
             << scatteredType << "\"";
    bool sharesState = false;
    for (auto variable : module.getOps<VariableOp>()) {
      const bool isState =
          llvm::is_contained({Role::Parameter, Role::Optimizer}, variable.getRole());
      if (isState && shareState)
        dealFirst(variable, name);
      auto dealt = variable->getAttrOfType<DictionaryAttr>(kDealt);
      if (failed(verifyDealt(variable, "the variable", variable.getType(), dealt, name, count)))
        return failure();
      sharesState |= isState && dealtDim(dealt, name).has_value();
    }
    for (auto function : module.getOps<func::FuncOp>()) {
      for (auto [k, type] : llvm::enumerate(function.getArgumentTypes()))
        if (failed(verifyDealt(function, "input " + std::to_string(k), type,
                               function.getArgAttrOfType<DictionaryAttr>(k, kDealt), name, count)))
          return failure();
      for (auto [k, type] : llvm::enumerate(function.getResultTypes()))
        if (failed(verifyDealt(function, "result " + std::to_string(k), type,
                               function.getResultAttrOfType<DictionaryAttr>(k, kDealt), name,
                               count)))
          return failure();
      if (isOfTensors(function)) {
        if (failed(
                Distributor(function, name, count, sharesState, scattered, *choice, block).run()))
          return failure();
      } else if (touchesDealt(function, name)) {
        return function.emitOpError(
                   "expected one block of ops without regions on tensors of static "
                   "shape, to deal it over \"")
               << name.getValue() << "\"";
      }
    }
    for (auto variable : module.getOps<VariableOp>())
      if (auto dim = dealtDim(variable->getAttrOfType<DictionaryAttr>(kDealt), name)) {
        auto type = cast<RankedTensorType>(variable.getType());
        SmallVector<int64_t> shape(type.getShape());
        shape[*dim] /= count;
        variable.setType(type.clone(shape));
      }
    noteAxis(module, name);
    return success();
  }

  /// The axes of the grid, in the order in which devices are numbered along them.
  void noteAxis(ModuleOp module, StringAttr name) {
    Builder b(module.getContext());
    SmallVector<Attribute> axes;
    if (auto known = module->getAttrOfType<ArrayAttr>(kAxes))
      llvm::append_range(axes, known);
    axes.push_back(b.getDictionaryAttr(
        {b.getNamedAttr("name", name), b.getNamedAttr("count", b.getI64IntegerAttr(count))}));
    module->setAttr(kAxes, b.getArrayAttr(axes));
  }

  /// Whether anything that a function takes, returns, reads or writes is dealt.
  static bool touchesDealt(func::FuncOp function, StringAttr name) {
    auto isDealt = [&](DictionaryAttr dealt) { return dealtDim(dealt, name).has_value(); };
    for (unsigned k = 0; k < function.getNumArguments(); ++k)
      if (isDealt(function.getArgAttrOfType<DictionaryAttr>(k, kDealt)))
        return true;
    for (unsigned k = 0; k < function.getNumResults(); ++k)
      if (isDealt(function.getResultAttrOfType<DictionaryAttr>(k, kDealt)))
        return true;
    auto module = function->getParentOfType<ModuleOp>();
    return function
        .walk([&](Operation *op) {
          auto name = op->getAttrOfType<FlatSymbolRefAttr>("variable");
          auto variable = name ? module.lookupSymbol<VariableOp>(name) : VariableOp();
          return variable && isDealt(variable->getAttrOfType<DictionaryAttr>(kDealt))
                     ? WalkResult::interrupt()
                     : WalkResult::advance();
        })
        .wasInterrupted();
  }

  /// Into parts that are runs of memory, unless it is said along which dimension.
  void dealFirst(VariableOp variable, StringAttr name) {
    auto dealt = variable->getAttrOfType<DictionaryAttr>(kDealt);
    if (dealtDim(dealt, name))
      return;
    NamedAttrList entries(dealt);
    if (auto dim = dimOfRuns(cast<RankedTensorType>(variable.getType()), count)) {
      entries.set(name, IntegerAttr::get(IntegerType::get(&getContext(), 64), *dim));
      variable->setAttr(kDealt, entries.getDictionary(&getContext()));
    }
  }
};
} // namespace
