// What can be made to go wrong in a simulated world, and what it does not tolerate.
#include "tests/sim/faults.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/world.h"
#include "tests/support/raw_socket.h"

namespace sluice::sim {
namespace {

using namespace std::chrono_literals;
using testing::RawListener;
using testing::RawSocket;

constexpr const char* kServer = "192.0.2.1";
constexpr const char* kClient = "192.0.2.2";

class SimFaultsTest : public ::testing::Test {
 protected:
  ~SimFaultsTest() override {
    for (const auto& socket : clients_) socket->end_all();
    for (const auto& socket : listener_.accepted) socket->end_all();
    listener_.end_all();
    world_.faults().clear();
    EXPECT_TRUE(run([&] { return server_.operations_live() + client_.operations_live() == 0; }));
    EXPECT_EQ(world_.descriptors_open(kServer) + world_.descriptors_open(kClient), 0U);
  }
  bool run(const std::function<bool()>& until) { return world_.run({&server_, &client_}, until); }
  RawSocket& connect() {
    clients_.push_back(RawSocket::connect(client_, listener_.address()));
    EXPECT_TRUE(run([&] { return clients_.back()->connected && listener_.accepted.size() == clients_.size(); }));
    return *clients_.back();
  }
  RawSocket& accepted() { return *listener_.accepted.back(); }

