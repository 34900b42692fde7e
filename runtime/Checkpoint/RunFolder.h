//===- RunFolder.h - the folder of a training run -----------------------------------------===//
//
// Who may write there, which checkpoints are in it, and the links to them:
//
//   checkpoints/step-00001000/   the last ones and the best
//   weights.safetensors          a link to the newest one's
//   best                         a link to the checkpoint with the least held-out loss
//
// docs/runs.md describes all of it.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/Checkpoint/Checkpoint.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace stc::runtime {

/// Holds a lock on the folder as long as it lives.
class RunFolder {
public:
  /// Creates the folder where there is none, locks it, finds out whether it can be written, and
  /// removes what writes that were killed have left. Errors: another run in it (Input); Io.
  static Result<RunFolder> open(const std::string &path);
  /// Error: this process does not see what another one has opened.
  static Result<void> requireShared(const std::string &path);
  RunFolder(RunFolder &&other) noexcept;
  ~RunFolder();

  std::string file(std::string_view name) const { return path + "/" + std::string(name); }

  /// The steps that there are checkpoints of, in ascending order.
  std::vector<int64_t> checkpoints() const;
  std::string checkpoint(int64_t step) const { return checkpoint(path, step); }
  /// The same of a folder that another process holds.
  static std::string checkpoint(const std::string &path, int64_t step);
  /// Whether there are weights, of a checkpoint or of their own.
  bool hasWeights() const;

  /// Removes what a run writes, but not samples.
  Result<void> clear();

  /// The newest checkpoint that is not damaged, if there is any checkpoint. Each damaged one is set
  /// aside under another name, and `warn` gets a line about it. Error: all are damaged.
  Result<std::optional<Checkpoint>> newest(const std::function<void(const std::string &)> &warn);

  /// Writes a checkpoint of state.step, then as publish().
  Result<void> save(Executor &executor, const TrainingState &state, int64_t keep);

  /// Sets the links, then removes all checkpoints but the last `keep` and the best.
  Result<void> publish(const TrainingState &state, int64_t keep);

private:
  explicit RunFolder(std::string path) : path(std::move(path)) {}
  void removeLeftovers();

  std::string path;
  int lock = -1;
};

} // namespace stc::runtime
