//===- Nvtx.h - ranges on the time line of a profiler --------------------------------===//
//
// NVTX, by which Nsight Systems and others show what a program was doing. A profiler says by the
// variable NVTX_INJECTION64_PATH which library listens; that fills in the functions that it wants
// to be called by. Where nobody listens, a range is a test of a pointer. What is used of the
// interface is declared in the .cpp file: a build needs no CUDA.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <string>

namespace stc::runtime::nvtx {

/// Whether somebody listens: names that take time to make need not be made otherwise.
bool isListening();

/// From its making to its end, inside those that the thread has begun before.
class Range {
public:
  explicit Range(const char *name);
  explicit Range(const std::string &name) : Range(name.c_str()) {}
  Range(const Range &) = delete;
  ~Range();
};

} // namespace stc::runtime::nvtx
