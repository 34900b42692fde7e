//===- Devices.h - the devices that run a program together --------------------------===//
#pragma once

#include "runtime/Device/Communicator.h"

#include <memory>
#include <span>
#include <vector>

namespace stc::runtime {

/// One of the devices of a program's grid.
struct Devices {
  /// Through which it exchanges along each axis of the program; none where one device runs it.
  std::vector<std::unique_ptr<Communicator>> along;
};

/// How many devices a program is for.
inline int64_t deviceCount(const program::Program &program) {
  int64_t count = 1;
  if (program.axes())
    for (const program::Axis *axis : *program.axes())
      count *= axis->count();
  return count;
}

/// The places on the axes of the device of a number, which counts them in row-major order.
inline std::vector<int> placesOf(const program::Program &program, int device) {
  std::vector<int> places(program.axes() ? program.axes()->size() : 0);
  for (size_t k = places.size(); k-- > 0;) {
    const auto count = static_cast<int>(program.axes()->Get(k)->count());
    places[k] = device % count;
    device /= count;
  }
  return places;
}

/// One of equal parts.
struct DealtPart {
  int64_t number = 0, count = 1;
};

/// The part of a tensor's dimension that the device at these places has; all where it is not dealt.
inline DealtPart partOf(const program::Program &program, std::span<const int> places,
                   const program::Tensor &tensor, uint32_t dim) {
  if (tensor.dealt())
    for (const program::Dealt *dealt : *tensor.dealt())
      if (dealt->dim() == dim)
        return {places[dealt->axis()], program.axes()->Get(dealt->axis())->count()};
  return {};
}

} // namespace stc::runtime
