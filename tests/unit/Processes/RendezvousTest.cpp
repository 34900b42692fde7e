//===- RendezvousTest.cpp - the processes of a run find each other
//-----------------------------===//
#include "runtime/Processes/Control.h"
#include "tests/unit/Processes/Ranks.h"

#include <arpa/inet.h>
#include <chrono>
#include <csignal>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace stc::runtime::test {
namespace {

using namespace std::chrono_literals;
using Ended = Ranks::Ended;

const Ended fine = {0, ""};

Result<void> meetOnce(const Process &self, ControlLimits limits) {
  print("waits");
  auto control = Control::open(self, limits);
  return control ? (*control)->barrier() : forward(control);
}

Ranks::Body meeting(ControlLimits limits = {}) {
  return [=](const Process &self) { return meetOnce(self, limits); };
}

// A connection to rank 0 on which these bytes were sent.
int stranger(int port, const std::string &bytes) {
  int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  EXPECT_EQ(connect(descriptor, reinterpret_cast<sockaddr *>(&address), sizeof(address)), 0);
  EXPECT_EQ(send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL), ssize_t(bytes.size()));
  return descriptor;
}

// A header as Connection.cpp writes it, and what is claimed to follow.
std::string header(uint32_t size, uint8_t kind = 0, uint32_t rank = 1) {
  std::string text = "STCP";
  text += {1, 0, char(kind), 0};
  for (uint32_t number : {rank, size})
    text.append(reinterpret_cast<const char *>(&number), sizeof(number));
  return text;
}

std::string hello(const std::string &text, uint32_t rank = 1) {
  return header(text.size(), 0, rank) + text;
}

TEST(Rendezvous, Strangers) {
  Ranks ranks(2);
  ranks.start(0, meeting());
  ranks.waitFor(0, "waits");
  std::vector<int> connections;
  for (const std::string &text : {
           std::string(),
           std::string("x"),
           std::string("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
           std::string(100'000, '\0'),
           header(0),
           header(1 << 30),
           header(0, 200),
           header(0, 4),
           hello("2 1 host\nanother token"),
           hello("2 1 host"),
           hello("2"),
           hello("\n\n\n"),
           hello("99999999999999999999 1 host\nof this test"),
           hello(std::string(2000, '9')),
           header(2000) + "2 1",
           hello("2 1 host\nof this tes"),
           hello("2 1 host\nof this test2"),
       })
    connections.push_back(stranger(ranks.description.masterPort, text));
  for (int k = 0; k < 40; ++k) // and do not say a word
    connections.push_back(stranger(ranks.description.masterPort, ""));
  ranks.start(1, meeting());
  EXPECT_EQ(ranks.wait(0), (Ended{0, ""}));
  EXPECT_EQ(ranks.wait(1).code, 0);
  for (int connection : connections)
    close(connection);
}

TEST(Rendezvous, TwoOfOneRank) {
  Ranks ranks(4);
  ranks.start(0, meeting());
  ranks.start(1, meeting());
  Ranks::Body again = [](Process self) {
    self.rank = 1;
    return meetOnce(self, {});
  };
  ranks.start(2, again);
  for (int rank : {0, 1, 2})
    ranks.waitFor(rank, "waits");
  std::string said = ranks.wait(0).said;
  auto place = [&](int rank) {
    return fmt::format("host {}, process {}", hostName(), ranks.process(rank));
  };
  std::string start = "expected one process of rank 1, found two: ";
  EXPECT_THAT(said, testing::AnyOf(start + place(1) + ", and " + place(2),
                                   start + place(2) + ", and " + place(1)));
  for (int rank : {1, 2})
    EXPECT_EQ(ranks.wait(rank), (Ended{1, said}));
}

TEST(Rendezvous, OtherSizes) {
  Ranks ranks(3);
  ranks.start(0, meeting());
  ranks.waitFor(0, "waits");
  ranks.description.size = 4;
  ranks.start(1, meeting());
  ranks.waitFor(1, "waits");
  std::string message =
      "expected 3 processes, as rank 0 does, found " + ranks.name(1) + " that expects 4";
  EXPECT_EQ(ranks.wait(0), (Ended{1, message}));
  EXPECT_EQ(ranks.wait(1), (Ended{1, message}));
}

TEST(Rendezvous, SomeDoNotCome) {
  Ranks ranks(4);
  ControlLimits limits;
  limits.arrival = 2s;
  ranks.start(0, meeting(limits));
  ranks.waitFor(0, "waits");
  int second = stranger(ranks.description.masterPort, hello("4 12 there\nof this test", 2));
  Ended ended = ranks.wait(0);
  EXPECT_EQ(ended.code, 6);
  EXPECT_THAT(ended.said, testing::AnyOf("expected 4 processes, found no rank 1, 3 within 2 s",
                                         "expected 4 processes, found no rank 1, 2, 3 within 2 s"));
  close(second);
}

TEST(Rendezvous, OneEndsWhileItWaits) {
  Ranks ranks(3);
  ranks.start(0, meeting());
  ranks.waitFor(0, "waits");
  close(stranger(ranks.description.masterPort, hello("3 12 there\nof this test")));
  EXPECT_EQ(ranks.wait(0),
            (Ended{6, "rank 1 (host there, process 12) ended before all were there"}));
}

TEST(Rendezvous, AnotherRun) {
  Ranks ranks(2);
  ranks.start(0, meeting());
  ranks.description.token = "of another test";
  ranks.start(1, meeting());
  ranks.waitFor(1, "waits");
  EXPECT_EQ(ranks.wait(1),
            (Ended{6, "127.0.0.1:" + std::to_string(ranks.description.masterPort) +
                          ": expected rank 0 of this run, found another program, another run, or "
                          "one that ended"}));
}

TEST(Rendezvous, NobodyListens) {
  Ranks ranks(2);
  ControlLimits limits;
  limits.arrival = limits.silence = 100ms;
  ranks.description.masterPort = *portOf(*listenAt("127.0.0.1", 0));
  ranks.start(1, meeting(limits));
  ranks.waitFor(1, "waits");
  EXPECT_EQ(ranks.wait(1), (Ended{6, "rank 0 cannot be reached: 127.0.0.1:" +
                                         std::to_string(ranks.description.masterPort) +
                                         ": cannot connect: Connection refused"}));
}

TEST(Rendezvous, ThePortIsTaken) {
  Ranks ranks(2);
  auto taken = listenAt("127.0.0.1", 0);
  ranks.description.masterPort = *portOf(*taken);
  ranks.start(0, [](Process self) {
    self.listener = -1;
    return meetOnce(self, {});
  });
  ranks.waitFor(0, "waits");
  EXPECT_EQ(ranks.wait(0), (Ended{5, "127.0.0.1:" + std::to_string(ranks.description.masterPort) +
                                         ": cannot listen: Address already in use; is there "
                                         "another process of rank 0?"}));
}

} // namespace
} // namespace stc::runtime::test
