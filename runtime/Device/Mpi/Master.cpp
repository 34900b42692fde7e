//===- Master.cpp - where rank 0 listens, by MPI ------------------------------------------===//
#include "runtime/Device/Mpi/Master.h"
#include "runtime/Processes/Token.h"

#include <algorithm>
#include <fmt/format.h>

namespace stc::runtime::mpi {

namespace {

// No port is an error of rank 0.
struct Place {
  char host[256] = "", token[64] = "";
  int port = 0;
};

template <size_t size> void copy(const std::string &text, char (&target)[size]) {
  std::copy_n(text.data(), std::min(text.size(), size - 1), target);
}

} // namespace

Result<Socket> findMaster(const Mpi &mpi, Process &self) {
  if (mpi.rank() != self.rank || mpi.size() != self.size)
    return fail(fmt::format("expected MPI to have this process as rank {} of {}, as the "
                            "environment does, found {} of {}: is it another MPI than mpirun's?",
                            self.rank, self.size, mpi.rank(), mpi.size()));
  if (!self.masterAddress.empty() || self.size == 1)
    return Socket();
  Place place;
  Result<Socket> listener;
  if (self.rank == 0) {
    listener = listenAt("", 0);
    copy(hostName(), place.host);
    copy(newToken(), place.token);
    place.port = listener.and_then([](Socket &socket) { return portOf(socket); }).value_or(0);
  }
  if (auto known = mpi.broadcast(std::as_writable_bytes(std::span(&place, 1))); !known)
    return forward(known);
  if (!listener)
    return listener;
  if (place.port == 0)
    return fail("rank 0: cannot listen", ErrorKind::Peer);
  // A name that nothing resolves is of no harm on one machine.
  self.masterAddress = place.host == hostName() ? "127.0.0.1" : place.host;
  self.masterPort = place.port;
  self.token = place.token;
  return listener;
}

} // namespace stc::runtime::mpi
