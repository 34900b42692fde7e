//===- Control.h - what the processes of a run tell each other --------------------------------===//
//
// Small messages between rank 0 and each of the others, over TCP. The data of a step takes another
// way (Communicator.h); this one is there before it, and is still there where that one hangs.
//
// A thread of its own watches the others. A process that ends without a goodbye, or of which
// nothing is heard for a while (every process sends a heartbeat), or that says why it cannot go on,
// has failed, and the run with it: rank 0 tells all the others which one it was.
//
// A heartbeat shows that a process lives, and not that its main thread does. So that thread counts
// what it does (progress()), all processes the same; the number goes along with the heartbeats, and
// where none of them grows any more the process with the least has failed.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/Processes/Rendezvous.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>

namespace stc::runtime {

/// Calls are made by all processes in the same order, each by one thread. After a failure every one
/// is an error that names the process which failed first, of the kind Peer, or that of its own
/// error:
///   rank 3 (host x, process 1234) ended without a goodbye
///   rank 3 (host x, process 1234) has not been heard of for 30 s
///   rank 3 (host x, process 1234) has got no further for 24 s
///   rank 3: <its own message>
class Control {
public:
  /// Waits for all processes. Errors: see meet(), whose listener is this one, or else that of the
  /// process.
  static Result<std::unique_ptr<Control>> open(const Process &self, ControlLimits limits = {},
                                               Socket listener = {});
  /// Says goodbye.
  ~Control();

  int rank() const { return ownRank; }
  int size() const { return count; }

  /// Called once, by the watching thread, as soon as another process has failed: to end what waits
  /// for it. At once if one has failed before. An empty one: none is under way after that.
  void onFailure(std::function<void(const Error &)> call);

  /// Rank 0 gets what each has given, in the order of ranks; the others get nothing and do not
  /// wait.
  Result<std::vector<std::string>> gather(std::string_view bytes);
  /// All get what rank 0 has given.
  Result<std::string> broadcast(std::string_view bytes);
  Result<void> barrier();
  /// All have to give the same. Error (Input), on all, for rank 0 to say: which has something else.
  /// `what` it is
  /// ("program file") and, if they are short, both texts are in the message.
  Result<void> agree(std::string_view bytes, const std::string &what);

  /// Called by the thread that the others wait for, wherever it gets further: from now on it may
  /// take so long until it does again. What is waited for others does not count. Of processes that
  /// all have called it somebody has to get further in the time that the last one wants.
  void progress(std::chrono::milliseconds patience);
  /// The same, with the time that was wanted last.
  void progress() { ++own.count; }
  const ControlLimits &waiting() const { return limits; }

  /// Tells the others why this process cannot go on, by which theirs fail.
  void giveUp(const Error &error);

private:
  enum class Call : uint8_t { Gather, Broadcast, Barrier, Agree };
  /// How far a process is.
  struct Progress {
    uint64_t count = 0;   // 0: it has not begun
    int64_t patience = 0; // milliseconds
  };
  struct Watched : Peer {
    std::deque<Message> inbox = {}; // of data
    Progress progress = {};
    int silentTicks = 0;
    bool left = false; // has said goodbye, or why it cannot go on
    bool finished = false;
  };

  Control(const Process &self, ControlLimits limits, std::vector<Peer> peers);

  Result<std::vector<std::string>> collect(Call call, std::string_view bytes);
  Result<std::string> distribute(Call call, std::string_view bytes);
  Result<void> check(std::string_view bytes) const;
  void post(Watched &peer, Call call, std::string_view bytes);
  Result<std::string> take(std::unique_lock<std::mutex> &lock, Watched &peer, Call call);

  void watch();
  void waitForSockets(std::chrono::steady_clock::time_point until);
  void receive(Watched &peer);
  void handle(Watched &peer, Message message);
  void tick();
  void lookForProgress();
  Progress ownProgress() const;
  bool isDone();
  void noteFailure(Error error, int rank, const Watched *source);
  void wake();
  void tell();

  const int ownRank, count;
  const std::string ownName;
  const ControlLimits limits;
  struct {
    std::atomic<uint64_t> count = 0;
    std::atomic<int64_t> patience = 0;
  } own;
  std::mutex mutex; // of all below
  std::condition_variable arrived;
  std::vector<Watched> peers; // rank 0, or all but rank 0
  std::optional<Error> failure;
  bool isOwn = false; // the failure
  bool closing = false;
  int closingTicks = 0;
  uint64_t allCounts = 0; // on rank 0: at the last tick, and how many it has not grown since
  int idleTicks = 0;
  std::mutex callMutex; // of these two, and held during the call
  std::function<void(const Error &)> call;
  bool called = false;
  Socket waker; // an eventfd: there is something to send, or to end
  std::thread thread;
};

} // namespace stc::runtime
