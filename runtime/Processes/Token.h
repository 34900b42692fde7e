//===- Token.h - by which the processes of a run know each other ------------------------------===//
#pragma once

#include <fmt/format.h>
#include <random>
#include <string>

namespace stc::runtime {

/// 128 random bits that nobody else knows.
inline std::string newToken() {
  std::random_device random; // the system's
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

} // namespace stc::runtime
