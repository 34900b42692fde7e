//===- Phases.h - the phases of a compilation -------------------*- C++ -*-===//
//
// One table: names, order and passes. What --emit and --dump-phases-to know follows from it.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Target/HostTarget.h"

#include <mlir/IR/BuiltinOps.h>
#include <mlir/Pass/PassManager.h>

#include <span>
#include <string>

namespace stc {

/// An axis of the grid of devices, and how many are along it.
struct DeviceAxis {
  std::string name;
  int64_t count = 1;
};

struct CompileOptions {
  /// That kernels for the host are compiled for.
  HostTarget cpu;
  /// Where kernels run: host, sm_80 (NVIDIA GPUs from compute capability 8.0 on), or sm_90a (those
  /// of 9.0).
  std::string target = "host";
  /// Whether each public function gets its gradient as a second one.
  bool gradients = false;
  /// Whether the gradient of queries is summed in memory, in any order, on a GPU: auto (where that
  /// is faster), always, or never, so that everything has the same bits in every run.
  std::string querySums = "auto";
  /// Of products and attention: f32, bf16 or f16.
  std::string precision = "f32";
  /// In which gradients travel between devices.
  std::string gradientType = "f32";
  /// What functions are dealt over, the slowest axis first; none: one device.
  std::vector<DeviceAxis> devices = {};
  /// What attention of dealt positions exchanges: auto (what costs less), heads, or rows of keys.
  std::string exchange = "auto";
  /// Positions of the blocks that devices take in turn; 0: what is fastest.
  int64_t block = 0;
  /// Policy of stc-insert-recompute and how many values it drops, or "budget": the policy that
  /// keeps the memory of the whole program within so many bytes.
  std::string recompute = "none";
  int64_t drop = 0, budget = 0;
  /// Where the budget was given, for errors; the module by default.
  mlir::LocationAttr budgetPlace = {};
};

/// A step of the compilation. The module after it is a level that a person can look at.
struct Phase {
  const char *name, *description;
  void (*addPasses)(mlir::OpPassManager &passes, const CompileOptions &options);
  /// Settles before the phase what of its options depends on the module.
  mlir::LogicalResult (*decide)(mlir::ModuleOp module, CompileOptions &options) = nullptr;
};

/// In order; after the last the kernels are in the LLVM dialect.
std::span<const Phase> phases();

} // namespace stc
