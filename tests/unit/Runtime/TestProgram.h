//===- TestProgram.h - builds small programs for the tests --------------------------===//
#pragma once

#include "runtime/Program/ProgramFile.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace stc::runtime::test {

using program::DType;

/// A path in a folder of the running test alone, which is removed with what is in it at the end of
/// the process: tests of one process, in whatever order, do not find each other's files.
std::string temporaryPath(const std::string &name);

std::string readFile(const std::string &path);
void writeFile(const std::string &path, std::string_view contents);

struct TensorSpec {
  std::string name;
  DType dtype = DType::F32;
  std::vector<int64_t> shape;
  uint64_t offset = 0;
  std::vector<program::Dealt> dealt = {};
};

struct AxisSpec {
  std::string name;
  int64_t count;
};

struct VariableSpec {
  TensorSpec tensor;
  program::Role role = program::Role::Parameter;
};

/// In postfix notation.
using ExpressionSpec = std::vector<program::Instruction>;

struct MapSpec {
  uint32_t buffer = 0;
  uint64_t offset = 0;
  DType dtype = DType::BF16;
  std::vector<int64_t> sizes, strides, box;
  uint32_t swizzle = 128;
  std::vector<ExpressionSpec> dynamic = {};
};

struct GridSpec {
  uint32_t threads = 128, shared = 0;
  std::vector<MapSpec> maps;
  std::string image;
  bool early = false;
};

struct KernelSpec {
  std::string symbol, kind = "test";
  uint64_t scratch = 0;
  std::optional<GridSpec> grid = {};
};

/// One action of an entry: the kind that is set. Several launches are a batch.
struct StepSpec {
  struct Launch {
    uint32_t kernel;
    uint64_t items;
    std::vector<uint64_t> buffers;
    std::vector<int64_t> sizes;
    ExpressionSpec dynamicItems = {};
  };
  struct Gemm {
    DType dtype;
    int64_t m, n, k, batch;
    program::Matrix a, b, c;
    bool transposeA = false, transposeB = false;
  };
  struct Copy {
    uint64_t source, target, bytes;
    bool zero;
  };
  struct Collective {
    program::CollectiveKind kind;
    DType dtype;
    int64_t runs, elements;
    uint64_t source, target;
    uint32_t axis = 0;
  };
  std::vector<Launch> launch;
  std::vector<Gemm> gemm;
  std::vector<Copy> copy;
  std::optional<program::Work> work = {};
  std::vector<Collective> exchange = {};
  uint32_t number = 0; ///< of the exchange, or of that which is waited for
  bool waits = false;
};

struct ParameterSpec {
  std::string name;
  int64_t example, multiple, most;
};

struct IntermediateSpec {
  uint64_t offset;
  ExpressionSpec bytes;
};

struct EntrySpec {
  std::string name;
  std::vector<TensorSpec> inputs, outputs;
  std::vector<StepSpec> steps;
  uint64_t modelFlops = 0;
  std::vector<ParameterSpec> parameters = {}; ///< of dynamic sizes where there are some
  std::vector<IntermediateSpec> intermediates = {};
  std::optional<uint64_t> peak = {}; ///< without, the arena
};

struct ProgramSpec {
  std::string target = "host";
  uint64_t arena = 4096;
  std::vector<std::string> features;
  std::vector<VariableSpec> variables;
  std::vector<KernelSpec> kernels;
  std::vector<EntrySpec> entries;
  std::vector<std::pair<std::string, std::string>> settings;
  /// The test kernels' shared object by default.
  std::string code;
  /// None if empty.
  std::string picture;
  bool deterministic = false;
  std::vector<AxisSpec> axes;

  ProgramSpec();
  /// The FlatBuffer.
  std::string build() const;
  /// The file, under a temporary path that is returned.
  std::string write(const std::string &name) const;
};

/// A program with one entry of a launch, a gemm and copies over a small arena.
ProgramSpec smallProgram();

/// A program for two devices, of which each has half of the input x, f32[4] at 0: "x" is gathered
/// to "all", f32[8] at 64, and summed up to "sum", f32[4] at 128; its variable rank.data is at 256.
ProgramSpec exchangeProgram();

/// A program for a GPU with one entry of a launch with two tensor maps, a copy and zeros.
ProgramSpec gpuProgram();
/// One for a GPU with an entry of dynamic sizes: rows, 4 of 8 at the example, a multiple of 2, and
/// the bytes from one to the next. A kernel reads x, bf16[rows, 64], through a map and has an item
/// for 3 rows; another one goes on from its 8 bytes a row to y.
ProgramSpec dynamicProgram();
/// The same with a kernel that is launched by a batch of two in place of the launch: 100 items from
/// 0 to 512, of size 7, and 900 from 64 to 1024, of size 8.
ProgramSpec gpuBatch();
/// gpuProgram() with a product in f32 of matrices [2, 3] and [3, 2] as its fourth step, from the
/// bytes of its input on.
ProgramSpec gpuProduct();

} // namespace stc::runtime::test