  SimWorld world_{11};
  io::Loop server_{world_.platform(kServer), {.buffers = 8}};
  io::Loop client_{world_.platform(kClient), {.buffers = 8}};
  RawListener listener_{server_, *io::Address::from_ip(kServer, 25)};
  std::vector<std::unique_ptr<RawSocket>> clients_;
};

TEST_F(SimFaultsTest, TheNthCallFailsOnce) {
  SimFaults faults;
  faults.add({.call = SimCall::send, .after = 2, .count = 1, .error = EPIPE});
  faults.add({.call = SimCall::open, .after = 1, .count = kSimForever, .error = EMFILE, .host = kServer});
  std::vector<int> sends;
  for (int i = 0; i < 5; ++i) sends.push_back(faults.fails(SimCall::send, kClient));
  EXPECT_EQ(sends, (std::vector{0, 0, EPIPE, 0, 0}));
  EXPECT_EQ(faults.calls(SimCall::send), 5U);
  EXPECT_EQ(faults.fails(SimCall::open, kClient), 0);
  EXPECT_EQ(faults.fails(SimCall::open, kClient), 0);
  EXPECT_EQ(faults.fails(SimCall::open, kServer), 0);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(faults.fails(SimCall::open, kServer), EMFILE);
}

TEST_F(SimFaultsTest, AnInterruptedSendLeavesTheConnection) {
  RawSocket& client = connect();
  world_.faults().add({.call = SimCall::send, .count = 1, .error = EINTR});
  client.send("hello");
  EXPECT_TRUE(run([&] { return client.sent.has_value(); }));
  EXPECT_TRUE(client.sent == -EINTR || (client.sent > 0 && client.sent < 5));
  client.send(std::string("hello").substr(static_cast<std::size_t>(std::max(*client.sent, 0))));
  accepted().receive();
  EXPECT_TRUE(run([&] { return accepted().received == "hello"; }));
}

TEST_F(SimFaultsTest, ALostConnectionIsLostOnBothSides) {
  RawSocket& client = connect();
  world_.faults().add({.call = SimCall::send, .count = 1, .error = ECONNRESET});
  client.send("hello");
  client.receive();
  accepted().receive();
  EXPECT_TRUE(run([&] { return client.sent && client.end && accepted().end; }));
  EXPECT_EQ(client.sent, -ECONNRESET);
  EXPECT_EQ(accepted().end, -ECONNRESET);
}

TEST_F(SimFaultsTest, AReceiveFailsAndTheBytesStay) {
  RawSocket& client = connect();
  world_.faults().add({.call = SimCall::receive, .count = 1, .error = ENOBUFS});
  accepted().receive();
  client.send("hello");
  EXPECT_TRUE(run([&] { return accepted().end.has_value(); }));
  EXPECT_EQ(accepted().end, -ENOBUFS);
  accepted().receive();
  EXPECT_TRUE(run([&] { return accepted().received == "hello"; }));
}

TEST_F(SimFaultsTest, DescriptorsRunOut) {
  world_.set_descriptors_max(kServer, 2);  // the listener and one more
  connect();
  clients_.push_back(RawSocket::connect(client_, listener_.address()));
  EXPECT_TRUE(run([&] { return listener_.error.has_value(); }));
  EXPECT_EQ(listener_.error, -EMFILE);
  accepted().end_all();
  EXPECT_TRUE(run([&] { return server_.operations_live() == 0; }));
  listener_.start();
  EXPECT_TRUE(run([&] { return listener_.accepted.size() == 2; }));  // it was still in the queue
  world_.set_descriptors_max(kClient, 1);
  EXPECT_EQ(client_.platform().sockets.open(AF_INET).error(), EMFILE);
}

TEST_F(SimFaultsTest, AConnectionBreaksAtAByte) {
  for (const std::uint64_t at : {0U, 1U, 7U, 11U}) {
    world_.faults().add(SimStreamFault{.bytes = at});
    RawSocket& client = connect();
    accepted().receive();
    client.receive();
    client.send("hello world");
    EXPECT_TRUE(run([&] { return accepted().end && client.end; }));
    EXPECT_EQ(accepted().received, std::string("hello world").substr(0, at));
    EXPECT_EQ(accepted().end, -ECONNRESET);
    // One operation gets the error, the other the end of the connection.
    EXPECT_TRUE(client.end == -ECONNRESET || client.end == 0);
  }
}

TEST_F(SimFaultsTest, OnlyTheConnectionAndDirectionThatItSays) {
  world_.faults().add(SimStreamFault{.after = 1, .to_server = false, .bytes = 3, .what = SimBreak::end});
  for (int i = 0; i < 3; ++i) {
    RawSocket& client = connect();
    client.receive();
    accepted().receive();
    client.send("question");
    EXPECT_TRUE(run([&] { return accepted().received == "question"; }));
    accepted().send("answer");
    EXPECT_TRUE(run([&] { return i == 1 ? client.end.has_value() : client.received == "answer"; }));
    if (i == 1) {
      EXPECT_EQ(client.received, "ans");
      EXPECT_EQ(client.end, 0);
    }
  }
}

TEST_F(SimFaultsTest, AStalledStreamGoesOnAfterAWhile) {
  world_.faults().add(SimStreamFault{.bytes = 5, .what = SimBreak::stall, .stall = 1h});
  RawSocket& client = connect();
  accepted().receive();
  const Instant before = world_.now();
  client.send("hello world");
  EXPECT_TRUE(run([&] { return accepted().received == "hello"; }));
  EXPECT_LT(world_.now() - before, 1s);
  EXPECT_TRUE(run([&] { return accepted().received == "hello world"; }));
  EXPECT_GE(world_.now() - before, 1h);
}

// ------------------------------------------------------------------------------------------ not tolerated

class SimDeathTest : public SimFaultsTest {};

TEST_F(SimDeathTest, ADescriptorThatIsClosedIsNotUsed) {
  RawSocket& client = connect();
  EXPECT_DEATH(
      {
        client_.platform().sockets.close(client.socket());
        client.receive();
        run([] { return false; });
      },
      "a descriptor that is not open was used\nsimulation: seed 11");
  EXPECT_DEATH(server_.platform().sockets.close(client.socket()), "a descriptor that is not open");
}

TEST_F(SimDeathTest, MemoryOfASendDoesNotChange) {
  RawSocket& client = connect();
  std::string text = "hello";
  EXPECT_DEATH(
      {
        client_.send(client.socket(), text, [](void*, const io::Completion&) {}, nullptr);
        world_.faults().add({.call = SimCall::send, .count = 1, .error = EINTR});  // so that it takes a while
        client_.turn(0ms);
        text[0] = 'j';
        run([] { return false; });
      },
      "memory of a send changed");
}

TEST_F(SimDeathTest, ABufferIsGivenBackOnce) {
  std::array<char, 64> memory{};
  EXPECT_DEATH(client_.platform().ring.provide_buffer(3, memory.data(), 64), "given back twice");
}

TEST_F(SimFaultsTest, ABufferThatWasGivenBackIsOverwritten) {
  RawSocket& client = connect();
  client.send("secret");
  std::string_view stale;
  accepted().keep_buffers = true;
  accepted().receive();
  EXPECT_TRUE(run([&] { return accepted().received == "secret"; }));
  stale = accepted().kept[0].view();
  EXPECT_EQ(stale[0], 's');
  accepted().kept.clear();
  server_.post([] {});
  EXPECT_TRUE(run([&] { return server_.due() == Instant::max(); }));
  EXPECT_EQ(stale[0], '\xdb');
}

}  // namespace
}  // namespace sluice::sim
