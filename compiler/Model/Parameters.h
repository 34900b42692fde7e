//===- Parameters.h - the trained tensors of a model ------------*- C++ -*-===//
#pragma once

#include "compiler/Spec/Spec.h"

#include <string>
#include <vector>

namespace stc::model {

/// A trained tensor: its name in the weights file, its shape (linear weights [out, in]) and how it
/// starts: `constant` everywhere, or normal with mean 0 where `deviation` is not 0.
struct Parameter {
  std::string name;
  std::vector<int64_t> shape;
  double deviation = 0, constant = 0;

  /// Weight decay is for matrices, not for biases and gains.
  bool decays() const { return shape.size() > 1; }
};

/// All parameters, in the order of the network (paper, Sec. 6 and 5.2 for their start).
std::vector<Parameter> parameters(const spec::Spec &spec);

/// "transformer.h.3." + suffix.
std::string layerName(int64_t layer, std::string_view suffix);
/// "transformer.wpe.row.weight".
std::string positionName(const spec::PositionTable &table);

} // namespace stc::model
