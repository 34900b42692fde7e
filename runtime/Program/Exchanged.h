//===- Exchanged.h - how much devices exchange ---------------------------------===//
#pragma once

#include "runtime/Program/Program_generated.h"

#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace stc::runtime {

/// The bytes that each of so many devices gets of others in a collective, where each byte that it
/// needs comes once: `part` are those of one device's part in all runs, or of all that is summed.
/// A sum of everything for everybody is a sum of parts, which are then gathered.
uint64_t receivedBytes(program::CollectiveKind kind, uint64_t devices, uint64_t part);

/// "all_gather", ...
std::string nameOf(program::CollectiveKind kind);

struct ExchangeSum {
  uint64_t collectives = 0, bytes = 0; ///< received by a device
};
/// Of collectives, by the number of their axis and their kind.
using ExchangeSums = std::map<std::pair<uint32_t, program::CollectiveKind>, ExchangeSum>;

/// Of one run of an entry.
ExchangeSums exchangesOf(const program::Program &program, const program::Entry &entry);

} // namespace stc::runtime
