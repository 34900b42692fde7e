//===- CpuInfo.h - what this machine's CPU can do -------------------------------------===//
#pragma once

#include <set>
#include <string>

namespace stc::runtime {

/// The flags of /proc/cpuinfo, which are those that both the CPU and the system have. Empty where
/// there is no such file.
std::set<std::string> cpuFeatures();

} // namespace stc::runtime
