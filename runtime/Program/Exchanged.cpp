//===- Exchanged.cpp - how much devices exchange -------------------------------===//
#include "runtime/Program/Exchanged.h"
#include "runtime/Program/Tensor.h"

namespace stc::runtime {

using program::CollectiveKind;

uint64_t receivedBytes(CollectiveKind kind, uint64_t devices, uint64_t part) {
  switch (kind) {
  case CollectiveKind::AllSlice:
    return 0;
  case CollectiveKind::AllGather:
  case CollectiveKind::ReduceScatter:
  case CollectiveKind::AllToAll:
    return part * (devices - 1);
  case CollectiveKind::AllReduce:
  case CollectiveKind::AllMax:
    return 2 * (part - part / devices);
  }
  return 0;
}

std::string nameOf(CollectiveKind kind) {
  switch (kind) {
  case CollectiveKind::AllGather:
    return "all_gather";
  case CollectiveKind::AllSlice:
    return "all_slice";
  case CollectiveKind::ReduceScatter:
    return "reduce_scatter";
  case CollectiveKind::AllReduce:
    return "all_reduce";
  case CollectiveKind::AllMax:
    return "all_max";
  case CollectiveKind::AllToAll:
    return "all_to_all";
  }
  return "";
}

ExchangeSums exchangesOf(const program::Program &program, const program::Entry &entry) {
  ExchangeSums sums;
  for (const program::Step *step : *entry.steps()) {
    const program::Exchange *exchange = step->action_as_Exchange();
    if (!exchange)
      continue;
    for (const program::Collective *one : *exchange->collectives()) {
      const uint64_t part = one->runs() * one->elements() * byteSize(one->dtype());
      ExchangeSum &sum = sums[{one->axis(), one->kind()}];
      ++sum.collectives;
      sum.bytes += receivedBytes(one->kind(), program.axes()->Get(one->axis())->count(), part);
    }
  }
  return sums;
}

} // namespace stc::runtime
