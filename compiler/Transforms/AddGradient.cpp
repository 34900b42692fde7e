//===- AddGradient.cpp - a second function with the gradient --------------===//
//
// The gradient of a function as a function of its own: a clone of the body with one stc.gradient at
// the end that says what is wanted. How it is computed finds stc-differentiate.
//
//===----------------------------------------------------------------------===//

#include "compiler/Transforms/Passes.h"

#include <mlir/Dialect/Func/IR/FuncOps.h>
#include <mlir/IR/IRMapping.h>

namespace stc {
#define GEN_PASS_DEF_ADDGRADIENT
#include "compiler/Transforms/Passes.h.inc"
} // namespace stc

using namespace mlir;
using namespace stc;

static constexpr llvm::StringLiteral kNameAttr = "stc.name";

/// What stc.gradient takes: tensors of floats and of static shape.
static bool isDifferentiable(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && tensor.hasStaticShape() && tensor.getNumElements() > 0 &&
         isa<Float16Type, BFloat16Type, Float32Type, Float64Type>(tensor.getElementType());
}

namespace {
/// Why a function gets no gradient, and where that is seen.
struct Obstacle {
  Location loc;
  const char *message;
};

std::optional<Obstacle> findObstacle(func::FuncOp function) {
  Location loc = function.getLoc();
  auto isTensor = [](Type type) { return isa<RankedTensorType>(type); };
  if (!function.isPublic() || !llvm::hasSingleElement(function.getBody()))
    return Obstacle{loc, "expected a public function with a body of one block"};
  if (!llvm::all_of(function.getArgumentTypes(), isTensor) ||
      !llvm::all_of(function.getResultTypes(), isTensor))
    return Obstacle{loc, "expected arguments and results that are tensors"};
  if (llvm::none_of(function.getArgumentTypes(), isDifferentiable))
    return Obstacle{loc, "expected an argument that is a tensor of floats"};
  if (llvm::none_of(function.getResultTypes(), isDifferentiable))
    return Obstacle{loc, "expected a result that is a tensor of floats"};
  std::optional<Obstacle> obstacle;
  function.walk([&](WriteOp write) {
    obstacle = {write.getLoc(), "expected a function that writes no variable"};
    return WalkResult::interrupt();
  });
  return obstacle;
}

StringAttr gradientName(StringAttr name, StringRef fallback, size_t index, OpBuilder &builder) {
  return builder.getStringAttr("grad_" +
                               (name ? name.getValue().str() : (fallback + Twine(index)).str()));
}

LogicalResult addGradient(func::FuncOp function, SymbolTable &symbols) {
  OpBuilder builder(function.getContext());
  Location loc = function.getLoc();
  std::string name = (function.getSymName() + ".grad").str();
  if (symbols.lookup(name))
    return function.emitError("expected no other symbol with the name of the gradient, found @")
           << name;

  IRMapping mapping;
  auto gradient = cast<func::FuncOp>(function->clone(mapping));
  gradient.setSymName(name);
  symbols.insert(gradient, std::next(function->getIterator()));
  Block &body = gradient.getBody().front();
  Operation *end = body.getTerminator();

  SmallVector<Value> of, seeds, wrt;
  llvm::copy_if(body.getArguments(), std::back_inserter(wrt),
                [](Value argument) { return isDifferentiable(argument.getType()); });
  for (auto [index, result] : llvm::enumerate(end->getOperands())) {
    if (!isDifferentiable(result.getType()))
      continue;
    auto seed = gradientName(function.getResultAttrOfType<StringAttr>(index, kNameAttr), "result",
                             index, builder);
    auto isSeed = [&](unsigned argument) {
      return gradient.getArgAttr(argument, kNameAttr) == seed;
    };
    if (llvm::any_of(llvm::seq(gradient.getNumArguments()), isSeed))
      return function.emitError("expected no argument with the name of a result's gradient, found ")
             << seed;
    unsigned position = gradient.getNumArguments();
    if (failed(gradient.insertArgument(
            position, result.getType(),
            builder.getDictionaryAttr(builder.getNamedAttr(kNameAttr, seed)), loc)))
      return failure();
    of.push_back(result);
    seeds.push_back(body.getArgument(position));
  }

  builder.setInsertionPoint(end);
  auto op = GradientOp::create(builder, loc, TypeRange(ValueRange(wrt)), of, seeds, wrt);
  end->setOperands(op.getGradients());
  gradient.setFunctionType(
      builder.getFunctionType(gradient.getArgumentTypes(), op.getResultTypes()));
  SmallVector<Attribute> attributes;
  for (auto [index, argument] : llvm::enumerate(function.getArguments()))
    if (isDifferentiable(argument.getType())) {
      auto given = function.getArgAttrOfType<StringAttr>(index, kNameAttr);
      attributes.push_back(builder.getDictionaryAttr(
          builder.getNamedAttr(kNameAttr, gradientName(given, "arg", index, builder))));
    }
  gradient.setResAttrsAttr(builder.getArrayAttr(attributes));
  return success();
}

struct AddGradientPass : stc::impl::AddGradientBase<AddGradientPass> {
  using AddGradientBase::AddGradientBase;

  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    SmallVector<func::FuncOp> chosen;
    if (failed(choose(symbols, chosen)))
      return signalPassFailure();
    for (func::FuncOp function : chosen)
      if (failed(addGradient(function, symbols)))
        return signalPassFailure();
  }

  /// Functions that are named must have a gradient; of all functions, those are taken that have
  /// one.
  LogicalResult choose(const SymbolTable &symbols, SmallVectorImpl<func::FuncOp> &chosen) {
    if (functions.empty())
      for (auto function : getOperation().getOps<func::FuncOp>())
        if (!findObstacle(function))
          chosen.push_back(function);
    for (const std::string &name : functions) {
      auto function = symbols.lookup<func::FuncOp>(name);
      if (!function)
        return getOperation().emitError("expected a function named @")
               << name << " to differentiate";
      if (auto obstacle = findObstacle(function)) {
        auto diagnostic = emitError(obstacle->loc, obstacle->message);
        if (obstacle->loc != function.getLoc())
          diagnostic.attachNote(function.getLoc()) << "to be differentiated";
        return diagnostic;
      }
      if (!llvm::is_contained(chosen, function))
        chosen.push_back(function);
    }
    return success();
  }
};
} // namespace
