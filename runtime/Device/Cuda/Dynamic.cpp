//===- Dynamic.cpp - entries of dynamic sizes on a GPU ------------------------------===//
#include "runtime/Device/Cuda/Dynamic.h"
#include "runtime/Support/File.h"

#include <algorithm>
#include <fmt/format.h>

namespace stc::runtime::cuda {

// A model of many layers has as many calls in each step.
static constexpr size_t mostBound = 1024;

Result<std::unique_ptr<DynamicProgram>> DynamicProgram::create(const program::Program &program,
                                                               const Device &device) {
  if (auto checked = checkTarget(program, device); !checked)
    return forward(checked);
  for (const program::Entry *entry : *program.entries())
    if (!isDynamic(*entry))
      return fail(fmt::format("expected entries of dynamic sizes, found '{}' of static ones",
                              printable(entry->name()->string_view())));
  std::unique_ptr<DynamicProgram> result(new DynamicProgram(program));
  for (const program::Kernel *kernel : *program.kernels()) {
    auto loaded = Kernel::load(device, *kernel);
    if (!loaded)
      return forward(loaded);
    result->kernels.push_back(std::move(*loaded));
  }
  return result;
}

size_t DynamicProgram::Hash::operator()(const Key &key) const {
  size_t hash = 0;
  for (uint64_t word : key)
    hash = (hash ^ word) * 0x9e3779b97f4a7c15 + (hash >> 29);
  return hash;
}

Result<uint64_t> DynamicProgram::workspaceBytes(uint32_t number,
                                                std::span<const int64_t> parameters) const {
  const program::Entry &entry = *program.entries()->Get(number);
  if (auto checked = checkParameters(entry, parameters); !checked)
    return forward(checked);
  auto workspace = workspaceOf(entry, parameters);
  return workspace ? Result<uint64_t>(workspace->bytes) : forward(workspace);
}

Result<std::vector<Launch>> DynamicProgram::bind(const program::Entry &entry,
                                                 const Call &call) const {
  if (auto checked = checkParameters(entry, call.parameters); !checked)
    return forward(checked);
  auto workspace = workspaceOf(entry, call.parameters);
  if (!workspace)
    return forward(workspace);
  std::vector<CUdeviceptr> memories(call.tensors.begin(), call.tensors.end());
  for (uint64_t offset : workspace->offsets)
    memories.push_back(call.workspace + offset);
  std::vector<Launch> launches;
  for (const program::Step *step : *entry.steps()) {
    const program::Launch &launch = *step->action_as_Launch();
    std::vector<CUdeviceptr> buffers;
    for (uint64_t offset : *launch.buffers())
      buffers.push_back(memories[memoryAt(entry, offset)]);
    auto one = Launch::bind(kernels[launch.kernel()], launch, buffers, call.parameters);
    if (!one)
      return forward(one);
    launches.push_back(std::move(*one));
  }
  return launches;
}

Result<void> DynamicProgram::start(uint32_t number, const Call &call, CUstream stream) {
  const program::Entry &entry = *program.entries()->Get(number);
  if (const size_t expected = entry.inputs()->size() + entry.outputs()->size();
      call.tensors.size() != expected)
    return fail(fmt::format("expected {} tensors, found {}", expected, call.tensors.size()));
  Key key(call.parameters.begin(), call.parameters.end());
  key.insert(key.end(), call.tensors.begin(), call.tensors.end());
  key.push_back(call.workspace);
  auto &known = bound[number];
  auto found = known.find(key);
  if (found == known.end()) {
    auto launches = bind(entry, call);
    if (!launches)
      return forward(launches);
    if (known.size() == mostBound)
      known.clear();
    found = known.emplace(std::move(key), std::move(*launches)).first;
  }
  bool isBehindKernel = false; // what stands before on the stream is not ours
  for (const Launch &launch : found->second) {
    if (launch.isEmpty())
      continue;
    if (auto started = launch(isBehindKernel, stream); !started)
      return started;
    isBehindKernel = true;
  }
  return {};
}

} // namespace stc::runtime::cuda
