//===- StepReader.cpp - what the steps of an entry do ---------------------===//

#include "compiler/Conversion/TileToPlan/StepReader.h"

#include <llvm/ADT/TypeSwitch.h>

using namespace mlir;
using namespace stc;

/// Whether two bodies are the same ops in the same order, and which values of the one are those of
/// the other. Arguments may be: they are as they are used.
static bool matchBodies(Block &from, Block &to, DenseMap<Value, Value> &found) {
  auto match = [&](Value a, Value b) {
    return success(found.try_emplace(a, b).first->second == b);
  };
  if (from.getOperations().size() != to.getOperations().size())
    return false;
  for (auto [a, b] : llvm::zip(from, to))
    if (!OperationEquivalence::isEquivalentTo(
            &a, &b, match, [&](Value a, Value b) { (void)match(a, b); },
            OperationEquivalence::IgnoreLocations))
      return false;
  return true;
}

std::optional<SmallVector<int64_t>> stc::matchBuffers(tile::KernelOp kernel,
                                                      tile::KernelOp variant) {
  SmallVector<BlockArgument> buffers = kernel.getBuffers(), others = variant.getBuffers();
  SmallVector<int64_t> numbers(buffers.size(), -1);
  if (kernel == variant) {
    std::iota(numbers.begin(), numbers.end(), 0);
    return numbers;
  }
  DenseMap<Value, Value> found;
  if (kernel.getSizes().size() != variant.getSizes().size() ||
      !matchBodies(kernel.getBody().front(), variant.getBody().front(), found))
    return std::nullopt;
  // The numbers that a launch gives are told by their places.
  auto isSame = [&](Value number, Value other) { return found.lookup_or(number, other) == other; };
  if (!isSame(kernel.getItem(), variant.getItem()))
    return std::nullopt;
  for (auto [size, other] : llvm::zip_equal(kernel.getSizes(), variant.getSizes()))
    if (!isSame(size, other))
      return std::nullopt;
  for (auto [number, buffer] : llvm::enumerate(buffers)) {
    auto other = cast_or_null<BlockArgument>(found.lookup(buffer));
    if (other && other.getType() != buffer.getType())
      return std::nullopt;
    if (other)
      numbers[number] = other.getArgNumber();
  }
  return numbers;
}

namespace {
using planner::Place;

class StepReader {
public:
  StepReader(const EntryProgram &entry, const SymbolTable &symbols)
      : entry(entry), symbols(symbols) {}

  /// False with the reason in `error`.
  bool read(plan::EntryOp op);

  planner::Plan plan;
  std::string error;

private:
  bool fail(const Twine &message) {
    error = ("step " + Twine(plan.steps.size()) + ": " + message).str();
    return false;
  }
  static Place placeOf(plan::BufferAttr buffer) { return {buffer.getOffset(), buffer.getBytes()}; }

  bool read(Operation &step);
  bool launch(plan::LaunchOp op, tile::LaunchOp source);

  const EntryProgram &entry;
  const SymbolTable &symbols;
  size_t next = 0; ///< the step of the program
  /// An exchange, and what it reads and writes, by its number.
  struct Started {
    Operation *source = nullptr;
    std::vector<Place> places;
  };
  DenseMap<int64_t, Started> started;
};
} // namespace

