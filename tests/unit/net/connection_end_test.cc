// How connections end, on both platforms: nothing that they started outlives them, and all waiters are resumed.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/unit/net/connection_testing.h"

namespace sluice::net::testing {
namespace {

class ConnectionEndTest : public ConnectionTest {};
INSTANTIATE_TEST_SUITE_P(Platforms, ConnectionEndTest, ::testing::Values(PlatformKind::real, PlatformKind::simulated),
                         sluice::testing::platform_name);

TEST_P(ConnectionEndTest, CloseJoinsEverything) {
  ConnectionPair& net = pair();
  auto client = net.connect();
  Heard heard;
  std::vector<IoStatus> drained;
  client->write(pattern(32 << 20));             // a send that hangs
  net.tasks.add(hear_all(*client, 1h, heard));  // a receive that waits
  net.tasks.add(drain(*client, 0, 1h, drained));
  for (int i = 0; i < 1000 && net.client.operations_live() != 2U; ++i) EXPECT_TRUE(platforms_.run_for(10ms));
  EXPECT_EQ(net.client.operations_live(), 2U);
  Connection& watched = *client;
  bool closed = false;
  auto close = [](std::unique_ptr<Connection> connection, bool& done) -> Task<void> {
    co_await connection->close();
    EXPECT_EQ(connection->state(), Connection::State::closed);
    done = true;
  };
  net.tasks.add(close(std::move(client), closed));
  EXPECT_EQ(watched.state(), Connection::State::terminating);
  EXPECT_FALSE(closed);
  EXPECT_TRUE(net.until([&] { return closed; }));
  EXPECT_EQ(heard.statuses.back(), IoStatus::cancelled);
  EXPECT_EQ(drained.back(), IoStatus::cancelled);
  EXPECT_TRUE(net.until([&] { return net.client.operations_live() == 0; }));
}

TEST_P(ConnectionEndTest, AfterTerminateEveryWaitIsCancelledAtOnce) {
  ConnectionPair& net = pair();
  auto client = net.connect();
  client->terminate();
  client->terminate();
  Heard heard;
  std::vector<IoStatus> drained;
  net.tasks.add(hear_once(*client, 1h, heard));
  net.tasks.add(drain(*client, 0, 1h, drained));
  EXPECT_EQ(heard.statuses, std::vector{IoStatus::cancelled});
  EXPECT_EQ(drained, std::vector{IoStatus::cancelled});
  client->write("never");
  EXPECT_EQ(client->unsent(), 0U);
  net.close(std::move(client));
}

TEST_P(ConnectionEndTest, AResetIsWhatThePeerSees) {
  auto& net = pair();
  auto client = net.connect();
  Heard heard;
  net.tasks.add(hear_all(*client, 1h, heard));
  net.last().reset();
  EXPECT_EQ(net.last().state(), Connection::State::terminating);
  net.close(std::move(net.accepted.back()));
  net.accepted.pop_back();
  EXPECT_TRUE(net.until([&] { return heard.over(); }));
  EXPECT_EQ(heard.statuses.back(), IoStatus::failed);
  EXPECT_EQ(client->error(), ECONNRESET);
  net.close(std::move(client));
}

// close() waited for operations only.  A reader that had been woken by the end of the stream, and had not run
// yet, came back to a connection that was closed and freed.
TEST_P(ConnectionEndTest, AReaderCameBackToAConnectionThatWasGone) {
  ConnectionPair& net = pair();
  auto client = net.connect();
  bool freed = false;
  bool resumed = false;
  auto read = [](Connection& connection, const bool& gone, bool& done) -> Task<void> {
    co_await connection.more(1h, "a test");
    EXPECT_FALSE(gone);
    done = true;
  };
  auto close = [](std::unique_ptr<Connection> connection, bool& gone) -> Task<void> {
    co_await connection->close();
    connection.reset();
    gone = true;
  };
  net.tasks.add(read(*client, freed, resumed));
  net.client.turn(0ms);
  net.close_last();
  platforms_.run_only(net.server, 50ms);  // the end arrives while the client's loop does something else
  net.client.post([&] {
    EXPECT_TRUE(client->ended());
    EXPECT_FALSE(resumed);
    net.tasks.add(close(std::move(client), freed));
  });
  EXPECT_TRUE(net.until([&] { return freed; }));
  EXPECT_TRUE(resumed);
}

TEST_P(ConnectionEndTest, ATimedOutReaderIsResumedBeforeTheConnectionGoes) {
  ConnectionPair& net = pair();
  auto client = net.connect();
  Heard heard;
  net.tasks.add(hear_once(*client, 20ms, heard));
  EXPECT_TRUE(net.until([&] { return heard.over(); }));
  net.close(std::move(client));
  EXPECT_TRUE(net.until([&] { return net.client.operations_live() == 0; }));
}

// ------------------------------------------------------------------------------------------ resets

TEST_P(ConnectionEndTest, AResetEndsReaderAndWriter) {
  ConnectionPair& net = pair();
  auto client = net.connect();
  client->write("unread");
  EXPECT_TRUE(platforms_.run_for(10ms));
  net.close_last();  // with a byte unread: a reset
  Heard heard;
  std::vector<IoStatus> drained;
  net.tasks.add(hear_all(*client, 1h, heard));
  EXPECT_TRUE(net.until([&] { return heard.over(); }));
  EXPECT_EQ(heard.statuses.back(), IoStatus::failed);
  EXPECT_EQ(client->error(), ECONNRESET);
  client->write(pattern(1000));
  net.tasks.add(drain(*client, 0, 1h, drained));
  EXPECT_TRUE(net.until([&] { return !drained.empty(); }));
  EXPECT_EQ(drained.back(), IoStatus::failed);
  EXPECT_EQ(client->unsent(), 0U);
  client->write("more");
  EXPECT_EQ(client->unsent(), 0U);
  net.close(std::move(client));
}

TEST(ConnectionResetTest, APeerResetsAfterAnyByte) {
  const std::string text = pattern(300);
  for (std::uint64_t seed = 1; seed <= 120; ++seed) {
    SCOPED_TRACE(seed);
    Platforms platforms(PlatformKind::simulated, seed, sim::SimOptions::varied(seed));
    {
      ConnectionPair net(platforms, {.buffers = 4, .buffer_bytes = 128});
      net.serve = &echo;
      const bool to_server = seed % 2 == 0;
      platforms.world().faults().add(sim::SimStreamFault{.to_server = to_server, .bytes = seed * 2});
      auto client = net.connect();
      client->write(text);
      Heard heard;
      net.tasks.add(hear_all(*client, 1h, heard));
      ASSERT_TRUE(net.until([&] { return heard.over(); }));
      ASSERT_EQ(heard.text, text.substr(0, heard.text.size()));
      ASSERT_LE(heard.text.size(), to_server ? seed * 2 : std::min<std::size_t>(seed * 2, 300));
      net.close(std::move(client));
    }
    platforms.expect_nothing_left();
    if (HasFatalFailure()) return;
  }
}

// A reset came together with the last bytes.  The receive took those, and the kernel does not speak of the end again;
// the send that followed got it, and the reader waited until its time was over.
TEST(ConnectionResetTest, AResetThatOnlyTheSendGotLeftTheReaderWaiting) {
  Platforms platforms(PlatformKind::real);
  ConnectionPair net(platforms);
  net.serve = &echo;
  const int peer = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(::connect(peer, net.address.data(), net.address.size()), 0);
  EXPECT_TRUE(net.until([&] { return net.tasks.live() == 1; }));
  EXPECT_TRUE(platforms.run_for(10ms));  // it is waiting
  EXPECT_EQ(::send(peer, "x", 1, MSG_NOSIGNAL), 1);
  const linger reset{.l_onoff = 1, .l_linger = 0};
  setsockopt(peer, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  ::close(peer);
  EXPECT_TRUE(net.until([&] { return net.tasks.live() == 0; }));
}

// Sockets of another thread, closed with a reset or an end at any moment.
TEST(ConnectionResetTest, RealPeersResetAtRandomMoments) {
  Platforms platforms(PlatformKind::real);
  ConnectionPair net(platforms, {.buffers = 8, .buffer_bytes = 1024});
  net.serve = &echo;
  std::atomic<bool> over = false;
  const std::size_t descriptors = Platforms::descriptors_open();
  std::thread peers([&] {
    std::mt19937 random(1);
    const std::string text = pattern(50'000);
    for (int i = 0; i < 400; ++i) {
      const int peer = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      ASSERT_EQ(::connect(peer, net.address.data(), net.address.size()), 0);
      const ssize_t sent = ::send(peer, text.data(), random() % text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      static_cast<void>(sent);
      if (random() % 2 == 0) {
        char some[1000];
        static_cast<void>(::recv(peer, some, sizeof some, MSG_DONTWAIT));
      }
      const linger reset{.l_onoff = 1, .l_linger = 0};
      if (random() % 2 == 0) setsockopt(peer, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
      ::close(peer);
    }
    over = true;
  });
  EXPECT_TRUE(net.until([&] { return over && net.tasks.live() == 0; }));
  peers.join();
  EXPECT_TRUE(net.until([&] { return Platforms::descriptors_open() == descriptors; }));
}

// ------------------------------------------------------------------------------------------ stopping

TEST_P(ConnectionEndTest, AnAbortEndsAllThatWaitsAndAllThatComesAfterIt) {
  ConnectionPair& net = pair();
  auto client = net.connect();
  Heard heard;
  net.tasks.add(hear_all(*client, 1h, heard));
  EXPECT_TRUE(platforms_.run_for(5ms));
  EXPECT_TRUE(heard.statuses.empty());
  net.client.abort_all();
  EXPECT_TRUE(net.until([&] { return heard.over(); }));
  EXPECT_EQ(heard.statuses.back(), IoStatus::cancelled);
  net.close(std::move(client));
  // One whose connect was on its way back would otherwise have waited for its time-outs.
  std::optional<Dialled> result;
  net.tasks.add(dial(net.client, net.address, 1h, result));
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->error(), ECANCELED);
  Connection late(net.client, net.client.platform().sockets.open(AF_INET).value(), net.address);
  EXPECT_EQ(late.state(), Connection::State::terminating);
  net.tasks.add(late.close());
  EXPECT_TRUE(net.until([&] { return late.state() == Connection::State::closed; }));
}

TEST(ConnectionAbortTest, AConnectThatHangsIsAborted) {
  Platforms platforms(PlatformKind::simulated);
  ConnectionPair net(platforms);
  platforms.world().set_reachable(kServer, false);
  std::optional<Dialled> result;
  net.tasks.add(dial(net.client, net.address, 1h, result));
  EXPECT_TRUE(platforms.run_for(1s));
  EXPECT_FALSE(result.has_value());
  net.client.abort_all();
  EXPECT_TRUE(net.until([&] { return result.has_value(); }));
  EXPECT_EQ(result->error(), ECANCELED);
}

// A core that stops while connects, reads and writes are anywhere on their way.
TEST(ConnectionAbortTest, AtAnyMoment) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(seed);
    Platforms platforms(PlatformKind::simulated, seed, sim::SimOptions::varied(seed));
    ConnectionPair net(platforms, {.buffers = 4, .buffer_bytes = 512});
    net.serve = &echo;
    std::vector<std::optional<Dialled>> results(4);
    std::vector<Heard> heard(results.size());
    auto talk = [](io::Loop& loop, io::Address peer, std::optional<Dialled>& result, Heard& all) -> Task<void> {
      co_await dial(loop, peer, 10s, result);
      if (!result->has_value()) co_return;
      Connection& connection = ***result;
      connection.write(pattern(5000));
      co_await hear_all(connection, 1h, all);
      co_await connection.close();
    };
    for (std::size_t i = 0; i < results.size(); ++i) net.tasks.add(talk(net.client, net.address, results[i], heard[i]));
    platforms.world().after(std::chrono::microseconds(seed * 37), [&] {
      net.client.abort_all();
      net.server.abort_all();
    });
    ASSERT_TRUE(net.until([&] { return net.client.aborting() && net.tasks.live() == 0; }));
  }
}

TEST(ConnectionDeathTest, AConnectionGoesWhenItIsClosed) {
  Platforms platforms(PlatformKind::simulated);
  io::Loop& loop = platforms.add_loop(kServer);
  const int socket = loop.platform().sockets.open(AF_INET).value();
  EXPECT_DEATH({ const Connection connection(loop, socket, {}); }, "check failed: state_ == State::closed");
  loop.platform().sockets.close(socket);
}

}  // namespace
}  // namespace sluice::net::testing
