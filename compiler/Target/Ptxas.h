//===- Ptxas.h - NVIDIA's assembler, where there is one ---------*- C++ -*-===//
#pragma once

#include <llvm/ADT/StringRef.h>

#include <cstdint>
#include <optional>
#include <string>
#include <tl/expected.hpp>

namespace stc {

/// What ptxas says of one kernel that costs time.
struct PtxasReport {
  /// Local memory of a thread in bytes: its stack frame, and what goes there and back for lack of
  /// registers.
  int64_t stack = 0, spillStores = 0, spillLoads = 0;
  /// Its lines about products that wait for each other, or register counts that it ignores
  /// (C75xx).
  std::string serialized;

  bool isClean() const { return stack + spillStores + spillLoads == 0 && serialized.empty(); }
  /// "stack 8, spill stores 8, spill loads 8 bytes", and the lines; empty where it is clean.
  std::string str() const;
};

/// Of the output of `ptxas -v`; no value if it names no kernel.
std::optional<PtxasReport> parsePtxasReport(llvm::StringRef output);

struct Assembled {
  std::string cubin;
  PtxasReport report;
};

/// The program: in $CUDA_HOME/bin, on the path, or in /usr/local/cuda/bin.
std::optional<std::string> findPtxas();

/// Assembles PTX of one kernel for an architecture ("sm_90a"). Fails with what ptxas says.
tl::expected<Assembled, std::string>
assemblePtx(const std::string &ptxas, const std::string &architecture, const std::string &ptx);

} // namespace stc
