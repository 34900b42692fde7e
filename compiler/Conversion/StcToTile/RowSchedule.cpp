//===- RowSchedule.cpp - what each sweep of a row does --------------------===//

#include "compiler/Conversion/StcToTile/RowSchedule.h"

using namespace mlir;
using namespace stc;

/// Scratch of a kernel, in elements.
static constexpr int64_t maxScratch = 32768;

int RowSchedule::storedBy(const RowProgram &program, unsigned step) {
  if (program.steps[step].kind == RowStep::Load)
    return -1;
  for (auto [number, output] : llvm::enumerate(program.outputs))
    if (output.step == step && !output.accumulates() && output.kept == program.all())
      return number;
  return -1;
}

namespace {
/// Random numbers, functions of math, and what is computed from them in the same sweep.
std::vector<char> findExpensive(const RowProgram &program) {
  std::vector<char> expensive;
  for (const RowStep &step : program.steps) {
    bool cost = step.kind == RowStep::Random ||
                (step.kind == RowStep::Compute && isa<math::MathDialect>(step.op->getDialect()));
    for (unsigned operand : step.operands)
      cost |= expensive[operand] && program.inColumns(operand);
    expensive.push_back(cost && step.kind != RowStep::Reduce);
  }
  return expensive;
}

/// Finds the steps of each sweep; `keptSince[s]` is the sweep that stores step s, if any.
void fillSweeps(const RowProgram &program, ArrayRef<int> keptSince,
                MutableArrayRef<RowSweep> sweeps) {
  for (auto [number, sweep] : llvm::enumerate(sweeps)) {
    std::vector<char> needed(program.steps.size(), 0);
    auto need = [&](unsigned step) { needed[step] |= program.inColumns(step); };
    for (unsigned step : sweep.reductions)
      need(program.steps[step].operands[0]);
    for (unsigned output : sweep.outputs)
      need(program.outputs[output].step);
    sweep.compute.clear();
    sweep.reload.clear();
    for (int step = program.steps.size() - 1; step >= 0; --step) {
      if (!needed[step])
        continue;
      if (keptSince[step] >= 0 && keptSince[step] < static_cast<int>(number)) {
        sweep.reload.push_back(step);
        continue;
      }
      sweep.compute.push_back(step);
      llvm::for_each(program.steps[step].operands, need);
    }
    std::reverse(sweep.compute.begin(), sweep.compute.end());
  }
}
} // namespace

RowSchedule stc::schedule(const RowProgram &program, const RowWork &work) {
  RowSchedule result;
  unsigned count = 1;
  for (const RowStep &step : program.steps)
    count = std::max(count, step.sweep + 1);
  result.sweeps.resize(count);
  std::vector<int> keptSince(program.steps.size(), -1);
  for (auto [number, step] : llvm::enumerate(program.steps))
    if (step.kind == RowStep::Reduce)
      result.sweeps[step.sweep - 1].reductions.push_back(number);
  for (auto [number, output] : llvm::enumerate(program.outputs)) {
    if (!(output.domain & program.column()))
      continue;
    unsigned sweep = program.steps[output.step].sweep;
    result.sweeps[sweep].outputs.push_back(number);
    if (RowSchedule::storedBy(program, output.step) >= 0)
      keptSince[output.step] = sweep;
  }
  fillSweeps(program, keptSince, result.sweeps);

  std::vector<char> expensive = findExpensive(program);
  std::vector<int> first(program.steps.size(), -1);
  SmallVector<unsigned> candidates;
  for (auto [number, sweep] : llvm::enumerate(result.sweeps))
    for (unsigned step : sweep.compute) {
      if (first[step] < 0)
        first[step] = number;
      else if (work.scratch && expensive[step] && keptSince[step] < 0) {
        keptSince[step] = first[step];
        candidates.push_back(step);
      }
    }
  fillSweeps(program, keptSince, result.sweeps);
  for (unsigned step : candidates)
    if (llvm::any_of(result.sweeps,
                     [&](const RowSweep &sweep) { return llvm::is_contained(sweep.reload, step); }))
      result.scratch.push_back(step);
  if (!result.scratch.empty() &&
      static_cast<int64_t>(result.scratch.size()) * program.dims.back() > maxScratch) {
    for (unsigned step : candidates)
      keptSince[step] = -1;
    result.scratch.clear();
    fillSweeps(program, keptSince, result.sweeps);
  }

  bool rowsAlone = llvm::any_of(program.outputs, [&](const RowOutput &output) {
    return !(output.kept & program.column()); // written once a row
  });
  result.blocked = program.flat() || (program.dims.size() > 1 && count == 1 && !rowsAlone &&
                                      program.dims.back() >= work.longRow);
  if (result.blocked && work.fixedBlocks)
    result.blockColumns = program.flat() ? work.itemElements : work.blockColumns;
  if (program.flat())
    while (result.unit < work.maxUnit && program.dims.back() % (2 * result.unit) == 0)
      result.unit *= 2;
  return result;
}

bool stc::canOverwrite(const RowProgram &program, const RowSchedule &schedule, unsigned output,
                       unsigned input) {
  const RowOutput &target = program.outputs[output];
  if (target.accumulates() || target.kept != program.all() ||
      llvm::count(program.inputs, program.inputs[input]) > 1)
    return false;
  auto load = llvm::find_if(program.steps, [&](const RowStep &step) {
    return step.kind == RowStep::Load && step.number == input;
  });
  if (load->mask != program.all() ||
      memoryType(load->element) != memoryType(program.steps[target.step].element))
    return false;
  unsigned step = load - program.steps.begin();
  bool written = false;
  for (const RowSweep &sweep : schedule.sweeps) {
    if (written && llvm::is_contained(sweep.compute, step))
      return false;
    written |= llvm::is_contained(sweep.outputs, output);
  }
  return true;
}
