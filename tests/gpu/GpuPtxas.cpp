//===- GpuPtxas.cpp - what ptxas says of the kernels of all cases ---------===//
//
// gpu_ptxas [CASE...]: compiles the shared cases (GpuKernels.h) for sm_90a and assembles each
// kernel. Products that wait for each other, spilled registers
// and stack frames are failures, but for the exceptions below, and so is an exception that is not
// needed any more. Memory that a kernel touches before it waits for the launches ahead, where it
// starts early, is a failure, too. Exit codes: 0 all are right, 1 one is not, 77 there is no ptxas
// (the test is skipped).
//
//===----------------------------------------------------------------------===//

#include "compiler/Target/Ptxas.h"
#include "tests/gpu/GpuKernels.h"

#include <fmt/format.h>

#include <map>
#include <mutex>
#include <set>

using namespace mlir;
using namespace stc;

namespace {

constexpr int skipped = 77;

/// A kernel that is known to need local memory, and the most bytes that it may take: of its stack
/// frame, and stored there. Or whose products are known to wait for each other.
struct Exception {
  const char *test, *kernel;
  int64_t stack, spills;
  bool isSerialized = false;

  bool allows(const PtxasReport &report) const {
    return report.stack <= stack && report.spillStores <= spills &&
           (isSerialized || report.serialized.empty());
  }
};
constexpr Exception exceptions[] = {
    // Two tiles of scores and the gradients of keys and values leave few registers for masks.
    {"gpu_fixed_128_32_n12288", "attention_key_grad", 8, 16},
    {"shared_four_heads_n100", "attention_key_grad", 8, 8},
    {"heads_three_n100", "attention_key_grad_2", 24, 24},
    {"set_looks_ahead_n100", "attention_key_grad", 24, 24},
    {"longnet_32_2_n100", "attention_key_grad", 24, 24},
    {"set_thick_stride_n129", "attention_key_grad", 8, 12},
    {"strided_10_n100", "attention_key_grad", 8, 8},
    {"strided_11_n127", "attention_key_grad", 24, 28},
    {"strided_128_n257", "attention_key_grad", 24, 32},
    {"window_and_sinks_n129", "attention_key_grad", 32, 56},
    {"all_but_window_n100", "attention_key_grad", 16, 16},
    {"blocks_64_2_n257", "attention_key_grad", 32, 48},
    {"gpu_blocks_64_4_n16384", "attention_key_grad", 8, 8},
    {"gpu_blocks_1024_2_n16384", "attention_key_grad", 8, 4},
    {"shared_heads_n129", "attention_key_grad", 16, 20},
    {"fixed_n2305", "attention_key_grad", 24, 24},
    {"fixed_n2305", "attention_key_grad_0", 16, 16},
    {"block_8_n129", "attention_key_grad", 24, 24},
    {"fixed_32_8_n129", "attention_key_grad", 24, 24},
    {"fixed_64_16_n200", "attention_key_grad", 16, 20},
    {"heads_fixed_n129", "attention_key_grad", 16, 20},
    {"by_head_fixed_n643", "attention_key_grad", 16, 20},
    {"by_head_fixed_n643", "attention_key_grad_0", 8, 8},
    {"head_major_heads_n129", "attention_key_grad", 16, 20},
    {"gpu_block_128_n12288", "attention_key_grad", 8, 12},
    {"gpu_strided_256_n65536", "attention_key_grad", 8, 12},
    {"strided_8_n128", "attention_key_grad", 8, 4},
    {"strided_16_n257", "attention_key_grad", 8, 8},
    {"fixed_8_2_n128", "attention_key_grad", 8, 4},
    {"local_16_n128", "attention_key_grad", 8, 4},
    {"block_16_n128", "attention_key_grad", 8, 4},
    {"set_later_half_n129", "attention_key_grad", 8, 4},
    {"longnet_n257", "attention_key_grad", 16, 20},
    {"gpu_longnet_n16384", "attention_key_grad", 8, 4},
    // The bounds of eight walks.
    {"gpu_log_sparse_n16384", "attention_key_grad", 32, 48},
    // Seven levels of a pattern.
    {"longnet_3_4_n300", "attention_key_grad", 40, 68},
    // Several ranges of a tile, and a long mask.
    {"ranges_stride_n1500", "attention_key_grad", 8, 16},
    {"list_image_n970", "attention_key_grad", 8, 12},
    {"gpu_ranges_n16384", "attention_key_grad", 24, 24},
    // A list of tiles.
    {"list_two_blocks_n1000", "attention_key_grad", 24, 24},
    {"list_diagonals_n640", "attention_key_grad", 8, 8},
    {"list_not_causal_n515", "attention_key_grad", 16, 16},
    {"gpu_list_n16384", "attention_key_grad", 124, 160},
    {"heads_strided_n128", "attention_key_grad", 8, 4},
    {"fixed_7_3_n100", "attention_key_grad_0", 8, 8},
    {"gpu_strided_128_n12288", "attention_key_grad", 8, 4},
    {"gpu_local_128_n12288", "attention_key_grad", 8, 4},
    {"gpu_strided_256_n65536", "attention_key_grad_1", 8, 4},
    {"gpu_strided_1024_n1048576", "attention_key_grad_1", 8, 4},
    // By warps: odd sizes of heads are loaded and stored element by element.
    {"local_31_odd_heads_n127", "attention_key_grad", 112, 108},
    {"local_31_odd_heads_n127", "attention", 16, 16},
    // Weights of a depth of 701 are loaded one by one, and all before anything else.
    {"product_97_450_701_f16", "product_then_tanh_extf_addf", 32, 32},
    // Eight rows at once, of columns that do not fill a step.
    {"table_1000_7_36", "scatter_add", 8, 8},
    {"table_13_5_33", "scatter_add", 8, 8},
    // The conditions of several walks, masked pair by pair while the next products are under way.
    {"heads_thick_stride_n257", "attention_key_grad", 8, 8},
    {"gpu_thick_stride_n16384", "attention_key_grad", 96, 136},
    {"set_lattice_n643", "attention_key_grad", 40, 72},
    {"gpu_lattice_n16384", "attention_key_grad", 72, 144},
    {"set_neighborhood_n768", "attention_query_grad", 312, 312, true},
    {"gpu_neighborhood_n16384", "attention_key_grad", 96, 148},
    {"gpu_fixed_128_32_n12288_dynamic", "attention_key_grad", 16, 16},
    {"gpu_strided_128_n12288_dynamic", "attention_key_grad", 16, 24},
};

/// What several threads write of one run.
class Results {
public:
  /// What ptxas said of equal code, if it was asked.
  std::optional<PtxasReport> find(const std::string &ptx) {
    std::lock_guard guard(lock);
    auto found = reports.find(ptx);
    return found == reports.end() ? std::nullopt : std::optional(found->second);
  }
  void keep(const std::string &ptx, const PtxasReport &report) {
    std::lock_guard guard(lock);
    reports.emplace(ptx, report);
  }
  void judge(const GpuProgram &program, StringRef kernel, const PtxasReport &report);
  void fail(const GpuProgram &program, const std::string &message) {
    std::lock_guard guard(lock);
    ++wrong;
    fmt::print("{}: FAILED: {}\n", program.name, message);
  }
  /// Prints what was found; whether nothing is wrong.
  bool finish(const std::vector<GpuProgram> &programs);

private:
  std::mutex lock;
  std::map<std::string, PtxasReport> reports;
  std::set<const Exception *> needed;
  int wrong = 0;
};

} // namespace

