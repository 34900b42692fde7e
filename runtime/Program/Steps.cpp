//===- Steps.cpp - what the steps of an entry are and have to do ----------------===//
#include "runtime/Program/Steps.h"

#include <fmt/format.h>

namespace stc::runtime {

StepName nameOf(const program::Program &program, const program::Step &step) {
  auto launched = [&](const program::Launch &launch) {
    const program::Kernel &kernel = *program.kernels()->Get(launch.kernel());
    return StepName{kernel.symbol()->str(), kernel.kind()->str()};
  };
  if (const program::Launch *launch = step.action_as_Launch())
    return launched(*launch);
  if (const program::Batch *batch = step.action_as_Batch())
    return launched(*batch->launches()->Get(0));
  if (const program::Gemm *gemm = step.action_as_Gemm())
    return {fmt::format("gemm {}x{}x{}", gemm->m(), gemm->n(), gemm->k()), "gemm"};
  if (step.action_as_Exchange())
    return {"exchange", "exchange"};
  if (step.action_as_Wait())
    return {"wait", "wait"};
  return {step.action_as_Copy()->zero() ? "zero" : "copy", "copy"};
}

void WorkSum::add(const program::Step &step) {
  const program::Work *work = step.work();
  isCounted &= work != nullptr;
  if (!work)
    return;
  flops += work->flops();
  bytes += work->bytes();
}

std::map<std::string, WorkSum> workByKind(const program::Program &program,
                                          const program::Entry &entry) {
  std::map<std::string, WorkSum> kinds;
  for (const program::Step *step : *entry.steps())
    kinds[nameOf(program, *step).kind].add(*step);
  return kinds;
}

} // namespace stc::runtime
