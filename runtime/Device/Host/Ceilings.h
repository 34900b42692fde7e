//===- Ceilings.h - what this CPU comes to at best -----------------------------------===//
#pragma once

#include "runtime/Device/Ceilings.h"
#include "runtime/Device/Host/Arena.h"
#include "runtime/Device/Host/LargeProduct.h"

#include <memory>

namespace stc::runtime {

/// On all threads of a pool, which must outlive it.
class HostCeilings final : public Ceilings {
public:
  /// Error (Machine): there is no memory for the copy.
  static Result<std::unique_ptr<HostCeilings>> create(ThreadPool &pool, program::DType dtype);

  /// None fails.
  Result<Rates> measure() override;
  int64_t productSize() const override { return LargeProduct::size; }
  uint64_t copyBytes() const override { return 2 * source.size(); }
  uint64_t residentBytes() const override {
    return source.size() + target.size() + product.bytes();
  }

private:
  HostCeilings(ThreadPool &pool, program::DType dtype)
      : pool(pool), product(pool, dtype == program::DType::F64) {}

  ThreadPool &pool;
  LargeProduct product;
  Arena source, target;
};

} // namespace stc::runtime
