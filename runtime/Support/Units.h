//===- Units.h - numbers for people -------------------------------------------------===//
#pragma once

#include <cstdint>
#include <string>

namespace stc::runtime {

/// "3.4 MiB", "512 bytes".
std::string formatBytes(uint64_t bytes);

/// "1,234,567".
std::string formatCount(uint64_t count);

/// "3:07", "2:03:07", for hours beyond a day "3d 02:03".
std::string formatDuration(double seconds);

} // namespace stc::runtime
