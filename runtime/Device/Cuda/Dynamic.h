//===- Dynamic.h - entries of dynamic sizes on a GPU --------------------------------===//
#pragma once

#include "runtime/Device/Cuda/Kernel.h"
#include "runtime/Program/Dynamic.h"

#include <unordered_map>

namespace stc::runtime::cuda {

/// The entries of dynamic sizes of a program, called on memory that their caller has on the GPU and
/// on a stream of the caller's. Keeps no memory of its own there. For one thread at a time.
class DynamicProgram {
public:
  /// Loads the kernels. The program and the device must outlive it. Errors: those of checkTarget
  /// and Kernel; an entry of static sizes (Input).
  static Result<std::unique_ptr<DynamicProgram>> create(const program::Program &program,
                                                        const Device &device);

  /// What a call takes: the parameters of an entry, where its inputs and then its outputs are, and
  /// where its intermediates may be, at a multiple of 256 bytes.
  struct Call {
    std::span<const int64_t> parameters;
    std::span<const CUdeviceptr> tensors;
    CUdeviceptr workspace = 0;
  };
  /// Bytes of the workspace. Error (Input): the entry takes no such parameters.
  Result<uint64_t> workspaceBytes(uint32_t entry, std::span<const int64_t> parameters) const;
  /// Puts the entry's launches on a stream. Errors: as above; what the driver says (Machine).
  Result<void> start(uint32_t entry, const Call &call, CUstream stream);

private:
  explicit DynamicProgram(const program::Program &program)
      : program(program), bound(program.entries()->size()) {}
  Result<std::vector<Launch>> bind(const program::Entry &entry, const Call &call) const;

  /// What calls differ in, as words.
  using Key = std::vector<uint64_t>;
  struct Hash {
    size_t operator()(const Key &key) const;
  };

  const program::Program &program;
  std::vector<Kernel> kernels;
  /// Launches of calls that came before, of each entry: a model comes again with the same ones.
  std::vector<std::unordered_map<Key, std::vector<Launch>, Hash>> bound;
};

} // namespace stc::runtime::cuda
