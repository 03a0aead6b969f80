// The simulated world itself: the same seed again, time, the network's ways, and what it does not tolerate.
#include "tests/sim/world.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/support/platforms.h"
#include "tests/support/raw_socket.h"

namespace sluice::sim {
namespace {

using namespace std::chrono_literals;
using testing::RawListener;
using testing::RawSocket;

constexpr const char* kServerHost = "192.0.2.1";
constexpr const char* kClientHost = "192.0.2.2";

std::string pattern(std::size_t size) {
  std::string text(size, ' ');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i % 26);
  return text;
}

// A server and its clients, on two hosts, and a clean end.
struct Net {
  explicit Net(std::uint64_t seed, const SimOptions& options = {}) : world(seed, options) {}
  ~Net() {
    for (const auto& socket : clients) socket->end_all();
    for (const auto& socket : listener.accepted) socket->end_all();
    listener.end_all();
    EXPECT_TRUE(run([&] { return server.operations_live() + client.operations_live() == 0; }));
    EXPECT_EQ(world.descriptors_open(kServerHost) + world.descriptors_open(kClientHost), 0U);
  }
  bool run(const std::function<bool()>& until) { return world.run({&server, &client}, until); }
  RawSocket& connect() {
    clients.push_back(RawSocket::connect(client, listener.address()));
    RawSocket& socket = *clients.back();
    EXPECT_TRUE(run([&] { return socket.connected && listener.accepted.size() == clients.size(); }));
    return socket;
  }
  RawSocket& accepted() { return *listener.accepted.back(); }

  SimWorld world;
  io::Loop server{world.platform(kServerHost), {.buffers = 8}};
  io::Loop client{world.platform(kClientHost), {.buffers = 8}};
  RawListener listener{server, *io::Address::from_ip(kServerHost, 25)};
  std::vector<std::unique_ptr<RawSocket>> clients;
};

// Bytes there and back over several connections; what happened, as a hash.
std::uint64_t echo_trace(std::uint64_t seed) {
  Net net(seed, SimOptions::varied(seed));
  const std::string text = pattern(2000);
  for (int i = 0; i < 3; ++i) net.connect();
  for (const auto& socket : net.clients) {
    socket->receive();
    socket->send(text);
  }
  for (const auto& socket : net.listener.accepted) socket->receive();
  const auto all = [&](const auto& sockets) {
    return std::ranges::all_of(sockets, [&](const auto& socket) { return socket->received == text; });
  };
  EXPECT_TRUE(net.run([&] { return all(net.listener.accepted); }));
  for (const auto& socket : net.listener.accepted) socket->send(text);
  EXPECT_TRUE(net.run([&] { return all(net.clients); }));
  return net.world.trace_hash();
}

TEST(SimWorldTest, ASeedReplaysExactly) {
  std::set<std::uint64_t> traces;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    const std::uint64_t trace = echo_trace(seed);
    EXPECT_EQ(trace, echo_trace(seed));
    EXPECT_TRUE(traces.insert(trace).second) << "two seeds did the same";
  }
}

TEST(SimWorldTest, AStreamIsCutAtEveryByte) {
  std::set<std::size_t> cuts;
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    Net net(seed);
    net.connect().send("MAIL FROM:<a@example>\r\n");
    net.accepted().receive();
    EXPECT_TRUE(net.run([&] { return net.accepted().received.size() == 23; }));
    std::size_t at = 0;
    for (const std::size_t piece : net.accepted().pieces) cuts.insert(at += piece);
  }
  EXPECT_EQ(cuts.size(), 23U);
}

// ------------------------------------------------------------------------------------------ time

TEST(SimWorldTest, TimeStandsStillWhileAnyoneCanGoOn) {
  Net net(1);
  const Instant before = net.world.now();
  int messages = 0;
  std::function<void()> again = [&] {
    if (++messages < 1000) net.server.post(again);
  };
  net.server.post(again);
  EXPECT_TRUE(net.run([&] { return messages == 1000; }));
  EXPECT_EQ(net.world.now(), before);
}

TEST(SimWorldTest, TimeJumpsToTheNextTimer) {
  Net net(1);
  const std::uint64_t turns = net.server.counters().turns;
  bool fired = false;
  io::Timer timer([](void* flag) { *static_cast<bool*>(flag) = true; }, &fired);
  const Instant due = net.server.now() + 20h;
  net.server.timers().arm(timer, due);
  EXPECT_TRUE(net.run([&] { return fired; }));
  EXPECT_GE(net.world.now(), due);
  EXPECT_LE(net.world.now(), due + io::TimerWheel::kTick);
  EXPECT_LT(net.server.counters().turns - turns, 20U);
}

TEST(SimWorldTest, TheCalendarMayJumpAndTheOtherClockDoesNot) {
  Net net(1);
  io::Clock& clock = net.server.platform().clock;
  const Instant now = clock.now();
  const WallMillis wall = clock.wall();
  net.world.jump_wall(-10LL * 365 * 86'400'000);
  EXPECT_EQ(clock.now(), now);
  EXPECT_EQ(clock.wall(), wall - 10LL * 365 * 86'400'000);
}

