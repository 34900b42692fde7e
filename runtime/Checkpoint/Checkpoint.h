//===- Checkpoint.h - all that a training run needs to go on -----------------------------===//
//
// A folder with weights.safetensors, optimizer.safetensors and state.json. It is written under
// another name and renamed when all of it is on the disk. state.json has a checksum (XXH3-64) of
// each file and of itself. Of several devices each writes a shard of the optimizer's state
// (Shards.h) in place of the one file; any number of them reads either.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/Device/Executor.h"
#include "runtime/Support/Error.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace stc::runtime {

/// All that decides which bytes a step trains on.
struct SampleOrder {
  int64_t seed = 0, batch = 0, window = 0, dataBytes = 0;
  std::string part; ///< which of the data's bytes
  /// Of these bytes, printed; empty where a checkpoint of an earlier version has none.
  std::string checksum = "";

  bool operator==(const SampleOrder &) const = default;
};

/// "seed 3, now 4; batch 2, now 1": what is not the same.
std::string differences(const SampleOrder &before, const SampleOrder &now);

struct BestEvaluation {
  int64_t step = 0;
  double bitsPerByte = 0;
};

/// Where a run stands, beside its variables.
struct TrainingState {
  int64_t step = 0;  ///< steps done
  int64_t steps = 0; ///< steps wanted
  SampleOrder order;
  std::string data; ///< the path, for people
  double seconds = 0;
  int64_t evaluatedStep = 0; ///< the last one with an evaluation, 0 for none
  std::optional<BestEvaluation> best;
};

/// Error: this process does not see a folder that the first one has created.
Result<void> requireSharedFolder(const std::string &path);

/// Writes a checkpoint under `path`, which must not exist, by way of `path`.tmp; all devices
/// together. Errors, each that of all: NonFinite, if a variable holds a value that is not finite;
/// Io; Input, if not all processes have the same folder there. Then nothing of it is left.
Result<void> writeCheckpoint(Executor &executor, const std::string &path,
                             const TrainingState &state);

/// A checkpoint that was found undamaged.
class Checkpoint {
public:
  /// Error: a file that is missing or whose checksum is another.
  static Result<Checkpoint> open(const std::string &path);

  const TrainingState &state() const { return training; }
  const std::string &path() const { return folder; }

  /// Whether it was written by a program of the same specification, to the letter.
  bool sameSpecification(const program::Program &program) const;

  /// Reads the variables. Error: those of the program have other names, shapes or dtypes; some may
  /// be read by then.
  Result<void> load(Executor &executor) const;

private:
  std::string folder, specification, program;
  std::array<std::string, 2> paths; ///< of weights and optimizer, each a file or an index
  TrainingState training;
};

} // namespace stc::runtime
