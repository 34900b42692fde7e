//===- TileToPlan.cpp - from functions over tensors to entries over bytes ---===//

#include "compiler/Conversion/Passes.h"
#include "compiler/Conversion/TileToPlan/EntryProgram.h"
#include "compiler/Conversion/TileToPlan/StepReader.h"
#include "compiler/Conversion/TileToPlan/StepWriter.h"
#include "compiler/Conversion/TileToPlan/Unlaunched.h"

namespace stc {
#define GEN_PASS_DEF_CONVERTTILETOPLAN
#include "compiler/Conversion/Passes.h.inc"
} // namespace stc

using namespace mlir;
using namespace stc;

/// From the end, so that what only dead ops use is dead too.
static void eraseDeadOps(func::FuncOp function) {
  for (Block &block : function.getBody())
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
      if (isOpTriviallyDead(&op))
        op.erase();
}

void stc::eraseUnlaunchedKernels(ModuleOp module) {
  llvm::DenseSet<StringAttr> launched;
  module.walk([&](plan::LaunchOp launch) { launched.insert(launch.getKernelAttr().getAttr()); });
  for (auto kernel : llvm::make_early_inc_range(module.getOps<tile::KernelOp>()))
    if (!launched.contains(kernel.getSymNameAttr()))
      kernel.erase();
}

namespace {
struct ConvertTileToPlanPass : stc::impl::ConvertTileToPlanBase<ConvertTileToPlanPass> {
  void runOnOperation() override;

private:
  LogicalResult planEntry(func::FuncOp function, const Variables &variables, SymbolTable &symbols,
                          StepWriter &steps, OpBuilder &builder, int64_t &arena);
};
} // namespace

/// The names of the values, from stc.name or by their number, and their buffers.
static std::pair<ArrayAttr, ArrayAttr> nameBuffers(OpBuilder &builder, StringRef fallback,
                                                   TypeRange types, ArrayRef<planner::Place> places,
                                                   function_ref<StringAttr(unsigned)> nameOf) {
  SmallVector<Attribute> names, buffers;
  for (auto [index, type] : llvm::enumerate(types)) {
    StringAttr name = nameOf(index);
    names.push_back(name ? name : builder.getStringAttr(fallback + Twine(index)));
    buffers.push_back(plan::BufferAttr::get(builder.getContext(), places[index].offset,
                                            cast<RankedTensorType>(type)));
  }
  return {builder.getArrayAttr(names), builder.getArrayAttr(buffers)};
}

/// What the elements of each argument are below; null if none is an index.
static DenseI64ArrayAttr boundsOf(OpBuilder &builder, func::FuncOp function) {
  auto bounds = llvm::map_to_vector(llvm::seq(function.getNumArguments()), [&](unsigned index) {
    auto below = function.getArgAttrOfType<IntegerAttr>(index, kBelow);
    return below ? below.getInt() : int64_t(0);
  });
  return llvm::all_of(bounds, [](int64_t bound) { return bound == 0; })
             ? nullptr
             : builder.getDenseI64ArrayAttr(bounds);
}

/// Along which dimensions something is dealt over axes that the module has; null if along none.
static DictionaryAttr dealtOver(ModuleOp module, DictionaryAttr dealt) {
  auto axes = module->getAttrOfType<ArrayAttr>(kAxes);
  if (!dealt || !axes)
    return {};
  SmallVector<NamedAttribute> entries;
  for (auto axis : axes.getAsRange<DictionaryAttr>())
    if (auto entry = dealt.getNamed(axis.getAs<StringAttr>("name")))
      entries.push_back(*entry);
  return entries.empty() ? DictionaryAttr() : DictionaryAttr::get(module.getContext(), entries);
}

/// The same of all arguments or results; null if none is dealt.
static ArrayAttr dealtOf(OpBuilder &builder, ModuleOp module, unsigned count,
                         function_ref<DictionaryAttr(unsigned)> dealt) {
  SmallVector<Attribute> all;
  bool isAny = false;
  for (unsigned index = 0; index < count; ++index) {
    DictionaryAttr one = dealtOver(module, dealt(index));
    isAny |= bool(one);
    all.push_back(one ? one : builder.getDictionaryAttr({}));
  }
  return isAny ? builder.getArrayAttr(all) : nullptr;
}

/// What is launched on the optimizer's variables alone is a kind of its own, for those who ask
/// where time goes.
static void nameOptimizer(ModuleOp module, const Variables &variables) {
  llvm::DenseSet<int64_t> moments;
  for (auto [op, place] : llvm::zip_equal(variables.ops, variables.places))
    if (VariableOp variable = op; variable.getRole() == Role::Optimizer)
      moments.insert(place.offset);
  llvm::MapVector<Attribute, bool> kernels;
  module.walk([&](plan::LaunchOp launch) {
    bool takes = llvm::any_of(launch.getBuffers().getAsRange<plan::BufferAttr>(),
                              [&](auto buffer) { return moments.contains(buffer.getOffset()); });
    auto [entry, added] = kernels.insert({launch.getKernelAttr(), takes});
    entry->second &= takes;
  });
  for (auto [kernel, takes] : kernels)
    if (takes)
      SymbolTable::lookupNearestSymbolFrom<tile::KernelOp>(module, cast<FlatSymbolRefAttr>(kernel))
          .setKind("optimizer");
}

