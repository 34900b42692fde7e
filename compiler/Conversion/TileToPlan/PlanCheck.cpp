//===- PlanCheck.cpp - a plan computes what its program means -------------===//
//
// Independent of the planner: memory is a map from bytes to the value whose bytes they are, and
// each step must find its operands in it.
//
//===----------------------------------------------------------------------===//

#include "compiler/Conversion/TileToPlan/MemoryPlan.h"

#include <algorithm>
#include <map>

namespace stc::planner {

namespace {
bool overlap(const Place &a, const Place &b) {
  return a.bytes > 0 && b.bytes > 0 && a.offset < b.offset + b.bytes &&
         b.offset < a.offset + a.bytes;
}

std::string describe(const Place &place) {
  return "[" + std::to_string(place.offset) + ", " + std::to_string(place.offset + place.bytes) +
         ")";
}

/// Which value the bytes of the arena belong to. A value is there only if all its bytes are.
class Memory {
public:
  void set(const Place &place, Value value) {
    if (place.bytes == 0)
      return;
    // What overlaps is not whole any more.
    auto it = regions.lower_bound(place.offset);
    if (it != regions.begin() && std::prev(it)->second.end > place.offset)
      --it;
    while (it != regions.end() && it->first < place.offset + place.bytes)
      it = regions.erase(it);
    regions[place.offset] = {place.offset + place.bytes, value};
  }

  bool holds(const Place &place, Value value) const {
    if (place.bytes == 0)
      return true;
    auto it = regions.find(place.offset);
    return it != regions.end() && it->second.end == place.offset + place.bytes &&
           it->second.value == value;
  }

  std::optional<Value> valueAt(const Place &place) const {
    auto it = regions.find(place.offset);
    if (it == regions.end() || it->second.end != place.offset + place.bytes)
      return std::nullopt;
    return it->second.value;
  }

private:
  struct Region {
    int64_t end;
    Value value;
  };
  std::map<int64_t, Region> regions;
};

class Checker {
public:
  Checker(const Program &program, std::span<const Place> variables, const Plan &plan)
      : program(program), variables(variables), plan(plan) {}

  std::optional<std::string> check();

private:
  using Error = std::optional<std::string>;

  Error start();
  Error run(const PlannedStep &planned);
  Error checkSharing(const PlannedStep &planned, const Step &step) const;
  Error copy(const PlannedStep &planned);
  Error finish() const;
  Error expectBytes(const Place &place, Value value) const {
    if (place.bytes == program.bytes[value])
      return std::nullopt;
    return "expected " + std::to_string(program.bytes[value]) + " bytes for value " +
           std::to_string(value) + ", found " + describe(place);
  }

