//===- TileToPlan.cpp - from functions over tensors to entries over bytes ---===//

#include "compiler/Conversion/Passes.h"
#include "compiler/Conversion/TileToPlan/EntryProgram.h"
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

//===----------------------------------------------------------------------===//
// Steps
//===----------------------------------------------------------------------===//

namespace {
/// Writes the steps of a plan as ops.
class StepWriter {
public:
  StepWriter(OpBuilder &builder, SymbolTable &symbols) : builder(builder), symbols(symbols) {}

  void write(const EntryProgram &entry, const planner::Plan &plan);

private:
  plan::BufferAttr buffer(const planner::Place &place, Type type) {
    return plan::BufferAttr::get(builder.getContext(), place.offset, cast<RankedTensorType>(type));
  }
  void launch(tile::LaunchOp op, const planner::PlannedStep &step);
  void gemm(MatmulOp op, const planner::PlannedStep &step);
  FlatSymbolRefAttr sharingKernel(tile::KernelOp kernel,
                                  ArrayRef<std::pair<int64_t, int64_t>> pairs);

  OpBuilder &builder;
  SymbolTable &symbols;
  /// Variants of kernels by name and buffers that are one.
  std::map<std::string, FlatSymbolRefAttr> variants;
};
} // namespace

/// The kernel with each pair of buffers (result, operand) as one: the operand's.
FlatSymbolRefAttr StepWriter::sharingKernel(tile::KernelOp kernel,
                                            ArrayRef<std::pair<int64_t, int64_t>> pairs) {
  std::string name = (kernel.getSymName() + "_inplace").str();
  for (auto [result, operand] : pairs)
    name += "_" + std::to_string(operand);
  FlatSymbolRefAttr &variant = variants[name];
  if (variant)
    return variant;
  auto clone = cast<tile::KernelOp>(kernel->clone());
  clone.setSymName(name);
  Block &body = clone.getBody().front();
  llvm::BitVector shared(body.getNumArguments());
  for (auto [result, operand] : pairs) {
    body.getArgument(result).replaceAllUsesWith(body.getArgument(operand));
    shared.set(result);
  }
  body.eraseArguments(shared);
  symbols.insert(clone, std::next(kernel->getIterator()));
  return variant = FlatSymbolRefAttr::get(clone.getSymNameAttr());
}

void StepWriter::launch(tile::LaunchOp op, const planner::PlannedStep &step) {
  SmallVector<Attribute> buffers;
  for (auto [place, operand] : llvm::zip(step.operands, op.getOperands()))
    buffers.push_back(buffer(place, operand.getType()));
  SmallVector<std::pair<int64_t, int64_t>> shared;
  SmallVector<int64_t> ofResult = resultBuffers(op);
  for (auto [index, result] : llvm::enumerate(op.getResults())) {
    if (ofResult[index] < 0)
      continue;
    const planner::Place &place = step.results[index];
    int64_t inplace = op.getInplace()[index];
    if (inplace >= 0 && place.bytes > 0 && place.offset == step.operands[inplace].offset)
      shared.push_back({ofResult[index], inplace});
    else
      buffers.push_back(buffer(place, result.getType()));
  }
  FlatSymbolRefAttr kernel = op.getKernelAttr();
  if (!shared.empty())
    kernel = sharingKernel(symbols.lookup<tile::KernelOp>(kernel.getAttr()), shared);
  plan::LaunchOp::create(builder, op.getLoc(), kernel, op.getItemsAttr(), op.getSizesAttr(),
                         builder.getArrayAttr(buffers), op.getWorkAttr());
}