void Results::judge(const GpuProgram &program, StringRef kernel, const PtxasReport &report) {
  if (report.isClean())
    return;
  for (const Exception &exception : exceptions)
    if (exception.test == program.name && exception.kernel == kernel && exception.allows(report)) {
      std::lock_guard guard(lock);
      needed.insert(&exception);
      return;
    }
  fail(program, fmt::format("{}: {}", kernel.str(), report.str()));
}

bool Results::finish(const std::vector<GpuProgram> &programs) {
  for (const Exception &exception : exceptions) {
    auto program = llvm::find_if(
        programs, [&](const GpuProgram &program) { return exception.test == program.name; });
    if (program != programs.end() && !needed.contains(&exception))
      fail(*program, fmt::format("{}: expected what the exception for it says, found less or more: "
                                 "mend the kernel or the list",
                                 exception.kernel));
  }
  fmt::print("{} kernels of {} programs, {} wrong\n", reports.size(), programs.size(), wrong);
  return wrong == 0;
}

/// Whether a kernel that may start early waits for the launches before it first of all. Its own
/// parameters and shared memory may come before, and so may what products of few rows and the
/// attention of one query read: it has been proven not to change, and lit tests say what it is.
static bool waitsFirst(StringRef kernel, StringRef ptx) {
  size_t wait = ptx.find("griddepcontrol.wait");
  if (wait == StringRef::npos)
    return false;
  StringRef before = ptx.take_front(wait);
  SmallVector<StringRef> accesses = {"st.global", "atom", "red.", "cp.async.bulk"};
  if (!kernel.starts_with("product") && !kernel.starts_with("attention_row"))
    accesses.append({"ld.global", "ld.volatile", "cp."});
  return llvm::none_of(accesses, [&](StringRef access) { return before.contains(access); });
}

static void check(const GpuProgram &program, MLIRContext &context, const std::string &ptxas,
                  Results &results) {
  auto kernels = compileKernels(program, context, "sm_90a");
  if (!kernels)
    return results.fail(program, kernels.error());
  for (const GpuKernel &kernel : *kernels) {
    if (kernel.isEarly && !waitsFirst(kernel.name, kernel.ptx))
      results.fail(program, fmt::format("{}: expected a wait for the launches before it ahead of "
                                        "any access to memory, found none",
                                        kernel.name));
    std::optional<PtxasReport> report = results.find(kernel.ptx);
    if (!report) {
      auto assembled = assemblePtx(ptxas, "sm_90a", kernel.ptx);
      if (!assembled) {
        results.fail(program, assembled.error());
        continue;
      }
      results.keep(kernel.ptx, *(report = assembled->report));
    }
    results.judge(program, kernel.name, *report);
  }
}

int main(int argc, char **argv) {
  std::optional<std::string> ptxas = findPtxas();
  if (!ptxas) {
    fmt::print("skipped: no ptxas in $CUDA_HOME/bin, on the path or in /usr/local/cuda/bin\n");
    return skipped;
  }
  auto programs = gpuPrograms(ArrayRef(argv + 1, argc - 1));
  if (!programs) {
    fmt::print("{}\n", programs.error());
    return 1;
  }
  Results results;
  forEachProgram(*programs, [&](const GpuProgram &program, MLIRContext &context) {
    check(program, context, *ptxas, results);
  });
  return !results.finish(*programs);
}
