//===- Graph.cpp - work on a GPU that is started at once -----------------------------===//
#include "runtime/Device/Cuda/Graph.h"

namespace stc::runtime::cuda {

Result<Graph> Graph::record(const Device &device, const std::function<Result<void>()> &start) {
  const Driver &driver = device.driver();
  // Other threads may use the driver meanwhile.
  if (auto begun = driver.streamBeginCapture(device.stream(), CU_STREAM_CAPTURE_MODE_THREAD_LOCAL);
      !begun)
    return forward(begun);
  Result<void> started = start();
  CUgraph graph = nullptr;
  Result<void> ended = driver.streamEndCapture(device.stream(), &graph);
  CUgraphExec executable = nullptr;
  Result<void> made = started && ended ? driver.graphInstantiate(&executable, graph, 0)
                      : started        ? ended
                                       : started;
  if (graph)
    (void)driver.graphDestroy(graph);
  if (!made)
    return forward(made);
  return Graph(device, executable);
}

} // namespace stc::runtime::cuda
