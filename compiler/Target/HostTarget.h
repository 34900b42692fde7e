//===- HostTarget.h - the CPU that code is generated for --------*- C++ -*-===//
#pragma once

#include "compiler/Schedule/HostSchedule.h"

#include <tl/expected.hpp>

#include <memory>
#include <string>
#include <vector>

namespace llvm {
class TargetMachine;
} // namespace llvm

namespace stc {

/// An x86-64 CPU by LLVM's names.
class HostTarget {
public:
  /// "native" is the CPU at hand by what /proc/cpuinfo says that it can do, not by its name, which
  /// a virtual machine may blur; otherwise a name such as "x86-64-v3" or "znver4". Fails with a
  /// message for a name that LLVM does not know.
  static tl::expected<HostTarget, std::string> create(const std::string &cpu);
  /// The environment's STC_CPU, or "native".
  static std::string defaultCpu();

  const std::string &cpu() const { return name; }
  /// All that code for it may use, by the names of /proc/cpuinfo.
  const std::vector<std::string> &features() const { return cpuinfoFeatures; }
  /// The shape of vector code that fills its registers.
  const HostVectors &vectors() const { return vectorOptions; }
  /// Whether it multiplies and adds in one instruction.
  bool hasFma() const { return multipliesAndAdds; }

  /// Makes position-independent code; each thread needs its own.
  std::unique_ptr<llvm::TargetMachine> createMachine() const;

private:
  /// As it was asked for; for LLVM.
  std::string name, model, featureString;
  std::vector<std::string> cpuinfoFeatures;
  bool multipliesAndAdds = true;
  HostVectors vectorOptions;
};

} // namespace stc
