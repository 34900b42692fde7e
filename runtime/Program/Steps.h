//===- Steps.h - what the steps of an entry are and have to do ------------------===//
#pragma once

#include "runtime/Program/Program_generated.h"

#include <cstdint>
#include <map>
#include <string>

namespace stc::runtime {

/// What a step is called, and the kind of its work: that of its kernel, "gemm", "copy", "exchange",
/// or "wait" for one.
struct StepName {
  std::string name, kind;
};
StepName nameOf(const program::Program &program, const program::Step &step);

/// What several steps have to do in all; not counted if one of them is not.
struct WorkSum {
  uint64_t flops = 0, bytes = 0;
  bool isCounted = true;

  void add(const program::Step &step);
};
std::map<std::string, WorkSum> workByKind(const program::Program &program,
                                          const program::Entry &entry);

} // namespace stc::runtime
