//===- EntryProgram.cpp - a function as the planner sees it ---------------===//

#include "compiler/Conversion/TileToPlan/EntryProgram.h"
#include "dialects/Plan/Plan.h"

#include <mlir/IR/Matchers.h>

using namespace mlir;
using namespace stc;

Variables::Variables(ModuleOp module) : ops(module.getOps<VariableOp>()) {
  auto isLasting = [](VariableOp variable) { return variable.getRole() != Role::Scratch; };
  lasting = std::stable_partition(ops.begin(), ops.end(), isLasting) - ops.begin();
  std::vector<int64_t> bytes;
  for (VariableOp variable : ops) {
    numbers[variable.getSymName()] = static_cast<int>(bytes.size());
    bytes.push_back(plan::bytesOf(cast<ShapedType>(variable.getType())));
  }
  places = planner::placeVariables(bytes);
}

std::span<const planner::Place> Variables::placesFor(const planner::Program &entry) const {
  auto isScratch = [&](const planner::Access &access) {
    return size_t(access.variable) >= lasting;
  };
  bool usesScratch = llvm::any_of(entry.reads, isScratch) || llvm::any_of(entry.writes, isScratch);
  return std::span(places).first(usesScratch ? places.size() : lasting);
}

SmallVector<int64_t> stc::resultBuffers(tile::LaunchOp launch) {
  int64_t next = launch.getNumOperands();
  return llvm::map_to_vector(launch.getTied(),
                             [&](int64_t tied) { return tied < 0 ? next++ : -1; });
}

static bool isZeros(Operation *op) {
  DenseElementsAttr constant;
  if (!matchPattern(op, m_Constant(&constant)) || !constant.isSplat())
    return false;
  if (isa<FloatType>(constant.getElementType()))
    return constant.getSplatValue<APFloat>().isPosZero();
  return constant.getSplatValue<APInt>().isZero();
}

namespace {
class Translator {
public:
  Translator(func::FuncOp function, const Variables &variables, const SymbolTable &symbols)
      : function(function), variables(variables), symbols(symbols),
        current(variables.ops.size(), none), isWritten(variables.ops.size(), false) {}

  FailureOr<EntryProgram> run();

private:
  static constexpr planner::Value none = -1;

  planner::Value newValue(Type type) {
    entry.program.bytes.push_back(plan::bytesOf(cast<ShapedType>(type)));
    return static_cast<planner::Value>(entry.program.bytes.size()) - 1;
  }
  planner::Step &newStep(Operation *op) {
    entry.ops.push_back(op);
    return entry.program.steps.emplace_back();
  }
  planner::Value use(Value value);
  void wait(Operation *exchange);
  std::vector<planner::Value> use(ValueRange range);
  void read(ReadOp op);
  void launch(tile::LaunchOp op);
  LogicalResult translate(Operation &op);

  func::FuncOp function;
  const Variables &variables;
  const SymbolTable &symbols;
  EntryProgram entry;
  DenseMap<Value, planner::Value> values;
  /// Exchanges that nobody has waited for yet, in order, with what they read and write.
  llvm::MapVector<Operation *, std::vector<planner::Value>> pending;
  /// What each variable holds so far, and whether that was written here.
  std::vector<planner::Value> current;
  std::vector<bool> isWritten;
};
} // namespace

/// A reshape is its operand. Zeros are made where they are used: that costs no more than a copy,
/// and they live shorter.
planner::Value Translator::use(Value value) {
  if (Operation *op = value.getDefiningOp(); op && pending.contains(op))
    wait(op);
  if (auto found = values.find(value); found != values.end())
    return found->second;
  if (auto reshape = value.getDefiningOp<ReshapeOp>())
    return use(reshape.getInput());
  planner::Value zeros = newValue(value.getType());
  newStep(value.getDefiningOp()).results.push_back({zeros});
  return zeros;
}

/// Until then memory of the exchange is in use.
void Translator::wait(Operation *exchange) {
  newStep(exchange).operands = std::move(pending[exchange]);
  pending.erase(exchange);
}

