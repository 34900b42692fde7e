//===- Device.cpp - a GPU and its memory --------------------------------------------===//
#include "runtime/Device/Cuda/Device.h"
#include "runtime/Support/Units.h"

#include <algorithm>
#include <fmt/format.h>

namespace stc::runtime::cuda {

Result<std::unique_ptr<Device>> Device::open(const std::string &library, int process) {
  auto driver = Driver::open(library);
  if (!driver)
    return forward(driver);
  std::unique_ptr<Device> device(new Device);
  device->functions = std::move(*driver);
  const Driver &d = *device->functions;
  int count = 0, leastPriority = 0, greatestPriority = 0;
  char name[256] = {};
  CUuuid uuid = {};
  auto attribute = [&](int &value, CUdevice_attribute which) {
    return d.deviceGetAttribute(&value, which, device->number);
  };
  auto found = d.init(0).and_then([&] { return d.deviceGetCount(&count); });
  if (!found)
    return forward(found);
  if (count == 0)
    return fail("expected a GPU that the CUDA driver knows, found none", ErrorKind::Machine);
  auto opened =
      d.deviceGet(&device->number, process % count)
          .and_then([&] { return d.deviceGetName(name, sizeof(name) - 1, device->number); })
          .and_then([&] { return d.deviceGetUuid(&uuid, device->number); })
          .and_then([&] {
            return attribute(device->major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
          })
          .and_then([&] {
            return attribute(device->minor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
          })
          .and_then([&] {
            return attribute(device->processors, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
          })
          .and_then([&] { return attribute(device->cache, CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE); })
          .and_then([&] { return d.primaryCtxRetain(&device->context, device->number); })
          .and_then([&] { return d.ctxSetCurrent(device->context); })
          .and_then([&] { return d.streamCreate(&device->work, CU_STREAM_NON_BLOCKING); })
          .and_then([&] { return d.streamPriorityRange(&leastPriority, &greatestPriority); })
          .and_then([&] {
            return d.streamCreateWithPriority(&device->exchange, CU_STREAM_NON_BLOCKING,
                                              greatestPriority);
          });
  if (!opened)
    return forward(opened);
  device->label = name;
  for (unsigned char byte : uuid.bytes)
    device->uuid += fmt::format("{:02x}", byte);
  return device;
}

Result<std::unique_ptr<Device>> Device::openBeside(int number, const std::string &library) {
  auto driver = Driver::open(library);
  if (!driver)
    return forward(driver);
  int count = 0;
  CUcontext before = nullptr;
  auto asked =
      (*driver)->init(0).and_then([&] { return (*driver)->deviceGetCount(&count); }).and_then([&] {
        return (*driver)->ctxGetCurrent(&before);
      });
  if (!asked)
    return forward(asked);
  if (number < 0 || number >= count)
    return fail(fmt::format("expected one of {} GPUs that the driver shows, found number {}", count,
                            number),
                ErrorKind::Machine);
  auto device = open(library, number);
  if (auto left = (*driver)->ctxSetCurrent(before); device && !left)
    return forward(left);
  return device;
}

Device::~Device() {
  for (CUstream stream : {work, exchange})
    if (stream)
      (void)functions->streamDestroy(stream);
  if (context)
    (void)functions->primaryCtxRelease(number);
}

Result<Device::MemoryState> Device::memory() const {
  MemoryState state;
  auto got = functions->memGetInfo(&state.free, &state.total);
  return got ? Result<MemoryState>(state) : forward(got);
}

Result<Memory> Memory::create(const Device &device, uint64_t bytes) {
  Memory memory;
  if (bytes == 0)
    return memory;
  const Driver &driver = device.driver();
  if (auto allocated = driver.memAlloc(&memory.start, bytes); !allocated) {
    auto state = device.memory().value_or(Device::MemoryState());
    return fail(fmt::format("cannot reserve {} on the GPU, which has {} of {} left: {}",
                            formatBytes(bytes), formatBytes(state.free), formatBytes(state.total),
                            allocated.error().message),
                ErrorKind::Machine);
  }
  memory.device = &device;
  memory.bytes = bytes;
  if (auto zeroed = driver.memset(memory.start, 0, bytes, device.stream()); !zeroed)
    return forward(zeroed);
  return memory;
}

Memory &Memory::operator=(Memory &&other) noexcept {
  std::swap(device, other.device);
  std::swap(start, other.start);
  std::swap(bytes, other.bytes);
  return *this;
}

Memory::~Memory() {
  if (device)
    (void)device->driver().memFree(start);
}

} // namespace stc::runtime::cuda
