//===- Compile.cpp - from a specification to a program file, for C --------===//

#include "compiler/Capi/Stc.h"
#include "compiler/Driver/Compilation.h"
#include "runtime/Capi/Answer.h"
#include "runtime/Program/ProgramFile.h"
#include "runtime/Support/File.h"

using namespace stc;
using namespace stc::capi;

/// What the compiler wrote, without the end of its last line.
static std::string_view trimmed(const std::string &text) {
  return llvm::StringRef(text).rtrim('\n');
}

static Result<HostTarget> targetOf(const char *cpu) {
  return HostTarget::create(cpu ? cpu : HostTarget::defaultCpu()).map_error([](std::string error) {
    return Failure{StcInvalid, std::move(error)};
  });
}

StcStatus stcCompile(const char *path, const char *text, const char *target, const char *cpu,
                     int deterministic, const char *output, char **warnings, char **error) {
  return answer(error, [&]() -> Result<void> {
    if (!llvm::is_contained(kernelDevices, llvm::StringRef(target)))
      return invalid("expected the target " + llvm::join(kernelDevices, ", ") + ", found '" +
                     target + "'");
    if (auto checked = runtime::AtomicFile::check(output); !checked)
      return tl::unexpected(failureOf(checked.error()));
    auto host = targetOf(cpu);
    if (!host)
      return tl::unexpected(host.error());
    std::string messages;
    llvm::raw_string_ostream stream(messages);
    auto compilation = text ? Compilation::ofText(text, path, *host, target, stream)
                            : Compilation::ofFile(path, *host, target, stream);
    if (compilation && deterministic)
      compilation->options.querySums = "never";
    if (!compilation || failed(runPhases(*compilation->input.module, compilation->options)))
      return invalid(std::string(trimmed(messages)));
    auto program =
        finishProgram(*compilation->input.module, compilation->options, compilation->input.origin);
    if (failed(program))
      return invalid(std::string(trimmed(messages)));
    if (auto written = runtime::writeProgram(output, *program); !written)
      return tl::unexpected(failureOf(written.error()));
    handOut(warnings, trimmed(messages));
    return {};
  });
}

StcStatus stcCpuFeatures(const char *cpu, char **features, char **error) {
  return answer(error, [&] {
    return targetOf(cpu).transform(
        [&](const HostTarget &host) { handOut(features, llvm::join(host.features(), " ")); });
  });
}
