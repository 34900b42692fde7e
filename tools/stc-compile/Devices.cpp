//===- Devices.cpp - what a model is compiled for several devices ---------===//

#include "tools/stc-compile/Devices.h"
#include "tools/command-line/Number.h"

#include "dialects/Stc/Stc.h"

#include <llvm/ADT/StringExtras.h>
#include <llvm/Support/FormatVariadic.h>
#include <mlir/Dialect/Func/IR/FuncOps.h>

using namespace mlir;
using namespace stc;

/// More than anybody has, and few enough for sums of anything by device.
static constexpr int64_t kMostDevices = 1 << 20;

tl::expected<std::vector<DeviceAxis>, std::string> stc::parseDevices(const std::string &text) {
  auto unknown = [&] {
    return tl::unexpected(llvm::formatv("expected a number of devices, data:N, context:N or "
                                        "data:N,context:N, found '{0}'",
                                        text)
                              .str());
  };
  // In this order, since what is exchanged along the last axis is most, and its devices are
  // nearest.
  std::vector<DeviceAxis> grid = {{"data", 0}, {"context", 0}};
  SmallVector<StringRef> parts;
  StringRef(text).split(parts, ',');
  int64_t all = 1;
  for (StringRef part : parts) {
    auto [name, count] = part.contains(':') ? part.split(':') : std::pair(StringRef("data"), part);
    auto axis = llvm::find_if(grid, [&](const DeviceAxis &one) { return one.name == name; });
    if (axis == grid.end() || axis->count > 0 || (parts.size() > 1 && !part.contains(':')))
      return unknown();
    auto number = cli::parseNumber(count.str(), cli::Range<int64_t>{1, kMostDevices / all});
    if (!number)
      return tl::unexpected("of devices " + number.error());
    all *= axis->count = *number;
  }
  llvm::erase_if(grid, [](const DeviceAxis &axis) { return axis.count <= 1; });
  return grid;
}

/// "1, 2, 4 and 8".
static std::string divisorsOf(int64_t number) {
  std::vector<std::string> all;
  for (int64_t k = 2; k <= number; ++k)
    if (number % k == 0)
      all.push_back(std::to_string(k));
  const std::string last = all.back();
  all.pop_back();
  return all.empty() ? last : llvm::join(all, ", ") + " or " + last;
}

static void keepSamplingWhole(ModuleOp module) {
  for (auto function : module.getOps<func::FuncOp>()) {
    if (!function.getSymName().starts_with("sample"))
      continue;
    for (unsigned k = 0; k < function.getNumArguments(); ++k)
      function.removeArgAttr(k, kDealt);
    for (unsigned k = 0; k < function.getNumResults(); ++k)
      function.removeResultAttr(k, StringAttr::get(module.getContext(), kDealt));
  }
  for (auto variable : module.getOps<VariableOp>())
    if (variable.getRole() == Role::Scratch)
      variable->removeAttr(kDealt);
}

tl::expected<void, std::string> stc::fitToDevices(Input &input, ArrayRef<DeviceAxis> devices) {
  if (!input.spec)
    return {}; // the pass says what does not fit
  for (const DeviceAxis &axis : devices) {
    if (axis.name == "context") {
      if (const int64_t positions = input.spec->data.context; positions % axis.count != 0)
        return tl::unexpected(
            llvm::formatv("expected devices that divide data.context = {0}, found {1}: {2} do",
                          positions, axis.count, divisorsOf(positions))
                .str());
      continue;
    }
    const int64_t batch = input.spec->train.batch;
    if (batch % axis.count != 0)
      return tl::unexpected(
          batch == 1
              ? llvm::formatv("expected a batch that {0} devices divide, found train.batch = 1; "
                              "context:{0} deals the positions of each sequence",
                              axis.count)
                    .str()
              : llvm::formatv("expected devices that divide train.batch = {0}, found {1}: {2} do",
                              batch, axis.count, divisorsOf(batch))
                    .str());
    if (input.spec->sample.batch % axis.count != 0)
      keepSamplingWhole(*input.module);
  }
  return {};
}
