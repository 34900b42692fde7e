//===- Ceilings.h - what a GPU comes to at best --------------------------------------===//
#pragma once

#include "runtime/Device/Ceilings.h"
#include "runtime/Device/Cuda/Event.h"
#include "runtime/Device/Cuda/Product.h"

#include <memory>
#include <optional>

namespace stc::runtime::cuda {

/// Times are by events on the device's stream.
class GpuCeilings final : public Ceilings {
public:
  /// The device must outlive it. Errors (Machine): there is no cuBLASLt, or not the memory.
  static Result<std::unique_ptr<GpuCeilings>>
  create(const Device &device, program::DType dtype,
         const std::vector<std::string> &libraries = cublasLtLibraries);

  Result<Rates> measure() override;
  int64_t productSize() const override { return size; }
  uint64_t copyBytes() const override { return memory.size(); }
  uint64_t residentBytes() const override { return 0; }

private:
  GpuCeilings(const Device &device, int64_t size) : device(device), size(size) {}
  Result<void> fillRandomly(program::DType dtype);

  const Device &device;
  int64_t size;
  /// Half of it is copied to the other half; before that the product's matrices lie in it.
  Memory memory;
  std::unique_ptr<Products> products;
  std::optional<Product> product;
  std::vector<Event> events;
};

} // namespace stc::runtime::cuda
