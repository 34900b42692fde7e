//===- Exchange.h - weights to and from other programs ------------------------------------===//
//
// STC's weights are named and laid out as a PyTorch module's state_dict would be: linear weights
// [out, in], "transformer.h.3.attn.c_attn.weight". A map gives them the names of another module.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/Program/Program_generated.h"
#include "runtime/Support/Error.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stc::runtime {

/// Other names for STC's. In a pair, '*' stands for the same characters on both sides, a layer's
/// number mostly; a name that no pair fits stays as it is.
class NameMap {
public:
  NameMap() = default;
  /// Reads a JSON object of STC's names to others: {"transformer.h.*.ln_1.weight":
  /// "blocks.*.norm1.weight"}. Errors: no such object; not as many '*' on both sides, or more than
  /// one.
  static Result<NameMap> open(const std::string &path);

  /// The first pair that fits decides.
  std::string toOther(std::string_view name) const;

  /// Errors: a pair that none of STC's names fits; a name that becomes none of a tensor
  /// (NameCheck.h).
  Result<void> checkFor(std::span<const std::string> names) const;

private:
  std::string path; ///< for messages
  std::vector<std::pair<std::string, std::string>> pairs;
};

/// Writes the tensors of a weights file under their other names. Errors: two would have the same;
/// what `checkFor` says.
Result<void> exportWeights(const std::string &from, const std::string &to, const NameMap &names);

/// Writes the weights of a program from a file with other names, f32, f16 or bf16. Errors: the
/// same; what is missing, unexpected or of another shape or dtype; a value that is not finite.
Result<void> importWeights(const program::Program &program, const std::string &from,
                           const std::string &to, const NameMap &names);

} // namespace stc::runtime