void StepWriter::gemm(MatmulOp op, const planner::PlannedStep &step) {
  auto shapeOf = [](Value value) { return cast<RankedTensorType>(value.getType()).getShape(); };
  ArrayRef<int64_t> a = shapeOf(op.getLhs()), b = shapeOf(op.getRhs()), c = shapeOf(op.getResult());
  int64_t batch = 1, m = c[c.size() - 2], n = c.back();
  for (int64_t size : c.drop_back(2))
    batch *= size;
  // All rows meet the same matrix: one product.
  if (b.size() == 2) {
    m *= batch;
    batch = 1;
  }
  auto matrix = [&](const planner::Place &place, ArrayRef<int64_t> shape) {
    int64_t columns = shape.back(), rows = shape[shape.size() - 2];
    return plan::MatrixAttr::get(builder.getContext(), place.offset, columns,
                                 batch > 1 ? rows * columns : 0);
  };
  int64_t k = a[a.size() - (op.getTransposeLhs() ? 2 : 1)];
  plan::GemmOp::create(builder, op.getLoc(), op.getType().getElementType(), m, n, k, batch,
                       matrix(step.operands[0], a), op.getTransposeLhs(),
                       matrix(step.operands[1], b), op.getTransposeRhs(),
                       matrix(step.results[0], c));
}

void StepWriter::write(const EntryProgram &entry, const planner::Plan &plan) {
  for (const planner::PlannedStep &step : plan.steps) {
    const planner::Place &result = step.results.empty() ? planner::Place() : step.results[0];
    if (step.source < 0) {
      plan::CopyOp::create(builder, builder.getUnknownLoc(), step.operands[0].offset, result.offset,
                           result.bytes);
      continue;
    }
    Operation *op = entry.ops[step.source];
    if (auto launchOp = dyn_cast<tile::LaunchOp>(op))
      launch(launchOp, step);
    else if (auto matmul = dyn_cast<MatmulOp>(op))
      gemm(matmul, step);
    else
      plan::ZeroOp::create(builder, op->getLoc(), result.offset, result.bytes);
  }
}

//===----------------------------------------------------------------------===//
// The module
//===----------------------------------------------------------------------===//

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

LogicalResult ConvertTileToPlanPass::planEntry(func::FuncOp function, const Variables &variables,
                                               SymbolTable &symbols, StepWriter &steps,
                                               OpBuilder &builder, int64_t &arena) {
  eraseDeadOps(function);
  FailureOr<EntryProgram> entry = translateEntry(function, variables, symbols);
  if (failed(entry))
    return failure();
  std::span<const planner::Place> places = variables.placesFor(entry->program);
  planner::Plan plan = planner::planMemory(entry->program, places);
  if (auto error = planner::verifyPlan(entry->program, places, plan))
    return function.emitError("internal error in the memory plan: ") << *error;
  arena = std::max(arena, plan.peak);

  auto [inputNames, inputs] =
      nameBuffers(builder, "arg", function.getArgumentTypes(), plan.inputs, [&](unsigned index) {
        return function.getArgAttrOfType<StringAttr>(index, "stc.name");
      });
  auto [outputNames, outputs] =
      nameBuffers(builder, "result", function.getResultTypes(), plan.outputs, [&](unsigned index) {
        return function.getResultAttrOfType<StringAttr>(index, "stc.name");
      });
  auto op = plan::EntryOp::create(builder, function.getLoc(), function.getSymName(), inputNames,
                                  inputs, outputNames, outputs, plan.peak,
                                  function->getAttrOfType<IntegerAttr>(kModelFlops));
  OpBuilder::InsertionGuard guard(builder);
  builder.createBlock(&op.getBody());
  steps.write(*entry, plan);
  return success();
}

void ConvertTileToPlanPass::runOnOperation() {
  ModuleOp module = getOperation();
  OpBuilder builder(module.getBodyRegion());
  SymbolTable symbols(module);
  Variables variables(module);
  StepWriter steps(builder, symbols);

  auto arena = plan::ArenaOp::create(builder, module.getLoc(), 0);
  int64_t bytes = 0;
  for (auto [variable, place] : llvm::zip(variables.ops, variables.places)) {
    plan::VariableOp::create(builder, variable.getLoc(), variable.getSymName(), variable.getRole(),
                             place.offset, variable.getType());
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
