//===- Executor.h - a program bound to a device -------------------------------------===//
#pragma once

#include "runtime/Device/Devices.h"
#include "runtime/Program/Parts.h"
#include "runtime/Program/Program_generated.h"
#include "runtime/Program/Tensor.h"
#include "runtime/Support/Error.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace stc::runtime {

/// A program bound once to the memory and the code of a device; after that a run allocates nothing
/// and decides nothing. For the thread that made it.
class Executor {
public:
  virtual ~Executor() = default;

  const program::Program &program() const { return source; }
  /// Which part of a tensor's dimension this device has, of those that run the program together.
  DealtPart part(const program::Tensor &tensor, uint32_t dim) const {
    return partOf(source, places, tensor, dim);
  }
  /// The number of this one of these devices (Parts.h), which is the rank of its process.
  size_t number() const;
  /// Whether this is the first of these devices, whose process speaks for all of them.
  bool isFirst() const { return number() == 0; }
  /// What the processes of all these devices say, by the bits of each: any of them. They ask
  /// together. Error (Peer): another one has failed.
  Result<uint32_t> any(uint32_t bits) const;
  /// The first gets what each process has, in the order of ranks, and the others get nothing. Where
  /// one has an error instead, that is the error of all, who know that it is. They ask together.
  Result<std::vector<std::string>> collect(const Result<std::string> &own) const;

  /// What it runs on: "2 threads", "NVIDIA H100 80GB HBM3".
  virtual std::string device() const = 0;

  /// Starts one entry of the program, by its index. Inputs are set before, outputs read after: an
  /// output stays until the next entry. Where the device is the CPU itself, it is done by then.
  Result<void> submit(uint32_t entry);
  /// Until all is done that was started. Error: of that, too.
  Result<void> wait();
  Result<void> run(uint32_t entry) {
    return submit(entry).and_then([&] { return wait(); });
  }
  /// Whether an exchange goes on beside the steps behind it. Its time then is not part of the
  /// whole, of which only what is waited for it is.
  virtual bool exchangesBeside() const { return false; }
  /// The bytes that this device has got of others, by the calls that were made: all of entries
  /// whose steps are timed, and once those of an entry that a GPU then repeats as one graph.
  uint64_t received() const;
  /// Runs an entry, and the seconds that it took by the device's clock; those of each step as well,
  /// if they are wanted, which may make the whole slower. Steps then are ranges of NVTX.
  virtual Result<double> time(uint32_t entry, std::vector<double> *steps = nullptr) = 0;

  /// The bytes of a tensor of the program, which are as many as it has. What is written is there
  /// for the next entry; the given bytes may change at once. Reading waits for what was started.
  virtual Result<void> write(const program::Tensor &tensor, std::span<const std::byte> bytes) = 0;
  virtual Result<void> read(const program::Tensor &tensor, std::span<std::byte> bytes) = 0;
  Result<std::vector<std::byte>> read(const program::Tensor &tensor);

  /// The same of the whole tensor: of the bytes of all devices' parts, those of this one are
  /// written. All devices read a whole tensor together.
  Result<void> writeWhole(const program::Tensor &tensor, std::span<const std::byte> bytes);
  Result<void> readWhole(const program::Tensor &tensor, std::span<std::byte> bytes);

protected:
  Executor(const program::Program &program, const Devices &devices);
  virtual Result<void> start(uint32_t entry) = 0;
  virtual Result<void> finish() = 0;
  /// Where the device's own thread does what others wait for: it has done a part of it.
  void progress() const {
    if (control)
      control->progress();
  }
  /// Writes the variables that say where on the axes this device is.
  Result<void> writeRanks();
  /// Puts the parts of all devices along an axis side by side, in memory of the host.
  virtual Result<void> gather(uint32_t axis, std::span<const std::byte> part,
                              std::span<std::byte> all) = 0;

  const program::Program &source;

private:
  std::chrono::milliseconds patienceFor(uint32_t entry) const;

  std::vector<const Communicator *> along; // the axes
  std::vector<int> places;                 // on them
  std::shared_ptr<Control> control;
  /// The entry that was started and not waited for, when that was, and the longest that each has
  /// taken so far.
  std::optional<uint32_t> started;
  std::chrono::steady_clock::time_point startedAt;
  std::map<uint32_t, std::chrono::milliseconds> longest;
};

/// Error: the program is for other devices than there are.
Result<void> checkDevices(const program::Program &program, const Devices &devices);

inline Result<std::vector<std::byte>> Executor::read(const program::Tensor &tensor) {
  std::vector<std::byte> data(bytes(tensor));
  auto got = read(tensor, data);
  return got ? Result<std::vector<std::byte>>(std::move(data)) : forward(got);
}

} // namespace stc::runtime
