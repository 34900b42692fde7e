//===- ControlTest.cpp - what the processes of a run tell each other
//---------------------------===//
#include "runtime/Processes/Control.h"
#include "tests/unit/Processes/Ranks.h"

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace stc::runtime::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using Ended = Ranks::Ended;

const Ended fine = {0, ""};

#define EXPECT_DONE(call)                                                                          \
  if (auto done = call; !done)                                                                     \
    return forward(done);

Result<void> expect(bool holds, const std::string &what) {
  return holds ? Result<void>() : fail("expected " + what);
}

// Opens the channel and goes on with it.
template <class Body> Ranks::Body withControl(Body body, ControlLimits limits = {}) {
  return [=](const Process &self) -> Result<void> {
    auto control = Control::open(self, limits);
    if (!control)
      return forward(control);
    return body(**control);
  };
}

Result<void> untilSomebodyFails(Control &control) {
  EXPECT_DONE(control.barrier());
  print("ready");
  for (;;)
    EXPECT_DONE(control.barrier());
}

TEST(Control, Calls) {
  for (int size : {1, 2, 4}) {
    SCOPED_TRACE(size);
    Ranks ranks(size);
    ranks.startAll(withControl([](Control &control) -> Result<void> {
      for (int k = 0; k < 100; ++k) {
        std::string own = std::to_string(control.rank()) + std::string(k, 'x');
        auto all = control.gather(own);
        EXPECT_DONE(all);
        EXPECT_DONE(expect(all->size() == (control.rank() ? 0u : size_t(control.size())), "all"));
        for (size_t rank = 0; rank < all->size(); ++rank)
          EXPECT_DONE(expect((*all)[rank] == std::to_string(rank) + std::string(k, 'x'), "each"));
        auto got = control.broadcast(own);
        EXPECT_DONE(got);
        EXPECT_DONE(expect(*got == "0" + std::string(k, 'x'), "what rank 0 has"));
        EXPECT_DONE(control.barrier());
        EXPECT_DONE(control.agree(*got, "text"));
      }
      return {};
    }));
    for (int rank = 0; rank < size; ++rank)
      EXPECT_EQ(ranks.wait(rank), fine) << rank;
  }
}

TEST(Control, LargeMessages) {
  Ranks ranks(3);
  ranks.startAll(withControl([](Control &control) -> Result<void> {
    std::string large(1 << 20, 'a'), binary;
    for (int k = 0; k < 1000; ++k)
      binary += char(k);
    EXPECT_DONE(expect(!control.gather(large + "b"), "a limit"));
    for (const std::string &text : {large, binary, std::string()}) {
      auto all = control.gather(text);
      EXPECT_DONE(all);
      if (control.rank() == 0)
        EXPECT_DONE(expect(*all == std::vector(3, text), "the same of all"));
      auto got = control.broadcast(control.rank() == 0 ? text : "");
      EXPECT_DONE(got);
      EXPECT_DONE(expect(*got == text, "the same"));
    }
    return {};
  }));
  for (int rank = 0; rank < 3; ++rank)
    EXPECT_EQ(ranks.wait(rank), fine);
}