TEST(SimWorldTest, AWorldInWhichNothingWillHappenIsGivenUp) {
  Net net(42);
  ::testing::internal::CaptureStderr();
  EXPECT_FALSE(net.run([] { return false; }));
  net.world.time_max = 1h;
  bool fired = false;
  io::Timer timer([](void* flag) { *static_cast<bool*>(flag) = true; }, &fired);
  net.server.timers().arm(timer, net.server.now() + 3h);
  EXPECT_FALSE(net.run([] { return false; }));
  net.server.timers().disarm(timer);
  net.world.turns_max = 100;
  std::function<void()> again = [&] { net.server.post(again); };
  net.server.post(again);
  EXPECT_FALSE(net.run([] { return false; }));
  again = [] {};
  net.world.turns_max = 1000;
  EXPECT_TRUE(net.run([&] { return net.server.due() == Instant::max(); }));
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("seed 42: nothing will happen any more"), std::string::npos) << said;
  EXPECT_NE(said.find("seed 42: too much time"), std::string::npos) << said;
  EXPECT_NE(said.find("seed 42: too many turns"), std::string::npos) << said;
}

// ------------------------------------------------------------------------------------------ the network

TEST(SimNetworkTest, AWriterIsHeldUpByAReaderWhoDoesNotRead) {
  const SimOptions options{.send_buffer_bytes = 1000, .receive_buffer_bytes = 500};
  Net net(3, options);
  RawSocket& client = net.connect();
  client.send(pattern(1501));
  EXPECT_FALSE(client.sent.has_value());
  ::testing::internal::CaptureStderr();
  EXPECT_FALSE(net.run([&] { return client.sent.has_value(); }));
  ::testing::internal::GetCapturedStderr();
  net.accepted().receive();
  EXPECT_TRUE(net.run([&] { return client.sent.has_value(); }));
  EXPECT_EQ(client.sent, 1501);
  EXPECT_TRUE(net.run([&] { return net.accepted().received == pattern(1501); }));
}

TEST(SimNetworkTest, ListenersOfOneAddressShareTheConnections) {
  Net net(4);
  RawListener second(net.server, net.listener.address());
  for (int i = 0; i < 100; ++i) net.clients.push_back(RawSocket::connect(net.client, net.listener.address()));
  EXPECT_TRUE(net.run([&] { return net.listener.accepted.size() + second.accepted.size() == 100; }));
  EXPECT_GT(second.accepted.size(), 20U);
  EXPECT_GT(net.listener.accepted.size(), 20U);
  const auto taken = net.server.platform().sockets.listen(net.listener.address(), {.reuse_port = false});
  EXPECT_EQ(taken.error(), EADDRINUSE);
  EXPECT_EQ(net.server.platform().sockets.listen(*io::Address::from_ip("192.0.2.77", 25), {}).error(), EADDRNOTAVAIL);
  for (const auto& socket : second.accepted) socket->end_all();
  second.end_all();
  EXPECT_TRUE(net.run([&] { return net.world.descriptors_open(kServerHost) == 101 - second.accepted.size(); }));
}

TEST(SimNetworkTest, KnowsWhoTalksToWhom) {
  Net net(5);
  RawSocket& client = net.connect();
  io::Sockets& ours = net.client.platform().sockets;
  io::Sockets& theirs = net.server.platform().sockets;
  EXPECT_EQ(ours.peer(client.socket()).to_string(), "192.0.2.1:25");
  EXPECT_EQ(ours.local(client.socket()).ip(), "192.0.2.2");
  EXPECT_EQ(theirs.peer(net.accepted().socket()).to_string(), ours.local(client.socket()).to_string());
  EXPECT_EQ(theirs.local(net.accepted().socket()).to_string(), "192.0.2.1:25");
}

TEST(SimNetworkTest, AHostThatIsAwayDoesNotAnswer) {
  Net net(6);
  RawSocket& client = net.connect();
  net.accepted().receive();
  net.world.set_reachable(kServerHost, false);
  client.send("into the dark");
  auto late = RawSocket::connect(net.client, net.listener.address());
  auto nowhere = RawSocket::connect(net.client, *io::Address::from_ip("198.51.100.1", 25));
  EXPECT_TRUE(net.run([&] { return nowhere->connected.has_value(); }));
  EXPECT_EQ(nowhere->connected, -ETIMEDOUT);  // after two minutes, as kernels do
  EXPECT_EQ(late->connected, -ETIMEDOUT);
  EXPECT_EQ(net.accepted().received, "");
  net.world.set_reachable(kServerHost, true);
  EXPECT_TRUE(net.run([&] { return net.accepted().received == "into the dark"; }));
  late->close();
  nowhere->close();
  EXPECT_TRUE(net.run([&] { return net.client.operations_live() == 0; }));
}

