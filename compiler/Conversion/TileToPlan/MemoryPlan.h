//===- MemoryPlan.h - where the values of a program lie ---------*- C++ -*-===//
//
// The memory planner, which knows no IR: a straight-line program over values that are defined once
// becomes steps over bytes of one arena. Variables come first in the arena and outlive the run;
// after them lie the inputs, the outputs and what is needed between, each as long as it is needed.
//
// Three rules save memory and copies. A tied result lies where its operand lies, and the operand is
// copied first if it is needed again. A result may take over the memory of its `inplace` operand if
// that is not needed again. The value that is written to a variable is computed straight into the
// variable's memory if nobody needs the old value any more. Inputs stay as they are.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace stc::planner {

/// All buffers begin at a multiple of this many bytes: a pair of cache lines.
inline constexpr int64_t alignment = 128;

using Value = int32_t;

struct Result {
  Value value;
  int tied = -1;    ///< the operand whose memory it is written into, or -1
  int inplace = -1; ///< the operand whose memory it may take over, or -1
};

struct Step {
  std::vector<Value> operands;
  std::vector<Result> results;
};

/// A value and the variable that holds it, at the start (reads) or at the end (writes).
struct Access {
  int variable;
  Value value;
};

/// One entry. A value is an input, what a variable holds at the start, or the result of one step; a
/// variable has at most one read and one write.
struct Program {
  std::vector<int64_t> bytes; ///< of each value
  std::vector<Value> inputs;
  std::vector<Access> reads;
  std::vector<Step> steps;
  std::vector<Access> writes;
  std::vector<Value> outputs;
  bool areApart = false; ///< what shares no value shares no memory, whenever it is needed
};

/// A place in the arena.
struct Place {
  int64_t offset = 0, bytes = 0;
};

/// A step of the program, or a copy that the planner added (`source` is -1): from the one operand
/// to the one result.
struct PlannedStep {
  int source;
  std::vector<Place> operands, results;
};

struct Plan {
  std::vector<PlannedStep> steps;
  std::vector<Place> inputs, outputs;
  int64_t peak = 0; ///< the first byte of the arena that the entry leaves alone
  int64_t bound =
      0; ///< the most bytes alive at one step, variables included: no plan has a lower peak
};

/// Places for variables of these sizes, one after the other from the arena's start.
std::vector<Place> placeVariables(std::span<const int64_t> bytes);

/// Plans one entry. The steps keep their order.
Plan planMemory(const Program &program, std::span<const Place> variables);

/// Runs the plan symbolically and says what is wrong, if anything: that a step does not find the
/// values that the program means, that memory is shared where it must not be, or that variables,
/// inputs and outputs do not hold at the end what they should.
std::optional<std::string> verifyPlan(const Program &program, std::span<const Place> variables,
                                      const Plan &plan);

/// Something that takes `bytes` of memory from step `first` to step `last`.
struct Lifetime {
  int first, last;
  int64_t bytes;
};

/// The most bytes alive at one step, each lifetime rounded up to the alignment.
int64_t liveBound(std::span<const Lifetime> lifetimes);

/// An offset for each lifetime, such that two which meet share no byte; few bytes in all.
std::vector<int64_t> assignOffsets(std::span<const Lifetime> lifetimes);

} // namespace stc::planner