// Many messages that nobody has asked for yet, and nobody waits for them to go.
TEST(Control, SomeAreFarAhead) {
  Ranks ranks(3);
  ranks.startAll(withControl([](Control &control) -> Result<void> {
    std::string text(100'000, 'a');
    for (int k = 0; k < 100; ++k)
      EXPECT_DONE(control.rank() == 0 ? control.broadcast(text).map([](auto) {})
                                      : control.gather(text).map([](auto) {}));
    for (int k = 0; k < 100; ++k)
      EXPECT_DONE(control.rank() == 0 ? control.gather(text).map([](auto) {})
                                      : control.broadcast(text).map([](auto) {}));
    return control.barrier();
  }));
  // Rank 0 has sent first what the others ask for last.
  for (int rank = 0; rank < 3; ++rank)
    EXPECT_EQ(ranks.wait(rank), fine);
}

TEST(Control, Disagreement) {
  Ranks ranks(3);
  ranks.startAll(withControl([](Control &control) -> Result<void> {
    std::string own = control.rank() == 2 ? "b" : "a";
    auto text = control.agree(own, "program"), bytes = control.agree(own + "\n", "data");
    EXPECT_DONE(expect(!text && !bytes, "a difference"));
    // The channel is as good as before.
    EXPECT_DONE(control.barrier());
    return fail(text.error().message + "; " + bytes.error().message);
  }));
  std::string other = ranks.name(2);
  for (int rank = 0; rank < 3; ++rank)
    EXPECT_EQ(ranks.wait(rank),
              (Ended{1, "program: expected 'a', as rank 0 has, found 'b' on " + other +
                            "; data: expected that of rank 0, found another on " + other}));
}

TEST(Control, OneGivesUp) {
  for (int bad : {0, 2}) {
    Ranks ranks(4);
    ranks.startAll(withControl([=](Control &control) -> Result<void> {
      if (control.rank() == bad) {
        Error error = {"data: expected a file, found a folder", ErrorKind::Input};
        control.giveUp(error);
        EXPECT_DONE(expect(!control.barrier(), "no more calls"));
        return tl::unexpected(error);
      }
      Result<void> first = untilSomebodyFails(control), second = control.barrier();
      EXPECT_DONE(expect(first.error().message == second.error().message, "the same error"));
      return second;
    }));
    for (int rank = 0; rank < 4; ++rank)
      EXPECT_EQ(ranks.wait(rank), rank == bad
                                      ? (Ended{1, "data: expected a file, found a folder"})
                                      : (Ended{1, "rank " + std::to_string(bad) +
                                                      ": data: expected a file, found a folder"}));
  }
}

TEST(Control, OneIsKilled) {
  const char *given = std::getenv("STC_TEST_SEED");
  unsigned seed = given ? std::atoi(given) : std::random_device()();
  SCOPED_TRACE("STC_TEST_SEED=" + std::to_string(seed));
  std::mt19937 random(seed);
  for (int victim : {0, 1, 3}) {
    Ranks ranks(4);
    ranks.startAll(withControl(untilSomebodyFails));
    for (int rank = 0; rank < 4; ++rank)
      ranks.waitFor(rank, "ready");
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 20'000));
    std::string name = ranks.name(victim);
    kill(ranks.process(victim), SIGKILL);
    for (int rank = 0; rank < 4; ++rank)
      EXPECT_EQ(ranks.wait(rank), rank == victim ? (Ended{-SIGKILL, ""})
                                                 : (Ended{6, name + " ended without a goodbye"}));
  }
}

// What waits for others by other means is ended by a call.
TEST(Control, WhoHangsIsTold) {
  Ranks ranks(3);
  ranks.startAll(withControl([](Control &control) -> Result<void> {
    control.onFailure([](const Error &error) {
      print("told: " + error.message);
      _exit(exitCode(error.kind));
    });
    EXPECT_DONE(control.barrier());
    print("ready");
    for (;;)
      pause();
  }));
  for (int rank = 0; rank < 3; ++rank)
    ranks.waitFor(rank, "ready");
  std::string name = ranks.name(1);
  kill(ranks.process(1), SIGKILL);
  for (int rank : {0, 2})
    EXPECT_EQ(ranks.wait(rank), (Ended{6, "told: " + name + " ended without a goodbye"}));
}

TEST(Control, ToldOnceAndAlsoLater) {
  Ranks ranks(2);
  ranks.startAll(withControl([](Control &control) -> Result<void> {
    if (control.rank() == 1) {
      control.giveUp({"no more", ErrorKind::Io});
      control.onFailure([](const Error &) { print("of itself"); });
      return {};
    }
    EXPECT_DONE(expect(!control.barrier(), "a failure"));
    control.onFailure([](const Error &error) { print("<" + error.message + ">"); });
    control.onFailure({});
    control.onFailure([](const Error &) { print("twice"); });
    return {};
  }));
  EXPECT_EQ(ranks.wait(0), (Ended{0, "<rank 1: no more>"}));
  EXPECT_EQ(ranks.wait(1), fine);
}

TEST(Control, OneHangs) {
  ControlLimits limits;
  limits.silence = 3s;
  Ranks first(3), second(3);
  std::vector<std::pair<Ranks *, int>> victims = {{&first, 0}, {&second, 1}};
  for (auto [ranks, victim] : victims) {
    ranks->startAll(withControl(untilSomebodyFails, limits));
    for (int rank = 0; rank < 3; ++rank)
      ranks->waitFor(rank, "ready");
    kill(ranks->process(victim), SIGSTOP);
  }
  for (auto [ranks, victim] : victims) {
    std::string message = ranks->name(victim) + " has not been heard of for 3 s";
    for (int rank = 0; rank < 3; ++rank)
      if (rank != victim)
        EXPECT_EQ(ranks->wait(rank), (Ended{6, message}));
    // It is told when it is there again.
    kill(ranks->process(victim), SIGCONT);
    EXPECT_EQ(ranks->wait(victim), (Ended{6, message}));
  }
}

// A process whose main thread does nothing any more, while its other thread goes on.
TEST(Control, OneGetsNoFurther) {
  ControlLimits limits;
  limits.silence = 3s;
  for (int victim : {0, 1}) {
    SCOPED_TRACE(victim);
    Ranks ranks(3);
    ranks.startAll(withControl(
        [=](Control &control) -> Result<void> {
          control.onFailure([](const Error &error) {
            print(error.message);
            _exit(6);
          });
          for (int k = 0;; ++k) {
            control.progress(3s);
            EXPECT_DONE(control.barrier());
            if (k == 0)
              print("ready");
            while (k == 100 && control.rank() == victim)
              pause();
          }
        },
        limits));
    for (int rank = 0; rank < 3; ++rank)
      ranks.waitFor(rank, "ready");
    std::string message = ranks.name(victim) + " has got no further for 3 s";
    for (int rank = 0; rank < 3; ++rank)
      EXPECT_EQ(ranks.wait(rank), (Ended{6, message})) << rank;
  }
}

// The time of the one that is furthest behind counts, and none before all have begun.
TEST(Control, OneTakesLong) {
  ControlLimits limits;
  limits.silence = 1s;
  Ranks ranks(3);
  ranks.startAll(withControl(
      [=](Control &control) -> Result<void> {
        for (bool hasBegun : {false, true}) {
          if (control.rank() != 1)
            for (int k = 0; k < 10; ++k)
              control.progress(1ms);
          else if (hasBegun)
            control.progress(1h);
          if (control.rank() == 1)
            std::this_thread::sleep_for(1500ms);
          EXPECT_DONE(control.barrier());
        }
        return {};
      },
      limits));
  for (int rank = 0; rank < 3; ++rank)
    EXPECT_EQ(ranks.wait(rank), fine);
}

// As by Ctrl-Z, or a machine that sleeps.
TEST(Control, AllAreStopped) {
  Ranks ranks(3);
  ControlLimits limits;
  limits.silence = 3s;
  ranks.startAll(withControl(
      [](Control &control) -> Result<void> {
        EXPECT_DONE(control.barrier());
        print("ready");
        for (int k = 0; k < 20; ++k) {
          std::this_thread::sleep_for(50ms);
          EXPECT_DONE(control.barrier());
        }
        return {};
      },
      limits));
  for (int rank = 0; rank < 3; ++rank)
    ranks.waitFor(rank, "ready");
  for (int signal : {SIGSTOP, SIGCONT}) {
    for (int rank = 0; rank < 3; ++rank)
      kill(ranks.process(rank), signal);
    if (signal == SIGSTOP)
      std::this_thread::sleep_for(4s);
  }
  for (int rank = 0; rank < 3; ++rank)
    EXPECT_EQ(ranks.wait(rank), fine);
}

TEST(Control, OneIsDoneBeforeTheOthers) {
  for (int early : {0, 1}) {
    Ranks ranks(2);
    ranks.startAll(withControl([=](Control &control) -> Result<void> {
      EXPECT_DONE(control.barrier());
      return control.rank() == early ? Result<void>() : control.barrier();
    }));
    std::string message = ranks.name(early) + " ended before the others";
    EXPECT_EQ(ranks.wait(early), fine);
    EXPECT_EQ(ranks.wait(1 - early), (Ended{6, message}));
  }
}

// What was said before a goodbye counts.
TEST(Control, TheLastMessages) {
  for (int k = 0; k < 20; ++k) {
    Ranks ranks(3);
    ranks.startAll(withControl([](Control &control) -> Result<void> {
      EXPECT_DONE(control.gather("last"));
      return {};
    }));
    for (int rank = 0; rank < 3; ++rank)
      EXPECT_EQ(ranks.wait(rank), fine);
  }
}

TEST(Control, DifferentCalls) {
  Ranks ranks(3);
  ranks.startAll(withControl([](Control &control) -> Result<void> {
    if (control.rank() == 1)
      return control.agree("", "nothing");
    return control.barrier();
  }));
  std::string message = ranks.name(1) + " is at an agreement, expected a barrier, where rank 0 is";
  for (int rank = 0; rank < 3; ++rank)
    EXPECT_EQ(ranks.wait(rank), (Ended{6, message}));
}

TEST(Control, OverIPv6) {
  if (!listenAt("::1", 0))
    GTEST_SKIP() << "this machine has no IPv6";
  Ranks ranks(2, "::1");
  ranks.startAll(withControl([](Control &control) { return control.barrier(); }));
  for (int rank : {0, 1})
    EXPECT_EQ(ranks.wait(rank), fine);
}

TEST(Control, AtAllInterfaces) {
  Ranks ranks(2, "");
  ranks.description.masterAddress = "localhost";
  ranks.startAll(withControl([](Control &control) { return control.barrier(); }));
  for (int rank : {0, 1})
    EXPECT_EQ(ranks.wait(rank), fine);
}

} // namespace
} // namespace stc::runtime::test