bool StepReader::launch(plan::LaunchOp op, tile::LaunchOp source) {
  auto kernel = symbols.lookup<tile::KernelOp>(source.getKernel());
  auto launched = symbols.lookup<tile::KernelOp>(op.getKernel());
  if (!kernel || !launched)
    return fail("expected a kernel of the tile dialect");
  if (op.getItems() != source.getItems() || op.getSizes() != source.getSizes())
    return fail("expected the items and sizes of the launch");
  std::optional<SmallVector<int64_t>> buffers = matchBuffers(kernel, launched);
  if (!buffers)
    return fail("expected a kernel that does what @" + kernel.getSymName() + " does, found @" +
                launched.getSymName());
  SmallVector<Place> places;
  for (auto buffer : op.getBuffers().getAsRange<plan::BufferAttr>())
    places.push_back(placeOf(buffer));

  planner::PlannedStep &step = plan.steps.emplace_back();
  step.source = static_cast<int>(next);
  // An operand that is not used may lie anywhere that it is.
  for (size_t number = 0; number < source.getNumOperands(); ++number)
    step.operands.push_back(places[(*buffers)[number] < 0 ? number : (*buffers)[number]]);
  for (auto [ofResult, tied] : llvm::zip_equal(resultBuffers(source), source.getTied())) {
    int64_t number = (*buffers)[ofResult < 0 ? tied : ofResult];
    if (number < 0)
      return fail("expected @" + launched.getSymName() + " to write each result");
    step.results.push_back(places[number]);
  }
  return true;
}

bool StepReader::read(Operation &step) {
  if (auto copy = dyn_cast<plan::CopyOp>(step)) {
    int64_t bytes = copy.getBytes();
    plan.steps.push_back(
        {-1, {{int64_t(copy.getSource()), bytes}}, {{int64_t(copy.getTarget()), bytes}}});
    return true;
  }
  if (next == entry.ops.size())
    return fail("expected no more steps");
  Operation *source = entry.ops[next];
  auto number = static_cast<int>(next);
  bool isRead =
      TypeSwitch<Operation *, bool>(&step)
          .Case([&](plan::LaunchOp op) {
            auto launched = dyn_cast<tile::LaunchOp>(source);
            return launched && launch(op, launched);
          })
          .Case([&](plan::GemmOp op) {
            plan.steps.push_back(
                {number,
                 {{op.getA().getOffset(), op.getBytesA()}, {op.getB().getOffset(), op.getBytesB()}},
                 {{op.getC().getOffset(), op.getBytesC()}}});
            return isa<MatmulOp>(source);
          })
          .Case([&](plan::ExchangeOp op) {
            planner::PlannedStep &step = plan.steps.emplace_back();
            step.source = number;
            for (auto buffer : op.getInputs().getAsRange<plan::BufferAttr>())
              step.operands.push_back(placeOf(buffer));
            for (auto buffer : op.getOutputs().getAsRange<plan::BufferAttr>())
              step.results.push_back(placeOf(buffer));
            auto exchange = dyn_cast<tile::ExchangeOp>(source);
            started[op.getNumber()] = {source, step.operands};
            llvm::append_range(started[op.getNumber()].places, step.results);
            return exchange && exchange.getCollectives() == op.getCollectives();
          })
          .Case([&](plan::WaitOp op) {
            const Started &exchange = started[op.getNumber()];
            plan.steps.push_back({number, exchange.places, {}});
            return exchange.source == source;
          })
          .Case([&](plan::ZeroOp op) {
            plan.steps.push_back({number, {}, {{int64_t(op.getTarget()), int64_t(op.getBytes())}}});
            return source->hasTrait<OpTrait::ConstantLike>();
          })
          .Default(false);
  ++next;
  return isRead || !error.empty() ? isRead : fail("expected another kind of step");
}

bool StepReader::read(plan::EntryOp op) {
  for (auto input : op.getInputs().getAsRange<plan::BufferAttr>())
    plan.inputs.push_back(placeOf(input));
  for (auto output : op.getOutputs().getAsRange<plan::BufferAttr>())
    plan.outputs.push_back(placeOf(output));
  plan.peak = op.getPeak();
  return llvm::all_of(op.getBody().front(), [&](Operation &step) { return read(step); });
}

std::optional<std::string> stc::checkWritten(plan::EntryOp op, const EntryProgram &entry,
                                             std::span<const planner::Place> variables,
                                             const SymbolTable &symbols) {
  StepReader reader(entry, symbols);
  if (!reader.read(op))
    return reader.error;
  return planner::verifyPlan(entry.program, variables, reader.plan);
}
