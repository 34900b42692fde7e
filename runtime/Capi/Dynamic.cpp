//===- Dynamic.cpp - programs of dynamic sizes on a GPU, for C --------------------------===//

#include "runtime/Capi/Dynamic.h"

#include "runtime/Capi/Answer.h"
#include "runtime/Device/Cuda/Dynamic.h"
#include "runtime/Program/ProgramFile.h"

#include <fmt/format.h>
#include <map>
#include <mutex>

using namespace stc;
using namespace stc::runtime;

struct StcDynamic {
  ProgramFile file;
  const cuda::Device *device;
  std::unique_ptr<cuda::DynamicProgram> program;
  std::mutex oneCaller;

  StcDynamic(ProgramFile file, const cuda::Device *device)
      : file(std::move(file)), device(device) {}

  Result<void> checkEntry(size_t number) const {
    const size_t count = file.program().entries()->size();
    if (number < count)
      return {};
    return fail(fmt::format("expected the number of one of {} entries, found {}", count, number));
  }
};

/// A GPU, which is open for the rest of the process. Leaves the current context as it is.
static Result<const cuda::Device *> deviceOf(int number) {
  static std::mutex oneCaller;
  static auto *const devices = new std::map<int, std::unique_ptr<cuda::Device>>;
  std::lock_guard lock(oneCaller);
  if (auto found = devices->find(number); found != devices->end())
    return found->second.get();
  auto opened = cuda::Device::openBeside(number);
  if (!opened)
    return forward(opened);
  return devices->emplace(number, std::move(*opened)).first->second.get();
}

static Result<std::unique_ptr<StcDynamic>> open(const char *path, int gpu) {
  auto file = ProgramFile::open(path);
  if (!file)
    return forward(file);
  auto device = deviceOf(gpu);
  if (!device)
    return forward(device);
  auto program = std::make_unique<StcDynamic>(std::move(*file), *device);
  auto created = (*device)->within(
      [&] { return cuda::DynamicProgram::create(program->file.program(), **device); });
  if (!created)
    return fail(fmt::format("{}: {}", path, created.error().message), created.error().kind);
  program->program = std::move(*created);
  return program;
}

StcStatus stcDynamicTarget(int gpu, char **target, char **error) {
  return capi::answer(error, [&]() -> capi::Result<void> {
    auto device = deviceOf(gpu);
    if (!device)
      return tl::unexpected(capi::failureOf(device.error()));
    const auto capability = (*device)->capability();
    if (capability < std::pair(8, 0))
      return tl::unexpected(capi::Failure{
          StcMachine, fmt::format("expected a GPU of compute capability 8.0 or later, found {}.{} "
                                  "({})",
                                  capability.first, capability.second, (*device)->name())});
    capi::handOut(target, capability == std::pair(9, 0) ? hopperTarget : ampereTarget);
    return {};
  });
}

StcStatus stcDynamicOpen(const char *path, int gpu, StcDynamic **program, char **error) {
  return capi::answer(error, [&] {
    return open(path, gpu)
        .transform([&](std::unique_ptr<StcDynamic> opened) { *program = opened.release(); })
        .map_error(capi::failureOf);
  });
}

void stcDynamicClose(StcDynamic *program) {
  if (!program)
    return;
  (void)program->device->within([&]() -> Result<void> {
    program->program.reset();
    return {};
  });
  delete program;
}

StcStatus stcDynamicParameters(StcDynamic *program, size_t entry, char **lines, char **error) {
  return capi::answer(error, [&]() -> capi::Result<void> {
    if (auto checked = program->checkEntry(entry); !checked)
      return tl::unexpected(capi::failureOf(checked.error()));
    std::string text;
    for (const program::Parameter *one :
         *program->file.program().entries()->Get(entry)->parameters())
      text += fmt::format("{}\t{}\t{}\n", one->name()->string_view(), one->multiple(), one->most());
    capi::handOut(lines, text);
    return {};
  });
}

StcStatus stcDynamicWorkspace(StcDynamic *program, size_t entry, const int64_t *parameters,
                              size_t count, uint64_t *bytes, char **error) {
  return capi::answer(error, [&] {
    return program->checkEntry(entry)
        .and_then(
            [&] { return program->program->workspaceBytes(entry, std::span(parameters, count)); })
        .transform([&](uint64_t found) { *bytes = found; })
        .map_error(capi::failureOf);
  });
}

StcStatus stcDynamicCall(StcDynamic *program, size_t entry, const int64_t *parameters, size_t count,
                         const uint64_t *tensors, size_t tensorCount, uint64_t workspace,
                         void *stream, char **error) {
  return capi::answer(error, [&] {
    return program->checkEntry(entry)
        .and_then([&] {
          return program->device->within([&] {
            std::lock_guard lock(program->oneCaller);
            const std::vector<cuda::CUdeviceptr> addresses(tensors, tensors + tensorCount);
            return program->program->start(entry,
                                           {std::span(parameters, count), addresses, workspace},
                                           static_cast<cuda::CUstream>(stream));
          });
        })
        .map_error(capi::failureOf);
  });
}
