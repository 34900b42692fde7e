//===- ThreadPool.cpp - threads that stay -----------------------------------------===//
#include "runtime/Device/Host/ThreadPool.h"
#include "runtime/Device/Host/KernelFloats.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <immintrin.h>
#include <system_error>

namespace stc::runtime {

namespace {

constexpr uint32_t closed = UINT32_MAX;
constexpr auto spinTime = std::chrono::microseconds(50);

// Spins a while, then sleeps until the value is no longer `old`. Between two regions of a step
// there is no time to sleep; between two steps that read data there is.
void waitWhile(const std::atomic<uint32_t> &value, uint32_t old) {
  auto start = std::chrono::steady_clock::now();
  do {
    for (int i = 0; i < 64; ++i) {
      if (value.load(std::memory_order_acquire) != old)
        return;
      _mm_pause();
    }
  } while (std::chrono::steady_clock::now() - start < spinTime);
  value.wait(old, std::memory_order_acquire);
}

} // namespace

ThreadPool::ThreadPool(int threads) {
  // Signals are the calling thread's.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    for (int thread = 1; thread < threads; ++thread)
      workers.emplace_back([this, thread] { workerLoop(thread); });
  } catch (const std::system_error &) { // a limit on processes or address space
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

ThreadPool::~ThreadPool() {
  stopping.store(true);
  signal.fetch_add(1);
  signal.notify_all();
  for (std::thread &worker : workers)
    worker.join();
}

void ThreadPool::run(int64_t items, Function fn, void *data) {
  KernelFloats floats;
  // One item, or one thread: nothing to share.
  if (items <= 1 || workers.empty()) {
    for (int64_t item = 0; item < items; ++item)
      fn(data, item, 0);
    return;
  }
  constexpr int64_t most = 1 << 30;
  for (int64_t first = 0; first < items; first += most) {
    uint64_t region = (ticket.load(std::memory_order_relaxed) >> 32) + 1;
    ticket.store(region << 32 | closed);
    // Released after the ticket is closed: who reads one of them finds it closed.
    function.store(fn, std::memory_order_release);
    context.store(data, std::memory_order_release);
    base.store(first, std::memory_order_release);
    runRegion(static_cast<uint32_t>(std::min(items - first, most)));
  }
}

void ThreadPool::runRegion(uint32_t items) {
  count.store(items, std::memory_order_release);
  done.store(0, std::memory_order_relaxed);
  ticket.store(ticket.load(std::memory_order_relaxed) & ~uint64_t(closed),
               std::memory_order_release);
  signal.fetch_add(1, std::memory_order_release);
  signal.notify_all();
  work(0);
  for (uint32_t finished; (finished = done.load(std::memory_order_acquire)) < items;)
    waitWhile(done, finished);
}

void ThreadPool::work(int thread) {
  uint32_t finished = 0;
  uint64_t seen = ticket.load(std::memory_order_acquire);
  for (;;) {
    uint32_t item = static_cast<uint32_t>(seen);
    Function fn = function.load(std::memory_order_acquire);
    void *data = context.load(std::memory_order_acquire);
    int64_t first = base.load(std::memory_order_acquire);
    if (item == closed || item >= count.load(std::memory_order_acquire))
      break;
    // Success means that no region opened or closed since `seen` was read: what was read of the
    // region is its own.
    if (!ticket.compare_exchange_weak(seen, seen + 1, std::memory_order_acq_rel,
                                      std::memory_order_acquire))
      continue;
    ++seen;
    fn(data, first + item, thread);
    ++finished;
  }
  if (finished > 0) {
    done.fetch_add(finished, std::memory_order_release);
    done.notify_one();
  }
}

void ThreadPool::workerLoop(int thread) {
  KernelFloats floats;
  uint32_t seen = 0;
  while (!stopping.load(std::memory_order_relaxed)) {
    waitWhile(signal, seen);
    seen = signal.load(std::memory_order_acquire);
    work(thread);
  }
}

} // namespace stc::runtime
