//===- Steps.h - walking two tensors together -------------------*- C++ -*-===//
#pragma once

#include <cstdint>
#include <vector>

namespace stc::reference {

/// Calls visit(element, place) for each element of a shape in row-major order, where place is the
/// sum of steps[dim] * index[dim]: the element's place in another tensor.
template <typename Visit>
void forEachElement(const std::vector<int64_t> &shape, const std::vector<int64_t> &steps,
                    Visit visit) {
  std::vector<int64_t> index(shape.size());
  int64_t elements = 1, place = 0;
  for (int64_t size : shape)
    elements *= size;
  for (int64_t element = 0; element < elements; ++element) {
    visit(element, place);
    for (int64_t dim = int64_t(shape.size()) - 1; dim >= 0; --dim) {
      place += steps[dim];
      if (++index[dim] < shape[dim])
        break;
      place -= steps[dim] * shape[dim];
      index[dim] = 0;
    }
  }
}

/// Row-major steps of a shape.
inline std::vector<int64_t> rowMajorSteps(const std::vector<int64_t> &shape) {
  std::vector<int64_t> steps(shape.size(), 1);
  for (int64_t dim = int64_t(shape.size()) - 2; dim >= 0; --dim)
    steps[dim] = steps[dim + 1] * shape[dim + 1];
  return steps;
}

} // namespace stc::reference
