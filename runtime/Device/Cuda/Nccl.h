//===- Nccl.h - NVIDIA's library of exchange between GPUs, opened at run time -------===//
//
// Types and values of <nccl.h>, NCCL 2, under its names: they are a stable binary interface.
// https://docs.nvidia.com/deeplearning/nccl/user-guide/docs/api.html
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/Device/Cuda/DriverTypes.h"
#include "runtime/Device/Cuda/Library.h"

#include <cstddef>
#include <memory>
#include <string>

namespace stc::runtime::cuda {

inline constexpr const char *ncclLibrary = "libnccl.so.2";

using ncclComm_t = struct ncclComm *;

struct ncclUniqueId {
  char internal[128];
};

enum ncclDataType_t : int {
  ncclUint8 = 1,
  ncclInt32 = 2,
  ncclInt64 = 4,
  ncclFloat16 = 6,
  ncclFloat32 = 7,
  ncclFloat64 = 8,
  ncclBfloat16 = 9,
};

enum ncclRedOp_t : int { ncclSum = 0, ncclMax = 2 };

/// The functions of NCCL that are used, under their names without "nccl". Elements are counted, not
/// bytes; those of a scattered or gathered part.
class Nccl final : public Library {
public:
  /// Error (Machine): there is no such library, or it lacks a function.
  static Result<std::unique_ptr<Nccl>> open(const std::string &path = ncclLibrary);

  Function<ncclUniqueId *> getUniqueId{*this, "ncclGetUniqueId"};
  Function<ncclComm_t *, int, ncclUniqueId, int> commInitRank{*this,
                                                              "ncclCommInitRank"}; // of, rank
  Function<ncclComm_t> commAbort{*this, "ncclCommAbort"};

  Function<> groupStart{*this, "ncclGroupStart"};
  Function<> groupEnd{*this, "ncclGroupEnd"};
  Function<const void *, void *, size_t, ncclDataType_t, ncclComm_t, CUstream> allGather{
      *this, "ncclAllGather"};
  Function<const void *, void *, size_t, ncclDataType_t, ncclRedOp_t, ncclComm_t, CUstream>
      reduceScatter{*this, "ncclReduceScatter"};
  Function<const void *, void *, size_t, ncclDataType_t, ncclRedOp_t, ncclComm_t, CUstream>
      allReduce{*this, "ncclAllReduce"};
  Function<const void *, size_t, ncclDataType_t, int, ncclComm_t, CUstream> send{
      *this, "ncclSend"}; // to a rank
  Function<void *, size_t, ncclDataType_t, int, ncclComm_t, CUstream> receive{*this, "ncclRecv"};

private:
  Nccl() = default;
  const char *words(int status) const override;

  void *getErrorString = nullptr;
};

} // namespace stc::runtime::cuda
