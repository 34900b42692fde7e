//===- Time.cpp - how long a planned entry is expected to take ------------===//

#include "tools/stc-compile/Time.h"

#include "compiler/Schedule/StepTime.h"
#include "dialects/Plan/Plan.h"
#include "dialects/Tile/Tile.h"
#include "tools/stc-compile/Exchanges.h"

#include <llvm/ADT/TypeSwitch.h>
#include <llvm/Support/FormatVariadic.h>

using namespace mlir;
using namespace stc;

namespace {
/// Reads the steps of an entry as work.
class Reader {
public:
  explicit Reader(ModuleOp module) : module(module) {}

  std::vector<StepWork> read(plan::EntryOp entry) {
    for (Operation &op : entry.getBody().front())
      llvm::TypeSwitch<Operation *>(&op)
          .Case([&](plan::LaunchOp op) { steps.push_back(workOf(op)); })
          .Case([&](plan::BatchOp op) {
            StepWork all;
            for (auto launch : op.getBody().getOps<plan::LaunchOp>()) {
              const StepWork one = workOf(launch);
              const double flops = all.flops + one.flops, bytes = all.bytes + one.bytes;
              all = one;
              all.flops = flops, all.bytes = bytes;
            }
            steps.push_back(all);
          })
          .Case([&](plan::GemmOp op) { steps.push_back(workOf(op)); })
          .Case([&](plan::CopyOp op) { steps.push_back({.bytes = 2.0 * op.getBytes()}); })
          .Case([&](plan::ZeroOp op) { steps.push_back({.bytes = 1.0 * op.getBytes()}); })
          .Case([&](plan::ExchangeOp op) { steps.push_back(workOf(op)); })
          .Case([&](plan::WaitOp op) {
            steps.push_back({.kind = StepWork::Wait, .number = int64_t(op.getNumber())});
          });
    return std::move(steps);
  }

private:
  StepWork workOf(plan::LaunchOp launch) {
    StepWork work;
    if (tile::WorkAttr known = launch.getWorkAttr()) {
      work.flops = double(known.getFlops());
      work.bytes = double(known.getBytes());
    }
    auto kernel = module.lookupSymbol<tile::KernelOp>(launch.getKernelAttr());
    if (!kernel || kernel.getKind() != "attention")
      return work;
    work.kind = StepWork::Attention;
    for (Operation &op : kernel.getBody().front())
      llvm::TypeSwitch<Operation *>(&op)
          .Case<tile::AttentionOp, tile::AttentionKeyGradOp, tile::AttentionQueryGradOp,
                tile::AttentionRowOp>([&](auto attention) {
            work.headSize = attention.getQuerySize();
            work.isNarrow = attention.getKey().getType().getElementTypeBitWidth() == 16;
          });
    return work;
  }
  static StepWork workOf(plan::GemmOp op) {
    return {.kind = StepWork::Product,
            .flops = 2.0 * op.getM() * op.getN() * op.getK() * op.getBatch(),
            .bytes = double(op.getBytesA() + op.getBytesB() + op.getBytesC()),
            .isNarrow = op.getType().getIntOrFloatBitWidth() == 16};
  }
  StepWork workOf(plan::ExchangeOp op) {
    StepWork work{.kind = StepWork::Exchange, .number = int64_t(op.getNumber()), .collectives = 0};
    eachCollective(op, [&](tile::CollectiveAttr collective, uint64_t received) {
      work.bytes += double(received);
      ++work.collectives;
      work.isBetweenHosts |= spanOf(collective.getAxis()) > h200Rates.hostDevices;
    });
    return work;
  }
  /// Devices that are neighbours, from the first to the last that an axis goes through.
  int64_t spanOf(StringAttr axis) {
    int64_t span = 1;
    for (auto one : llvm::reverse(llvm::to_vector(module.getOps<plan::AxisOp>()))) {
      span *= one.getCount();
      if (one.getSymName() == axis.getValue())
        break;
    }
    return span;
  }

  ModuleOp module;
  std::vector<StepWork> steps;
};
} // namespace

std::string stc::explainTime(ModuleOp planned) {
  std::string text =
      "predicted time, on H200s with NVLink in hosts of 8 and 400 Gb/s a GPU between "
      "them\n";
  for (auto entry : planned.getOps<plan::EntryOp>()) {
    const StepTime time = predictTime(Reader(planned).read(entry), h200Rates);
    text += llvm::formatv("  {0,-16} {1,9:F3} ms", entry.getSymName(), time.seconds * 1e3);
    if (!planned.getOps<plan::AxisOp>().empty())
      text += llvm::formatv(", {0:F3} of them waiting for exchange", time.waiting * 1e3);
    text += "\n";
  }
  return text;
}
