//===- KernelCheck.cpp - what the schema of a program's kernels cannot say ---------===//
#include "runtime/Program/ProgramFile.h"
#include "runtime/Program/Tensor.h"
#include "runtime/Support/File.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <limits>

namespace stc::runtime {

using namespace program;

// The limits of compute capability 9.0, the widest, and of cuTensorMapEncodeTiled.
static constexpr uint32_t warpThreads = 32, maxThreads = 1024, maxSharedBytes = 227 << 10;
static constexpr uint32_t maxRank = 5;
static constexpr int64_t maxSize = int64_t(1) << 32, maxStride = int64_t(1) << 40, maxBox = 256;
static constexpr int64_t mapAlignment = 16;

uint64_t spanOf(const TensorMap &map) {
  // A size has at most 33 bits in a checked map, a stride at most 41, so that no sum overflows.
  using Wide = unsigned __int128;
  Wide last = Wide(map.sizes()->Get(0)) * byteSize(map.dtype());
  for (uint32_t k = 0; k < map.strides()->size(); ++k)
    last += Wide(map.sizes()->Get(k + 1) - 1) * Wide(map.strides()->Get(k));
  return static_cast<uint64_t>(std::min<Wide>(last, std::numeric_limits<uint64_t>::max()));
}

namespace {

bool isAligned(const flatbuffers::Vector<int64_t> *vector) {
  return vector->size() == 0 || reinterpret_cast<uintptr_t>(vector->Data()) % alignof(int64_t) == 0;
}

Result<void> checkMap(const TensorMap &map) {
  if (!isAligned(map.sizes()) || !isAligned(map.strides()) || !isAligned(map.box()))
    return fail("it is misaligned");
  uint32_t rank = map.sizes()->size();
  if (rank < 1 || rank > maxRank || map.strides()->size() != rank - 1 || map.box()->size() != rank)
    return fail(fmt::format("expected sizes and a box of 1 to {} dimensions and strides of all but "
                            "one, found {} sizes, {} strides and a box of {}",
                            maxRank, rank, map.strides()->size(), map.box()->size()));
  if (map.dtype() != DType::BF16 && map.dtype() != DType::F16 && map.dtype() != DType::F32)
    return fail(
        fmt::format("expected elements of bf16, f16 or f32, found {}", dtypeName(map.dtype())));
  if (map.swizzle() != 64 && map.swizzle() != 128)
    return fail(fmt::format("expected a swizzle of 64 or 128 bytes, found {}", map.swizzle()));
  if (map.offset() % mapAlignment != 0)
    return fail(fmt::format("expected an offset that is a multiple of {} bytes, found {}",
                            mapAlignment, map.offset()));
  for (int64_t size : *map.sizes())
    if (size < 1 || size > maxSize)
      return fail(fmt::format("expected sizes of 1 to 2^32, found {}", size));
  for (int64_t stride : *map.strides())
    if (stride < mapAlignment || stride >= maxStride || stride % mapAlignment != 0)
      return fail(
          fmt::format("expected strides that are multiples of {} bytes below 2^40, found {}",
                      mapAlignment, stride));
  for (int64_t extent : *map.box())
    if (extent < 1 || extent > maxBox)
      return fail(
          fmt::format("expected a box of 1 to {} elements a dimension, found {}", maxBox, extent));
  int64_t row = map.box()->Get(0) * byteSize(map.dtype());
  if (row % mapAlignment != 0 || row > map.swizzle())
    return fail(fmt::format("expected rows of a box that are a multiple of {} bytes and at most "
                            "the swizzle's {}, found {}",
                            mapAlignment, map.swizzle(), row));
  return {};
}

bool isImage(std::span<const uint8_t> image) {
  constexpr char elf[] = {0x7f, 'E', 'L', 'F'};
  if (image.size() >= sizeof(elf) && std::memcmp(image.data(), elf, sizeof(elf)) == 0)
    return true;
  return !image.empty() && std::ranges::find(image, 0) == image.end();
}

Result<void> checkGrid(const Grid &grid) {
  if (grid.threads() == 0 || grid.threads() % warpThreads != 0 || grid.threads() > maxThreads)
    return fail(fmt::format("expected threads that are a multiple of {} up to {}, found {}",
                            warpThreads, maxThreads, grid.threads()));
  if (grid.shared_bytes() > maxSharedBytes)
    return fail(fmt::format("expected at most {} bytes of shared memory, found {}", maxSharedBytes,
                            grid.shared_bytes()));
  if (!isImage({grid.image()->data(), grid.image()->size()}))
    return fail(fmt::format("expected a cubin or PTX as its image, found {} bytes of something "
                            "else",
                            grid.image()->size()));
  for (uint32_t k = 0; k < grid.maps()->size(); ++k)
    if (auto checked = checkMap(*grid.maps()->Get(k)); !checked)
      return fail(fmt::format("tensor map {}: {}", k, checked.error().message));
  return {};
}

} // namespace

Result<void> checkKernels(const Program &program) {
  std::string_view target = program.target()->string_view();
  if (target != hostTarget && target != ampereTarget && target != hopperTarget)
    return fail(fmt::format("expected a program for {}, {} or {}, found target '{}'", hostTarget,
                            ampereTarget, hopperTarget, printable(target)));
  bool onHost = target == hostTarget;
  if (!onHost && program.code()->size() > 0)
    return fail(fmt::format("expected no code for the host in a program for {}, found {} bytes",
                            target, program.code()->size()));
  for (const Kernel *kernel : *program.kernels()) {
    std::string name = printable(kernel->symbol()->string_view());
    const Grid *grid = kernel->grid();
    if (onHost == (grid != nullptr))
      return fail(fmt::format("expected {} of kernel '{}' in a program for {}, found {}",
                              onHost ? "no grid" : "a grid", name, target, grid ? "one" : "none"));
    if (!grid)
      continue;
    if (auto checked = checkGrid(*grid); !checked)
      return fail(fmt::format("kernel '{}': {}", name, checked.error().message));
  }
  return {};
}

} // namespace stc::runtime
