//===- Budget.cpp - recomputation that keeps to a budget ------------------===//

#include "compiler/Pipeline/Budget.h"

#include "compiler/Transforms/Rematerialize.h"
#include "dialects/Plan/Plan.h"

#include <algorithm>

using namespace mlir;
using namespace stc;

namespace {
struct Policy {
  const char *name;
  int64_t drop = 0;
};

/// Finds out what a policy takes.
class Judge {
public:
  Judge(ModuleOp module, const CompileOptions &options)
      : options(options), whole(module), trained(cast<ModuleOp>(module->clone())) {
    for (auto function : llvm::make_early_inc_range(trained->getOps<func::FuncOp>()))
      if (hasBackward(function))
        mostDrops = std::max<int64_t>(mostDrops, countDroppable(function));
      else
        function.erase();
  }

  /// Bytes of the arena, variables and all; failure if the module cannot be compiled. No policy
  /// changes functions without a backward pass, so that they are looked at only once.
  FailureOr<int64_t> bytes(Policy policy) {
    bool isFirst = !bytesOfOthers;
    FailureOr<int64_t> bytes = plan(isFirst ? whole : *trained, policy);
    if (failed(bytes))
      return failure();
    return std::max(*bytes, *bytesOfOthers);
  }

  int64_t mostDrops = 0;

private:
  FailureOr<int64_t> plan(ModuleOp module, Policy policy);

  const CompileOptions &options;
  ModuleOp whole;
  /// Its functions with a backward pass alone.
  OwningOpRef<ModuleOp> trained;
  std::optional<int64_t> bytesOfOthers;
};
} // namespace

FailureOr<int64_t> Judge::plan(ModuleOp module, Policy policy) {
  CompileOptions tried = options;
  tried.recompute = policy.name;
  tried.drop = policy.drop;
  OwningOpRef<ModuleOp> copy(cast<ModuleOp>(module->clone()));
  auto named = [](StringRef name) {
    return llvm::find_if(phases(), [&](const Phase &phase) { return phase.name == name; });
  };
  for (const Phase &phase : llvm::make_range(named("recompute"), std::next(named("plan")))) {
    PassManager passes(module.getContext());
    passes.enableVerifier(false);
    phase.addPasses(passes, tried);
    if (failed(passes.run(*copy)))
      return failure();
  }
  if (!bytesOfOthers) {
    bytesOfOthers = 0;
    for (auto entry : copy->getOps<plan::EntryOp>())
      if (!trained->lookupSymbol(entry.getSymName()))
        bytesOfOthers = std::max<int64_t>(*bytesOfOthers, entry.getPeak());
  }
  return int64_t((*copy->getOps<plan::ArenaOp>().begin()).getBytes());
}

/// The fewest values to drop that fit, by bisection: to drop as many as `fits` is known to fit.
static FailureOr<int64_t> fewestDrops(Judge &judge, int64_t budget, int64_t fits) {
  for (int64_t isTooMuch = 0; fits - isTooMuch > 1;) {
    int64_t middle = (isTooMuch + fits) / 2;
    FailureOr<int64_t> bytes = judge.bytes({"cheapest", middle});
    if (failed(bytes))
      return failure();
    (*bytes <= budget ? fits : isTooMuch) = middle;
  }
  return fits;
}

LogicalResult stc::chooseRecomputation(ModuleOp module, CompileOptions &options) {
  if (options.recompute != "budget")
    return success();
  Judge judge(module, options);
  auto choose = [&](Policy policy) {
    options.recompute = policy.name;
    options.drop = policy.drop;
    return success();
  };
  int64_t least = std::numeric_limits<int64_t>::max();
  const Policy policies[] = {{"none"}, {"cheapest", judge.mostDrops}, {"block"}};
  for (Policy policy : policies) {
    FailureOr<int64_t> bytes = judge.bytes(policy);
    if (failed(bytes))
      return failure();
    least = std::min(least, *bytes);
    if (*bytes > options.budget)
      continue;
    if (policy.drop == 0)
      return choose(policy);
    FailureOr<int64_t> drops = fewestDrops(judge, options.budget, policy.drop);
    return failed(drops) ? failure() : choose({"cheapest", *drops});
  }
  Location place = options.budgetPlace ? Location(options.budgetPlace) : module.getLoc();
  return emitError(place) << "expected a memory budget of at least " << least << " bytes, found "
                          << options.budget;
}
