//===- Planner.cpp - which values share memory, and where copies go -------===//
//
// Time: what stands before step s happens at 2s, step s at 2s + 1, and what is needed after the
// last of n steps is needed until 2n + 1.
//
//===----------------------------------------------------------------------===//

#include "compiler/Conversion/TileToPlan/MemoryPlan.h"

#include <algorithm>
#include <functional>
#include <numeric>

namespace stc::planner {

namespace {
constexpr int none = -1;

struct Copy {
  Value from, to;
};

class Planner {
public:
  Planner(const Program &program, std::span<const Place> variables)
      : program(program), variables(variables), end(2 * static_cast<int>(program.steps.size()) + 1),
        before(program.steps.size() + 1), readOf(variables.size(), none) {
    index();
  }

  Plan plan();

private:
  void index();
  Value addCopy(Value from, int point);
  void saveOldValues();
  bool placeInVariable(int variable, Value value);
  void copyOperand(int step, const Result &result, int variable);
  bool isConsumable(Value value, int step) const;
  void share(Value operand, Value result);
  void shareMemory();
  void copyToVariables();
  Plan placeValues();

  Value root(Value value) {
    while (parent[value] != value)
      value = parent[value] = parent[parent[value]];
    return value;
  }
  int occurrences(Value value, int step) const {
    return static_cast<int>(std::ranges::count(program.steps[step].operands, value));
  }

  Program program;
  std::span<const Place> variables;
  const int end;
  std::vector<std::vector<Copy>> before; ///< the copies before each step, and after the last

  // Of each value:
  std::vector<int> defined, lastUse;    ///< times
  std::vector<int> producer;            ///< the step, or none
  std::vector<int> held;                ///< the variable whose memory it lies in, or none
  std::vector<bool> survives, consumed; ///< must stay as it is; has given its memory to a result
  std::vector<Value> parent;            ///< of the forest of values in one memory
  std::vector<Place> places;

