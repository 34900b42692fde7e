//===- DistributeTest.cpp - a model on several devices is the model on one ===//
//
// Entries of small models and random modules in float64, whole and dealt over devices: the same
// results, and what they leave in variables, but for the order of sums.
//
//===----------------------------------------------------------------------===//

#include "Harness.h"

#include "compiler/Model/Model.h"
#include "compiler/Spec/Spec.h"
#include "tests/cases/RandomModule.h"

#include <gmock/gmock.h>

using namespace mlir;
using namespace stc::reference;
using namespace stc::reference::test;

namespace {
constexpr uint64_t seed = 4711;
using Variables = std::map<std::string, Tensor>;

Module build(const std::string &attention, const std::string &train) {
  auto spec = stc::spec::parseSpec(
      "[model]\nlayers = 2\nwidth = 8\nheads = 4\nvocabulary = 12\n[attention]\n" + attention +
          "\n[data]\nkind = \"text\"\ncontext = 16\n[train]\nbatch = 4\nsteps = 10\nlearning_rate "
          "= 0.01\n" +
          train + "\n[sample]\nbatch = 4\n",
      "tiny.toml");
  if (!spec)
    llvm::report_fatal_error(llvm::Twine(spec.error()[0].str()));
  Module module = stc::model::build(*spec, &context());
  EXPECT_TRUE(succeeded(runPasses(*module, {addDifferentiate})));
  return module;
}

AddPasses addDistribute(const std::string &axis, int64_t count, bool shareState,
                        const std::string &exchange = "auto", int64_t block = 0) {
  return [=](OpPassManager &passes) {
    stc::DistributeOptions options;
    options.axis = axis;
    options.count = count;
    options.shareState = shareState;
    options.exchange = exchange;
    options.block = block;
    passes.addPass(stc::createDistribute(options));
  };
}

/// Along which dimension something is dealt, if it is.
std::optional<int64_t> dealt(DictionaryAttr attribute, const std::string &axis) {
  auto dim = attribute ? attribute.getAs<IntegerAttr>(axis) : IntegerAttr();
  return dim ? std::optional(dim.getInt()) : std::nullopt;
}

/// The part of one device.
Tensor partOf(const Tensor &whole, std::optional<int64_t> dim, int64_t rank, int64_t count) {
  if (!dim)
    return whole;
  Tensor part;
  part.shape = whole.shape;
  part.shape[*dim] /= count;
  int64_t inner = 1;
  for (size_t k = *dim + 1; k < whole.shape.size(); ++k)
    inner *= whole.shape[k];
  const int64_t run = part.shape[*dim] * inner;
  for (int64_t k = 0; k < whole.size(); ++k)
    if (k / run % count == rank) {
      if (whole.floats.empty())
        part.integers.push_back(whole.integers[k]);
      else
        part.floats.push_back(whole.floats[k]);
    }
  return part;
}

Tensor randomIntegers(std::vector<int64_t> shape, int64_t below, Random &random) {
  int64_t size = 1;
  for (int64_t extent : shape)
    size *= extent;
  std::vector<int64_t> numbers(size);
  for (int64_t &number : numbers)
    number = std::uniform_int_distribution<int64_t>(0, below - 1)(random);
  return Tensor::of(std::move(shape), numbers);
}

struct Call {
  std::string function;
  std::vector<Tensor> inputs;
};

/// Calls functions of a module, and of the same dealt over devices, one after the other from the
/// same variables; what they return and leave in variables must be the same.
void expectSame(ModuleOp whole, ModuleOp parts, const std::string &axis, int64_t count,
                const Variables &variables, ArrayRef<Call> calls, double tolerance) {
  Interpreter one(whole), several(parts);
  one.variables = variables;
  several.variablesOf.resize(count);
  auto partsOf = [&](llvm::StringRef name, int64_t rank) {
    auto variable = parts.lookupSymbol<stc::VariableOp>(name);
    return partOf(one.variables[name.str()],
                  dealt(variable->getAttrOfType<DictionaryAttr>(stc::kDealt), axis), rank, count);
  };
  for (const auto &[name, tensor] : variables)
    for (int64_t rank = 0; rank < count; ++rank)
      several.variablesOf[rank][name] = partsOf(name, rank);
  for (const auto &[name, inputs] : calls) {
    SCOPED_TRACE(name);
    auto function = parts.lookupSymbol<func::FuncOp>(name);
    std::vector<std::vector<Tensor>> ofDevices(count);
    for (int64_t rank = 0; rank < count; ++rank)
      for (auto [k, input] : llvm::enumerate(inputs))
        ofDevices[rank].push_back(
            partOf(input, dealt(function.getArgAttrOfType<DictionaryAttr>(k, stc::kDealt), axis),
                   rank, count));
    auto expected = one.call(name, inputs);
    auto found = several.callOnAll(Devices({{axis, count}}), name, ofDevices);
    ASSERT_TRUE(succeeded(expected) && succeeded(found));
    for (int64_t rank = 0; rank < count; ++rank) {
      SCOPED_TRACE("device " + std::to_string(rank));
      for (auto [k, result] : llvm::enumerate(*expected))
        expectNear((*found)[rank][k],
                   partOf(result,
                          dealt(function.getResultAttrOfType<DictionaryAttr>(k, stc::kDealt), axis),
                          rank, count),
                   tolerance);
      for (const auto &[variable, tensor] : variables) {
        SCOPED_TRACE(variable);
        expectNear(several.variablesOf[rank][variable], partsOf(variable, rank), tolerance);
      }
    }
  }
}

void expectSame(const std::string &attention, const std::string &train, const std::string &axis,
                int64_t count, bool shareState, const std::string &exchange = "auto",
                int64_t block = 0) {
  SCOPED_TRACE(attention + " " + train + " on " + axis + " of " + std::to_string(count) +
               (shareState ? ", state dealt, " : ", ") + exchange + ", blocks of " +
               std::to_string(block));
  Module whole = build(attention, train), parts = build(attention, train);
  ASSERT_TRUE(
      succeeded(runPasses(*parts, {addDistribute(axis, count, shareState, exchange, block)})));
  if (exchange != "auto")
    parts->walk([&](Operation *op) {
      EXPECT_FALSE(isa<stc::AllToAllOp>(op) && exchange == "rows");
      EXPECT_FALSE(isa<stc::AttentionChunkOp>(op) && exchange == "heads");
    });
  Variables variables = Interpreter(*whole).variables;
  Random random(seed);
  for (auto variable : whole->getOps<stc::VariableOp>()) {
    Tensor &tensor = variables[variable.getSymName().str()];
    if (variable.getRole() == stc::Role::Parameter)
      tensor = uniform(tensor.shape, random, -0.5, 0.5);
  }
  variables["seed"] = Tensor::scalar(42);
  auto tokens = [&] { return randomIntegers({4, 16}, 13, random); };
  auto targets = [&] { return randomIntegers({4, 16}, 12, random); };
  const Call calls[] = {{"train_step", {tokens(), targets()}},
                        {"train_step", {tokens(), targets()}},
                        {"eval", {tokens(), targets()}},
                        {"sample_prefill", {tokens(), Tensor::scalar(5)}},
                        {"sample_step", {randomIntegers({4}, 13, random), Tensor::scalar(6)}}};
  expectSame(*whole, *parts, axis, count, variables, calls, 1e-11);
}

/// Deals some inputs and results, and some variables, along dimensions that can be cut.
void dealAtRandom(ModuleOp module, int64_t count, Random &random) {
  Builder b(module.getContext());
  auto choose = [&](Type type) {
    SmallVector<int64_t> dims;
    for (auto [dim, size] : llvm::enumerate(cast<RankedTensorType>(type).getShape()))
      if (size % count == 0)
        dims.push_back(dim);
    if (dims.empty() || random() % 4 == 0)
      return DictionaryAttr();
    return b.getDictionaryAttr(
        b.getNamedAttr("data", b.getI64IntegerAttr(dims[random() % dims.size()])));
  };
  for (auto variable : module.getOps<stc::VariableOp>())
    if (DictionaryAttr dealt = choose(variable.getType()))
      variable->setAttr(stc::kDealt, dealt);
  for (auto function : module.getOps<func::FuncOp>()) {
    for (auto [k, type] : llvm::enumerate(function.getArgumentTypes()))
      if (DictionaryAttr dealt = choose(type))
        function.setArgAttr(k, stc::kDealt, dealt);
    for (auto [k, type] : llvm::enumerate(function.getResultTypes()))
      if (DictionaryAttr dealt = choose(type))
        function.setResultAttr(k, stc::kDealt, dealt);
  }
}

Tensor randomTensor(RankedTensorType type, Random &random) {
  if (isa<FloatType>(type.getElementType()))
    return uniform(type.getShape().vec(), random);
  return randomIntegers(type.getShape().vec(), type.getElementTypeBitWidth() == 1 ? 2 : 5, random);
}
} // namespace

