//===- Cases.cpp - the one shared list of attention cases -----------------===//

#include "tests/cases/Cases.h"

#include "compiler/Pattern/Chunks.h"
#include "compiler/Pattern/Pattern.h"

#include <cmath>

namespace stc::cases {

static std::string tensor(const std::vector<int64_t> &sizes, const std::string &element) {
  std::string text = "tensor<";
  for (int64_t size : sizes)
    text += std::to_string(size) + "x";
  return text + element + ">";
}

static std::string attributeOf(const std::vector<std::string> &patterns) {
  std::string text;
  for (const std::string &pattern : patterns)
    text += (text.empty() ? "<\"" : ", \"") + pattern + "\"";
  return text + ">";
}

static std::string scaleOf(const Case &test) {
  return std::to_string(1 / std::sqrt(double(test.querySize)));
}

std::string Case::patternOf(int64_t head) const {
  const std::vector<std::string> inTurn = pattern::headPatterns(patterns, heads);
  return inTurn[head % inTurn.size()];
}

std::vector<int64_t> Case::shape(int64_t positions, int64_t shapeHeads, int64_t size) const {
  if (headMajor)
    return {batch, shapeHeads, positions, size};
  return {batch, positions, shapeHeads, size};
}
std::vector<int64_t> Case::queryShape(int64_t positions) const {
  return shape(positions, heads, querySize);
}
std::vector<int64_t> Case::keyShape(int64_t positions) const {
  return shape(positions, keyHeads, querySize);
}
std::vector<int64_t> Case::valueShape(int64_t positions) const {
  return shape(positions, keyHeads, valueSize);
}
std::vector<int64_t> Case::outputShape(int64_t positions) const {
  return shape(positions, heads, valueSize);
}

std::string Case::function() const {
  std::string query = tensor(queryShape(n), "f32"), key = tensor(keyShape(n), "f32"),
              value = tensor(valueShape(n), "f32"), output = tensor(outputShape(n), "f32");
  std::string scores = tensor({batch, heads, n, n}, "f32, #stc.pattern" + attribute());
  std::string scale = scaleOf(*this);
  return "func.func @" + name + "(%q: " + query + ", %k: " + key + ", %v: " + value + ") -> " +
         output + " {\n" + "  %c = arith.constant dense<" + scale + "> : " + scores + "\n" +
         "  %s = stc.scores %q, %k" + layout() + " : " + query + ", " + key + " -> " + scores +
         "\n" + "  %t = arith.mulf %s, %c : " + scores + "\n" +
         "  %p = stc.softmax %t : " + scores + "\n" + "  %o = stc.aggregate %p, %v" + layout() +
         " : " + scores + ", " + value + " -> " + output + "\n" + "  return %o : " + output +
         "\n}\n";
}

static std::string named(const std::string &type, const std::string &label) {
  return type + " {stc.name = \"" + label + "\"}";
}

std::string Case::row(const std::string &element) const {
  std::string query = tensor(queryShape(1), element), key = tensor(keyShape(n), element),
              value = tensor(valueShape(n), element), output = tensor(outputShape(1), element);
  return "func.func @" + name + "(%q: " + named(query, "q") + ", %k: " + named(key, "k") +
         ", %v: " + named(value, "v") + ", %p: " + named("tensor<i32>", "position") + ") -> (" +
         named(output, "output") + ") {\n" + "  %o = stc.attention_row %q, %k, %v at %p scale " +
         scaleOf(*this) + " pattern " + attribute() + layout() + " : " + query + ", " + key + ", " +
         value + " -> " + output + "\n  return %o : " + output + "\n}\n";
}

std::string Case::insertedRow(const std::string &queryElement, const std::string &element,
                              const std::string &outputElement) const {
  std::string query = tensor(queryShape(1), queryElement), key = tensor(keyShape(n), element),
              value = tensor(valueShape(n), element), keyRow = tensor(keyShape(1), element),
              valueRow = tensor(valueShape(1), element),
              output = tensor(outputShape(1), outputElement);
  return "func.func @" + name + "(%q: " + named(query, "q") + ", %k: " + named(key, "k") +
         ", %v: " + named(value, "v") + ", %l: " + named(keyRow, "k_row") +
         ", %w: " + named(valueRow, "v_row") + ", %p: " + named("tensor<i32>", "position") +
         ") -> (" + named(output, "output") + ", " + named(key, "keys") + ", " +
         named(value, "values") + ") {\n  %x = stc.insert_row %l into %k at %p : " + keyRow +
         " into " + key + "\n  %y = stc.insert_row %w into %v at %p : " + valueRow + " into " +
         value + "\n  %o = stc.attention_row %q, %x, %y at %p scale " + scaleOf(*this) +
         " pattern " + attribute() + " : " + query + ", " + key + ", " + value + " -> " + output +
         "\n  return %o, %x, %y : " + output + ", " + key + ", " + value + "\n}\n";
}

std::string Case::forward(const std::string &element) const {
  std::string query = tensor(queryShape(n), element), key = tensor(keyShape(n), element),
              value = tensor(valueShape(n), element), output = tensor(outputShape(n), element),
              rows = tensor({batch, heads, n}, "f32");
  return "func.func @" + name + ".forward(%q: " + named(query, "q") + ", %k: " + named(key, "k") +
         ", %v: " + named(value, "v") + ") -> (" + named(output, "output") + ", " +
         named(rows, "logsumexp") + ") {\n" + "  %o, %l = stc.attention %q, %k, %v scale " +
         scaleOf(*this) + " pattern " + attribute() + layout() + " : " + query + ", " + key + ", " +
         value + " -> " + output + ", " + rows + "\n  return %o, %l : " + output + ", " + rows +
         "\n}\n";
}

std::string Case::withGradient(const std::string &element) const {
  std::string query = tensor(queryShape(n), element), key = tensor(keyShape(n), element),
              value = tensor(valueShape(n), element), output = tensor(outputShape(n), element),
              rows = tensor({batch, heads, n}, "f32");
  std::string attributes =
      " scale " + scaleOf(*this) + " pattern " + attribute() + layout() + " : ";
  return "func.func @" + name + "(%q: " + named(query, "q") + ", %k: " + named(key, "k") +
         ", %v: " + named(value, "v") + ", %g: " + named(output, "output_grad") + ") -> (" +
         named(output, "output") + ", " + named(rows, "logsumexp") + ", " + named(query, "q_grad") +
         ", " + named(key, "k_grad") + ", " + named(value, "v_grad") + ") {\n" +
         "  %o, %l = stc.attention %q, %k, %v" + attributes + query + ", " + key + ", " + value +
         " -> " + output + ", " + rows + "\n" +
         "  %dq, %dk, %dv = stc.attention_grad %q, %k, %v, %o, %l, %g" + attributes + query + ", " +
         key + ", " + value + ", " + output + ", " + rows + ", " + output + " -> " + query + ", " +
         key + ", " + value + "\n  return %o, %l, %dq, %dk, %dv : " + output + ", " + rows + ", " +
         query + ", " + key + ", " + value + "\n}\n";
}

std::string Case::chunk(const std::string &element) const {
  std::vector<std::string> own, gathered;
  pattern::View keys;
  for (const std::string &text : pattern::headPatterns(patterns, heads)) {
    auto parsed = pattern::Pattern::parse(text, n);
    auto one = parsed && n % 2 == 0 ? pattern::inChunks(*parsed, 2, n / 2) : std::nullopt;
    if (!one || one->pairs == 0 || (!own.empty() && own.front().empty() != one->own.empty()))
      return "";
    if (own.empty())
      keys = one->keys;
    else if (keys != one->keys)
      keys = {};
    own.push_back(one->own);
    gathered.push_back(one->gathered);
  }
  if (n % keys.period != 0)
    return "";
  const int64_t kept = keys.positions(n);
  std::string query = tensor(queryShape(n / 2), element),
              output = tensor(outputShape(n / 2), element),
              rows = tensor({batch, heads, n / 2}, "f32");
  std::string key = tensor(keyShape(kept), element), value = tensor(valueShape(kept), element);
  std::string ownKey = tensor(keyShape(n / 2), element),
              ownValue = tensor(valueShape(n / 2), element);
  const bool meetsOwn = !own.front().empty();
  std::string scale = " scale " + scaleOf(*this) + " pattern ",
              types = query + ", " + key + ", " + value;
  std::string place = " chunk %r of 2 block " + std::to_string(n / 2) + " keys <" +
                      std::to_string(keys.period) + ", " + std::to_string(keys.first) + ", " +
                      std::to_string(keys.width) + ">";
  std::string results = " -> " + output + ", " + rows + "\n",
              text = "func.func @" + name + "(%q: " + named(query, "q");
  if (meetsOwn)
    text += ", %ok: " + named(ownKey, "own_k") + ", %ov: " + named(ownValue, "own_v");
  text += ", %k: " + named(key, "k") + ", %v: " + named(value, "v") +
          ", %g: " + named(output, "output_grad") + ", %r: " + named("tensor<i32>", "position") +
          ") -> (" + named(output, "output") + ", " + named(rows, "logsumexp") + ", " +
          named(query, "q_grad") + ", " + named(key, "k_grad") + ", " + named(value, "v_grad") +
          ") {\n";
  if (meetsOwn)
    text += "  %o0, %l0 = stc.attention %q, %ok, %ov" + scale + attributeOf(own) + layout() +
            " : " + query + ", " + ownKey + ", " + ownValue + results;
  text += "  %o, %l = stc.attention_chunk %q, %k, %v" + place + (meetsOwn ? " from %o0, %l0" : "") +
          scale + attributeOf(gathered) + layout() + " : " + types +
          (meetsOwn ? " from " + output + ", " + rows : "") + results;
  text += "  %dq, %dk, %dv = stc.attention_chunk_grad %q, %k, %v, %o, %l, %g" + place + scale +
          attributeOf(gathered) + layout() + " : " + types + ", " + output + ", " + rows + ", " +
          output + " -> " + types + "\n";
  return text + "  return %o, %l, %dq, %dk, %dv : " + output + ", " + rows + ", " + types + "\n}\n";
}

std::string Case::dynamic(const std::string &element) const {
  std::string query = tensor(queryShape(n), element), key = tensor(keyShape(n), element),
              value = tensor(valueShape(n), element), output = tensor(outputShape(n), element),
              rows = tensor({batch, heads, n}, "f32");
  std::string attributes =
      " scale " + scaleOf(*this) + " pattern " + attribute() + layout() + " : ";
  return "func.func @" + name + ".forward(%q: " + query + ", %k: " + key + ", %v: " + value +
         ") -> (" + output + ", " + rows + ") attributes {stc.dynamic} {\n" +
         "  %o, %l = stc.attention %q, %k, %v" + attributes + query + ", " + key + ", " + value +
         " -> " + output + ", " + rows + "\n  return %o, %l : " + output + ", " + rows + "\n}\n" +
         "func.func @" + name + ".gradient(%q: " + query + ", %k: " + key + ", %v: " + value +
         ", %o: " + output + ", %l: " + rows + ", %g: " + output + ") -> (" + query + ", " + key +
         ", " + value + ") attributes {stc.dynamic} {\n" +
         "  %dq, %dk, %dv = stc.attention_grad %q, %k, %v, %o, %l, %g" + attributes + query + ", " +
         key + ", " + value + ", " + output + ", " + rows + ", " + output + " -> " + query + ", " +
         key + ", " + value + "\n  return %dq, %dk, %dv : " + query + ", " + key + ", " + value +
         "\n}\n";
}

std::string Case::attribute() const { return attributeOf(patterns); }

// clang-format off
const std::vector<Case> &attentionCases() {
  static const std::vector<Case> all = {
      // name, patterns, n, batch, heads, size of queries and keys, size of values
      {"dense_n1", {"dense"}, 1, 1, 1, 16, 16},
      {"dense_n2", {"dense"}, 2, 2, 2, 24, 24},
      {"dense_n3", {"dense"}, 3, 1, 2, 40, 16},
      {"dense_n17", {"dense"}, 17, 2, 2, 32, 32},
      {"dense_n100", {"dense"}, 100, 1, 2, 64, 64},
      {"dense_n127", {"dense"}, 127, 1, 1, 96, 96},
      {"dense_n128", {"dense"}, 128, 1, 2, 64, 64},
      {"dense_n129", {"dense"}, 129, 1, 1, 128, 128},
      {"dense_n200", {"dense"}, 200, 2, 3, 40, 24},
      {"dense_n257", {"dense"}, 257, 1, 1, 64, 32},

      // The paper's strided, with l that divides n, does not, is 1 and is more than n.
      {"strided_1_n17", {"strided(1)"}, 17, 1, 1, 16, 16},
      {"strided_4_n17", {"strided(4)"}, 17, 1, 2, 16, 24},
      {"strided_8_n128", {"strided(8)"}, 128, 1, 2, 64, 64},
      {"strided_10_n100", {"strided(10)"}, 100, 2, 1, 32, 32},
      {"strided_11_n127", {"strided(11)"}, 127, 1, 1, 40, 40},
      {"strided_16_n257", {"strided(16)"}, 257, 1, 2, 64, 64},
      {"strided_32_n200", {"strided(32)"}, 200, 1, 1, 96, 64},
      {"strided_128_n257", {"strided(128)"}, 257, 1, 1, 128, 128},
      {"strided_300_n129", {"strided(300)"}, 129, 1, 1, 16, 16},

      // The paper's fixed, likewise, with c from 1 to all of l.
      {"fixed_4_1_n17", {"fixed(4, 1)"}, 17, 2, 2, 16, 16},
      {"fixed_8_2_n128", {"fixed(8, 2)"}, 128, 1, 2, 64, 64},
      {"fixed_16_4_n128", {"fixed(16, 4)"}, 128, 2, 1, 32, 32},
      // Half of it is no whole warpgroups.
      {"dense_n192", {"dense"}, 192, 1, 2, 32, 32},
      {"fixed_16_16_n100", {"fixed(16, 16)"}, 100, 1, 1, 16, 16},
      {"fixed_32_1_n127", {"fixed(32, 1)"}, 127, 1, 1, 96, 96},
      {"fixed_32_8_n129", {"fixed(32, 8)"}, 129, 1, 2, 64, 64},
      {"fixed_64_16_n200", {"fixed(64, 16)"}, 200, 1, 2, 32, 32},
      {"fixed_128_32_n257", {"fixed(128, 32)"}, 257, 1, 1, 128, 64},
      {"fixed_300_1_n200", {"fixed(300, 1)"}, 200, 1, 1, 16, 16},

      {"local_0_n17", {"local(0)"}, 17, 1, 1, 16, 16},
      {"local_1_n3", {"local(1)"}, 3, 1, 1, 24, 24},
      {"local_16_n128", {"local(16)"}, 128, 2, 2, 64, 64},
      {"local_31_n127", {"local(31)"}, 127, 1, 1, 40, 32},
      {"local_100_n257", {"local(100)"}, 257, 1, 1, 96, 96},
      {"local_200_n129", {"local(200)"}, 129, 1, 1, 32, 32},

      {"stride_1_n17", {"stride(1)"}, 17, 1, 1, 16, 16},
      {"stride_2_n3", {"stride(2)"}, 3, 1, 2, 16, 16},
      {"stride_7_n100", {"stride(7)"}, 100, 1, 2, 24, 24},
      {"stride_8_n128", {"stride(8)"}, 128, 1, 1, 64, 64},
      {"stride_16_n200", {"stride(16)"}, 200, 2, 1, 32, 16},
      {"stride_128_n257", {"stride(128)"}, 257, 1, 1, 64, 64},
      {"stride_300_n128", {"stride(300)"}, 128, 1, 1, 16, 16},

      {"block_1_n17", {"block(1)"}, 17, 1, 1, 16, 16},
      {"block_8_n129", {"block(8)"}, 129, 1, 2, 40, 40},
      {"block_16_n128", {"block(16)"}, 128, 1, 2, 64, 64},
      {"block_100_n257", {"block(100)"}, 257, 1, 1, 128, 128},

      // The first queries have no key; in the first of these, none has.
      {"summary_8_1_n3", {"summary(8, 1)"}, 3, 1, 2, 16, 16},
      {"summary_4_1_n17", {"summary(4, 1)"}, 17, 2, 1, 16, 24},
      {"summary_7_7_n100", {"summary(7, 7)"}, 100, 1, 1, 24, 24},
      {"summary_16_4_n128", {"summary(16, 4)"}, 128, 1, 2, 64, 64},
      {"summary_32_8_n129", {"summary(32, 8)"}, 129, 1, 1, 32, 32},
      {"summary_128_32_n257", {"summary(128, 32)"}, 257, 1, 1, 64, 64},

      {"sinks_1_n17", {"sinks(1)"}, 17, 1, 1, 16, 16},
      {"sinks_32_n100", {"sinks(32)"}, 100, 1, 1, 40, 40},
      {"window_and_sinks_n129", {"local(16) | sinks(4)"}, 129, 1, 2, 64, 64},
      {"strided_and_sinks_n257", {"strided(16) | sinks(4)"}, 257, 1, 1, 32, 32},
      {"dilated_4_n200", {"stride(4) & local(32)"}, 200, 1, 2, 32, 32},
      {"dilated_3_n127", {"dilated(8, 3)"}, 127, 1, 1, 64, 64},
      {"all_but_window_n100", {"dense - local(8)"}, 100, 1, 1, 16, 16},
      {"fixed_but_even_n127", {"fixed(16, 4) - stride(2)"}, 127, 1, 1, 24, 24},

      {"blocks_8_4_n129", {"blocks(8, 4)"}, 129, 2, 1, 40, 40},
      {"blocks_7_3_n100", {"blocks(7, 3)"}, 100, 1, 1, 24, 24},
      {"blocks_64_2_n257", {"blocks(64, 2)"}, 257, 1, 2, 64, 64},
      {"blocks_and_window_n200", {"blocks(16, 3) | local(8)"}, 200, 1, 1, 32, 32},
      {"set_halves_in_turn_n128", {"{ [i] -> [j] : j <= i and (floor(i/32) + floor(j/32)) mod 2 = 0 }"}, 128, 1, 2, 24, 24},

      {"set_window_and_marks_n200", {"{ [i] -> [j] : 0 <= i - j <= 7 or (j mod 64 = 0 and j <= i) }"}, 200, 1, 2, 32, 32},
      // Kernels of compacted queries beside those of all; diagonals as walks of one kernel.
      {"longnet_n257",
       {"block(32) | (block(64) & { [i] -> [j] : j <= i and i mod 4 = 0 and j mod 4 = 0 }) | "
        "{ [i] -> [j] : j <= i and i mod 16 = 0 and j mod 16 = 0 }"}, 257, 1, 1, 32, 32},
      {"diagonals_n200", {"local(4) | { [i] -> [j] : i - j = 8 or i - j = 16 or i - j = 32 or i - j = 64 or i - j = 128 }"},
       200, 1, 2, 24, 40},
      // Queries of a residue have their keys in others.
      {"set_thick_stride_n129", {"{ [i] -> [j] : j <= i and (i - j) mod 16 <= 3 }"}, 129, 2, 1, 40, 40},
      {"set_thick_stride_n515", {"{ [i] -> [j] : j <= i and (i - j) mod 32 <= 3 }"}, 515, 1, 1, 64, 64},
      {"set_lattice_n643", {"{ [i] -> [j] : j <= i and (i + 2j) mod 5 <= 1 }"}, 643, 1, 2, 32, 32},
      {"set_next_blocks_n512", {"{ [i] -> [j] : j <= i and (floor(i/16) - floor(j/16)) mod 4 = 1 }"}, 512, 1, 1, 64, 32},
      {"set_neighborhood_n768",
       {"{ [i] -> [j] : j <= i and floor(i/32) - floor(j/32) <= 15 and -2 <= i mod 32 - j mod 32 <= 2 }"},
       768, 1, 1, 64, 64},
      {"shared_thick_stride_n400", {"{ [i] -> [j] : j <= i and (i - j) mod 40 <= 4 }"}, 400, 1, 4, 32, 32, 2},
      {"heads_thick_stride_n257", {"local(8)", "{ [i] -> [j] : j <= i and (i - j) mod 32 <= 1 }"}, 257, 1, 4, 24, 24, 2},
      // Tiles meet several ranges, which begin anywhere.
      {"ranges_stride_n1500", {"{ [i] -> [j] : j <= i and (i - j) mod 401 <= 20 }"}, 1500, 1, 1, 64, 64},
      {"ranges_lattice_n1203", {"{ [i] -> [j] : j <= i and (i + 2j) mod 401 <= 20 }"}, 1203, 1, 2, 32, 32, 1},
      {"ranges_local_n1000", {"local(64) | { [i] -> [j] : j <= i and (i - j) mod 401 <= 20 }"}, 1000, 1, 2, 24, 40},
      // A list of tiles: of all, and of one period.
      {"list_two_blocks_n1000", {"{ [i] -> [j] : j <= i and (floor(i/90) - floor(j/70)) mod 6 = 0 }"}, 1000, 1, 1, 64, 64},
      {"list_diagonals_n640", {"local(4) | { [i] -> [j] : i - j = 70 or i - j = 190 or i - j = 410 }"},
       640, 1, 2, 32, 32, 1},
      {"list_image_n970",
       {"{ [i] -> [j] : j <= i and floor(i/97) - floor(j/97) <= 7 and -5 <= i mod 97 - j mod 97 <= 5 }"},
       970, 2, 1, 64, 64},
      {"list_not_causal_n515", {"{ [i] -> [j] : (floor(i/150) + floor(j/97)) mod 5 = 0 and 3i + j <= 1800 }"},
       515, 1, 2, 24, 40},
      // Heads that share a kernel: of distinct sub-blocks, with what is left of a block, and of other windows.
      {"heads_fixed_n256",
       {"block(32) | { [i] -> [j] : j <= i and 24 <= j mod 32 }", "block(32) | { [i] -> [j] : j <= i and 16 <= j mod 32 <= 23 }",
        "block(32) | { [i] -> [j] : j <= i and 8 <= j mod 32 <= 15 }", "block(32) | { [i] -> [j] : j <= i and j mod 32 <= 7 }"},
       256, 2, 8, 32, 32},
      {"by_head_fixed_n643", {"fixed_by_head(32, 8)"}, 643, 1, 8, 32, 32},
     {"by_head_summary_in_turn_n129", {"local(5)", "summary_by_head(16, 4)"}, 129, 1, 8, 24, 40},
     {"heads_summary_n515",
       {"{ [i] -> [j] : j <= i and 96 <= j mod 128 }", "{ [i] -> [j] : j <= i and j mod 128 <= 31 }",
        "{ [i] -> [j] : j <= i and 64 <= j mod 128 <= 95 }", "{ [i] -> [j] : j <= i and 32 <= j mod 128 <= 63 }"},
       515, 1, 4, 64, 64},
      {"heads_windows_n300", {"local(8)", "local(16)", "local(40)"}, 300, 1, 6, 24, 40},
      // Seven levels with pairs in common, which masks leave out.
      {"longnet_3_4_n300", {"longnet(3, 4)"}, 300, 1, 2, 32, 32},
      // These fit no view: pairs are tested one by one.
      {"set_sum_mod_3_n100", {"{ [i] -> [j] : j <= i and (i + j) mod 3 = 0 }"}, 100, 1, 2, 32, 32},
      {"set_sum_mod_5_n128", {"{ [i] -> [j] : j <= i and (i + 2j) mod 5 <= 1 }"}, 128, 1, 1, 64, 64},
      {"set_later_half_n129", {"{ [i] -> [j] : j <= i and 2j >= i }"}, 129, 2, 1, 40, 40},
      {"set_two_blocks_n257", {"{ [i] -> [j] : j <= i and floor(i/16) - floor(j/24) <= 3 }"}, 257, 1, 1, 32, 32},
      {"set_not_self_n17", {"{ [i] -> [j] : j <= i and (exists a : i - j = 3a + 1) }"}, 17, 1, 1, 16, 16},
      {"set_looks_ahead_n100", {"{ [i] -> [j] : i - 3 <= j <= i + 3 }"}, 100, 1, 1, 16, 16},

      {"heads_strided_n128", {"local(16)", "stride(16)"}, 128, 1, 4, 64, 64},
      {"heads_fixed_n129", {"block(16)", "summary(16, 4)"}, 129, 2, 3, 32, 32},
      {"heads_three_n100", {"dense", "local(8)", "sinks(2)"}, 100, 1, 3, 24, 16},
      {"heads_set_n200", {"local(8)", "{ [i] -> [j] : j <= i and (i + j) mod 3 = 0 }"}, 200, 1, 2, 32, 32},

      // Heads of keys and values that groups of heads share, and heads before positions: the last two columns.
      {"shared_dense_n17", {"dense"}, 17, 2, 4, 16, 24, 2},
      {"shared_by_all_n129", {"local(31)"}, 129, 1, 3, 64, 64, 1},
      {"shared_strided_n127", {"strided(16)"}, 127, 2, 4, 32, 32, 2},
      {"shared_fixed_n257", {"fixed(128, 32)"}, 257, 1, 4, 64, 64, 2},
      {"shared_by_head_fixed_n129", {"fixed_by_head(16, 4)"}, 129, 2, 8, 32, 32, 2},
      {"shared_summary_n129", {"summary(16, 4)"}, 129, 1, 6, 32, 40, 3},
      {"shared_set_n100", {"{ [i] -> [j] : j <= i and (i + j) mod 3 = 0 }"}, 100, 1, 4, 24, 24, 2},
      // Patterns by turns in groups of 3, 2 and 2 heads; the last are more than a group has heads.
      {"shared_heads_n129", {"local(16)", "stride(16)"}, 129, 2, 6, 32, 32, 2},
      {"shared_three_heads_n127", {"dense", "local(8)", "summary(8, 2)"}, 127, 1, 6, 64, 64, 3},
      {"shared_four_heads_n100", {"block(8)", "sinks(2)", "local(3)", "summary(8, 2)"}, 100, 1, 8, 32, 32, 4},
      {"head_major_dense_n129", {"dense"}, 129, 2, 3, 64, 32, 3, true},
      {"head_major_strided_n127", {"strided(16)"}, 127, 2, 2, 32, 32, 2, true},
      {"head_major_fixed_n257", {"fixed(128, 32)"}, 257, 1, 2, 128, 128, 2, true},
      {"head_major_stride_n200", {"stride(7)"}, 200, 2, 2, 64, 64, 2, true},
      {"head_major_heads_n129", {"block(16)", "summary(16, 4)"}, 129, 2, 3, 32, 32, 3, true},
      {"head_major_shared_fixed_n257", {"fixed(32, 8)"}, 257, 1, 4, 64, 64, 2, true},
      {"head_major_shared_heads_n127", {"local(16)", "stride(16)", "sinks(1)"}, 127, 2, 4, 64, 64, 2, true},

      // A width that divides no tile, and sizes of heads that no vector fits.
      {"fixed_7_3_n100", {"fixed(7, 3)"}, 100, 1, 2, 24, 40},
      {"strided_16_odd_heads_n200", {"strided(16)"}, 200, 1, 2, 20, 12},
      {"fixed_7_3_odd_heads_n100", {"fixed(7, 3)"}, 100, 2, 3, 5, 7},
      {"local_31_odd_heads_n127", {"local(31)"}, 127, 1, 2, 127, 66},

      // Keys that more queries meet than a tile has many times over.
      {"dense_n2305", {"dense"}, 2305, 1, 1, 32, 32},
      {"fixed_n2305", {"fixed(64, 32)"}, 2305, 1, 1, 64, 64},

      // Names for what people use: of images the first is one, the second two.
      {"global_4_16_n100", {"global(4, 16)"}, 100, 1, 2, 32, 32},
      {"longnet_32_2_n100", {"longnet(32, 2)"}, 100, 1, 1, 32, 32},
      {"axial_16_n128", {"axial(16)"}, 128, 1, 1, 32, 32},
      {"neighborhood_8_16_n128", {"neighborhood(8, 16, 5)"}, 128, 1, 2, 32, 32},
      {"neighborhood_4_16_n128", {"neighborhood(4, 16, 5, 3)"}, 128, 1, 1, 32, 32},
  };
  return all;
}

const std::vector<Case> &longHeadCases() {
  static const std::vector<Case> all = {
      {"long_heads_dense_n17", {"dense"}, 17, 1, 2, 520, 520},
      {"long_heads_fixed_n40", {"fixed(8, 2)"}, 40, 1, 1, 1030, 1030},
      {"long_keys_shared_n17", {"strided(4)"}, 17, 2, 2, 520, 24, 1},
      {"long_values_heads_n17", {"local(5)", "sinks(2)"}, 17, 1, 2, 24, 1030},
      {"long_heads_head_major_n17", {"summary(4, 1)"}, 17, 1, 2, 1030, 520, 2, true},
  };
  return all;
}

const std::vector<Case> &benchmarkCases() {
  static const std::vector<Case> all = {
      {"dense_n4096", {"dense"}, 4096, 1, 8, 64, 64},
      {"dense_n12288", {"dense"}, 12288, 1, 8, 64, 64},
      {"local_128_n12288", {"local(128)"}, 12288, 1, 8, 64, 64},
      {"fixed_128_32_n12288", {"fixed(128, 32)"}, 12288, 1, 8, 64, 64},
      {"strided_128_n12288", {"strided(128)"}, 12288, 1, 8, 64, 64},
      {"stride_128_n12288", {"stride(128)"}, 12288, 1, 8, 64, 64},
      {"summary_128_32_n12288", {"summary(128, 32)"}, 12288, 1, 8, 64, 64},
      {"block_128_n12288", {"block(128)"}, 12288, 1, 8, 64, 64},
      // The stride grows with the root of n, and so n sqrt n is the cost to hold them against.
      {"strided_64_n4096", {"strided(64)"}, 4096, 1, 8, 64, 64},
      {"strided_256_n65536", {"strided(256)"}, 65536, 1, 8, 64, 64},
  };
  return all;
}

const std::vector<Case> &gpuBenchmarkCases() {
  static const std::vector<Case> all = {
      // Text of the paper's enwik8, by each pattern.
      {"gpu_fixed_128_32_n12288", {"fixed(128, 32)"}, 12288, 4, 8, 64, 64},
      {"gpu_strided_128_n12288", {"strided(128)"}, 12288, 4, 8, 64, 64},
      {"gpu_summary_128_32_n12288", {"summary(128, 32)"}, 12288, 4, 8, 64, 64},
      {"gpu_stride_128_n12288", {"stride(128)"}, 12288, 4, 8, 64, 64},
      {"gpu_local_128_n12288", {"local(128)"}, 12288, 4, 8, 64, 64},
      {"gpu_block_128_n12288", {"block(128)"}, 12288, 4, 8, 64, 64},
      {"gpu_dense_n12288", {"dense"}, 12288, 4, 8, 64, 64},
      // Every so many-th block of positions.
      {"gpu_blocks_128_8_n16384", {"blocks(128, 8)"}, 16384, 4, 8, 64, 64},
      {"gpu_blocks_64_4_n16384", {"blocks(64, 4)"}, 16384, 4, 8, 64, 64},
      {"gpu_blocks_1024_2_n16384", {"blocks(1024, 2)"}, 16384, 4, 8, 64, 64},
      // LongNet's dilated segments (arXiv 2307.02486), and distances that are powers of two.
      {"gpu_longnet_n16384",
       {"block(1024) | (block(4096) & { [i] -> [j] : j <= i and i mod 4 = 0 and j mod 4 = 0 }) | "
        "{ [i] -> [j] : j <= i and i mod 16 = 0 and j mod 16 = 0 }"}, 16384, 4, 8, 64, 64},
      {"gpu_log_sparse_n16384",
       {"local(16) | { [i] -> [j] : i - j = 32 or i - j = 64 or i - j = 128 or i - j = 256 or i - j = 512 or "
        "i - j = 1024 or i - j = 2048 or i - j = 4096 or i - j = 8192 }"}, 16384, 4, 8, 64, 64},
      // Another residue of keys for each of queries.
      {"gpu_thick_stride_n16384", {"{ [i] -> [j] : j <= i and (i - j) mod 256 <= 15 }"}, 16384, 4, 8, 64, 64},
      {"gpu_lattice_n16384", {"{ [i] -> [j] : j <= i and (i + 2j) mod 5 <= 1 }"}, 16384, 4, 8, 64, 64},
      {"gpu_neighborhood_n16384",
       {"{ [i] -> [j] : j <= i and floor(i/128) - floor(j/128) <= 7 and -7 <= i mod 128 - j mod 128 <= 7 }"},
       16384, 4, 8, 64, 64},
      // Several ranges of keys for a tile.
      {"gpu_ranges_n16384", {"{ [i] -> [j] : j <= i and (i - j) mod 997 <= 50 }"}, 16384, 4, 8, 64, 64},
      // A list of tiles.
      {"gpu_list_n16384", {"{ [i] -> [j] : j <= i and (floor(i/900) - floor(j/700)) mod 6 = 0 }"}, 16384, 4, 8, 64, 64},
      // Pictures of CIFAR-10: short, with wide heads.
      {"gpu_strided_128_n3072", {"strided(128)"}, 3072, 16, 2, 128, 128},
      // Sound, up to a million samples.
      {"gpu_strided_256_n65536", {"strided(256)"}, 65536, 1, 8, 64, 64},
      {"gpu_fixed_256_32_n65536", {"fixed(256, 32)"}, 65536, 1, 8, 64, 64},
      {"gpu_strided_1024_n1048576", {"strided(1024)"}, 1048576, 1, 2, 64, 64},
      // Heads as wide as kernels take.
      {"gpu_dense_n16384", {"dense"}, 16384, 1, 16, 128, 128},
      {"gpu_fixed_128_32_n16384", {"fixed(128, 32)"}, 16384, 1, 16, 128, 128},
  };
  return all;
}
// clang-format on

} // namespace stc::cases