  const Program &program;
  std::span<const Place> variables;
  const Plan &plan;
  Memory memory;
  std::vector<Value>
      initial; ///< of each variable; numbers behind the program's where it has no read
};
} // namespace

Checker::Error Checker::start() {
  auto next = static_cast<Value>(program.bytes.size());
  for (size_t variable = 0; variable < variables.size(); ++variable)
    initial.push_back(next++);
  for (const Access &read : program.reads)
    initial[read.variable] = read.value;
  for (size_t variable = 0; variable < variables.size(); ++variable)
    memory.set(variables[variable], initial[variable]);
  if (plan.inputs.size() != program.inputs.size() || plan.outputs.size() != program.outputs.size())
    return "expected a place for each input and output";
  for (size_t index = 0; index < plan.inputs.size(); ++index) {
    if (Error error = expectBytes(plan.inputs[index], program.inputs[index]))
      return error;
    memory.set(plan.inputs[index], program.inputs[index]);
  }
  return std::nullopt;
}

/// A kernel's buffers are memory of their own, but for what tied and inplace say.
Checker::Error Checker::checkSharing(const PlannedStep &planned, const Step &step) const {
  for (size_t index = 0; index < step.results.size(); ++index) {
    const Result &result = step.results[index];
    const Place &place = planned.results[index];
    int shared = -1;
    if (result.tied >= 0) {
      if (place.offset != planned.operands[result.tied].offset)
        return "expected a tied result at " + describe(planned.operands[result.tied]) +
               ", found it at " + describe(place);
      shared = result.tied;
    } else if (result.inplace >= 0 && place.offset == planned.operands[result.inplace].offset &&
               place.bytes == planned.operands[result.inplace].bytes) {
      shared = result.inplace;
    }
    for (size_t operand = 0; operand < planned.operands.size(); ++operand)
      if (static_cast<int>(operand) != shared && overlap(place, planned.operands[operand]))
        return "expected a result apart from operand " + std::to_string(operand) +
               ", found it at " + describe(place);
    for (size_t other = 0; other < index; ++other)
      if (overlap(place, planned.results[other]))
        return "expected results apart, found two at " + describe(place);
  }
  return std::nullopt;
}

Checker::Error Checker::run(const PlannedStep &planned) {
  const Step &step = program.steps[planned.source];
  if (planned.operands.size() != step.operands.size() ||
      planned.results.size() != step.results.size())
    return "expected a place for each operand and result";
  for (size_t index = 0; index < step.operands.size(); ++index)
    if (planned.operands[index].bytes != program.bytes[step.operands[index]] ||
        !memory.holds(planned.operands[index], step.operands[index]))
      return "expected value " + std::to_string(step.operands[index]) + " at " +
             describe(planned.operands[index]);
  if (Error error = checkSharing(planned, step))
    return error;
  for (size_t index = 0; index < step.results.size(); ++index) {
    if (Error error = expectBytes(planned.results[index], step.results[index].value))
      return error;
    memory.set(planned.results[index], step.results[index].value);
  }
  return std::nullopt;
}

Checker::Error Checker::copy(const PlannedStep &planned) {
  if (planned.operands.size() != 1 || planned.results.size() != 1)
    return "expected a copy from one place to one other";
  const Place &from = planned.operands[0], &to = planned.results[0];
  if (from.bytes != to.bytes || overlap(from, to))
    return "expected a copy between two places of one size, found " + describe(from) + " and " +
           describe(to);
  if (from.bytes == 0)
    return std::nullopt;
  std::optional<Value> value = memory.valueAt(from);
  if (!value)
    return "expected a whole value to copy at " + describe(from);
  memory.set(to, *value);
  return std::nullopt;
}

Checker::Error Checker::finish() const {
  std::vector<Value> last = initial;
  for (const Access &write : program.writes)
    last[write.variable] = write.value;
  for (size_t variable = 0; variable < variables.size(); ++variable)
    if (!memory.holds(variables[variable], last[variable]))
      return "expected value " + std::to_string(last[variable]) + " in variable " +
             std::to_string(variable) + " at the end";
  for (size_t index = 0; index < plan.inputs.size(); ++index)
    if (!memory.holds(plan.inputs[index], program.inputs[index]))
      return "expected input " + std::to_string(index) + " as it was at the end";
  for (size_t index = 0; index < plan.outputs.size(); ++index) {
    if (Error error = expectBytes(plan.outputs[index], program.outputs[index]))
      return error;
    if (!memory.holds(plan.outputs[index], program.outputs[index]))
      return "expected value " + std::to_string(program.outputs[index]) + " in output " +
             std::to_string(index) + " at the end";
  }
  return std::nullopt;
}

Checker::Error Checker::check() {
  if (Error error = start())
    return error;
  int next = 0;
  for (size_t index = 0; index < plan.steps.size(); ++index) {
    const PlannedStep &planned = plan.steps[index];
    auto where = [&](const std::string &message) {
      return "step " + std::to_string(index) + ": " + message;
    };
    for (const std::vector<Place> *places : {&planned.operands, &planned.results})
      for (const Place &place : *places)
        if (place.offset < 0 || place.offset % alignment || place.offset + place.bytes > plan.peak)
          return where("expected an aligned place before the peak, found " + describe(place));
    if (planned.source >= 0 && planned.source != next++)
      return where("expected the steps in their order");
    if (Error error = planned.source < 0 ? copy(planned) : run(planned))
      return where(*error);
  }
  if (next != static_cast<int>(program.steps.size()))
    return "expected all steps of the program";
  return finish();
}

std::optional<std::string> verifyPlan(const Program &program, std::span<const Place> variables,
                                      const Plan &plan) {
  return Checker(program, variables, plan).check();
}

} // namespace stc::planner
