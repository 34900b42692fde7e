//===- RowWriter.h - text of the stc dialect, op by op ----------*- C++ -*-===//
//
// Elementwise work over one space, reductions of it, and what is spread over it. Each method writes
// an op and gives the name of its value. Knows no IR.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace stc::cases {

using Shape = std::vector<int64_t>;

inline std::string typeOf(const Shape &shape, const std::string &element = "f32") {
  std::string text = "tensor<";
  for (int64_t size : shape)
    text += std::to_string(size) + "x";
  return text + element + ">";
}

class RowWriter {
public:
  using Text = const std::string &;

  RowWriter() = default;
  explicit RowWriter(Shape space) : space(std::move(space)) {}

  /// `name = text`, for a name that it gives.
  std::string line(Text text) {
    std::string name = "%v" + std::to_string(counter++);
    body += "  " + name + " = " + text + "\n";
    return name;
  }
  std::string constant(double value, Text element = "f32") {
    return line("arith.constant dense<" + std::to_string(value) + "> : " + typeOf(space, element));
  }
  std::string integer(int64_t value, Text element = "i32") {
    return line("arith.constant dense<" + std::to_string(value) + "> : " + typeOf(space, element));
  }
  std::string unary(Text op, Text x, Text element = "f32") {
    return line(op + " " + x + " : " + typeOf(space, element));
  }
  std::string binary(Text op, Text x, Text y, Text element = "f32") {
    return line(op + " " + x + ", " + y + " : " + typeOf(space, element));
  }
  std::string convert(Text op, Text x, Text from, Text to) {
    return line(op + " " + x + " : " + typeOf(space, from) + " to " + typeOf(space, to));
  }
  std::string select(Text condition, Text x, Text y) {
    return line("arith.select " + condition + ", " + x + ", " + y + " : " + typeOf(space, "i1") +
                ", " + typeOf(space));
  }
  std::string iota(int64_t dim) {
    return line("stc.iota " + std::to_string(dim) + " : " + typeOf(space, "i32"));
  }
  std::string random(Text distribution, Text seed, int64_t stream, Text part = "") {
    return line("stc.random " + distribution + " seed " + seed + " step " + seed + " stream " +
                std::to_string(stream) + (part.empty() ? "" : " part " + part) + " : " +
                typeOf(space));
  }
  /// A tensor that has the given dimensions of the space, over all of it.
  std::string spread(Text x, const std::vector<size_t> &dims, Text element = "f32") {
    Shape shape;
    for (size_t dim : dims)
      shape.push_back(space[dim]);
    if (shape == space)
      return x;
    return line("stc.broadcast " + x + " dims " + list(dims) + " : " + typeOf(shape, element) +
                " to " + typeOf(space, element));
  }
  /// Combined over all dimensions but the given ones.
  std::string reduce(Text kind, Text x, const std::vector<size_t> &kept, Text element = "f32") {
    std::vector<size_t> dims;
    Shape shape;
    for (size_t dim = 0, k = 0; dim < space.size(); ++dim)
      if (k < kept.size() && kept[k] == dim)
        shape.push_back(space[kept[k++]]);
      else
        dims.push_back(dim);
    return line("stc.reduce " + kind + " " + x + " dims " + list(dims) + " : " +
                typeOf(space, element) + " to " + typeOf(shape, element));
  }

  Shape space;
  std::string body;

protected:
  static std::string list(const std::vector<size_t> &dims) {
    std::string text;
    for (size_t dim : dims)
      text += (text.empty() ? "" : ", ") + std::to_string(dim);
    return "[" + text + "]";
  }

  int counter = 0;
};

} // namespace stc::cases