  // Of each variable:
  std::vector<Value> readOf; ///< its value at the start, if that is read
};
} // namespace

/// Computes when each value is defined and used, and drops writes that change nothing.
void Planner::index() {
  size_t count = program.bytes.size();
  defined.assign(count, none);
  lastUse.assign(count, none);
  producer.assign(count, none);
  held.assign(count, none);
  survives.assign(count, false);
  consumed.assign(count, false);
  parent.resize(count);
  std::iota(parent.begin(), parent.end(), 0);

  for (const Access &read : program.reads) {
    readOf[read.variable] = read.value;
    held[read.value] = read.variable;
    survives[read.value] = true;
  }
  std::erase_if(program.writes,
                [&](const Access &write) { return readOf[write.variable] == write.value; });

  for (size_t step = 0; step < program.steps.size(); ++step) {
    int time = 2 * static_cast<int>(step) + 1;
    for (Value operand : program.steps[step].operands)
      lastUse[operand] = time;
    for (const Result &result : program.steps[step].results) {
      defined[result.value] = lastUse[result.value] = time;
      producer[result.value] = static_cast<int>(step);
    }
  }
  auto keep = [&](Value value) {
    lastUse[value] = end;
    survives[value] = true;
  };
  std::ranges::for_each(program.inputs, keep);
  std::ranges::for_each(program.outputs, keep);
  for (const Access &write : program.writes)
    keep(write.value);
}

/// A new value: that of `from`, copied before step `point`.
Value Planner::addCopy(Value from, int point) {
  auto to = static_cast<Value>(program.bytes.size());
  program.bytes.push_back(program.bytes[from]);
  defined.push_back(2 * point);
  lastUse.push_back(2 * point);
  producer.push_back(none);
  held.push_back(none);
  survives.push_back(false);
  consumed.push_back(false);
  parent.push_back(to);
  before[point].push_back({from, to});
  lastUse[from] = std::max(lastUse[from], 2 * point);
  return to;
}

/// A variable's old value that outlives the run, although the variable gets another, is copied
/// first: from then on only steps use old values of written variables.
void Planner::saveOldValues() {
  for (const Access &access : std::vector(program.writes)) {
    Value old = readOf[access.variable];
    if (old == none || lastUse[old] != end)
      continue;
    Value saved = addCopy(old, 0);
    lastUse[saved] = end;
    survives[saved] = true;
    std::ranges::replace(program.outputs, old, saved);
    for (Access &write : program.writes)
      if (write.value == old)
        write.value = saved;
    lastUse[old] = 0;
    for (size_t step = 0; step < program.steps.size(); ++step)
      if (occurrences(old, static_cast<int>(step)))
        lastUse[old] = 2 * static_cast<int>(step) + 1;
  }
}

/// Whether a step may write over its operand.
bool Planner::isConsumable(Value value, int step) const {
  return !survives[value] && !consumed[value] && lastUse[value] == 2 * step + 1 &&
         occurrences(value, step) == 1;
}

/// The result lies where the operand lay, which has its last use there.
void Planner::share(Value operand, Value result) {
  consumed[operand] = true;
  parent[root(result)] = root(operand);
}

/// Makes a copy for a tied result to be written into.
void Planner::copyOperand(int step, const Result &result, int variable) {
  Value &operand = program.steps[step].operands[result.tied];
  Value copy = addCopy(operand, step);
  held[copy] = variable;
  lastUse[copy] = 2 * step + 1;
  operand = copy;
  share(copy, result.value);
}

/// Has a step compute the value straight into the variable's memory, if nobody needs the old value
/// after that; and what the step overwrites, if it can lie there before. False if it cannot be.
bool Planner::placeInVariable(int variable, Value value) {
  int step = producer[value];
  if (step == none || held[value] != none)
    return false;
  const Result &result = *std::ranges::find(program.steps[step].results, value, &Result::value);
  int source = result.tied >= 0 ? result.tied : result.inplace;
  Value operand = source >= 0 ? program.steps[step].operands[source] : none;

  Value old = readOf[variable];
  if (old != none && lastUse[old] >= defined[value]) {
    if (old != operand || lastUse[old] > defined[value] || occurrences(old, step) > 1 ||
        consumed[old])
      return false;
    consumed[old] = true;
    held[value] = variable;
    return true;
  }
  held[value] = variable;
  if (operand != none && isConsumable(operand, step) &&
      program.bytes[operand] == program.bytes[value] && placeInVariable(variable, operand))
    share(operand, value);
  else if (result.tied >= 0)
    copyOperand(step, result, variable);
  return true;
}

/// Settles the results that lie in no variable.
void Planner::shareMemory() {
  for (size_t index = 0; index < program.steps.size(); ++index) {
    auto step = static_cast<int>(index);
    for (const Result &result : program.steps[step].results) {
      if (held[result.value] != none)
        continue;
      int source = result.tied >= 0 ? result.tied : result.inplace;
      if (source < 0)
        continue;
      Value operand = program.steps[step].operands[source];
      if (isConsumable(operand, step) && program.bytes[operand] == program.bytes[result.value])
        share(operand, result.value);
      else if (result.tied >= 0)
        copyOperand(step, result, none);
    }
  }
}

/// Copies the values of variables that could not be computed in their place, as early as may be.
void Planner::copyToVariables() {
  for (const Access &write : program.writes) {
    if (held[write.value] == write.variable)
      continue;
    Value old = readOf[write.variable];
    int time = std::max(defined[write.value], old == none ? none : lastUse[old]);
    held[addCopy(write.value, (time + 1) / 2)] = write.variable;
  }
}

/// Gives each value outside the variables a place; values that share memory have one lifetime.
Plan Planner::placeValues() {
  int64_t base = 0;
  for (const Place &variable : variables)
    base = std::max(base, variable.offset + variable.bytes);
  base = (base + alignment - 1) / alignment * alignment;

  std::vector<Lifetime> lifetimes;
  std::vector<int> lifetimeOf(program.bytes.size(), none);
  auto count = static_cast<Value>(program.bytes.size());
  for (Value value = 0; value < count; ++value) {
    if (held[value] != none)
      continue;
    int first = std::max(defined[value], 0), last = std::max(lastUse[value], first);
    if (program.areApart)
      first = 0, last = end;
    int &index = lifetimeOf[root(value)];
    if (index == none) {
      index = static_cast<int>(lifetimes.size());
      lifetimes.push_back({first, last, program.bytes[value]});
    }
    lifetimes[index].first = std::min(lifetimes[index].first, first);
    lifetimes[index].last = std::max(lifetimes[index].last, last);
  }

  Plan plan;
  plan.bound = base + liveBound(lifetimes);
  plan.peak = base;
  std::vector<int64_t> offsets = assignOffsets(lifetimes);
  for (size_t index = 0; index < lifetimes.size(); ++index)
    plan.peak = std::max(plan.peak, base + offsets[index] + lifetimes[index].bytes);
  for (Value value = 0; value < count; ++value)
    places.push_back({held[value] != none ? variables[held[value]].offset
                                          : base + offsets[lifetimeOf[root(value)]],
                      program.bytes[value]});
  return plan;
}

Plan Planner::plan() {
  saveOldValues();
  for (const Access &write : program.writes)
    placeInVariable(write.variable, write.value);
  shareMemory();
  copyToVariables();

  Plan plan = placeValues();
  auto placesOf = [&](auto &&values, auto valueOf) {
    std::vector<Place> result;
    for (const auto &value : values)
      result.push_back(places[valueOf(value)]);
    return result;
  };
  plan.inputs = placesOf(program.inputs, std::identity());
  plan.outputs = placesOf(program.outputs, std::identity());
  for (size_t step = 0; step <= program.steps.size(); ++step) {
    for (const Copy &copy : before[step])
      plan.steps.push_back({none, {places[copy.from]}, {places[copy.to]}});
    if (step < program.steps.size())
      plan.steps.push_back(
          {static_cast<int>(step), placesOf(program.steps[step].operands, std::identity()),
           placesOf(program.steps[step].results, [](const Result &r) { return r.value; })});
  }
  return plan;
}

Plan planMemory(const Program &program, std::span<const Place> variables) {
  return Planner(program, variables).plan();
}

std::vector<Place> placeVariables(std::span<const int64_t> bytes) {
  std::vector<Place> places;
  int64_t offset = 0;
  for (int64_t size : bytes) {
    places.push_back({offset, size});
    offset += (size + alignment - 1) / alignment * alignment;
  }
  return places;
}

} // namespace stc::planner
