//===- DistributeTest.cpp - a model on several devices is the model on one ===//
//
// Entries of small models in float64, whole and dealt over devices: the same results, and what they
// leave in variables, but for the order of sums.
//
//===----------------------------------------------------------------------===//

#include "Harness.h"

#include "compiler/Model/Model.h"
#include "compiler/Spec/Spec.h"

using namespace mlir;
using namespace stc::reference;
using namespace stc::reference::test;

namespace {
constexpr uint64_t seed = 4711;
constexpr double tolerance = 1e-11;
using Variables = std::map<std::string, Tensor>;

Module build(const std::string &attention, const std::string &train) {
  auto spec = stc::spec::parseSpec(
      "[model]\nlayers = 2\nwidth = 8\nheads = 2\nvocabulary = 12\n[attention]\n" + attention +
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

AddPasses addDistribute(int64_t count, bool shareOptimizer) {
  return [=](OpPassManager &passes) {
    stc::DistributeOptions options;
    options.axis = "data";
    options.count = count;
    options.shareOptimizer = shareOptimizer;
    passes.addPass(stc::createDistribute(options));
  };
}

/// Along which dimension something is dealt, if it is.
std::optional<int64_t> dealt(DictionaryAttr attribute) {
  auto dim = attribute ? attribute.getAs<IntegerAttr>("data") : IntegerAttr();
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

void expectSame(const std::string &attention, const std::string &train, int64_t count,
                bool shareOptimizer) {
  SCOPED_TRACE(attention + " " + train + " on " + std::to_string(count) +
               (shareOptimizer ? ", optimizer dealt" : ""));
  Module whole = build(attention, train), parts = build(attention, train);
  ASSERT_TRUE(succeeded(runPasses(*parts, {addDistribute(count, shareOptimizer)})));
  Interpreter one(*whole), several(*parts);
  Random random(seed);
  for (auto variable : whole->getOps<stc::VariableOp>()) {
    Tensor &tensor = one.variables[variable.getSymName().str()];
    if (variable.getRole() == stc::Role::Parameter)
      tensor = uniform(tensor.shape, random, -0.5, 0.5);
  }
  one.variables["seed"] = Tensor::scalar(42);
  several.variablesOf.resize(count);
  auto partsOf = [&](llvm::StringRef name, int64_t rank) {
    auto variable = parts->lookupSymbol<stc::VariableOp>(name);
    return partOf(one.variables[name.str()],
                  dealt(variable->getAttrOfType<DictionaryAttr>("stc.dealt")), rank, count);
  };
  for (const auto &[name, tensor] : one.variables)
    for (int64_t rank = 0; rank < count; ++rank)
      several.variablesOf[rank][name] = partsOf(name, rank);

  const std::pair<const char *, std::vector<Tensor>> calls[] = {
      {"train_step", {randomIntegers({4, 16}, 13, random), randomIntegers({4, 16}, 12, random)}},
      {"train_step", {randomIntegers({4, 16}, 13, random), randomIntegers({4, 16}, 12, random)}},
      {"eval", {randomIntegers({4, 16}, 13, random), randomIntegers({4, 16}, 12, random)}},
      {"sample_prefill", {randomIntegers({4, 16}, 13, random), Tensor::scalar(5)}},
      {"sample_step", {randomIntegers({4}, 13, random), Tensor::scalar(6)}}};
  for (const auto &[name, inputs] : calls) {
    SCOPED_TRACE(name);
    auto function = parts->lookupSymbol<func::FuncOp>(name);
    std::vector<std::vector<Tensor>> ofDevices(count);
    for (int64_t rank = 0; rank < count; ++rank)
      for (auto [k, input] : llvm::enumerate(inputs))
        ofDevices[rank].push_back(partOf(
            input, dealt(function.getArgAttrOfType<DictionaryAttr>(k, "stc.dealt")), rank, count));
    auto expected = one.call(name, inputs);
    auto found = several.callOnAll(Devices({{"data", count}}), name, ofDevices);
    ASSERT_TRUE(succeeded(expected) && succeeded(found));
    for (int64_t rank = 0; rank < count; ++rank) {
      SCOPED_TRACE("device " + std::to_string(rank));
      for (auto [k, result] : llvm::enumerate(*expected))
        expectNear((*found)[rank][k],
                   partOf(result,
                          dealt(function.getResultAttrOfType<DictionaryAttr>(k, "stc.dealt")), rank,
                          count),
                   tolerance);
      for (const auto &[variable, tensor] : one.variables) {
        SCOPED_TRACE(variable);
        expectNear(several.variablesOf[rank][variable], partsOf(variable, rank), tolerance);
      }
    }
  }
}
} // namespace

TEST(Distribute, AModelOnSeveralDevicesIsTheModelOnOne) {
  for (int64_t count : {2, 4})
    for (bool shareOptimizer : {false, true}) {
      expectSame("pattern = \"fixed(4, 1)\"", "dropout = 0.25", count, shareOptimizer);
      expectSame("pattern = \"strided(4)\"\nintegration = \"heads\"", "clip = 0.1", count,
                 shareOptimizer);
    }
}
