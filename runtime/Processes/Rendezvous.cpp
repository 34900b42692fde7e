//===- Rendezvous.cpp - the processes of a run find each other --------------------------------===//
#include "runtime/Processes/Rendezvous.h"
#include "runtime/Support/File.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <optional>
#include <poll.h>
#include <sstream>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>

namespace stc::runtime {

namespace {

using Clock = std::chrono::steady_clock;

// Before it is known who is there.
constexpr size_t helloLimit = 2048;
// Connections that have not said who they are, beside those that may be of this run.
constexpr size_t mostStrangers = 64;
constexpr int connectSeconds = 5;

/// What a process says of itself.
struct Hello {
  int rank = 0, size = 0, pid = 0;
  std::string host, token;

  std::string place() const { return fmt::format("host {}, process {}", printable(host), pid); }
  std::string name() const { return fmt::format("rank {} ({})", rank, place()); }
};

Message write(const Process &self, Message::Kind kind) {
  return {kind, 0, static_cast<uint32_t>(self.rank),
          fmt::format("{} {} {}\n{}", self.size, getpid(), hostName(), self.token)};
}

std::optional<Hello> read(const Message &message) {
  Hello hello;
  hello.rank = static_cast<int>(message.rank);
  std::istringstream text(message.text);
  if (!(text >> hello.size >> hello.pid >> hello.host) || text.get() != '\n')
    return std::nullopt;
  hello.token = message.text.substr(text.tellg());
  return hello;
}

class Host {
public:
  Host(const Process &self, const ControlLimits &limits, Socket listener)
      : self(self), limits(limits), listener(std::move(listener)), arrived(self.size),
        deadline(Clock::now() + limits.arrival) {}

  Result<std::vector<Peer>> run();

private:
  struct Arrived {
    Hello hello;
    Connection connection;
  };
  struct Stranger {
    Connection connection;
    Clock::time_point since;
  };

  void wait();
  bool isOpen() const;
  void accept();
  Result<void> listenToStrangers();
  Result<void> identify(Hello hello, Connection connection);
  Result<void> watchArrived();
  Result<void> checkTime() const;
  tl::unexpected<Error> refuse(const Error &error);

