//===- Connection.h - messages over a socket --------------------------------------------------===//
//
// A message on the wire is a header and so many bytes. Each header begins with a magic and the
// version of stc-run's messages, so that what comes from anybody else is known by its first bytes.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/Processes/Socket.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace stc::runtime {

struct Message {
  enum class Kind : uint8_t {
    Hello,     ///< who connects
    Welcome,   ///< all are there
    Refusal,   ///< why the run does not begin
    Heartbeat, ///< still there
    Data,
    Failure, ///< why the run cannot go on; `rank` is whose failure it is
    Goodbye, ///< nothing follows
  };
  Kind kind = Kind::Heartbeat;
  uint8_t call = 0; ///< of data: which call it belongs to; of a failure: its ErrorKind
  uint32_t rank = 0;
  std::string text;
};

/// Messages to and from one process. Nothing waits: what the socket does not take stays here until
/// the next flush().
class Connection {
public:
  /// Of a message that arrives, so many bytes are accepted.
  Connection(Socket socket, size_t limit) : socket(std::move(socket)), limit(limit) {}

  int descriptor() const { return socket.descriptor(); }
  bool isOpen() const { return socket.descriptor() >= 0; }
  void close() { socket.close(); }
  void allow(size_t bytes) { limit = bytes; }

  void send(const Message &message);
  /// Passes on what is left.
  void flush();
  bool isFlushed() const { return out.empty(); }
  /// Sends nothing after what was sent. The other end learns of it.
  void finish();

  enum class State { Open, Ended, Invalid };
  /// Appends messages that have arrived, if any have; more may be waiting. Invalid: what came is
  /// none of these messages, or too long.
  State receive(std::vector<Message> &messages);

private:
  Socket socket;
  size_t limit;
  std::string in, out;
};

} // namespace stc::runtime
