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

std::vector<int> placesOf(const program::Program &program, int device) {
  std::vector<int> places(program.axes() ? program.axes()->size() : 0);
  for (size_t k = places.size(); k-- > 0;) {
    const auto count = static_cast<int>(program.axes()->Get(k)->count());
    places[k] = device % count;
    device /= count;
  }
  return places;
}

DealtPart partOf(const program::Program &program, std::span<const int> places,
                 const program::Tensor &tensor, uint32_t dim) {
  if (tensor.dealt())
    for (const program::Dealt *dealt : *tensor.dealt())
      if (dealt->dim() == dim)
        return {places[dealt->axis()], program.axes()->Get(dealt->axis())->count()};
  return {};
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