  const Process &self;
  const ControlLimits &limits;
  Socket listener;
  std::vector<std::optional<Arrived>> arrived; // by rank
  std::vector<Stranger> strangers;
  int count = 1;
  const Clock::time_point deadline;
};

// Until something may have come.
void Host::wait() {
  std::vector<pollfd> sockets;
  if (isOpen())
    sockets.push_back({listener.descriptor(), POLLIN, 0});
  for (const Stranger &stranger : strangers)
    sockets.push_back({stranger.connection.descriptor(), POLLIN, 0});
  for (const auto &each : arrived)
    if (each)
      sockets.push_back({each->connection.descriptor(), POLLIN, 0});
  (void)poll(sockets.data(), sockets.size(), 100);
}

// Where too many say nothing, the next ones wait until these have been shown out.
bool Host::isOpen() const { return strangers.size() < self.size + mostStrangers; }

void Host::accept() {
  while (isOpen()) {
    Socket socket = acceptFrom(listener);
    if (socket.descriptor() < 0)
      return;
    strangers.push_back({Connection(std::move(socket), helloLimit), Clock::now()});
  }
}

Result<void> Host::listenToStrangers() {
  for (size_t k = 0; k < strangers.size();) {
    std::vector<Message> messages;
    Connection::State state = strangers[k].connection.receive(messages);
    if (state == Connection::State::Open && messages.empty() &&
        Clock::now() - strangers[k].since < limits.silence) {
      ++k;
      continue;
    }
    Connection connection = std::move(strangers[k].connection);
    strangers.erase(strangers.begin() + k);
    if (messages.size() != 1 || messages[0].kind != Message::Kind::Hello)
      continue;
    std::optional<Hello> hello = read(messages[0]);
    if (!hello || hello->token != self.token)
      continue;
    if (auto known = identify(std::move(*hello), std::move(connection)); !known)
      return known;
  }
  return {};
}

Result<void> Host::identify(Hello hello, Connection connection) {
  int rank = hello.rank;
  Result<void> fits;
  if (hello.size != self.size)
    fits = fail(fmt::format("expected {} processes, as rank 0 does, found {} that expects {}",
                            self.size, hello.name(), hello.size));
  else if (rank < 1 || rank >= self.size)
    fits = fail(
        fmt::format("expected ranks 1 to {} beside rank 0, found {}", self.size - 1, hello.name()));
  else if (arrived[rank])
    fits = fail(fmt::format("expected one process of rank {}, found two: {}, and {}", rank,
                            arrived[rank]->hello.place(), hello.place()));
  if (!fits) {
    connection.send(
        {Message::Kind::Refusal, static_cast<uint8_t>(fits.error().kind), 0, fits.error().message});
    return fits;
  }
  arrived[rank].emplace(Arrived{std::move(hello), std::move(connection)});
  ++count;
  return {};
}

Result<void> Host::watchArrived() {
  for (auto &each : arrived) {
    std::vector<Message> messages;
    if (each && each->connection.receive(messages) != Connection::State::Open) {
      each->connection.close();
      return fail(fmt::format("{} ended before all were there", each->hello.name()),
                  ErrorKind::Peer);
    }
  }
  return {};
}

Result<void> Host::checkTime() const {
  if (Clock::now() < deadline)
    return {};
  std::vector<int> missing;
  for (int rank = 1; rank < self.size; ++rank)
    if (!arrived[rank])
      missing.push_back(rank);
  return fail(fmt::format("expected {} processes, found no rank {} within {} s", self.size,
                          fmt::join(missing, ", "),
                          std::chrono::duration<double>(limits.arrival).count()),
              ErrorKind::Peer);
}

tl::unexpected<Error> Host::refuse(const Error &error) {
  for (auto &each : arrived)
    if (each)
      each->connection.send(
          {Message::Kind::Refusal, static_cast<uint8_t>(error.kind), 0, error.message});
  return tl::unexpected(error);
}

// A descriptor for each, and some.
void allowDescriptors(size_t count) {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= count)
    return;
  limit.rlim_cur = std::min<rlim_t>(count, limit.rlim_max);
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}

Result<std::vector<Peer>> Host::run() {
  allowDescriptors(2 * self.size + mostStrangers + 512);
  while (count < self.size) {
    wait();
    accept();
    auto going = listenToStrangers().and_then([&] { return watchArrived(); }).and_then([&] {
      return count < self.size ? checkTime() : Result<void>();
    });
    if (!going)
      return refuse(going.error());
  }
  std::vector<Peer> peers;
  for (auto &each : arrived)
    if (each) {
      each->connection.allow(limits.message);
      each->connection.send(write(self, Message::Kind::Welcome));
      peers.push_back({each->hello.rank, each->hello.name(), std::move(each->connection), {}});
    }
  return peers;
}

std::string masterOf(const Process &self) {
  return fmt::format("{}:{}", printable(self.masterAddress), self.masterPort);
}

// Rank 0 may come later than the others.
Result<Socket> connectToMaster(const Process &self, Clock::time_point deadline) {
  for (;;) {
    Result<Socket> socket = connectTo(self.masterAddress, self.masterPort, connectSeconds);
    if (socket)
      return socket;
    if (Clock::now() >= deadline)
      return fail("rank 0 cannot be reached: " + socket.error().message, ErrorKind::Peer);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

Result<std::vector<Peer>> meetMaster(const Process &self, const ControlLimits &limits) {
  // Rank 0 is the one to say that somebody did not come.
  Clock::time_point deadline = Clock::now() + limits.arrival + limits.silence;
  Result<Socket> socket = connectToMaster(self, deadline);
  if (!socket)
    return forward(socket);
  Connection connection(std::move(*socket), std::max(helloLimit, limits.message));
  connection.send(write(self, Message::Kind::Hello));
  std::vector<Message> messages;
  for (Connection::State state = Connection::State::Open; messages.empty();) {
    if (state != Connection::State::Open)
      return fail(fmt::format("{}: expected rank 0 of this run, found another program, another "
                              "run, or one that ended",
                              masterOf(self)),
                  ErrorKind::Peer);
    if (Clock::now() >= deadline)
      return fail(fmt::format("{}: expected an answer of rank 0, found none", masterOf(self)),
                  ErrorKind::Peer);
    pollfd waiting = {connection.descriptor(), POLLIN, 0};
    (void)poll(&waiting, 1, 100);
    state = connection.receive(messages);
  }
  Message first = std::move(messages[0]);
  messages.erase(messages.begin());
  if (first.kind == Message::Kind::Refusal)
    return fail(first.text,
                first.call == uint8_t(ErrorKind::Peer) ? ErrorKind::Peer : ErrorKind::Input);
  std::optional<Hello> master = read(first);
  if (first.kind != Message::Kind::Welcome || !master || master->token != self.token)
    return fail(
        fmt::format("{}: expected rank 0 of this run, found another program", masterOf(self)),
        ErrorKind::Peer);
  std::vector<Peer> peers;
  peers.push_back({0, master->name(), std::move(connection), std::move(messages)});
  return peers;
}

} // namespace

std::string nameOf(const Process &self) {
  return Hello{self.rank, self.size, getpid(), hostName(), {}}.name();
}

Result<std::vector<Peer>> meet(const Process &self, const ControlLimits &limits, Socket listener) {
  if (self.size == 1)
    return std::vector<Peer>();
  if (self.rank != 0)
    return meetMaster(self, limits);
  if (listener.descriptor() < 0) {
    Result<Socket> made = listenAt(self.masterAddress, self.masterPort);
    if (!made)
      return fail(made.error().message + "; is there another process of rank 0?", ErrorKind::Io);
    listener = std::move(*made);
  }
  return Host(self, limits, std::move(listener)).run();
}

} // namespace stc::runtime
