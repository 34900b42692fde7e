//===- Socket.h - connections over TCP --------------------------------------------------------===//
#pragma once

#include "runtime/Support/Error.h"

#include <string>
#include <utility>

namespace stc::runtime {

/// A descriptor that is closed with this object and by exec. None of its calls waits.
class Socket {
public:
  Socket() = default;
  explicit Socket(int descriptor) : number(descriptor) {}
  Socket(Socket &&other) noexcept : number(std::exchange(other.number, -1)) {}
  Socket &operator=(Socket &&other) noexcept {
    std::swap(number, other.number);
    return *this;
  }
  ~Socket() { close(); }

  /// -1 if there is none.
  int descriptor() const { return number; }
  void close();

private:
  int number = -1;
};

/// Listens at a port, 0 for one that is free: at the loopback interface alone, if the name is one
/// of it, and otherwise (or for no name) at all interfaces, by IPv6 and IPv4. Error (Io): the port
/// is taken.
Result<Socket> listenAt(const std::string &name, int port);
Result<int> portOf(const Socket &listener);
/// Takes a descriptor that this process was started with. None, if it does not listen at the port.
Socket inheritedListener(int descriptor, int port);

/// Who has connected, if anybody has.
Socket acceptFrom(const Socket &listener);

/// Connects to the first of the name's addresses that lets it, within `seconds` for each. Error
/// (Io) with the system's words.
Result<Socket> connectTo(const std::string &name, int port, int seconds);

/// This machine's, "?" if it has none.
std::string hostName();

} // namespace stc::runtime
