//===- Ceilings.cpp - what a device comes to at best ---------------------------------===//
#include "runtime/Device/Ceilings.h"
#include "runtime/Program/NarrowFloat.h"

#include <algorithm>
#include <map>

namespace stc::runtime {

using program::DType;

static bool isFloat(DType dtype) {
  return dtype == DType::F32 || dtype == DType::F64 || isNarrow(dtype);
}

DType productType(const program::Program &program) {
  std::map<DType, double> flops;
  for (const program::Entry *entry : *program.entries())
    for (const program::Step *step : *entry->steps())
      if (const program::Gemm *gemm = step->action_as_Gemm())
        flops[gemm->dtype()] +=
            2.0 * double(gemm->m()) * double(gemm->n()) * double(gemm->k()) * double(gemm->batch());
  if (!flops.empty())
    return std::ranges::max_element(flops, {}, [](const auto &of) { return of.second; })->first;
  for (const program::Entry *entry : *program.entries())
    for (const program::Tensor *input : *entry->inputs())
      if (isFloat(input->dtype()))
        return input->dtype();
  return DType::F32;
}

} // namespace stc::runtime
