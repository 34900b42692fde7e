//===- Kernel.cpp - kernels of a program on a GPU ------------------------------------===//
#include "runtime/Device/Cuda/Kernel.h"
#include "runtime/Program/Expression.h"
#include "runtime/Program/ProgramFile.h"
#include "runtime/Support/File.h"

#include <algorithm>
#include <fmt/format.h>
#include <limits>

namespace stc::runtime::cuda {

namespace {

/// The compute capability that a target's code is for: PTX for sm_80 runs on later GPUs as well,
/// the instructions of sm_90a are those of no other GPU, older or newer.
struct GpuTarget {
  std::string_view name;
  std::pair<int, int> capability;
  bool later;
};
constexpr GpuTarget gpuTargets[] = {{ampereTarget, {8, 0}, true}, {hopperTarget, {9, 0}, false}};

// The first lines of what the driver's compiler says, as one.
std::string oneLine(std::string log) {
  log = log.c_str(); // up to the end of what was written
  while (!log.empty() && log.back() == '\n')
    log.pop_back();
  for (size_t at; (at = log.find('\n')) != log.npos;)
    log.replace(at, 1, "; ");
  return printableStart(std::as_bytes(std::span(log)), 1000);
}

tl::unexpected<Error> ofKernel(const program::Kernel &kernel, const Error &error) {
  return fail(
      fmt::format("kernel '{}': {}", printable(kernel.symbol()->string_view()), error.message),
      error.kind);
}

CUtensorMapDataType typeOf(program::DType dtype) {
  switch (dtype) {
  case program::DType::BF16:
    return CU_TENSOR_MAP_DATA_TYPE_BFLOAT16;
  case program::DType::F16:
    return CU_TENSOR_MAP_DATA_TYPE_FLOAT16;
  default: // no other passes checkProgram
    return CU_TENSOR_MAP_DATA_TYPE_FLOAT32;
  }
}

/// What a map has as its offset, its sizes and its strides, for the sizes of a launch.
Result<std::vector<uint64_t>> numbersOf(const program::TensorMap &map,
                                        std::span<const int64_t> sizes) {
  std::vector<uint64_t> numbers;
  if (!map.dynamic()) {
    numbers.push_back(map.offset());
    numbers.insert(numbers.end(), map.sizes()->begin(), map.sizes()->end());
    numbers.insert(numbers.end(), map.strides()->begin(), map.strides()->end());
    return numbers;
  }
  for (const program::Expression *expression : *map.dynamic()) {
    auto number = evaluate(*expression, sizes);
    if (!number)
      return forward(number);
    numbers.push_back(static_cast<uint64_t>(*number));
  }
  return numbers;
}

Result<CUtensorMap> encode(const Driver &driver, const program::TensorMap &map, CUdeviceptr buffer,
                           std::span<const int64_t> ofLaunch) {
  CUtensorMap encoded;
  auto numbers = numbersOf(map, ofLaunch);
  if (!numbers)
    return forward(numbers);
  const std::span sizes = std::span(*numbers).subspan(1, map.sizes()->size());
  const std::span strides = std::span(*numbers).subspan(1 + sizes.size());
  std::vector<uint32_t> box(map.box()->begin(), map.box()->end()), steps(box.size(), 1);
  auto swizzle = map.swizzle() == 128 ? CU_TENSOR_MAP_SWIZZLE_128B : CU_TENSOR_MAP_SWIZZLE_64B;
  auto made = driver.tensorMapEncodeTiled(
      &encoded, typeOf(map.dtype()), static_cast<uint32_t>(sizes.size()),
      reinterpret_cast<void *>(buffer + numbers->front()), sizes.data(), strides.data(), box.data(),
      steps.data(), CU_TENSOR_MAP_INTERLEAVE_NONE, swizzle, CU_TENSOR_MAP_L2_PROMOTION_L2_128B,
      CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  if (!made)
    return forward(made);
  return encoded;
}

} // namespace

Result<void> checkTarget(const program::Program &program, const Device &device) {
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
  return {};
}

Result<Kernel> Kernel::load(const Device &device, const program::Kernel &source) {
  Kernel kernel(device, source);
  if (auto loaded = kernel.load(); !loaded)
    return ofKernel(source, loaded.error());
  return kernel;
}

Result<void> Kernel::load() {
  const Driver &driver = device->driver();
  const program::Grid &grid = *source->grid();
  // PTX is a text that ends with a zero, a cubin has to be aligned: a copy is both.
  std::string image(grid.image()->begin(), grid.image()->end()), log(4096, '\0');
  CUjit_option options[] = {CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
  void *values[] = {log.data(), reinterpret_cast<void *>(log.size())};
  CUmodule raw = nullptr;
  if (auto loaded = driver.moduleLoad(&raw, image.c_str(), 2, options, values); !loaded) {
    std::string said = oneLine(log);
    return fail(loaded.error().message + (said.empty() ? "" : ": " + said), loaded.error().kind);
  }
  module = {raw, Unloader{&driver}};
  auto shared = static_cast<int>(grid.shared_bytes());
  int blocks = 0, together = 0; // of a multiprocessor, of a cluster
  auto prepared = driver.moduleGetFunction(&function, raw, source->symbol()->c_str())
                      .and_then([&] {
                        return driver.funcSetAttribute(
                            function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, shared);
                      })
                      .and_then([&] { return grid.early() ? shareMemory() : Result<void>(); })
                      .and_then([&] {
                        return driver.maxActiveBlocks(&blocks, function,
                                                      static_cast<int>(grid.threads()), shared);
                      })
                      .and_then([&] {
                        return driver.funcGetAttribute(
                            &together, CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_WIDTH, function);
                      });
  if (!prepared)
    return prepared;
  if (blocks == 0)
    return fail(fmt::format("a block of {} threads and {} bytes of shared memory does not fit on "
                            "this GPU",
                            grid.threads(), shared),
                ErrorKind::Machine);
  residentBlocks = static_cast<unsigned>(blocks * device->multiprocessors());
  clusterBlocks = static_cast<unsigned>(std::max(together, 1));
  return {};
}

// Blocks of one kernel find room beside those of another only where both leave a multiprocessor's
// memory divided in the same way; the driver would divide it for each kernel by itself. Measured on
// an H100: steps of sampling have room enough in these 100 KiB.
Result<void> Kernel::shareMemory() {
  constexpr int percent = 40;
  return device->driver().funcSetAttribute(
      function, CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT, percent);
}

unsigned Kernel::blocksFor(uint64_t items) const {
  uint64_t clusters = std::min<uint64_t>(items, std::max(residentBlocks / clusterBlocks, 1u));
  return static_cast<unsigned>(clusters) * clusterBlocks;
}

Result<Launch> Launch::bind(const Kernel &kernel, const program::Launch &launch,
                            CUdeviceptr arena) {
  std::vector<CUdeviceptr> buffers;
  for (uint64_t offset : *launch.buffers())
    buffers.push_back(arena + offset);
  return bind(kernel, buffers, launch.items(),
              std::span(launch.sizes()->data(), launch.sizes()->size()));
}

Result<Launch> Launch::bind(const Kernel &kernel, const program::Launch &launch,
                            std::span<const CUdeviceptr> buffers, std::span<const int64_t> sizes) {
  constexpr int64_t most = std::numeric_limits<int32_t>::max();
  auto items = evaluate(*launch.dynamic_items(), sizes);
  if (items && (*items < 0 || *items > most))
    return fail(fmt::format("expected sizes of at most 2^31 - 1 items on a GPU, found {}", *items));
  return items ? bind(kernel, buffers, static_cast<uint64_t>(*items), sizes) : forward(items);
}

Result<Launch> Launch::bind(const Kernel &kernel, std::span<const CUdeviceptr> buffers,
                            uint64_t items, std::span<const int64_t> sizes) {
  Launch bound(kernel);
  bound.blocks = kernel.blocksFor(items);
  bound.words.assign(buffers.begin(), buffers.end());
  for (const program::TensorMap *map : *kernel.source->grid()->maps()) {
    auto encoded = encode(kernel.device->driver(), *map, bound.words[map->buffer()], sizes);
    if (!encoded)
      return ofKernel(*kernel.source, encoded.error());
    bound.maps.push_back(*encoded);
  }
  for (int64_t size : sizes)
    bound.words.push_back(static_cast<uint64_t>(size));
  bound.words.push_back(items);
  if (auto checked = bound.finish(); !checked)
    return ofKernel(*kernel.source, checked.error());
  return bound;
}

Result<Launch> Launch::bind(const Kernel &kernel, const program::Batch &batch, CUdeviceptr arena) {
  Launch bound(kernel);
  std::vector<uint64_t> rows;
  uint64_t items = 0;
  for (const program::Launch *launch : *batch.launches()) {
    rows.push_back(items);
    items += launch->items();
    for (uint64_t offset : *launch->buffers())
      rows.push_back(arena + offset);
    for (int64_t size : *launch->sizes())
      rows.push_back(static_cast<uint64_t>(size));
  }
  const Device &device = *kernel.device;
  auto table = Memory::create(device, rows.size() * sizeof(uint64_t));
  if (!table)
    return forward(table);
  bound.table = std::move(*table);
  auto copied =
      device.driver()
          .memcpyHtoD(bound.table.address(), rows.data(), bound.table.size(), device.stream())
          .and_then([&] { return device.synchronize(); });
  if (!copied)
    return ofKernel(*kernel.source, copied.error());
  bound.blocks = kernel.blocksFor(items);
  bound.words = {bound.table.address(), batch.launches()->size(), items};
  bound.numbers = 2;
  if (auto checked = bound.finish(); !checked)
    return ofKernel(*kernel.source, checked.error());
  return bound;
}

// The driver reads as many parameters as the kernel has, wherever they are.
Result<void> Launch::finish() {
  for (CUtensorMap &map : maps)
    parameters.push_back(&map);
  for (uint64_t &word : words)
    parameters.push_back(&word);
  const Driver &driver = kernel->device->driver();
  size_t offset = 0, size = 0, count = parameters.size();
  bool fits = true;
  for (size_t k = 0; k < count; ++k) {
    size_t wanted = k < maps.size()       ? sizeof(CUtensorMap)
                    : k + numbers < count ? sizeof(CUdeviceptr)
                                          : sizeof(int32_t);
    fits &= driver.funcGetParamInfo(kernel->function, k, &offset, &size) && size == wanted;
  }
  if (fits && !driver.funcGetParamInfo(kernel->function, count, &offset, &size))
    return {};
  std::string expected = numbers == 1
                             ? fmt::format("{} tensor maps, {} addresses and sizes and a number of "
                                           "items",
                                           maps.size(), words.size() - 1)
                             : "a table of launches, their number and one of items";
  return fail("expected the parameters of its launch, " + expected + ", found others in its code");
}

Result<void> Launch::operator()(bool behindKernel, CUstream stream) const {
  const program::Grid &grid = *kernel->source->grid();
  CUlaunchAttribute early{CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION, {1}};
  CUlaunchConfig config{.gridDimX = blocks,
                        .gridDimY = 1,
                        .gridDimZ = 1,
                        .blockDimX = grid.threads(),
                        .blockDimY = 1,
                        .blockDimZ = 1,
                        .sharedMemBytes = grid.shared_bytes(),
                        .hStream = stream,
                        .attrs = &early,
                        .numAttrs = behindKernel && grid.early() ? 1u : 0u};
  return kernel->device->driver().launchKernel(&config, kernel->function,
                                               const_cast<void **>(parameters.data()), nullptr);
}

} // namespace stc::runtime::cuda
