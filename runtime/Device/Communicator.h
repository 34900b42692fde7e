//===- Communicator.h - what devices exchange their parts through -------------------===//
#pragma once

#include "runtime/Program/Program_generated.h"
#include "runtime/Support/Error.h"

#include <cstddef>
#include <cstdint>
#include <functional>

namespace stc::runtime {

/// How elements are combined, one by one. A maximum with something that is not a number is not a
/// number.
enum class Reduction { Sum, Max };

/// What the devices along one axis exchange their parts through: device r of n has the r-th part.
/// All of them make the same calls in the same order, with the same counts and types.
///
/// A result has the same bits on all devices, and in every run on as many devices. Integers wrap
/// around; elements of I1 are bytes like U8; sums of BF16 and F16 are computed in float32 and
/// rounded to the type, at least at the end. Whose memory it is, and whether a call waits for the
/// others, depends on the kind of device.
class Communicator {
public:
  virtual ~Communicator() = default;

  int rank() const { return ownRank; }
  int size() const { return devices; }

  /// The bytes that this device has got of others in all calls so far (receivedBytes, Exchanged.h).
  uint64_t received() const { return bytes; }

  /// all = the parts of all, in their order, each of so many elements. `part` may be the own part
  /// of `all`.
  Result<void> allGather(const std::byte *part, std::byte *all, uint64_t elements,
                         program::DType type);
  /// part = the own part, of so many elements, of what everyone's `all` come to. It may be the own
  /// part of `all`.
  Result<void> reduceScatter(const std::byte *all, std::byte *part, uint64_t elements,
                             program::DType type, Reduction how);
  /// to = what everyone's `from`, of so many elements, come to. Both may be the same.
  Result<void> allReduce(const std::byte *from, std::byte *to, uint64_t elements,
                         program::DType type, Reduction how);
  /// Part r of `to` = what device r has as the part of this one in its `from`. Each has as many
  /// parts of so many elements as there are devices, and `from` is not `to`.
  Result<void> allToAll(const std::byte *from, std::byte *to, uint64_t elements,
                        program::DType type);
  /// Several of these calls, none of which needs what another one comes to, as one exchange where
  /// that is faster; those of other communicators of this kind of device may be among them.
  virtual Result<void> together(const std::function<Result<void>()> &calls) { return calls(); }

protected:
  Communicator(int rank, int size) : ownRank(rank), devices(size) {}

private:
  virtual Result<void> gatherAll(const std::byte *part, std::byte *all, uint64_t elements,
                                 program::DType type) = 0;
  virtual Result<void> reduceParts(const std::byte *all, std::byte *part, uint64_t elements,
                                   program::DType type, Reduction how) = 0;
  virtual Result<void> reduceAll(const std::byte *from, std::byte *to, uint64_t elements,
                                 program::DType type, Reduction how) = 0;
  virtual Result<void> exchangeAll(const std::byte *from, std::byte *to, uint64_t elements,
                                   program::DType type) = 0;
  void count(program::CollectiveKind kind, uint64_t elements, program::DType type);

  int ownRank, devices;
  uint64_t bytes = 0;
};

} // namespace stc::runtime
