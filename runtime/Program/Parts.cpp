//===- Parts.cpp - which parts of tensors the devices of a program have -------------===//
#include "runtime/Program/Parts.h"
#include "runtime/Program/Tensor.h"

namespace stc::runtime {

int64_t deviceCount(const program::Program &program) {
  int64_t count = 1;
  if (program.axes())
    for (const program::Axis *axis : *program.axes())
      count *= axis->count();
  return count;
}

std::vector<int> devicesAlong(const program::Program &program, uint32_t axis, int device) {
  const auto count = static_cast<int>(program.axes()->Get(axis)->count());
  int step = 1; // from one to the next
  for (uint32_t k = axis + 1; k < program.axes()->size(); ++k)
    step *= static_cast<int>(program.axes()->Get(k)->count());
  std::vector<int> devices(count);
  for (int place = 0; place < count; ++place)
    devices[place] = device + (place - device / step % count) * step;
  return devices;
}

DealtPart partOf(const program::Program &program, std::span<const int> places,
                 const program::Tensor &tensor, uint32_t dim) {
  DealtPart part;
  if (tensor.dealt())
    for (const program::Dealt *dealt : *tensor.dealt())
      if (dealt->dim() == dim) {
        const int64_t count = program.axes()->Get(dealt->axis())->count();
        part = {part.number * count + places[dealt->axis()], part.count * count};
      }
  return part;
}

std::vector<int64_t> wholeShape(const program::Program &program, const program::Tensor &tensor) {
  std::vector<int64_t> shape(tensor.shape()->begin(), tensor.shape()->end());
  if (tensor.dealt())
    for (const program::Dealt *dealt : *tensor.dealt())
      shape[dealt->dim()] *= program.axes()->Get(dealt->axis())->count();
  return shape;
}

int64_t wholeBytes(const program::Program &program, const program::Tensor &tensor) {
  int64_t size = bytes(tensor);
  if (tensor.dealt())
    for (const program::Dealt *dealt : *tensor.dealt())
      size *= program.axes()->Get(dealt->axis())->count();
  return size;
}

} // namespace stc::runtime
