//===- Executor.cpp - runs the entries of a program on a GPU -------------------------===//
#include "runtime/Device/Cuda/Executor.h"
#include "runtime/Device/StepRange.h"
#include "runtime/Program/ProgramFile.h"
#include "runtime/Support/File.h"

#include <algorithm>
#include <fmt/format.h>

namespace stc::runtime {

namespace {
/// The compute capability that a target's code is for: PTX for sm_80 runs on later GPUs as well,
/// the instructions of sm_90a are those of no other GPU, older or newer.
struct GpuTarget {
  std::string_view name;
  std::pair<int, int> capability;
  bool later;
};
constexpr GpuTarget gpuTargets[] = {{ampereTarget, {8, 0}, true}, {hopperTarget, {9, 0}, false}};

bool hasProducts(const program::Program &program) {
  return std::ranges::any_of(*program.entries(), [](const program::Entry *entry) {
    return std::ranges::any_of(*entry->steps(), [](const program::Step *step) {
      return step->action_as_Gemm() != nullptr;
    });
  });
}
} // namespace

Result<std::unique_ptr<CudaExecutor>>
CudaExecutor::create(const program::Program &program, const cuda::Device &device,
                     const std::vector<std::string> &productLibraries) {
  const auto *target =
      std::ranges::find(gpuTargets, program.target()->string_view(), &GpuTarget::name);
  if (target == std::end(gpuTargets))
    return fail(fmt::format("this program was compiled for target '{}'; expected '{}' or '{}'",
                            printable(program.target()->string_view()), ampereTarget, hopperTarget),
                ErrorKind::Machine);
  auto found = device.capability(), expected = target->capability;
  if (target->later ? found < expected : found != expected)
    return fail(fmt::format("this program was compiled for {}: expected a GPU of compute "
                            "capability {}.{}{}, found {}.{} ({})",
                            target->name, expected.first, expected.second,
                            target->later ? " or later" : "", found.first, found.second,
                            device.name()),
                ErrorKind::Machine);
  if (auto checked = checkDevices(program, {}); !checked)
    return forward(checked);
  std::unique_ptr<CudaExecutor> executor(new CudaExecutor(program, device));
  if (auto prepared = executor->prepare(productLibraries); !prepared)
    return forward(prepared);
  return executor;
}

CudaExecutor::~CudaExecutor() { (void)wait(); }

uint64_t CudaExecutor::memoryNeed(const program::Program &program) {
  return program.arena_bytes() + (hasProducts(program) ? cuda::Products::workspaceBytes : 0);
}

Result<void> CudaExecutor::prepare(const std::vector<std::string> &productLibraries) {
  auto memory = cuda::Memory::create(gpu, source.arena_bytes());
  if (!memory)
    return forward(memory);
  arena = std::move(*memory);
  auto pieces = cuda::Staging::create(gpu);
  if (!pieces)
    return forward(pieces);
  staging = std::move(*pieces);
  if (hasProducts(source)) {
    auto created = cuda::Products::create(gpu, source.deterministic(), productLibraries);
    if (!created)
      return forward(created);
    products = std::move(*created);
  }
  for (const program::Kernel *kernel : *source.kernels()) {
    auto loaded = cuda::Kernel::load(gpu, *kernel);
    if (!loaded)
      return forward(loaded);
    kernels.push_back(std::move(*loaded));
  }
  for (const program::Entry *entry : *source.entries()) {
    auto bound = bind(*entry);
    if (!bound)
      return fail(fmt::format("entry '{}': {}", printable(entry->name()->string_view()),
                              bound.error().message),
                  bound.error().kind);
    entries.push_back(std::move(*bound));
  }
  return {};
}

Result<CudaExecutor::BoundEntry> CudaExecutor::bind(const program::Entry &entry) const {
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

Result<CudaExecutor::BoundStep> CudaExecutor::bind(const program::Step &step) const {
  if (const program::Launch *launch = step.action_as_Launch()) {
    auto bound = cuda::Launch::bind(kernels[launch->kernel()], *launch, arena.address());
    if (!bound)
      return forward(bound);
    return std::move(*bound);
  }
  if (const program::Batch *batch = step.action_as_Batch()) {
    uint32_t kernel = batch->launches()->Get(0)->kernel();
    auto bound = cuda::Launch::bind(kernels[kernel], *batch, arena.address());
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
  const program::Copy &copy =
      *step.action_as_Copy(); // a checked program for one GPU has no other kind
  return BoundCopy{arena.address() + copy.target(),
                   copy.zero() ? 0 : arena.address() + copy.source(), copy.bytes()};
}

Result<void> CudaExecutor::start(const BoundStep &step, Last &last) const {
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
  const auto &copy = std::get<BoundCopy>(step);
  if (copy.bytes == 0)
    return {};
  last = Last::Other;
  if (copy.source == 0)
    return gpu.driver().memset(copy.target, 0, copy.bytes, gpu.stream());
  return gpu.driver().memcpyDtoD(copy.target, copy.source, copy.bytes, gpu.stream());
}

Result<void> CudaExecutor::startOneByOne(const BoundEntry &entry, bool recordsEach) const {
  Last last = Last::Other;
  for (uint32_t k = 0; k < entry.steps.size(); ++k) {
    std::optional<StepRange> range;
    if (recordsEach)
      range.emplace(source, *entry.source->steps()->Get(k));
    auto started = start(entry.steps[k], last);
    if (started && recordsEach) {
      started = events[k + 1].record();
      last = Last::Other;
    }
    if (!started)
      return started;
  }
  return {};
}

Result<void> CudaExecutor::submit(uint32_t entry) { return entries[entry].graph->launch(); }

Result<void> CudaExecutor::prepareClock() {
  if (!events.empty())
    return {};
  auto fill = cuda::Memory::create(gpu, 2 * uint64_t(gpu.cacheBytes()));
  if (!fill)
    return forward(fill);
  cacheFill = std::move(*fill);
  size_t most = 1;
  for (const BoundEntry &entry : entries)
    most = std::max(most, entry.steps.size());
  while (events.size() <= most) {
    auto event = cuda::Event::create(gpu);
    if (!event)
      return forward(event);
    events.push_back(std::move(*event));
  }
  return {};
}

Result<double> CudaExecutor::time(uint32_t index, std::vector<double> *steps) {
  if (auto prepared = prepareClock(); !prepared)
    return forward(prepared);
  const BoundEntry &entry = entries[index];
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
    started = wait();
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
      .and_then([&] { return wait(); });
}

Result<void> CudaExecutor::gather(uint32_t, std::span<const std::byte>, std::span<std::byte>) {
  return fail("expected a program for one GPU, found one for several");
}

} // namespace stc::runtime
