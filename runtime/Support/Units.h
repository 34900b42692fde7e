//===- Units.h - numbers for people -------------------------------------------------===//
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace stc::runtime {

/// "3.4 MiB", "512 bytes".
std::string formatBytes(uint64_t bytes);

/// "1,234,567".
std::string formatCount(uint64_t count);

/// Of floating-point operations: "52.59 MFLOP", "42.23 TFLOP".
std::string formatOperations(double operations);

/// Of floating-point operations a second: "84.1 GFLOP/s", "612.0 TFLOP/s"; of bytes: "3.03 TB/s".
std::string formatRate(double operations);
std::string formatByteRate(double bytes);

/// "3:07", "2:03:07", for hours beyond a day "3d 02:03".
std::string formatDuration(double seconds);

/// What bits are counted by, for a data.kind: "bits/dim" for images, as the field calls the bytes
/// of these, otherwise "bits/byte".
std::string bitsUnit(std::string_view kind);

} // namespace stc::runtime
