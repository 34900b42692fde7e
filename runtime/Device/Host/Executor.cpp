//===- Executor.cpp - runs the entries of a program on the CPU ----------------------===//
#include "runtime/Device/Host/Executor.h"
#include "runtime/Device/StepRange.h"
#include "runtime/Program/Tensor.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <fmt/format.h>

namespace stc::runtime {

namespace {

constexpr uint64_t scratchAlignment = 64;
// Two threads copy faster than one only when the bytes are not in a cache.
constexpr uint64_t copyChunk = 1 << 20;

double secondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

GemmShape shapeOf(const program::Gemm &gemm) {
  return {gemm.m(),           gemm.n(),
          gemm.k(),           gemm.batch(),
          gemm.transpose_a(), gemm.transpose_b(),
          gemm.accumulate(),  gemm.dtype() == program::DType::F64};
}

bool hasProducts(const program::Program &program) {
  return std::ranges::any_of(*program.entries(), [](const program::Entry *entry) {
    return std::ranges::any_of(*entry->steps(),
                               [](const program::Step *step) { return step->action_as_Gemm(); });
  });
}

} // namespace

MemoryNeed memoryNeed(const program::Program &program, int threads) {
  MemoryNeed need{program.arena_bytes(), 0, 0};
  for (const program::Kernel *kernel : *program.kernels())
    need.scratchPerThread = std::max(need.scratchPerThread, kernel->scratch_bytes());
  // A size that no machine has stays one when it is rounded up and multiplied.
  need.scratchPerThread = std::min<uint64_t>(need.scratchPerThread, UINT64_MAX >> 17);
  need.scratchPerThread +=
      (scratchAlignment - need.scratchPerThread % scratchAlignment) % scratchAlignment;
  for (const program::Entry *entry : *program.entries())
    for (const program::Step *step : *entry->steps())
      if (const program::Gemm *gemm = step->action_as_Gemm()) {
        GemmShape shape = shapeOf(*gemm);
        need.workspace = std::max(need.workspace, workspaceBytes(shape, planGemm(shape, threads)));
      }
  return need;
}

Result<std::unique_ptr<HostExecutor>> HostExecutor::create(const program::Program &program,
                                                           ThreadPool &pool, Devices devices) {
  if (auto checked = checkDevices(program, devices); !checked)
    return forward(checked);
  std::unique_ptr<HostExecutor> executor(new HostExecutor(program, pool, std::move(devices)));
  auto library = KernelLibrary::load(program);
  if (!library)
    return forward(library);
  executor->library = std::move(*library);
  executor->need = memoryNeed(program, pool.threads());
  const MemoryNeed &need = executor->need;
  for (auto [arena, bytes] : {std::pair(&executor->arena, need.arena),
                              std::pair(&executor->scratch, need.scratchPerThread * pool.threads()),
                              std::pair(&executor->workspace, need.workspace)}) {
    auto created = Arena::create(bytes);
    if (!created)
      return forward(created);
    *arena = std::move(*created);
  }
  if (hasProducts(program))
    if (auto reserved = reserveBuffers(pool.threads()); !reserved)
      return forward(reserved);
  for (const program::Entry *entry : *program.entries())
    executor->entries.push_back(executor->bind(*entry));
  if (auto written = executor->writeRanks(); !written)
    return forward(written);
  return executor;
}

HostExecutor::BoundExchange HostExecutor::bind(const program::Exchange &exchange) const {
  BoundExchange bound;
  for (const program::Collective *collective : *exchange.collectives())
    bound.push_back({collective->kind(), collective->dtype(),
                     devices.along[collective->axis()].get(), collective->runs(),
                     static_cast<uint64_t>(collective->elements()),
                     collective->elements() * static_cast<uint64_t>(byteSize(collective->dtype())),
                     arena.data() + collective->source(), arena.data() + collective->target()});
  return bound;
}

HostExecutor::BoundGemm HostExecutor::bind(const program::Gemm &gemm) const {
  auto operand = [&](const program::Matrix &matrix) {
    return GemmOperand{arena.data() + matrix.offset(), matrix.leading(), matrix.batch_step()};
  };
  GemmShape shape = shapeOf(gemm);
  return {shape, planGemm(shape, pool.threads()), operand(*gemm.a()), operand(*gemm.b()),
          operand(*gemm.c())};
}

HostExecutor::BoundEntry HostExecutor::bind(const program::Entry &entry) const {
  BoundEntry bound;
  size_t buffers = 0;
  for (const program::Step *step : *entry.steps())
    if (const program::Launch *launch = step->action_as_Launch())
      buffers += launch->buffers()->size();
  bound.buffers.reserve(buffers); // launches point into it
  for (const program::Step *step : *entry.steps()) {
    if (const program::Launch *launch = step->action_as_Launch()) {
      void *const *first = bound.buffers.data() + bound.buffers.size();
      for (uint64_t offset : *launch->buffers())
        bound.buffers.push_back(arena.data() + offset);
      bound.steps.push_back(BoundLaunch{library.kernel(launch->kernel()),
                                        static_cast<int64_t>(launch->items()), first,
                                        launch->sizes()->data()});
    } else if (const program::Gemm *gemm = step->action_as_Gemm()) {
      bound.steps.push_back(bind(*gemm));
    } else if (const program::Copy *copy = step->action_as_Copy()) {
      bound.steps.push_back(BoundCopy{arena.data() + copy->target(),
                                      copy->zero() ? nullptr : arena.data() + copy->source(),
                                      copy->bytes()});
    } else if (const program::Exchange *exchange = step->action_as_Exchange()) {
      bound.steps.push_back(bind(*exchange));
    } else {
      bound.steps.push_back(BoundExchange()); // a wait
    }
  }
  return bound;
}

Result<void> HostExecutor::execute(const BoundLaunch &launch) {
  pool.parallelFor(launch.items, [&](int64_t item, int thread) {
    launch.function(launch.buffers, launch.sizes, item,
                    scratch.data() + thread * need.scratchPerThread);
  });
  return {};
}

Result<void> HostExecutor::execute(const BoundGemm &product) {
  gemm(product.shape, product.plan, product.a, product.b, product.c, workspace.data(), pool);
  return {};
}

Result<void> HostExecutor::execute(const BoundCopy &copy) {
  pool.parallelFor((copy.bytes + copyChunk - 1) / copyChunk, [&](int64_t item, int) {
    uint64_t first = item * copyChunk, count = std::min(copyChunk, copy.bytes - first);
    if (copy.source)
      std::memcpy(copy.target + first, copy.source + first, count);
    else
      std::memset(copy.target + first, 0, count);
  });
  return {};
}

Result<void> HostExecutor::execute(const BoundExchange &exchange) {
  using program::CollectiveKind;
  auto once = [](const BoundCollective &one, const std::byte *part, const std::byte *all,
                 uint64_t run) -> Result<void> {
    Communicator &along = *one.along;
    switch (one.kind) {
    case CollectiveKind::AllGather:
      return along.allGather(part, one.target + run * one.bytes * along.size(), one.elements,
                             one.dtype);
    case CollectiveKind::AllSlice:
      std::memcpy(one.target + run * one.bytes, all + along.rank() * one.bytes, one.bytes);
      return {};
    case CollectiveKind::ReduceScatter:
      return along.reduceScatter(all, one.target + run * one.bytes, one.elements, one.dtype,
                                 Reduction::Sum);
    case CollectiveKind::AllToAll:
      return along.allToAll(all, one.target + run * one.bytes * along.size(), one.elements,
                            one.dtype);
    case CollectiveKind::AllReduce:
      return along.allReduce(part, one.target, one.elements, one.dtype, Reduction::Sum);
    case CollectiveKind::AllMax:
      break; // the only other one
    }
    return along.allReduce(part, one.target, one.elements, one.dtype, Reduction::Max);
  };
  for (const BoundCollective &one : exchange)
    for (int64_t run = 0; run < one.runs; ++run) {
      const std::byte *part = one.source + run * one.bytes,
                      *all = one.source + run * one.bytes * one.along->size();
      if (auto done = once(one, part, all, run); !done)
        return done;
    }
  return {};
}

std::string HostExecutor::device() const {
  return fmt::format("{} thread{}", pool.threads(), pool.threads() == 1 ? "" : "s");
}

Result<void> HostExecutor::start(uint32_t entry) {
  for (const auto &step : entries[entry].steps) {
    progress();
    if (auto done = std::visit([&](const auto &bound) { return execute(bound); }, step); !done)
      return done;
  }
  return {};
}

Result<double> HostExecutor::time(uint32_t index, std::vector<double> *steps) {
  auto begin = std::chrono::steady_clock::now();
  if (!steps) {
    auto done = submit(index);
    return done ? Result<double>(secondsSince(begin)) : forward(done);
  }
  steps->clear();
  const program::Entry &entry = *source.entries()->Get(index);
  for (uint32_t k = 0; k < entries[index].steps.size(); ++k) {
    StepRange range(source, *entry.steps()->Get(k));
    auto start = std::chrono::steady_clock::now();
    if (auto done =
            std::visit([&](const auto &bound) { return execute(bound); }, entries[index].steps[k]);
        !done)
      return forward(done);
    steps->push_back(secondsSince(start));
  }
  return secondsSince(begin);
}

Result<void> HostExecutor::write(const program::Tensor &tensor, std::span<const std::byte> bytes) {
  std::ranges::copy(bytes, data(tensor));
  return {};
}

Result<void> HostExecutor::gather(uint32_t axis, std::span<const std::byte> part,
                                  std::span<std::byte> all) {
  return devices.along[axis]->allGather(part.data(), all.data(), part.size(), program::DType::U8);
}

Result<void> HostExecutor::read(const program::Tensor &tensor, std::span<std::byte> bytes) {
  std::copy_n(data(tensor), bytes.size(), bytes.begin());
  return {};
}

} // namespace stc::runtime