/// Adds sizes, with room to round each up; no value if 63 bits do not hold the sum. The planner
/// adds them in any order.
template <typename Sizes> static std::optional<int64_t> sumOf(Sizes &&sizes, int64_t sum = 0) {
  for (int64_t bytes : sizes)
    if (__builtin_add_overflow(sum, bytes, &sum) ||
        __builtin_add_overflow(sum, planner::alignment, &sum))
      return std::nullopt;
  return sum;
}

LogicalResult ConvertTileToPlanPass::planEntry(func::FuncOp function, const Variables &variables,
                                               SymbolTable &symbols, StepWriter &steps,
                                               OpBuilder &builder, int64_t &arena) {
  ModuleOp module = getOperation();
  eraseDeadOps(function);
  FailureOr<EntryProgram> entry = translateEntry(function, variables, symbols);
  if (failed(entry))
    return failure();
  std::span<const planner::Place> places = variables.placesFor(entry->program);
  int64_t kept = places.empty() ? 0 : places.back().offset + places.back().bytes;
  if (!sumOf(entry->program.bytes, kept))
    return function.emitError("expected values of less than 2^63 bytes together, found more");
  planner::Plan plan = planner::planMemory(entry->program, places);
  arena = std::max(arena, plan.peak);

  auto [inputNames, inputs] =
      nameBuffers(builder, "arg", function.getArgumentTypes(), plan.inputs, [&](unsigned index) {
        return function.getArgAttrOfType<StringAttr>(index, "stc.name");
      });
  auto [outputNames, outputs] =
      nameBuffers(builder, "result", function.getResultTypes(), plan.outputs, [&](unsigned index) {
        return function.getResultAttrOfType<StringAttr>(index, "stc.name");
      });
  auto op = plan::EntryOp::create(
      builder, function.getLoc(), function.getSymName(), inputNames, inputs, outputNames, outputs,
      plan.peak, function->getAttrOfType<IntegerAttr>(kModelFlops), boundsOf(builder, function),
      dealtOf(
          builder, module, function.getNumArguments(),
          [&](unsigned index) { return function.getArgAttrOfType<DictionaryAttr>(index, kDealt); }),
      dealtOf(builder, module, function.getNumResults(),
              [&](unsigned index) {
                return function.getResultAttrOfType<DictionaryAttr>(index, kDealt);
              }),
      function->getAttrOfType<ArrayAttr>(tile::kParameters));
  OpBuilder::InsertionGuard guard(builder);
  builder.createBlock(&op.getBody());
  steps.write(*entry, plan);
  if (auto error = checkWritten(op, *entry, places, symbols))
    return function.emitError("internal error in the memory plan: ") << *error;
  return success();
}

void ConvertTileToPlanPass::runOnOperation() {
  ModuleOp module = getOperation();
  OpBuilder builder(module.getBodyRegion());
  SymbolTable symbols(module);
  auto bytesOf = [](VariableOp op) { return plan::bytesOf(cast<ShapedType>(op.getType())); };
  if (!sumOf(llvm::map_range(module.getOps<VariableOp>(), bytesOf))) {
    module.emitError("expected variables of less than 2^63 bytes together, found more");
    return signalPassFailure();
  }
  Variables variables(module);
  StepWriter steps(builder, symbols);

  auto arena = plan::ArenaOp::create(builder, module.getLoc(), 0);
  int64_t bytes = 0;
  if (auto axes = module->getAttrOfType<ArrayAttr>(kAxes))
    for (auto axis : axes.getAsRange<DictionaryAttr>())
      plan::AxisOp::create(builder, module.getLoc(), axis.getAs<StringAttr>("name"),
                           axis.getAs<IntegerAttr>("count"));
  for (auto [variable, place] : llvm::zip(variables.ops, variables.places)) {
    plan::VariableOp::create(builder, variable.getLoc(), variable.getSymName(), variable.getRole(),
                             place.offset, variable.getType(),
                             dealtOver(module, variable->getAttrOfType<DictionaryAttr>(kDealt)));
    bytes = std::max(bytes, place.offset + place.bytes);
  }
  for (auto function : llvm::make_early_inc_range(module.getOps<func::FuncOp>())) {
    if (function.isPublic() && !function.isExternal() &&
        failed(planEntry(function, variables, symbols, steps, builder, bytes)))
      return signalPassFailure();
  }
  arena.setBytes(bytes);
  nameOptimizer(module, variables);

  for (auto function : llvm::make_early_inc_range(module.getOps<func::FuncOp>()))
    function.erase();
  for (VariableOp variable : variables.ops)
    variable.erase();
  eraseUnlaunchedKernels(module);
}
