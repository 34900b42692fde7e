//===- Executor.cpp - runs the entries of a program on a GPU -------------------------===//
#include "runtime/Device/Cuda/Executor.h"
#include "runtime/Program/ProgramFile.h"
#include "runtime/Program/Tensor.h"
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
} // namespace

Result<std::unique_ptr<CudaExecutor>> CudaExecutor::create(const program::Program &program,
                                                           const cuda::Device &device) {
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
  std::unique_ptr<CudaExecutor> executor(new CudaExecutor(program, device));
  auto arena = cuda::Memory::create(device, program.arena_bytes());
  if (!arena)
    return forward(arena);
  executor->arena = std::move(*arena);
  for (const program::Kernel *source : *program.kernels()) {
    auto kernel = cuda::Kernel::load(device, *source);
    if (!kernel)
      return forward(kernel);
    executor->kernels.push_back(std::move(*kernel));
  }
  for (const program::Entry *entry : *program.entries()) {
    std::vector<BoundStep> &steps = executor->entries.emplace_back();
    for (const program::Step *step : *entry->steps()) {
      auto bound = executor->bind(*step);
      if (!bound)
        return fail(fmt::format("entry '{}': {}", printable(entry->name()->string_view()),
                                bound.error().message),
                    bound.error().kind);
      steps.push_back(std::move(*bound));
    }
  }
  return executor;
}

CudaExecutor::~CudaExecutor() {
  for (cuda::CUevent event : events)
    (void)device.driver().eventDestroy(event);
}

Result<CudaExecutor::BoundStep> CudaExecutor::bind(const program::Step &step) const {
  if (const program::Launch *launch = step.action_as_Launch()) {
    auto bound = cuda::Launch::bind(kernels[launch->kernel()], *launch, arena.address());
    if (!bound)
      return forward(bound);
    return BoundLaunch{launch->kernel(), std::move(*bound)};
  }
  const program::Copy &copy = *step.action_as_Copy(); // a checked program has no third kind here
  return BoundCopy{arena.address() + copy.target(),
                   copy.zero() ? 0 : arena.address() + copy.source(), copy.bytes()};
}

Result<void> CudaExecutor::start(const BoundStep &step) const {
  if (const auto *launch = std::get_if<BoundLaunch>(&step))
    return launch->launch();
  const auto &copy = std::get<BoundCopy>(step);
  if (copy.bytes == 0)
    return {};
  if (copy.source == 0)
    return device.driver().memset(copy.target, 0, copy.bytes, device.stream());
  return device.driver().memcpyDtoD(copy.target, copy.source, copy.bytes, device.stream());
}

Result<void> CudaExecutor::run(uint32_t entry) {
  for (const BoundStep &step : entries[entry])
    if (auto started = start(step); !started)
      return started;
  return device.synchronize();
}

Result<void> CudaExecutor::prepareClock() {
  if (!events.empty())
    return {};
  auto fill = cuda::Memory::create(device, 2 * uint64_t(device.cacheBytes()));
  if (!fill)
    return forward(fill);
  cacheFill = std::move(*fill);
  size_t most = 1;
  for (const auto &steps : entries)
    most = std::max(most, steps.size());
  while (events.size() <= most) {
    cuda::CUevent event;
    if (auto made = device.driver().eventCreate(&event, cuda::CU_EVENT_DEFAULT); !made)
      return made;
    events.push_back(event);
  }
  return {};
}

Result<double> CudaExecutor::secondsBetween(size_t first, size_t last) const {
  float milliseconds = 0;
  auto elapsed = device.driver().eventElapsedTime(&milliseconds, events[first], events[last]);
  if (!elapsed)
    return forward(elapsed);
  return milliseconds * 1e-3;
}

Result<double> CudaExecutor::time(uint32_t entry, Profile *profile) {
  if (auto prepared = prepareClock(); !prepared)
    return forward(prepared);
  const cuda::Driver &driver = device.driver();
  const std::vector<BoundStep> &steps = entries[entry];
  auto record = [&](size_t event) { return driver.eventRecord(events[event], device.stream()); };
  // While the cache is filled the steps are put on the stream, so that no launch is waited for.
  Result<void> started;
  if (cacheFill.size() > 0)
    started = driver.memset(cacheFill.address(), 0, cacheFill.size(), device.stream());
  if (started)
    started = record(0);
  for (size_t k = 0; k < steps.size() && started; ++k) {
    started = start(steps[k]);
    if (started && profile)
      started = record(k + 1);
  }
  size_t last = profile ? steps.size() : 1;
  if (started && !profile)
    started = record(last);
  if (started)
    started = device.synchronize();
  if (!started)
    return forward(started);
  if (!profile)
    return secondsBetween(0, last);
  profile->kernels.resize(source.kernels()->size());
  for (size_t k = 0; k < steps.size(); ++k) {
    auto seconds = secondsBetween(k, k + 1);
    if (!seconds)
      return seconds;
    const auto *launch = std::get_if<BoundLaunch>(&steps[k]);
    (launch ? profile->kernels[launch->kernel] : profile->copy) += *seconds;
  }
  return secondsBetween(0, last);
}

Result<void> CudaExecutor::write(const program::Tensor &tensor, std::span<const std::byte> data) {
  if (data.empty())
    return {};
  auto copied = device.driver().memcpyHtoD(arena.address() + tensor.offset(), data.data(),
                                           data.size(), device.stream());
  return copied ? device.synchronize() : copied;
}

Result<std::vector<std::byte>> CudaExecutor::read(const program::Tensor &tensor) {
  std::vector<std::byte> data(bytes(tensor));
  if (data.empty())
    return data;
  auto copied = device.driver().memcpyDtoH(data.data(), arena.address() + tensor.offset(),
                                           data.size(), device.stream());
  if (copied)
    copied = device.synchronize();
  if (!copied)
    return forward(copied);
  return data;
}

} // namespace stc::runtime
