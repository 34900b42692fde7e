//===- Explain.h - what the compiler found out, for a person --------------===//
//
// The text that `stc-compile --explain` prints and the drawing that `--picture` writes: what is
// proved of a model's patterns, what they cost, and how they are cut into tiles. Knows no IR.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Pattern/Pattern.h"
#include "compiler/Spec/Spec.h"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace stc {

/// The tiles that a target's kernels compute: so many queries by so many keys.
struct TileSize {
  int64_t queries = 32, keys = 16;
};
/// How a target cuts a walk over n positions.
using TileChooser = std::function<TileSize(const pattern::Walk &walk, int64_t n)>;

/// One pattern: whether it is causal, has empty rows and is valid in layers of its own, its pairs,
/// its parts with their views, and the tiles that they visit. Lines of at most 100 columns, but for
/// words that are longer.
std::string explainPattern(const pattern::Pattern &pattern, const TileChooser &tiles);

/// A whole model: its size, each different pattern with the layers and heads that use it, how far
/// information travels in the layers that there are, and the pairs of all layers and heads.
std::string explainModel(const spec::Spec &spec, const TileChooser &tiles);

/// The position whose keys a picture shows, and how many positions a row of the image has in which
/// it shows them: a row of the data where they are images, else of the aligned embedding.
struct SeenFrom {
  int64_t position = 0;
  std::optional<int64_t> width;
};

/// A picture as in Figure 3 of the paper, in SVG: which keys (columns) each query (row) sees, a
/// panel for each factor and one for all. Of a long sequence, the first few periods of the pattern
/// are drawn, where need be with cells of several pairs. Above each panel, where it is asked for,
/// what one position sees of all, as an image. The error is that of the text, or says which option
/// of the command is outside its range.
tl::expected<std::string, pattern::ParseError>
picturePattern(std::string_view text, int64_t n, const std::optional<SeenFrom> &from = {});

/// The same of patterns that heads take in turn, with the heads that have each.
tl::expected<std::string, pattern::ParseError> pictureHeads(const std::vector<std::string> &inTurn,
                                                            int64_t n);

/// The same for the factors of a model, with the layers or heads that use them.
tl::expected<std::string, pattern::ParseError>
pictureModel(const spec::Spec &spec, const std::optional<SeenFrom> &from = {});

} // namespace stc
