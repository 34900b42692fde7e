//===- Graph.h - work on a GPU that is started at once -------------------------------===//
#pragma once

#include "runtime/Device/Cuda/Device.h"

#include <functional>
#include <memory>

namespace stc::runtime::cuda {

/// Launches, products and copies in their order, as one thing for the driver to start: a launch of
/// its own costs the CPU and the GPU a few microseconds each. The device must outlive it.
class Graph {
public:
  /// What `start` puts on the device's stream, which does not run by that. Errors (Machine): those
  /// of `start`, and what the driver says.
  static Result<Graph> record(const Device &device, const std::function<Result<void>()> &start);

  /// Puts all of it on the device's stream.
  Result<void> launch() const {
    return device->driver().graphLaunch(handle.get(), device->stream());
  }

private:
  struct Deleter {
    const Driver *driver;
    void operator()(CUgraphExec graph) const { (void)driver->graphExecDestroy(graph); }
  };

  Graph(const Device &device, CUgraphExec raw) : device(&device), handle(raw, {&device.driver()}) {}

  const Device *device;
  std::unique_ptr<CUgraphExec_st, Deleter> handle;
};

} // namespace stc::runtime::cuda
