//===- Indices.cpp - inputs that kernels read tables by ---------------------------------===//
#include "runtime/Program/Indices.h"

#include "runtime/Program/Tensor.h"
#include "runtime/Support/File.h"

#include <algorithm>
#include <fmt/format.h>

namespace stc::runtime {

template <class T>
static Result<void> checkBelow(const program::Tensor &tensor, std::span<const std::byte> data) {
  std::span values(reinterpret_cast<const T *>(data.data()), data.size() / sizeof(T));
  auto wrong = std::ranges::find_if(values, [&](T value) {
    return static_cast<int64_t>(value) < 0 || static_cast<int64_t>(value) >= tensor.below();
  });
  if (wrong == values.end())
    return {};
  return fail(fmt::format("expected indices of 0 to {} for input '{}', found {} as element {}",
                          tensor.below() - 1, printable(tensor.name()->string_view()), *wrong,
                          wrong - values.begin()));
}

Result<void> checkIndices(const program::Tensor &tensor, std::span<const std::byte> data) {
  if (tensor.below() == 0)
    return {};
  switch (byteSize(tensor.dtype())) {
  case 1:
    return checkBelow<uint8_t>(tensor, data);
  case 4:
    return checkBelow<int32_t>(tensor, data);
  default:
    return checkBelow<int64_t>(tensor, data);
  }
}

} // namespace stc::runtime