// What it has sent still arrives; what it asks for afterwards fails, and a new program has the address.
TEST(SimNetworkTest, ConnectionsOfAKilledProgramEndForTheOthers) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    Net net(seed, SimOptions::varied(seed));
    RawSocket& client = net.connect();
    client.receive();
    net.accepted().receive();
    net.accepted().send("250 Ok\r\n");
    EXPECT_TRUE(net.run([&] { return net.accepted().sent.has_value(); }));
    net.world.process_loss(kServerHost);
    EXPECT_EQ(net.world.descriptors_open(kServerHost), 0U);
    net.accepted().send("421 Bye\r\n");
    EXPECT_TRUE(net.run([&] { return net.accepted().end && net.accepted().sent && client.end; }));
    EXPECT_LT(*net.accepted().sent, 0);
    EXPECT_EQ(client.received, "250 Ok\r\n");
    EXPECT_FALSE(net.server.platform().sockets.open(AF_INET));
    EXPECT_FALSE(net.server.platform().sockets.listen(net.listener.address(), {}));
    const io::Platform next = net.world.platform(kServerHost);
    const auto socket = next.sockets.listen(net.listener.address(), {});
    ASSERT_TRUE(socket);
    next.sockets.close(*socket);
  }
}

TEST(SimNetworkTest, NobodyIsToldThatAHostHasLostItsPower) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    Net net(seed, SimOptions::varied(seed));
    RawSocket& client = net.connect();
    client.receive();
    net.world.power_loss(kServerHost);
    bool late = false;
    net.world.after(1h, [&] { late = true; });
    EXPECT_TRUE(net.run([&] { return late; }));
    EXPECT_FALSE(client.end);
    client.send("MAIL");
    EXPECT_TRUE(net.run([&] { return client.end.has_value(); }));
    EXPECT_EQ(client.end, -ECONNRESET);
  }
}

TEST(SimNetworkTest, AFullQueueOfAListenerMakesClientsWait) {
  SimWorld world(7);
  io::Loop server(world.platform(kServerHost), {.buffers = 2});
  io::Loop client(world.platform(kClientHost), {.buffers = 2});
  const int socket = *server.platform().sockets.listen(*io::Address::from_ip(kServerHost, 25), {.backlog = 2});
  std::vector<std::unique_ptr<RawSocket>> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(RawSocket::connect(client, *io::Address::from_ip(kServerHost, 25)));
  const auto connected = [&] {
    return std::ranges::count_if(clients, [](const auto& c) { return c->connected.has_value(); });
  };
  world.after(2s, [] {});
  const Instant end = world.now() + 1s;
  EXPECT_TRUE(world.run({&server, &client}, [&] { return world.now() >= end; }));
  EXPECT_EQ(connected(), 2);
  server.platform().sockets.close(socket);  // those in the queue are reset
  for (const auto& each : clients) {
    if (!each->connected) continue;
    each->receive();
    EXPECT_TRUE(world.run({&server, &client}, [&] { return each->end.has_value(); }));
    EXPECT_EQ(each->end, -ECONNRESET);
  }
  EXPECT_TRUE(world.run({&server, &client}, [&] { return connected() == 3; }));
  for (const auto& each : clients) each->close();
  EXPECT_TRUE(world.run({&server, &client}, [&] { return client.operations_live() == 0; }));
}

TEST(SimNetworkTest, LoopbackStaysOnItsHost) {
  SimWorld world(8);
  io::Loop one(world.platform(kServerHost), {.buffers = 2});
  io::Loop two(world.platform(kClientHost), {.buffers = 2});
  RawListener listener(one, *io::Address::from_ip("127.0.0.1", 0));
  const auto inside = RawSocket::connect(one, listener.address());
  const auto outside = RawSocket::connect(two, listener.address());
  EXPECT_TRUE(world.run({&one, &two}, [&] { return inside->connected && outside->connected; }));
  EXPECT_EQ(inside->connected, 0);
  EXPECT_EQ(outside->connected, -ECONNREFUSED);
  inside->end_all();
  outside->close();
  EXPECT_TRUE(world.run({&one, &two}, [&] { return listener.accepted.size() == 1; }));
  listener.accepted[0]->end_all();
  listener.end_all();
  EXPECT_TRUE(world.run({&one, &two}, [&] { return one.operations_live() + two.operations_live() == 0; }));
}

TEST(SimNetworkTest, NamesAreLookedUp) {
  Net net(9);
  net.world.names().add("mx.example", kServerHost);
  net.world.names().add("mx.example", "2001:db8::1");
  const auto found = net.world.names().look_up("mx.example", 25);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->size(), 2U);
  EXPECT_EQ(found->at(0).to_string(), "192.0.2.1:25");
  EXPECT_EQ(found->at(1).to_string(), "[2001:db8::1]:25");
  EXPECT_FALSE(net.world.names().look_up("other.example", 25));
  net.world.faults().add({.call = SimCall::look_up, .count = 1});
  EXPECT_FALSE(net.world.names().look_up("mx.example", 25));
  EXPECT_TRUE(net.world.names().look_up("mx.example", 25));
}

}  // namespace
}  // namespace sluice::sim
