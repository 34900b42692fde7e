//===- HostTarget.cpp - the CPU that code is generated for ------------------===//

#include "compiler/Target/HostTarget.h"

#include "runtime/Support/CpuInfo.h"

#include <llvm/MC/MCSubtargetInfo.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/Target/TargetOptions.h>
#include <llvm/TargetParser/SubtargetFeature.h>

#include <mutex>

using namespace stc;

namespace {
struct FeatureName {
  llvm::StringLiteral llvm;
  const char *cpuinfo;
};

/// What LLVM may use, with the flag of /proc/cpuinfo that says that a machine has it. What is not
/// here is disabled: a program that used it could not be refused where it does not run. A feature
/// comes behind those that it implies.
constexpr FeatureName featureNames[] = {
    // Of every x86-64.
    {"64bit", "lm"},
    {"x87", "fpu"},
    {"cmov", "cmov"},
    {"cx8", "cx8"},
    {"fxsr", "fxsr"},
    {"mmx", "mmx"},
    {"nopl", "nopl"},
    {"sse", "sse"},
    {"sse2", "sse2"},
    {"sahf", "lahf_lm"},
    {"cx16", "cx16"},
    {"sse3", "pni"},
    {"ssse3", "ssse3"},
    {"sse4.1", "sse4_1"},
    {"crc32", "sse4_2"},
    {"sse4.2", "sse4_2"},
    {"popcnt", "popcnt"},
    {"aes", "aes"},
    {"pclmul", "pclmulqdq"},
    {"xsave", "xsave"},
    {"avx", "avx"},
    {"avx2", "avx2"},
    {"fma", "fma"},
    {"f16c", "f16c"},
    {"bmi", "bmi1"},
    {"bmi2", "bmi2"},
    {"lzcnt", "abm"},
    {"movbe", "movbe"},
    {"adx", "adx"},
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
    {"avx512vp2intersect", "avx512_vp2intersect"},
    {"avx512bf16", "avx512_bf16"},
    {"avx512fp16", "avx512_fp16"},
    // AMD's until Zen.
    {"sse4a", "sse4a"},
    {"fma4", "fma4"},
    {"xop", "xop"},
    {"tbm", "tbm"},
    {"lwp", "lwp"},
    // One flag, APX, for what LLVM takes apart.
    {"ccmp", "apx"},
    {"cf", "apx"},
    {"egpr", "apx"},
    {"ndd", "apx"},
    {"nf", "apx"},
    {"ppx", "apx"},
    {"push2pop2", "apx"},
    {"zu", "apx"},
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

using Subtarget = std::unique_ptr<llvm::MCSubtargetInfo>;

Subtarget subtarget(llvm::StringRef cpu, llvm::StringRef features) {
  return Subtarget(findTarget()->createMCSubtargetInfo(triple(), cpu, features));
}

const FeatureName *find(llvm::StringRef feature) {
  const auto *found =
      llvm::find_if(featureNames, [&](const FeatureName &name) { return name.llvm == feature; });
  return found == std::end(featureNames) ? nullptr : found;
}

/// Features that say how fast instructions are, and not which there are, are what CPUs are tuned
/// for.
bool isTuning(const llvm::MCSubtargetInfo &info, const llvm::SubtargetFeatureKV &feature) {
  return llvm::any_of(info.getAllProcessorDescriptions(), [&](const auto &cpu) {
    return cpu.TuneImplies.getAsBitset().test(feature.Value);
  });
}

/// Instructions that the code for a CPU may use.
std::vector<llvm::StringRef> instructionsOf(const llvm::MCSubtargetInfo &info) {
  std::vector<llvm::StringRef> result;
  for (const llvm::SubtargetFeatureKV &feature : info.getEnabledProcessorFeatures())
    if (!isTuning(info, feature) && !llvm::StringRef(feature.Key).ends_with("bit-mode"))
      result.push_back(feature.Key);
  return result;
}

/// The features of the table that the machine at hand has, by LLVM's names.
std::string nativeFeatures() {
  std::set<std::string> flags = runtime::cpuFeatures();
  llvm::SubtargetFeatures features;
  for (const FeatureName &feature : featureNames)
    if (flags.contains(feature.cpuinfo))
      features.AddFeature(feature.llvm);
  return features.getString();
}

/// The highest of the levels that compilers have agreed on, all of whose features are there.
std::string levelOf(llvm::StringRef features) {
  Subtarget has = subtarget("x86-64", features);
  for (const char *level : {"x86-64-v4", "x86-64-v3", "x86-64-v2"})
    if (llvm::all_of(instructionsOf(*subtarget(level, "")), [&](llvm::StringRef feature) {
          return has->checkFeatures(("+" + feature).str());
        }))
      return level;
  return "x86-64";
}
} // namespace

tl::expected<HostTarget, std::string> HostTarget::create(const std::string &cpu) {
  if (!findTarget())
    return tl::unexpected<std::string>("expected an LLVM with code generation for x86-64");
  HostTarget host;
  host.name = host.model = cpu;
  if (cpu == "native") {
    host.featureString = nativeFeatures();
    host.model = levelOf(host.featureString);
    host.name = "native, " + host.model;
  }
  // LLVM takes a name that it does not know for the oldest CPU.
  Subtarget info = subtarget("x86-64", host.featureString);
  if (!info->isCPUStringValid(host.model))
    return tl::unexpected(
        "expected 'native' or a CPU that LLVM knows, such as 'x86-64-v3', found '" + host.model +
        "'");
  info = subtarget(host.model, host.featureString);
  if (!info->checkFeatures("+64bit"))
    return tl::unexpected("expected a CPU of 64 bits, found '" + host.model + "'");
  llvm::SubtargetFeatures features(host.featureString);
  for (llvm::StringRef feature : instructionsOf(*info))
    if (!find(feature))
      features.AddFeature(feature, /*Enable=*/false);
  host.featureString = features.getString();
  info = subtarget(host.model, host.featureString);
  for (llvm::StringRef feature : instructionsOf(*info))
    host.cpuinfoFeatures.push_back(find(feature)->cpuinfo);
  llvm::sort(host.cpuinfoFeatures);
  host.cpuinfoFeatures.erase(llvm::unique(host.cpuinfoFeatures), host.cpuinfoFeatures.end());
  auto has = [&](const char *feature) { return info->checkFeatures(std::string("+") + feature); };
  host.multipliesAndAdds = has("fma") || has("fma4") || has("avx512f");
  // 16 vector registers before AVX-512, and half as long.
  if (!has("avx512f"))
    host.vectorOptions = {/*lanes=*/has("avx") ? 8 : 4, /*accumulators=*/8};
  return host;
}

std::string HostTarget::defaultCpu() {
  const char *cpu = std::getenv("STC_CPU");
  return cpu && *cpu ? cpu : "native";
}

std::unique_ptr<llvm::TargetMachine> HostTarget::createMachine() const {
  return std::unique_ptr<llvm::TargetMachine>(findTarget()->createTargetMachine(
      triple(), model, featureString, llvm::TargetOptions(), llvm::Reloc::PIC_, std::nullopt,
      llvm::CodeGenOptLevel::Aggressive));
}
