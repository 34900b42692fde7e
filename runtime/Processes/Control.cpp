//===- Control.cpp - what the processes of a run tell each other ------------------------------===//
#include "runtime/Processes/Control.h"

#include <algorithm>
#include <cctype>
#include <csignal>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <sstream>
#include <sys/eventfd.h>
#include <unistd.h>

namespace stc::runtime {

using Clock = std::chrono::steady_clock;

// Silence is counted in ticks of the watching thread, each with a heartbeat, and not by the clock:
// where all processes were stopped for a while, nobody has been silent.
static constexpr int ticksOfSilence = 10;

Result<std::unique_ptr<Control>> Control::open(const Process &self, ControlLimits limits,
                                               Socket listener) {
  if (listener.descriptor() < 0)
    listener = inheritedListener(self.listener, self.masterPort);
  auto peers = meet(self, limits, std::move(listener));
  if (!peers)
    return forward(peers);
  return std::unique_ptr<Control>(new Control(self, limits, std::move(*peers)));
}

Control::Control(const Process &self, ControlLimits limits, std::vector<Peer> met)
    : ownRank(self.rank), count(self.size), ownName(nameOf(self)), limits(limits) {
  for (Peer &peer : met)
    peers.push_back({std::move(peer)});
  if (peers.empty())
    return;
  waker = Socket(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  // Signals are the other threads'.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread = std::thread([this] { watch(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Control::~Control() {
  if (!thread.joinable())
    return;
  {
    std::lock_guard lock(mutex);
    closing = true;
    for (Watched &peer : peers)
      peer.connection.send({Message::Kind::Goodbye, 0, uint32_t(ownRank), ""});
  }
  wake();
  thread.join();
}

void Control::wake() { (void)eventfd_write(waker.descriptor(), 1); }

void Control::onFailure(std::function<void(const Error &)> toCall) {
  {
    std::lock_guard lock(callMutex);
    call = std::move(toCall);
  }
  tell();
}

// Whoever is to be told of a failure.
void Control::tell() {
  std::lock_guard lock(callMutex);
  std::optional<Error> error;
  {
    std::lock_guard state(mutex);
    if (!isOwn)
      error = failure;
  }
  if (!error || !call || called)
    return;
  called = true;
  call(*error);
}

Result<void> Control::check(std::string_view bytes) const {
  if (failure)
    return tl::unexpected(*failure);
  if (bytes.size() > limits.message)
    return fail(fmt::format("expected a message of at most {} bytes, found {}", limits.message,
                            bytes.size()));
  return {};
}

void Control::post(Watched &peer, Call call, std::string_view bytes) {
  peer.connection.send(
      {Message::Kind::Data, static_cast<uint8_t>(call), uint32_t(ownRank), std::string(bytes)});
  if (!peer.connection.isFlushed())
    wake();
}

Result<std::string> Control::take(std::unique_lock<std::mutex> &lock, Watched &peer, Call call) {
  constexpr const char *names[] = {"a gather", "a broadcast", "a barrier", "an agreement"};
  arrived.wait(lock, [&] { return failure || !peer.inbox.empty() || peer.left; });
  if (!failure && peer.inbox.empty())
    noteFailure({peer.name + " ended before the others", ErrorKind::Peer}, peer.rank, nullptr);
  else if (!failure && peer.inbox.front().call != uint8_t(call))
    noteFailure(
        {fmt::format("{} is at {}, expected {}, where rank {} is", peer.name,
                     names[peer.inbox.front().call % std::size(names)], names[int(call)], ownRank),
         ErrorKind::Peer},
        peer.rank, nullptr);
  if (failure) {
    wake();
    return tl::unexpected(*failure);
  }
  std::string text = std::move(peer.inbox.front().text);
  peer.inbox.pop_front();
  return text;
}

Result<std::vector<std::string>> Control::collect(Call call, std::string_view bytes) {
  std::unique_lock lock(mutex);
  if (auto good = check(bytes); !good)
    return forward(good);
  if (ownRank != 0) {
    post(peers[0], call, bytes);
    return std::vector<std::string>();
  }
  std::vector<std::string> all = {std::string(bytes)};
  for (Watched &peer : peers) {
    Result<std::string> one = take(lock, peer, call);
    if (!one)
      return forward(one);
    all.push_back(std::move(*one));
  }
  return all;
}

Result<std::string> Control::distribute(Call call, std::string_view bytes) {
  std::unique_lock lock(mutex);
  if (ownRank != 0)
    return take(lock, peers[0], call);
  if (auto good = check(bytes); !good)
    return forward(good);
  for (Watched &peer : peers)
    post(peer, call, bytes);
  return std::string(bytes);
}

Result<std::vector<std::string>> Control::gather(std::string_view bytes) {
  return collect(Call::Gather, bytes);
}

Result<std::string> Control::broadcast(std::string_view bytes) {
  return distribute(Call::Broadcast, bytes);
}

Result<void> Control::barrier() {
  if (auto all = collect(Call::Barrier, ""); !all)
    return forward(all);
  if (auto released = distribute(Call::Barrier, ""); !released)
    return forward(released);
  return {};
}

static bool isShortText(std::string_view bytes) {
  constexpr size_t longest = 80;
  return bytes.size() <= longest &&
         std::ranges::all_of(bytes, [](unsigned char byte) { return std::isprint(byte); });
}

Result<void> Control::agree(std::string_view bytes, const std::string &what) {
  auto all = collect(Call::Agree, bytes);
  if (!all)
    return forward(all);
  std::string difference;
  for (size_t k = 1; k < all->size() && difference.empty(); ++k) {
    const std::string &first = all->front(), &other = (*all)[k], &name = peers[k - 1].name;
    if (other != first)
      difference =
          isShortText(first) && isShortText(other)
              ? fmt::format("{}: expected '{}', as rank 0 has, found '{}' on {}", what, first,
                            other, name)
              : fmt::format("{}: expected that of rank 0, found another on {}", what, name);
  }
  Result<std::string> verdict = distribute(Call::Agree, difference);
  if (!verdict)
    return forward(verdict);
  if (verdict->empty())
    return {};
  return tl::unexpected(Error{*verdict, ErrorKind::Input, /*isKnown=*/true});
}

// A new time never goes out with an old count, which may have stood for as long as the old time
// allowed: it is written last, and read first.
void Control::progress(std::chrono::milliseconds patience) {
  progress();
  own.patience = patience.count();
}

Control::Progress Control::ownProgress() const {
  const int64_t patience = own.patience;
  return {own.count, patience};
}

void Control::giveUp(const Error &error) {
  std::lock_guard lock(mutex);
  if (failure)
    return;
  noteFailure({fmt::format("rank {}: {}", ownRank, error.message), error.kind}, ownRank, nullptr);
  failure = error;
  isOwn = true;
}

// The first failure is the one that counts. The source knows it.
void Control::noteFailure(Error error, int rank, const Watched *source) {
  if (failure)
    return;
  failure = std::move(error);
  for (Watched &peer : peers)
    if (&peer != source)
      peer.connection.send({Message::Kind::Failure, static_cast<uint8_t>(failure->kind),
                            uint32_t(rank), failure->message});
  arrived.notify_all();
}

void Control::watch() {
  const auto interval = limits.silence / ticksOfSilence;
  auto next = Clock::now() + interval;
  for (bool done = false; !done;) {
    waitForSockets(next);
    {
      std::lock_guard lock(mutex);
      // First what has come, then whether somebody is silent.
      for (Watched &peer : peers)
        receive(peer);
      if (Clock::now() >= next) {
        tick();
        next = Clock::now() + interval;
      }
      for (Watched &peer : peers)
        peer.connection.flush();
      done = isDone();
    }
    tell();
  }
}

void Control::waitForSockets(Clock::time_point until) {
  std::vector<pollfd> sockets = {{waker.descriptor(), POLLIN, 0}};
  {
    std::lock_guard lock(mutex);
    for (Watched &peer : peers)
      if (peer.connection.isOpen())
        sockets.push_back({peer.connection.descriptor(),
                           short(peer.connection.isFlushed() ? POLLIN : POLLIN | POLLOUT), 0});
  }
  auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
  (void)poll(sockets.data(), sockets.size(), static_cast<int>(std::max<int64_t>(left, 0)));
  eventfd_t ignored;
  (void)eventfd_read(waker.descriptor(), &ignored);
}

void Control::receive(Watched &peer) {
  for (Message &message : std::exchange(peer.messages, {}))
    handle(peer, std::move(message));
  if (!peer.connection.isOpen())
    return;
  std::vector<Message> messages;
  Connection::State state = peer.connection.receive(messages);
  if (state == Connection::State::Open && !messages.empty())
    peer.silentTicks = 0;
  for (Message &message : messages)
    handle(peer, std::move(message));
  if (state == Connection::State::Open || !peer.connection.isOpen())
    return;
  peer.connection.close();
  if (!peer.left && !closing)
    noteFailure(
        {peer.name + (state == Connection::State::Ended ? " ended without a goodbye"
                                                        : " sent what is no message of a run"),
         ErrorKind::Peer},
        peer.rank, &peer);
  peer.left = true;
}

void Control::handle(Watched &peer, Message message) {
  Progress sent;
  switch (message.kind) {
  case Message::Kind::Data:
    peer.inbox.push_back(std::move(message));
    arrived.notify_all();
    break;
  case Message::Kind::Failure:
    peer.left = true;
    if (!closing)
      noteFailure({message.text, static_cast<ErrorKind>(message.call)},
                  static_cast<int>(message.rank), &peer);
    break;
  case Message::Kind::Goodbye:
    peer.left = true;
    peer.connection.close();
    arrived.notify_all();
    break;
  case Message::Kind::Heartbeat:
    if (std::istringstream text(message.text); text >> sent.count >> sent.patience)
      peer.progress = sent;
    break;
  default:
    break; // from before the run
  }
}

void Control::tick() {
  closingTicks += closing;
  for (Watched &peer : peers) {
    if (!peer.connection.isOpen())
      continue;
    const Progress sent = ownProgress();
    peer.connection.send({Message::Kind::Heartbeat, 0, uint32_t(ownRank),
                          fmt::format("{} {}", sent.count, sent.patience)});
    if (++peer.silentTicks < ticksOfSilence || peer.left || closing)
      continue;
    noteFailure({fmt::format("{} has not been heard of for {} s", peer.name,
                             std::chrono::duration<double>(limits.silence).count()),
                 ErrorKind::Peer},
                peer.rank, nullptr);
    peer.left = true;
    peer.connection.close();
  }
  if (ownRank == 0 && !closing && !failure && std::ranges::none_of(peers, &Watched::left))
    lookForProgress();
}

// By ticks, as above. Those that are ahead wait for those behind, whose patience it is.
void Control::lookForProgress() {
  std::vector<std::pair<Progress, std::string_view>> all = {{ownProgress(), ownName}};
  for (const Watched &peer : peers)
    all.emplace_back(peer.progress, peer.name);
  uint64_t sum = 0, least = all.front().first.count;
  for (const auto &[progress, name] : all) {
    sum += progress.count;
    least = std::min(least, progress.count);
  }
  if (least == 0 || std::exchange(allCounts, sum) != sum)
    idleTicks = 0;
  else
    ++idleTicks;
  int64_t patience = 0;
  std::vector<std::string_view> behind;
  for (const auto &[progress, name] : all)
    if (progress.count == least) {
      patience = std::max(patience, progress.patience);
      behind.push_back(name);
    }
  const std::chrono::milliseconds idle = idleTicks * (limits.silence / ticksOfSilence);
  if (idleTicks == 0 || idle.count() < patience)
    return;
  noteFailure({fmt::format("{} {} got no further for {:.0f} s", fmt::join(behind, ", "),
                           behind.size() == 1 ? "has" : "have",
                           std::chrono::duration<double>(idle).count()),
               ErrorKind::Peer},
              0, nullptr);
}

// Goodbyes have arrived where the other end closes; a closed socket may take back what it has sent.
bool Control::isDone() {
  if (!closing)
    return false;
  bool open = false;
  for (Watched &peer : peers) {
    if (peer.connection.isOpen() && peer.connection.isFlushed() && !peer.finished) {
      peer.connection.finish();
      peer.finished = true;
    }
    open |= peer.connection.isOpen();
  }
  return !open || closingTicks > ticksOfSilence;
}

} // namespace stc::runtime
