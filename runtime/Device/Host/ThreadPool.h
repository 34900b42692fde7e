//===- ThreadPool.h - threads that stay -------------------------------------------===//
//
// One parallel region after the other, each a number of independent items. Items are claimed in
// increasing order by whoever is free; the calling thread works too and waits for items, not for
// threads, so that a worker the system has put aside holds up nothing that it has not claimed.
// Items compute with floats as kernels do (KernelFloats.h), whoever runs them and whatever the
// caller set.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <type_traits>
#include <vector>

namespace stc::runtime {

class ThreadPool {
public:
  /// At least one thread; the calling thread counts. As many as the system lets it start, which
  /// threads() says.
  explicit ThreadPool(int threads);
  ~ThreadPool();

  int threads() const { return static_cast<int>(workers.size()) + 1; }

  /// Calls fn(item, thread) for each item in [0, items), with thread in [0, threads()), and returns
  /// when all are done. fn must not throw and must not start another region.
  template <class Fn> void parallelFor(int64_t items, Fn &&fn) {
    run(
        items,
        [](void *context, int64_t item, int thread) {
          (*static_cast<std::remove_reference_t<Fn> *>(context))(item, thread);
        },
        const_cast<void *>(static_cast<const void *>(&fn)));
  }

private:
  using Function = void (*)(void *context, int64_t item, int thread);

  void run(int64_t items, Function function, void *context);
  void runRegion(uint32_t items);
  void work(int thread);
  void workerLoop(int thread);

  // The region's number in the upper half, its next item in the lower. An item is claimed by a
  // compare-and-swap of the whole, so that a late worker cannot claim from a region that it did not
  // read the description of.
  alignas(64) std::atomic<uint64_t> ticket{0};
  alignas(64) std::atomic<uint32_t> done{0};
  // Bumped when a region opens; what workers wait on.
  alignas(64) std::atomic<uint32_t> signal{0};
  std::atomic<bool> stopping{false};
  // The region: written while its ticket is closed, so atomic only for those who come late.
  std::atomic<Function> function{nullptr};
  std::atomic<void *> context{nullptr};
  std::atomic<int64_t> base{0};
  std::atomic<uint32_t> count{0};
  std::vector<std::thread> workers;
};

} // namespace stc::runtime
