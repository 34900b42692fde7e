//===- HostTarget.cpp - the CPU that code is generated for ------------------===//

#include "compiler/Target/HostTarget.h"

#include <llvm/MC/MCSubtargetInfo.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/Target/TargetOptions.h>
#include <llvm/TargetParser/Host.h>
#include <llvm/TargetParser/SubtargetFeature.h>

#include <mutex>

using namespace stc;

namespace {
struct FeatureName {
  const char *llvm, *cpuinfo;
};

/// What LLVM may use when it makes code for numbers. A CPU has more, but no kernel asks for that.
constexpr FeatureName featureNames[] = {
    {"sse3", "pni"},
    {"ssse3", "ssse3"},
    {"sse4.1", "sse4_1"},
    {"sse4.2", "sse4_2"},
    {"popcnt", "popcnt"},
    {"avx", "avx"},
    {"avx2", "avx2"},
    {"fma", "fma"},
    {"f16c", "f16c"},
    {"bmi", "bmi1"},
    {"bmi2", "bmi2"},
    {"lzcnt", "abm"},
    {"movbe", "movbe"},
    {"gfni", "gfni"},
    {"vaes", "vaes"},
    {"vpclmulqdq", "vpclmulqdq"},
    {"avxvnni", "avx_vnni"},
    {"avx512f", "avx512f"},
    {"avx512bw", "avx512bw"},
    {"avx512cd", "avx512cd"},
    {"avx512dq", "avx512dq"},
    {"avx512vl", "avx512vl"},
    {"avx512ifma", "avx512ifma"},
    {"avx512vbmi", "avx512vbmi"},
    {"avx512vbmi2", "avx512_vbmi2"},
    {"avx512vnni", "avx512_vnni"},
    {"avx512bitalg", "avx512_bitalg"},
    {"avx512vpopcntdq", "avx512_vpopcntdq"},
    {"avx512bf16", "avx512_bf16"},
    {"avx512fp16", "avx512_fp16"},
};

const llvm::Triple &triple() {
  static const llvm::Triple triple("x86_64-unknown-linux-gnu");
  return triple;
}

const llvm::Target *findTarget() {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
  });
  std::string error;
  return llvm::TargetRegistry::lookupTarget(triple(), error);
}
} // namespace

tl::expected<HostTarget, std::string> HostTarget::create(const std::string &cpu) {
  const llvm::Target *target = findTarget();
  if (!target)
    return tl::unexpected<std::string>("expected an LLVM with code generation for x86-64");
  HostTarget host;
  host.name = cpu;
  if (cpu == "native") {
    host.name = llvm::sys::getHostCPUName().str();
    llvm::SubtargetFeatures features;
    for (const auto &feature : llvm::sys::getHostCPUFeatures())
      features.AddFeature(feature.first(), feature.second);
    host.featureString = features.getString();
  }
  // LLVM takes a name that it does not know for the oldest CPU.
  std::unique_ptr<llvm::MCSubtargetInfo> info(
      target->createMCSubtargetInfo(triple(), "x86-64", host.featureString));
  if (!info->isCPUStringValid(host.name))
    return tl::unexpected(
        "expected 'native' or a CPU that LLVM knows, such as 'x86-64-v3', found '" + host.name +
        "'");
  info.reset(target->createMCSubtargetInfo(triple(), host.name, host.featureString));
  if (!info->checkFeatures("+64bit"))
    return tl::unexpected("expected a CPU of 64 bits, found '" + host.name + "'");
  auto has = [&](const char *feature) { return info->checkFeatures(std::string("+") + feature); };
  for (const FeatureName &feature : featureNames)
    if (has(feature.llvm))
      host.cpuinfoFeatures.push_back(feature.cpuinfo);
  // 16 vector registers before AVX-512, and half as long.
  if (!has("avx512f"))
    host.vectorOptions = {/*lanes=*/has("avx") ? 8 : 4, /*accumulators=*/8};
  return host;
}

std::unique_ptr<llvm::TargetMachine> HostTarget::createMachine() const {
  return std::unique_ptr<llvm::TargetMachine>(findTarget()->createTargetMachine(
      triple(), name, featureString, llvm::TargetOptions(), llvm::Reloc::PIC_, std::nullopt,
      llvm::CodeGenOptLevel::Aggressive));
}
