//===- Rendezvous.h - the processes of a run find each other ----------------------------------===//
#pragma once

#include "runtime/Processes/Connection.h"
#include "runtime/Processes/Environment.h"

#include <chrono>
#include <string>
#include <vector>

namespace stc::runtime {

struct ControlLimits {
  /// Without a sign of life of another process.
  std::chrono::milliseconds silence = std::chrono::seconds(30);
  /// Until all are there.
  std::chrono::milliseconds arrival = std::chrono::minutes(5);
  /// Of a message, in bytes.
  size_t message = 1 << 20;
};

/// Another process.
struct Peer {
  int rank;
  std::string name; ///< "rank 3 (host x, process 1234)"
  Connection connection;
  std::vector<Message> messages; ///< that have come already
};

/// Rank 0 listens, the others connect to it and say who they are. What is no process of this run is
/// refused, with no other effect. Returns rank 0 in all processes but in rank 0, which has the
/// others in their order.
///
/// Errors, on all that are there: (Input) other sizes than rank 0 has, two processes of one rank;
/// (Peer) one that does not come in time, or ends while it waits. Alone: (Io) rank 0 cannot listen;
/// (Peer) it cannot be reached.
Result<std::vector<Peer>> meet(const Process &self, const ControlLimits &limits, Socket listener);

} // namespace stc::runtime
