//===- Spec.h - a model specification, read from TOML ---------------------===//
//
// What a person writes in models/*.toml: the model, its attention patterns, its data and how it is
// trained. Here it becomes plain fields, with every mistake of the file reported at its place.
// The keys themselves, with types, defaults and meanings, are one table in Keys.cpp.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

namespace stc::spec {

/// How the factors of the attention become the patterns of layers and heads.
enum class Integration {
  Merged,      ///< every head attends to the union of all factors (paper, Eq. 7)
  Interleaved, ///< layer k uses factor k mod p (Eq. 6)
  Heads,       ///< head h of every layer uses factor h mod p (Eq. 8)
};
enum class DataKind { Text, Image, Audio };
enum class EmbeddingKind { Aligned, Image, Absolute };
enum class Decay { Cosine, None };
enum class Compute { Auto, Float32, BFloat16, Float16 };
enum class Gradients { Float32, BFloat16, Float16 };
enum class Recompute { None, Block, Budget };

struct Model {
  int64_t layers = 0;
  int64_t width = 0;
  int64_t heads = 0;
  int64_t keyValueHeads = heads; ///< that groups of heads share
  int64_t queryKeySize = 0;      ///< per head
  int64_t valueSize = 0;         ///< per head
  int64_t feedForward = 0;
  int64_t vocabulary = 256;
};

struct Attention {
  /// The expressions as they were written, at least one. See `factors`.
  std::vector<std::string> patterns;
  Integration integration = Integration::Merged;
};

struct Data {
  DataKind kind = DataKind::Text;
  /// n, the positions of one sequence; for images height * width * channels.
  int64_t context = 0;
  std::array<int64_t, 3> shape = {};               ///< height, width, channels of an image
  int64_t rate = 0;                                ///< Hz, of audio
  std::array<double, 3> split = {0.9, 0.05, 0.05}; ///< train, valid, test
};

struct Embedding {
  EmbeddingKind kind = EmbeddingKind::Aligned;
  int64_t stride = 0; ///< of the aligned embedding
};

struct Train {
  int64_t batch = 0; ///< sequences in a step
  int64_t steps = 0;
  double learningRate = 0;
  int64_t warmup = 0; ///< steps
  Decay decay = Decay::Cosine;
  double clip = 1.0;
  double weightDecay = 0.01;
  double dropout = 0;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double initScale =
      0.125; ///< deviation of initial matrices, times the square root of their fan-in
  int64_t seed = 0;
};

struct Precision {
  Compute compute = Compute::Auto; ///< Auto is decided when the target is known
  Gradients gradients = Gradients::Float32; ///< between devices
};

struct Memory {
  Recompute recompute = Recompute::None;
  int64_t budget = 0; ///< bytes, with Recompute::Budget
};

struct Sample {
  int64_t batch = 1; ///< sequences at a time
};

struct Spec {
  std::string name;
  Model model;
  Attention attention;
  Data data;
  Embedding embedding;
  Train train;
  Precision precision;
  Memory memory;
  Sample sample;
  std::string text; ///< the file's own text
  std::string file; ///< its name, and where attention.pattern stands in it
  int patternLine = 0, patternColumn = 0;
  int widthLine = 0, widthColumn = 0;   ///< where model.width stands
  int budgetLine = 0, budgetColumn = 0; ///< where memory.budget stands, if it does
};

/// A mistake in a specification. Lines and columns count from 1; line 0 means the whole file.
struct SpecError {
  std::string file;
  int line = 0, column = 0;
  std::string message;

  /// "models/enwik8.toml:5:1: unknown key 'heds', did you mean 'heads'?"
  std::string str() const;
};

/// Reads a specification, fills in the defaults and checks it. All mistakes are reported, each
/// once, in the order of the file; a mistake of TOML's own syntax is reported alone.
tl::expected<Spec, std::vector<SpecError>> readSpec(const std::filesystem::path &file);
/// The same for a text; `file` is its name in errors and, without folder and ending, the default
/// of the specification's name.
tl::expected<Spec, std::vector<SpecError>> parseSpec(std::string_view text, std::string_view file);

/// The factors that `integration` combines: the written list or, where there is one expression, the
/// factors that the pattern library finds in it (two for strided, fixed and axial).
std::vector<std::string> factors(const Attention &attention);

/// The union of the written expressions as one, what merged heads attend to.
std::string unionOfPatterns(const Attention &attention);

/// For each layer the texts that its heads take in turn; `pattern::headPatterns` has the patterns.
std::vector<std::vector<std::string>> layerPatterns(const Spec &spec);

/// One learned table of position embeddings (paper, Eq. 15): position i adds row
/// floor(i / divisor) mod rows of a table of rows x width.
struct PositionTable {
  std::string_view name; ///< "row", "column", "channel" or "position"
  int64_t rows, divisor;
};
std::vector<PositionTable> positionTables(const Spec &spec);

/// The number of trained values: token (with the start symbol) and position embeddings, the blocks
/// (two layer norms; query, key, value and output projections and the feed-forward network, all
/// with biases), the last layer norm, and logits with a matrix of their own and no bias.
int64_t countParameters(const Spec &spec);

/// Every key that applies with its value, for the program file's settings: ("data.kind", "text"),
/// ("data.split", "[0.9, 0.05, 0.05]"). A list of patterns has its strings in quotes, as in TOML.
std::vector<std::pair<std::string, std::string>> settings(const Spec &spec);

/// The reference page of all keys, in Markdown: docs/specification.md.
std::string keyReference();

} // namespace stc::spec
