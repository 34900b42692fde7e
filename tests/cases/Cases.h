//===- Cases.h - the one shared list of attention cases ---------*- C++ -*-===//
//
// What every way of computing attention is tested on, and what it is timed on. A new pattern gets a
// row here and with it all tests; no test has a list of its own. Knows no IR.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

namespace stc::cases {

/// An attention over queries and keys of size `querySize` and values of size `valueSize`, of n
/// positions each.
struct Case {
  std::string name;                  ///< of letters, digits and '_'
  std::vector<std::string> patterns; ///< that the heads take in turn
  int64_t n, batch, heads, querySize, valueSize;
  int64_t keyHeads = heads; ///< of keys and values; of queries there are `heads`
  bool headMajor = false;   ///< [batch, heads, n, size] instead of [batch, n, heads, size]

  std::string patternOf(int64_t head) const;
  /// The patterns as the text of a pattern attribute: `<"local(8)", "stride(8)">`.
  std::string attribute() const;
  /// The shapes of a query, key, value and output, with `positions` of them.
  std::vector<int64_t> queryShape(int64_t positions) const;
  std::vector<int64_t> keyShape(int64_t positions) const;
  std::vector<int64_t> valueShape(int64_t positions) const;
  std::vector<int64_t> outputShape(int64_t positions) const;
  /// What an op says of the layout: "" or " layout head_major".
  std::string layout() const { return headMajor ? " layout head_major" : ""; }
  /// A function of the stc dialect under the case's name, from query, key and value to the output,
  /// with attention unfused as in the paper.
  std::string function() const;
  /// A function under the case's name from one query q, all keys k and all values v of an element
  /// type to the output at a position, an i32.
  std::string row(const std::string &element) const;
  /// The same, after rows of a key and a value, k_row and v_row, are inserted at the position; its
  /// results are the output and the keys and values with them. Query, keys and values, and output
  /// have types of their own. Not head-major.
  std::string insertedRow(const std::string &queryElement, const std::string &element,
                          const std::string &outputElement) const;
  /// A function NAME.forward from q, k and v of an element type ("bf16") to output and logsumexp,
  /// as the op of attention.
  std::string forward(const std::string &element) const;
  /// A function under the case's name from q, k, v and output_grad of an element type to output,
  /// logsumexp, q_grad, k_grad and v_grad, as the two ops of attention.
  std::string withGradient(const std::string &element) const;
  /// The same of a chunk's queries, one of two halves of a sequence, which is that of the position,
  /// an i32: from own_k and own_v, if they meet keys of their own, then from k and v, which are
  /// those of other chunks; gradients are by these alone. Empty where the pattern is not dealt so.
  std::string chunk(const std::string &element) const;
  /// Functions NAME.forward and NAME.gradient of dynamic sizes, each one op of attention.
  std::string dynamic(const std::string &element) const;

private:
  std::vector<int64_t> shape(int64_t positions, int64_t shapeHeads, int64_t size) const;
};

inline std::ostream &operator<<(std::ostream &out, const Case &test) { return out << test.name; }

/// Small enough for the float64 reference.
const std::vector<Case> &attentionCases();

/// The same with heads that are walked by loops on a CPU. A GPU takes them for one query only.
const std::vector<Case> &longHeadCases();

/// The paper's sizes, for benchmarks in float32 on a CPU.
const std::vector<Case> &benchmarkCases();

/// The same for benchmarks in bf16 on a GPU.
const std::vector<Case> &gpuBenchmarkCases();

} // namespace stc::cases