TEST(Distribute, AModelOnSeveralDevicesIsTheModelOnOne) {
  for (int64_t count : {2, 4})
    for (bool shareState : {false, true}) {
      for (const char *axis : {"data", "context"})
        expectSame("pattern = \"fixed(4, 1)\"", "dropout = 0.25", axis, count, shareState);
      expectSame("pattern = \"strided(4)\"\nintegration = \"heads\"", "clip = 0.1", "data", count,
                 shareState);
    }
  expectSame("pattern = \"strided(4)\"\nintegration = \"heads\"", "", "context", 2, true);
}

// Patterns whose keys are gathered compacted, all of them, none, of the chunk before, of the first
// chunk alone, and other ones by head.
TEST(Distribute, AttentionByRowsIsAttentionByHeads) {
  for (const char *pattern :
       {"fixed(4, 1)", "dense", "block(4)", "local(3)", "local(3) | sinks(2)",
        "fixed_by_head(4, 2)", "{ [i] -> [j] : j <= i and (i + j) mod 3 != 0 }"})
    for (int64_t count : {2, 4})
      for (const char *exchange : {"heads", "rows"})
        expectSame("pattern = \"" + std::string(pattern) + "\"", "", "context", count,
                   /*shareState=*/true, exchange);
}

// Devices take blocks in turn that have whole periods of the pattern, parts of them, or positions
// of none, so that all keys are gathered.
TEST(Distribute, BlocksInTurnAreOneRun) {
  for (const char *pattern : {"fixed(4, 1)", "dense", "local(3) | sinks(2)", "fixed_by_head(4, 2)"})
    for (int64_t block : {1, 2, 4})
      expectSame("pattern = \"" + std::string(pattern) + "\"", "dropout = 0.25", "context", 2,
                 /*shareState=*/true, "rows", block);
  expectSame("pattern = \"fixed(4, 1)\"", "", "context", 2, /*shareState=*/true, "heads", 4);
}