std::vector<planner::Value> Translator::use(ValueRange range) {
  std::vector<planner::Value> used;
  for (Value value : range)
    used.push_back(use(value));
  return used;
}

void Translator::read(ReadOp op) {
  int number = variables.numbers.lookup(op.getVariable());
  if (current[number] == none) {
    current[number] = newValue(op.getType());
    entry.program.reads.push_back({number, current[number]});
  }
  values[op.getValue()] = current[number];
}

void Translator::launch(tile::LaunchOp op) {
  auto kernel = symbols.lookup<tile::KernelOp>(op.getKernelAttr().getAttr());
  SmallVector<BlockArgument> buffers = kernel.getBuffers();
  SmallVector<int64_t> ofResult = resultBuffers(op);
  std::vector<planner::Value> operands = use(op.getOperands());
  planner::Step &step = newStep(op);
  step.operands = std::move(operands);
  for (auto [index, result] : llvm::enumerate(op.getResults())) {
    auto inplace = static_cast<int>(op.getInplace()[index]);
    // The variant of the kernel has one buffer for both.
    if (ofResult[index] < 0 ||
        (inplace >= 0 && buffers[ofResult[index]].getType() != buffers[inplace].getType()))
      inplace = -1;
    values[result] = newValue(result.getType());
    step.results.push_back({values[result], static_cast<int>(op.getTied()[index]), inplace});
  }
}

LogicalResult Translator::translate(Operation &op) {
  if (auto readOp = dyn_cast<ReadOp>(op)) {
    read(readOp);
  } else if (auto write = dyn_cast<WriteOp>(op)) {
    int number = variables.numbers.lookup(write.getVariable());
    current[number] = use(write.getValue());
    isWritten[number] = true;
  } else if (auto launchOp = dyn_cast<tile::LaunchOp>(op)) {
    launch(launchOp);
  } else if (auto matmul = dyn_cast<MatmulOp>(op)) {
    std::vector<planner::Value> operands = use(op.getOperands());
    planner::Step &step = newStep(&op);
    step.operands = std::move(operands);
    values[matmul.getResult()] = newValue(matmul.getType());
    step.results.push_back({values[matmul.getResult()]});
  } else if (auto exchange = dyn_cast<tile::ExchangeOp>(op)) {
    std::vector<planner::Value> operands = use(op.getOperands());
    planner::Step &step = newStep(&op);
    step.operands = operands;
    for (Value result : exchange.getResults()) {
      values[result] = newValue(result.getType());
      step.results.push_back({values[result]});
      operands.push_back(values[result]);
    }
    pending[&op] = std::move(operands);
  } else if (auto result = dyn_cast<func::ReturnOp>(op)) {
    while (!pending.empty())
      wait(pending.front().first);
    entry.program.outputs = use(result.getOperands());
  } else if (!isa<ReshapeOp>(op) && !isZeros(&op)) {
    return op.emitError("expected a launch, a matmul, a reshape, a read, a write, an exchange or a "
                        "constant of zeros at the tile level, found '")
           << op.getName() << "'";
  }
  return success();
}

FailureOr<EntryProgram> Translator::run() {
  if (!llvm::hasSingleElement(function.getBody()))
    return function.emitError("expected a function of one block at the tile level");
  for (BlockArgument argument : function.getArguments()) {
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    if (!type || !type.hasStaticShape() || !type.getElementType().isIntOrFloat())
      return function.emitError(
                 "expected arguments that are tensors of numbers and of static shape, found ")
             << argument.getType();
    values[argument] = newValue(type);
    entry.program.inputs.push_back(values[argument]);
  }
  // Each call says where its values are.
  entry.program.areApart = function->hasAttr(tile::kParameters);
  for (Operation &op : function.getBody().front())
    if (failed(translate(op)))
      return failure();
  for (auto [number, written] : llvm::enumerate(isWritten))
    if (written)
      entry.program.writes.push_back({static_cast<int>(number), current[number]});
  return std::move(entry);
}

FailureOr<EntryProgram> stc::translateEntry(func::FuncOp function, const Variables &variables,
                                            const SymbolTable &symbols) {
  return Translator(function, variables, symbols).run();
}
