//===- Socket.cpp - connections over TCP ------------------------------------------------------===//
#include "runtime/Processes/Socket.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace stc::runtime {

namespace {

using Addresses = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

Result<Addresses> addressesOf(const std::string &name, int port) {
  addrinfo hints = {}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  int status = getaddrinfo(name.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (status != 0)
    return fail(fmt::format("{}: cannot find its address: {}", name, gai_strerror(status)),
                ErrorKind::Io);
  return Addresses(found, freeaddrinfo);
}

bool isLoopback(const sockaddr *address) {
  if (address->sa_family == AF_INET)
    return ntohl(reinterpret_cast<const sockaddr_in *>(address)->sin_addr.s_addr) >> 24 == 127;
  return address->sa_family == AF_INET6 &&
         IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6 *>(address)->sin6_addr);
}

Socket make(int family) {
  return Socket(socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

void set(const Socket &socket, int level, int option, int value) {
  (void)setsockopt(socket.descriptor(), level, option, &value, sizeof(value));
}

// Returns 0 or errno.
int listenOn(Socket &socket, const sockaddr *address, socklen_t length) {
  socket = make(address->sa_family);
  if (socket.descriptor() < 0)
    return errno;
  // Connections of an earlier run may still be there.
  set(socket, SOL_SOCKET, SO_REUSEADDR, 1);
  if (address->sa_family == AF_INET6)
    set(socket, IPPROTO_IPV6, IPV6_V6ONLY, 0);
  if (bind(socket.descriptor(), address, length) != 0 ||
      listen(socket.descriptor(), SOMAXCONN) != 0)
    return errno;
  return 0;
}

int listenEverywhere(Socket &socket, int port) {
  sockaddr_in6 six = {};
  six.sin6_family = AF_INET6;
  six.sin6_addr = in6addr_any;
  six.sin6_port = htons(port);
  int error = listenOn(socket, reinterpret_cast<sockaddr *>(&six), sizeof(six));
  if (error != EAFNOSUPPORT && error != EADDRNOTAVAIL)
    return error;
  sockaddr_in four = {};
  four.sin_family = AF_INET;
  four.sin_addr.s_addr = htonl(INADDR_ANY);
  four.sin_port = htons(port);
  return listenOn(socket, reinterpret_cast<sockaddr *>(&four), sizeof(four));
}

// Returns 0 or errno.
int connectOver(Socket &socket, const addrinfo &address, int seconds) {
  socket = make(address.ai_family);
  if (socket.descriptor() < 0)
    return errno;
  if (connect(socket.descriptor(), address.ai_addr, address.ai_addrlen) == 0)
    return 0;
  if (errno != EINPROGRESS)
    return errno;
  pollfd waiting = {socket.descriptor(), POLLOUT, 0};
  int ready;
  do
    ready = poll(&waiting, 1, seconds * 1000);
  while (ready < 0 && errno == EINTR);
  if (ready <= 0)
    return ready == 0 ? ETIMEDOUT : errno;
  int error = 0;
  socklen_t length = sizeof(error);
  getsockopt(socket.descriptor(), SOL_SOCKET, SO_ERROR, &error, &length);
  return error;
}

// -1 if it is no socket.
int portOf(int descriptor) {
  sockaddr_storage address = {};
  socklen_t length = sizeof(address);
  if (getsockname(descriptor, reinterpret_cast<sockaddr *>(&address), &length) != 0)
    return -1;
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6 &>(address).sin6_port
                                             : reinterpret_cast<sockaddr_in &>(address).sin_port);
}

// A port of this machine that nobody listens at may be dealt to the very socket that looks for it,
// which then is connected to itself.
bool isItself(const Socket &socket) {
  sockaddr_storage own = {}, other = {};
  socklen_t ownLength = sizeof(own), otherLength = sizeof(other);
  return getsockname(socket.descriptor(), reinterpret_cast<sockaddr *>(&own), &ownLength) == 0 &&
         getpeername(socket.descriptor(), reinterpret_cast<sockaddr *>(&other), &otherLength) ==
             0 &&
         ownLength == otherLength && std::memcmp(&own, &other, ownLength) == 0;
}

} // namespace

void Socket::close() {
  if (number >= 0)
    ::close(std::exchange(number, -1));
}

Result<Socket> listenAt(const std::string &name, int port) {
  Socket socket;
  auto addresses = addressesOf(name.empty() ? "::" : name, port);
  if (!addresses)
    return forward(addresses);
  const addrinfo &first = **addresses;
  int error = isLoopback(first.ai_addr) ? listenOn(socket, first.ai_addr, first.ai_addrlen)
                                        : listenEverywhere(socket, port);
  if (error != 0)
    return fail(fmt::format("{}:{}: cannot listen: {}", name, port, std::strerror(error)),
                ErrorKind::Io);
  return socket;
}

Result<int> portOf(const Socket &listener) {
  int port = portOf(listener.descriptor());
  if (port < 0)
    return fail(fmt::format("cannot find the port of a socket: {}", std::strerror(errno)),
                ErrorKind::Io);
  return port;
}

Socket inheritedListener(int descriptor, int port) {
  int listens = 0;
  socklen_t length = sizeof(listens);
  if (getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) != 0 || !listens ||
      portOf(descriptor) != port)
    return Socket();
  fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  fcntl(descriptor, F_SETFL, O_NONBLOCK);
  return Socket(descriptor);
}

Socket acceptFrom(const Socket &listener) {
  Socket socket(accept4(listener.descriptor(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (socket.descriptor() >= 0)
    set(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  return socket;
}

Result<Socket> connectTo(const std::string &name, int port, int seconds) {
  auto addresses = addressesOf(name, port);
  if (!addresses)
    return forward(addresses);
  int error = 0;
  for (const addrinfo *address = addresses->get(); address; address = address->ai_next) {
    Socket socket;
    error = connectOver(socket, *address, seconds);
    if (error == 0 && isItself(socket))
      error = ECONNREFUSED;
    if (error != 0)
      continue;
    set(socket, IPPROTO_TCP, TCP_NODELAY, 1);
    return socket;
  }
  return fail(fmt::format("{}:{}: cannot connect: {}", name, port, std::strerror(error)),
              ErrorKind::Io);
}

std::string hostName() {
  char name[256] = "";
  return gethostname(name, sizeof(name) - 1) == 0 && *name ? name : "?";
}

} // namespace stc::runtime
