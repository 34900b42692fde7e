//===- CpuInfo.cpp - what this machine's CPU can do -----------------------------------===//
#include "runtime/Support/CpuInfo.h"

#include <fstream>
#include <iterator>
#include <sstream>

namespace stc::runtime {

std::set<std::string> cpuFeatures() {
  std::ifstream cpuinfo("/proc/cpuinfo");
  for (std::string line; std::getline(cpuinfo, line);) {
    if (!line.starts_with("flags"))
      continue;
    std::istringstream words(line.substr(line.find(':') + 1));
    return {std::istream_iterator<std::string>(words), {}};
  }
  return {};
}

} // namespace stc::runtime