// Random modules, dealt at random. Attention that is cut otherwise than by sequences is refused.
TEST(Distribute, RandomModulesAreTheSame) {
  constexpr const char *exchanges[] = {"auto", "rows", "heads"};
  int compared = 0, collectives = 0, sent = 0;
  for (uint64_t number = 0; number < 2000; ++number) {
    SCOPED_TRACE("module " + std::to_string(number));
    const std::string text = stc::cases::randomModule(number).text;
    Module whole = parse(text);
    ASSERT_TRUE(succeeded(runPasses(*whole, {addDifferentiate})));
    Random random(number);
    const int64_t count = 2 + number % 2;
    Module parts = whole->clone();
    dealAtRandom(*parts, count, random);
    bool isDealt = false;
    const std::string errors = errorsIn([&] {
      isDealt = succeeded(runPasses(
          *parts, {addDistribute("data", count, number % 3 == 0, exchanges[number / 3 % 3])}));
    });
    if (!isDealt) {
      EXPECT_THAT(errors, testing::AnyOf(testing::HasSubstr("dealt by sequences alone"),
                                         testing::HasSubstr("expected heads")))
          << errors;
      continue;
    }
    parts->walk([&](Operation *op) {
      collectives += isa<stc::AllReduceOp, stc::AllGatherOp, stc::ReduceScatterOp>(op);
      sent += isa<stc::AllToAllOp>(op);
    });
    Variables variables = Interpreter(*whole).variables;
    for (auto variable : whole->getOps<stc::VariableOp>())
      variables[variable.getSymName().str()] =
          randomTensor(cast<RankedTensorType>(variable.getType()), random);
    std::vector<Call> calls;
    for (auto function : whole->getOps<func::FuncOp>()) {
      Call &call = calls.emplace_back(Call{function.getSymName().str(), {}});
      for (Type type : function.getArgumentTypes())
        call.inputs.push_back(randomTensor(cast<RankedTensorType>(type), random));
    }
    expectSame(*whole, *parts, "data", count, variables, calls, 1e-8);
    ++compared;
  }
  EXPECT_GT(compared, 1500);
  EXPECT_GT(collectives, 3000);
  EXPECT_GT(sent, 100);
  RecordProperty("compared", compared);
  std::printf("%d modules, %d collectives, %d from all to all\n", compared, collectives, sent);
}
