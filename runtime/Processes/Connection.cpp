//===- Connection.cpp - messages over a socket ------------------------------------------------===//
#include "runtime/Processes/Connection.h"

#include <cerrno>
#include <cstring>
#include <sys/socket.h>

namespace stc::runtime {

namespace {

struct Header {
  uint32_t magic;
  uint16_t version;
  Message::Kind kind;
  uint8_t call;
  uint32_t rank, size;
};
static_assert(sizeof(Header) == 16);
constexpr uint32_t magic = 0x50435453; // "STCP"
constexpr uint16_t version = 1;

} // namespace

void Connection::send(const Message &message) {
  if (!isOpen())
    return;
  Header header = {magic,        version,      message.kind,
                   message.call, message.rank, static_cast<uint32_t>(message.text.size())};
  out.append(reinterpret_cast<const char *>(&header), sizeof(header));
  out += message.text;
  flush();
}

void Connection::flush() {
  while (!out.empty() && isOpen()) {
    ssize_t sent = ::send(socket.descriptor(), out.data(), out.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR)
      continue;
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
      return;
    if (sent < 0)
      return out.clear(); // receive() says why
    out.erase(0, sent);
  }
}

void Connection::finish() {
  if (isOpen())
    (void)shutdown(socket.descriptor(), SHUT_WR);
}

Connection::State Connection::receive(std::vector<Message> &messages) {
  char buffer[16384];
  ssize_t got = recv(socket.descriptor(), buffer, sizeof(buffer), 0);
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
    return State::Open;
  if (got <= 0)
    return State::Ended;
  in.append(buffer, got);
  for (Header header; in.size() >= sizeof(header);) {
    std::memcpy(&header, in.data(), sizeof(header));
    if (header.magic != magic || header.version != version || header.size > limit)
      return State::Invalid;
    if (in.size() - sizeof(header) < header.size)
      break;
    messages.push_back(
        {header.kind, header.call, header.rank, in.substr(sizeof(header), header.size)});
    in.erase(0, sizeof(header) + header.size);
  }
  return State::Open;
}

} // namespace stc::runtime
