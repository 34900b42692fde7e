//===- Executor.cpp - runs the entries of a program on a GPU -------------------------===//
#include "runtime/Device/Cuda/Executor.h"
#include "runtime/Device/StepRange.h"
#include "runtime/Program/ProgramFile.h"
#include "runtime/Support/File.h"

#include <algorithm>
#include <fmt/format.h>

namespace stc::runtime {

namespace {
// Of the host's memory, of all devices along an axis.
constexpr uint64_t gatheredBytes = uint64_t(64) << 20;

bool isWanted(const program::Entry &entry, const EntryFilter &wanted) {
  return !wanted || wanted(entry.name()->string_view());
}

bool hasProducts(const program::Program &program, const EntryFilter &wanted) {
  return std::ranges::any_of(*program.entries(), [&](const program::Entry *entry) {
    return isWanted(*entry, wanted) &&
           std::ranges::any_of(*entry->steps(), [](const program::Step *step) {
             return step->action_as_Gemm() != nullptr;
           });
  });
}
} // namespace

Result<std::unique_ptr<CudaExecutor>>
CudaExecutor::create(const program::Program &program, const cuda::Device &device, Devices devices,
                     const EntryFilter &wanted, const std::vector<std::string> &productLibraries) {
  if (auto checked = cuda::checkTarget(program, device); !checked)
    return forward(checked);
  if (auto checked = checkDevices(program, devices); !checked)
    return forward(checked);
  std::unique_ptr<CudaExecutor> executor(new CudaExecutor(program, device, std::move(devices)));
  if (auto prepared = executor->prepare(wanted, productLibraries); !prepared)
    return forward(prepared);
  return executor;
}

// What others never come to, after a failure, ends with its communicator; which waits for graphs
// that exchange through it.
CudaExecutor::~CudaExecutor() {
  entries.clear();
  devices.along.clear();
  (void)finish();
}

uint64_t CudaExecutor::arenaNeed(const program::Program &program, const EntryFilter &wanted) {
  uint64_t need = 0;
  for (const program::Variable *variable : *program.variables())
    if (variable->role() != program::Role::Scratch)
      need = std::max(need, variable->tensor()->offset() + bytes(*variable->tensor()));
  for (const program::Entry *entry : *program.entries())
    if (isWanted(*entry, wanted))
      need = std::max(need, entry->peak_bytes());
  return need;
}

uint64_t CudaExecutor::memoryNeed(const program::Program &program, const EntryFilter &wanted) {
  return arenaNeed(program, wanted) +
         (hasProducts(program, wanted) ? cuda::Products::workspaceBytes : 0) +
         (deviceCount(program) > 1 ? gatheredBytes : 0);
}

Result<void> CudaExecutor::prepare(const EntryFilter &wanted,
                                   const std::vector<std::string> &productLibraries) {
  auto memory = cuda::Memory::create(gpu, arenaNeed(source, wanted));
  if (!memory)
    return forward(memory);
  arena = std::move(*memory);
  if (!devices.along.empty()) {
    auto gathered = cuda::Memory::create(gpu, gatheredBytes);
    if (!gathered)
      return forward(gathered);
    parts = std::move(*gathered);
  }
  auto pieces = cuda::Staging::create(gpu);
  if (!pieces)
    return forward(pieces);
  staging = std::move(*pieces);
  if (hasProducts(source, wanted)) {
    auto created = cuda::Products::create(gpu, source.deterministic(), productLibraries);
    if (!created)
      return forward(created);
    products = std::move(*created);
  }
  kernels.resize(source.kernels()->size());
  for (const program::Entry *entry : *source.entries()) {
    entries.emplace_back();
    if (!isWanted(*entry, wanted))
      continue;
    auto bound = bind(*entry);
    if (!bound)
      return fail(fmt::format("entry '{}': {}", printable(entry->name()->string_view()),
                              bound.error().message),
                  bound.error().kind);
    entries.back() = std::move(*bound);
  }
  return writeRanks();
}

Result<void> CudaExecutor::prepareExchanges(const program::Entry &entry) {
  for (const program::Step *step : *entry.steps()) {
    const program::Exchange *exchange = step->action_as_Exchange();
    if (!exchange || exchanges.contains(exchange->number()))
      continue;
    auto before = cuda::Event::create(gpu, /*hasClock=*/false),
         behind = cuda::Event::create(gpu, /*hasClock=*/false);
    if (!before || !behind)
      return forward(before ? behind : before);
    exchanges.emplace(exchange->number(),
                      ExchangeEvents{std::move(*before), std::move(*behind), {}, {}});
  }
  return {};
}

Result<CudaExecutor::BoundEntry> CudaExecutor::bind(const program::Entry &entry) {
  if (auto prepared = prepareExchanges(entry); !prepared)
    return forward(prepared);
  BoundEntry result{&entry, {}, {}};
  for (const program::Step *step : *entry.steps()) {
    auto bound = bind(*step);
    if (!bound)
      return forward(bound);
    result.steps.push_back(std::move(*bound));
  }
  auto graph = cuda::Graph::record(gpu, [&] { return startOneByOne(result, false); });
  if (!graph)
    return forward(graph);
  result.graph = std::move(*graph);
  return result;
}

Result<const cuda::Kernel *> CudaExecutor::kernel(uint32_t number) {
  if (!kernels[number]) {
    auto loaded = cuda::Kernel::load(gpu, *source.kernels()->Get(number));
    if (!loaded)
      return forward(loaded);
    kernels[number] = std::move(*loaded);
  }
  return &*kernels[number];
}

Result<CudaExecutor::BoundStep> CudaExecutor::bind(const program::Step &step) {
  if (const program::Launch *launch = step.action_as_Launch()) {
    auto bound = kernel(launch->kernel()).and_then([&](const cuda::Kernel *loaded) {
      return cuda::Launch::bind(*loaded, *launch, arena.address());
    });
    if (!bound)
      return forward(bound);
    return std::move(*bound);
  }
  if (const program::Batch *batch = step.action_as_Batch()) {
    auto bound =
        kernel(batch->launches()->Get(0)->kernel()).and_then([&](const cuda::Kernel *loaded) {
          return cuda::Launch::bind(*loaded, *batch, arena.address());
        });
    if (!bound)
      return forward(bound);
    return std::move(*bound);
  }
  if (const program::Gemm *gemm = step.action_as_Gemm()) {
    auto bound = products->bind(*gemm, arena.address());
    if (!bound)
      return forward(bound);
    return std::move(*bound);
  }
  if (const program::Exchange *exchange = step.action_as_Exchange()) {
    BoundExchange bound{{}, exchange->number()};
    auto *start = reinterpret_cast<std::byte *>(arena.address()); // as addresses are given to NCCL
    for (const program::Collective *one : *exchange->collectives())
      bound.collectives.push_back({one, devices.along[one->axis()].get(),
                                   one->elements() * static_cast<uint64_t>(byteSize(one->dtype())),
                                   start + one->source(), start + one->target()});
    return bound;
  }
  if (const program::Wait *wait = step.action_as_Wait())
    return BoundWait{wait->exchange()};
  const program::Copy &copy = *step.action_as_Copy(); // there is no other kind
  return BoundCopy{arena.address() + copy.target(),
                   copy.zero() ? 0 : arena.address() + copy.source(), copy.bytes()};
}

Result<void> CudaExecutor::start(const BoundStep &step, Last &last, bool isTimed) const {
  if (const auto *launch = std::get_if<cuda::Launch>(&step)) {
    if (launch->isEmpty())
      return {};
    bool behindKernel = last == Last::Kernel;
    last = Last::Kernel;
    return (*launch)(behindKernel);
  }
  if (const auto *product = std::get_if<cuda::Product>(&step)) {
    last = Last::Kernel;
    return (*product)();
  }
  // The event on the stream comes behind the end of a kernel, which another one may still follow.
  if (const auto *exchange = std::get_if<BoundExchange>(&step))
    return start(*exchange, isTimed);
  if (const auto *wait = std::get_if<BoundWait>(&step)) {
    last = Last::Other;
    return exchanges.at(wait->number).behind.holdBack(gpu.stream());
  }
  const auto &copy = std::get<BoundCopy>(step);
  if (copy.bytes == 0)
    return {};
  last = Last::Other;
  if (copy.source == 0)
    return gpu.driver().memset(copy.target, 0, copy.bytes, gpu.stream());
  return gpu.driver().memcpyDtoD(copy.target, copy.source, copy.bytes, gpu.stream());
}

Result<void> CudaExecutor::start(const BoundExchange &exchange, bool isTimed) const {
  const ExchangeEvents &events = exchanges.at(exchange.number);
  cuda::CUstream stream = gpu.exchangeStream();
  return events.before.record()
      .and_then([&] { return events.before.holdBack(stream); })
      .and_then([&] { return isTimed ? events.begin->record(stream) : Result<void>(); })
      .and_then([&] {
        return devices.along.front()->together([&]() -> Result<void> {
          for (const BoundCollective &collective : exchange.collectives)
            if (auto started = start(collective); !started)
              return started;
          return {};
        });
      })
      .and_then([&] { return isTimed ? events.end->record(stream) : Result<void>(); })
      .and_then([&] { return events.behind.record(stream); });
}

Result<void> CudaExecutor::start(const BoundCollective &one) const {
  using program::CollectiveKind;
  const uint64_t elements = one.source->elements();
  const program::DType dtype = one.source->dtype();
  for (int64_t run = 0; run < one.source->runs(); ++run) {
    const uint64_t part = run * one.bytes, all = part * one.along->size();
    Result<void> started;
    switch (one.source->kind()) {
    case CollectiveKind::AllGather:
      started = one.along->allGather(one.from + part, one.to + all, elements, dtype);
      break;
    case CollectiveKind::AllSlice:
      started = gpu.driver().memcpyDtoD(
          reinterpret_cast<cuda::CUdeviceptr>(one.to + part),
          reinterpret_cast<cuda::CUdeviceptr>(one.from + all + one.along->rank() * one.bytes),
          one.bytes, gpu.exchangeStream());
      break;
    case CollectiveKind::ReduceScatter:
      started =
          one.along->reduceScatter(one.from + all, one.to + part, elements, dtype, Reduction::Sum);
      break;
    case CollectiveKind::AllToAll:
      started = one.along->allToAll(one.from + all, one.to + all, elements, dtype);
      break;
    case CollectiveKind::AllReduce:
      started = one.along->allReduce(one.from, one.to, elements, dtype, Reduction::Sum);
      break;
    case CollectiveKind::AllMax:
      started = one.along->allReduce(one.from, one.to, elements, dtype, Reduction::Max);
      break;
    }
    if (!started)
      return started;
  }
  return {};
}

Result<void> CudaExecutor::startOneByOne(const BoundEntry &entry, bool recordsEach) const {
  Last last = Last::Other;
  for (uint32_t k = 0; k < entry.steps.size(); ++k) {
    std::optional<StepRange> range;
    if (recordsEach)
      range.emplace(source, *entry.source->steps()->Get(k));
    auto started = start(entry.steps[k], last, recordsEach);
    if (started && recordsEach) {
      started = events[k + 1].record();
      last = Last::Other;
    }
    if (!started)
      return started;
  }
  return {};
}

Result<const CudaExecutor::BoundEntry *> CudaExecutor::bound(uint32_t entry) const {
  if (entries[entry])
    return &*entries[entry];
  return fail(fmt::format("entry '{}' is none of those that the program was opened for",
                          printable(source.entries()->Get(entry)->name()->string_view())));
}

Result<void> CudaExecutor::start(uint32_t entry) {
  return bound(entry).and_then([](const BoundEntry *found) { return found->graph->launch(); });
}

Result<void> CudaExecutor::prepareClock() {
  if (!events.empty())
    return {};
  auto fill = cuda::Memory::create(gpu, 2 * uint64_t(gpu.cacheBytes()));
  if (!fill)
    return forward(fill);
  cacheFill = std::move(*fill);
  size_t most = 1;
  for (const std::optional<BoundEntry> &entry : entries)
    most = std::max(most, entry ? entry->steps.size() : 0);
  for (auto &[number, ofExchange] : exchanges)
    for (std::optional<cuda::Event> *each : {&ofExchange.begin, &ofExchange.end}) {
      auto event = cuda::Event::create(gpu);
      if (!event)
        return forward(event);
      *each = std::move(*event);
    }
  while (events.size() <= most) {
    auto event = cuda::Event::create(gpu);
    if (!event)
      return forward(event);
    events.push_back(std::move(*event));
  }
  return {};
}

Result<double> CudaExecutor::time(uint32_t index, std::vector<double> *steps) {
  Result<const BoundEntry *> found = bound(index);
  if (!found)
    return forward(found);
  if (auto prepared = prepareClock(); !prepared)
    return forward(prepared);
  const BoundEntry &entry = **found;
  // While the cache is filled the steps are put on the stream, so that no launch is waited for.
  Result<void> started;
  if (cacheFill.size() > 0)
    started = gpu.driver().memset(cacheFill.address(), 0, cacheFill.size(), gpu.stream());
  if (started)
    started = events[0].record();
  if (started && steps)
    started = startOneByOne(entry, true);
  else if (started)
    started = submit(index).and_then([&] { return events[1].record(); });
  if (started)
    started = finish();
  if (!started)
    return forward(started);
  if (!steps)
    return events[1].secondsSince(events[0]);
  steps->clear();
  double sum = 0;
  for (size_t k = 0; k < entry.steps.size(); ++k) {
    auto seconds = events[k + 1].secondsSince(events[k]);
    if (!seconds)
      return seconds;
    sum += *seconds;
    if (const auto *exchange = std::get_if<BoundExchange>(&entry.steps[k])) {
      const ExchangeEvents &own = exchanges.at(exchange->number);
      seconds = own.end->secondsSince(*own.begin);
      if (!seconds)
        return seconds;
    }
    steps->push_back(*seconds);
  }
  return sum;
}

Result<void> CudaExecutor::write(const program::Tensor &tensor, std::span<const std::byte> data) {
  return staging->write(arena.address() + tensor.offset(), data);
}

Result<void> CudaExecutor::read(const program::Tensor &tensor, std::span<std::byte> data) {
  if (data.empty())
    return {};
  return gpu.driver()
      .memcpyDtoH(data.data(), arena.address() + tensor.offset(), data.size(), gpu.stream())
      .and_then([&] { return finish(); });
}

Result<void> CudaExecutor::gather(uint32_t axis, std::span<const std::byte> part,
                                  std::span<std::byte> all) {
  Communicator &along = *devices.along[axis];
  const uint64_t most = parts.size() / along.size();
  auto *memory = reinterpret_cast<std::byte *>(parts.address());
  for (uint64_t first = 0; first < part.size(); first += most) {
    const uint64_t size = std::min(most, part.size() - first);
    const cuda::CUdeviceptr own = parts.address() + along.rank() * size;
    auto gathered =
        gpu.driver()
            .memcpyHtoD(own, part.data() + first, size, gpu.stream())
            .and_then([&] { return gpu.synchronize(); })
            .and_then([&] {
              return along.allGather(memory + along.rank() * size, memory, size,
                                     program::DType::U8);
            })
            .and_then([&] { return gpu.driver().streamSynchronize(gpu.exchangeStream()); });
    for (int place = 0; gathered && place < along.size(); ++place)
      gathered = gpu.driver().memcpyDtoH(all.data() + place * part.size() + first,
                                         parts.address() + place * size, size, gpu.stream());
    if (gathered)
      gathered = finish();
    if (!gathered)
      return gathered;
  }
  return {};
}

} // namespace stc::runtime
