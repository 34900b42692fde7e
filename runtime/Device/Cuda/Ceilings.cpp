//===- Ceilings.cpp - what a GPU comes to at best ------------------------------------===//
#include "runtime/Device/Cuda/Ceilings.h"
#include "runtime/Program/NarrowFloat.h"
#include "runtime/Support/Philox.h"

#include <algorithm>
#include <cstring>

namespace stc::runtime::cuda {

using program::DType;

namespace {

constexpr uint64_t memoryBytes = 512 << 20;

// Large enough for all of a GPU, and done in milliseconds.
int64_t sizeOf(DType dtype) { return isNarrow(dtype) ? 8192 : 4096; }

uint64_t bytesOf(DType dtype) { return isNarrow(dtype) ? 2 : dtype == DType::F64 ? 8 : 4; }

/// Some numbers from -1 to 1: zeros would take less power, and so less time. They are no whole
/// number of rows.
std::vector<std::byte> someNumbers(DType dtype) {
  constexpr uint32_t count = 65521;
  std::vector<std::byte> data(count * bytesOf(dtype));
  for (uint32_t k = 0; k < count; ++k) {
    double value = 2 * uniform(philox({k, 0, 0, 0}, 0)[0], philox({k, 1, 0, 0}, 0)[0]) - 1;
    auto real = static_cast<float>(value);
    uint16_t narrowed = isNarrow(dtype) ? narrow(dtype, real) : 0;
    const void *element = isNarrow(dtype)       ? static_cast<const void *>(&narrowed)
                          : dtype == DType::F64 ? static_cast<const void *>(&value)
                                                : &real;
    std::memcpy(data.data() + k * bytesOf(dtype), element, bytesOf(dtype));
  }
  return data;
}

/// A product of square matrices that lie one behind the other.
const program::Gemm *squareProduct(flatbuffers::FlatBufferBuilder &builder, DType dtype,
                                   int64_t size) {
  const uint64_t bytes = bytesOf(dtype) * size * size;
  program::Matrix a(0, size, 0), b(bytes, size, 0), c(2 * bytes, size, 0);
  builder.Finish(program::CreateGemm(builder, dtype, size, size, size, /*batch=*/1, false, false,
                                     /*accumulate=*/false, &a, &b, &c));
  return flatbuffers::GetRoot<program::Gemm>(builder.GetBufferPointer());
}

} // namespace

Result<void> GpuCeilings::fillRandomly(DType dtype) {
  std::vector<std::byte> numbers = someNumbers(dtype);
  Result<void> filled =
      device.driver().memcpyHtoD(memory.address(), numbers.data(), numbers.size(), device.stream());
  for (uint64_t done = numbers.size(); done < memory.size() && filled;) {
    uint64_t next = std::min(done, memory.size() - done);
    filled = device.driver().memcpyDtoD(memory.address() + done, memory.address(), next,
                                        device.stream());
    done += next;
  }
  return filled.and_then([&] { return device.synchronize(); });
}

Result<std::unique_ptr<GpuCeilings>>
GpuCeilings::create(const Device &device, DType dtype, const std::vector<std::string> &libraries) {
  std::unique_ptr<GpuCeilings> ceilings(new GpuCeilings(device, sizeOf(dtype)));
  auto memory = Memory::create(device, memoryBytes);
  if (!memory)
    return forward(memory);
  ceilings->memory = std::move(*memory);
  if (auto filled = ceilings->fillRandomly(dtype); !filled)
    return forward(filled);
  auto products = Products::create(device, /*deterministic=*/false, libraries);
  if (!products)
    return forward(products);
  ceilings->products = std::move(*products);
  flatbuffers::FlatBufferBuilder builder;
  auto product = ceilings->products->bind(*squareProduct(builder, dtype, ceilings->size),
                                          ceilings->memory.address());
  if (!product)
    return forward(product);
  ceilings->product = std::move(*product);
  for (int k = 0; k < 3; ++k) {
    auto event = Event::create(device);
    if (!event)
      return forward(event);
    ceilings->events.push_back(std::move(*event));
  }
  return ceilings;
}

Result<Rates> GpuCeilings::measure() {
  const uint64_t half = memory.size() / 2;
  auto done = events[0]
                  .record()
                  .and_then([&] { return (*product)(); })
                  .and_then([&] { return events[1].record(); })
                  .and_then([&] {
                    return device.driver().memcpyDtoD(memory.address() + half, memory.address(),
                                                      half, device.stream());
                  })
                  .and_then([&] { return events[2].record(); })
                  .and_then([&] { return device.synchronize(); });
  if (!done)
    return forward(done);
  auto multiplied = events[1].secondsSince(events[0]), copied = events[2].secondsSince(events[1]);
  if (!multiplied || !copied)
    return forward(multiplied ? copied : multiplied);
  return Rates{product->flops() / *multiplied, double(copyBytes()) / *copied};
}

} // namespace stc::runtime::cuda
