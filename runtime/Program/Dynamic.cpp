//===- Dynamic.cpp - entries whose sizes each call gives ----------------------------===//
#include "runtime/Program/Dynamic.h"
#include "runtime/Program/Expression.h"
#include "runtime/Program/NameCheck.h"
#include "runtime/Program/Tensor.h"
#include "runtime/Support/File.h"

#include <algorithm>
#include <fmt/format.h>

namespace stc::runtime {

using namespace program;

namespace {
/// For the examples, an expression has the value that stands there.
Result<void> checkValue(const Expression &expression, std::span<const int64_t> sizes,
                        uint64_t expected, const char *what) {
  auto value = evaluate(expression, sizes);
  if (!value)
    return fail(fmt::format("{}: {}", what, value.error().message));
  if (static_cast<uint64_t>(*value) != expected)
    return fail(fmt::format("expected an expression of {} that is {} for the examples, found {}",
                            what, expected, *value));
  return {};
}

Result<void> checkMap(const TensorMap &map, std::span<const int64_t> sizes) {
  std::vector<uint64_t> numbers = {map.offset()};
  numbers.insert(numbers.end(), map.sizes()->begin(), map.sizes()->end());
  numbers.insert(numbers.end(), map.strides()->begin(), map.strides()->end());
  if (map.dynamic()->size() != numbers.size())
    return fail(fmt::format("expected {} expressions of a tensor map, found {}", numbers.size(),
                            map.dynamic()->size()));
  for (uint32_t k = 0; k < numbers.size(); ++k)
    if (auto checked = checkValue(*map.dynamic()->Get(k), sizes, numbers[k], "a tensor map");
        !checked)
      return checked;
  return {};
}

bool hasDynamicMaps(const Kernel &kernel) {
  return kernel.grid() && std::ranges::any_of(*kernel.grid()->maps(), [](const TensorMap *map) {
           return map->dynamic() != nullptr;
         });
}

Result<void> checkLaunch(const Program &program, const Entry &entry, const Launch &launch,
                         std::span<const int64_t> examples) {
  if (!launch.dynamic_items() || !std::ranges::equal(*launch.sizes(), examples))
    return fail("expected a launch of dynamic items whose sizes are the parameters");
  if (auto checked = checkValue(*launch.dynamic_items(), examples, launch.items(), "the items");
      !checked)
    return checked;
  const Kernel &kernel = *program.kernels()->Get(launch.kernel());
  if (!kernel.grid())
    return fail("expected dynamic sizes of a kernel on a GPU");
  for (const TensorMap *map : *kernel.grid()->maps()) {
    if (!map->dynamic())
      return fail("expected expressions of each tensor map");
    if (auto checked = checkMap(*map, examples); !checked)
      return checked;
  }
  const uint32_t count =
      entry.inputs()->size() + entry.outputs()->size() + entry.intermediates()->size();
  for (uint64_t offset : *launch.buffers())
    if (memoryAt(entry, offset) == count)
      return fail(
          fmt::format("expected the start of an input, an output or an intermediate, found a "
                      "buffer at {}",
                      offset));
  return {};
}

Result<void> checkParameter(const Parameter &parameter) {
  if (auto checked = checkName(parameter.name()->string_view()); !checked)
    return fail(fmt::format("parameter: {}", checked.error().message));
  const int64_t example = parameter.example(), multiple = parameter.multiple();
  if (multiple < 1 || example < multiple || example % multiple != 0 || parameter.most() < example)
    return fail(fmt::format("expected an example of parameter '{}' that is a multiple of {} up to "
                            "{}, found {}",
                            printable(parameter.name()->string_view()), multiple, parameter.most(),
                            example));
  return {};
}

struct Extent {
  uint64_t begin, end;
};

/// No two share memory.
Result<void> checkApart(const Entry &entry, std::span<const int64_t> examples) {
  std::vector<Extent> extents;
  for (const auto *tensors : {entry.inputs(), entry.outputs()})
    for (const Tensor *tensor : *tensors)
      extents.push_back({tensor->offset(), tensor->offset() + bytes(*tensor)});
  for (const Intermediate *intermediate : *entry.intermediates()) {
    auto size = evaluate(*intermediate->bytes(), examples);
    if (!size)
      return forward(size);
    extents.push_back({intermediate->offset(), intermediate->offset() + uint64_t(*size)});
  }
  std::ranges::sort(extents, {}, &Extent::begin);
  for (size_t k = 1; k < extents.size(); ++k)
    if (extents[k].begin < extents[k - 1].end)
      return fail(fmt::format("expected inputs, outputs and intermediates that share no memory, "
                              "found two at {}",
                              extents[k].begin));
  return {};
}
} // namespace

Result<void> checkDynamic(const Program &program, const Entry &entry) {
  if (!isDynamic(entry)) {
    for (const Step *step : *entry.steps())
      if (const Launch *launch = step->action_as_Launch();
          launch &&
          (launch->dynamic_items() || hasDynamicMaps(*program.kernels()->Get(launch->kernel()))))
        return fail("expected parameters of an entry that launches kernels of dynamic sizes");
    return {};
  }
  if (!entry.intermediates())
    return fail("expected intermediates, if only none, of an entry of dynamic sizes");
  std::vector<int64_t> examples;
  for (const Parameter *parameter : *entry.parameters()) {
    if (auto checked = checkParameter(*parameter); !checked)
      return checked;
    examples.push_back(parameter->example());
  }
  if (auto checked = checkApart(entry, examples); !checked)
    return checked;
  for (const Step *step : *entry.steps()) {
    const Launch *launch = step->action_as_Launch();
    if (!launch)
      return fail("expected launches alone in an entry of dynamic sizes");
    if (auto checked = checkLaunch(program, entry, *launch, examples); !checked)
      return checked;
  }
  return {};
}

uint32_t memoryAt(const Entry &entry, uint64_t offset) {
  uint32_t number = 0;
  for (const auto *tensors : {entry.inputs(), entry.outputs()})
    for (const Tensor *tensor : *tensors) {
      if (tensor->offset() == offset)
        return number;
      ++number;
    }
  for (const Intermediate *intermediate : *entry.intermediates()) {
    if (intermediate->offset() == offset)
      return number;
    ++number;
  }
  return number;
}

Result<void> checkParameters(const Entry &entry, std::span<const int64_t> parameters) {
  if (parameters.size() != entry.parameters()->size())
    return fail(fmt::format("expected {} parameters, found {}", entry.parameters()->size(),
                            parameters.size()));
  for (uint32_t k = 0; k < parameters.size(); ++k) {
    const Parameter &parameter = *entry.parameters()->Get(k);
    const int64_t value = parameters[k];
    if (value < parameter.multiple() || value > parameter.most() ||
        value % parameter.multiple() != 0)
      return fail(fmt::format("expected for {} a multiple of {} up to {}, found {}",
                              printable(parameter.name()->string_view()), parameter.multiple(),
                              parameter.most(), value));
  }
  return {};
}

Result<Workspace> workspaceOf(const Entry &entry, std::span<const int64_t> parameters) {
  constexpr uint64_t alignment = 256;
  constexpr uint64_t most = uint64_t(1) << 47;
  Workspace workspace;
  for (const Intermediate *intermediate : *entry.intermediates()) {
    auto bytes = evaluate(*intermediate->bytes(), parameters);
    if (!bytes)
      return forward(bytes);
    workspace.offsets.push_back(workspace.bytes);
    if (*bytes < 0 || uint64_t(*bytes) > most - workspace.bytes)
      return fail(fmt::format("expected sizes that need at most 2^47 bytes, found {} for one part",
                              *bytes));
    workspace.bytes += (uint64_t(*bytes) + alignment - 1) / alignment * alignment;
  }
  return workspace;
}

} // namespace stc::runtime
