//===- Parts.h - which parts of tensors the devices of a program have ---------------===//
#pragma once

#include "runtime/Program/Program_generated.h"

#include <cstdint>
#include <span>
#include <vector>

namespace stc::runtime {

/// How many devices a program is for.
int64_t deviceCount(const program::Program &program);

/// The numbers of the devices along an axis from one of them, itself among them, in their order.
/// Devices are numbered in row-major order of their places on the axes.
std::vector<int> devicesAlong(const program::Program &program, uint32_t axis, int device);

/// One of equal parts.
struct DealtPart {
  int64_t number = 0, count = 1;
};

/// The part of a tensor's dimension that the device at these places has; all where it is not dealt.
DealtPart partOf(const program::Program &program, std::span<const int> places,
                 const program::Tensor &tensor, uint32_t dim);

/// The shape of a tensor over all devices.
std::vector<int64_t> wholeShape(const program::Program &program, const program::Tensor &tensor);
int64_t wholeBytes(const program::Program &program, const program::Tensor &tensor);

} // namespace stc::runtime
