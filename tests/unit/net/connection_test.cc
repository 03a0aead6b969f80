// Connections on both platforms: bytes, waits and deadlines.  connection_end_test.cc is about their end.
#include "engine/net/connection.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include "tests/unit/net/connection_testing.h"

namespace sluice::net::testing {
namespace {

class ConnectionBytesTest : public ConnectionTest {};
INSTANTIATE_TEST_SUITE_P(Platforms, ConnectionBytesTest, ::testing::Values(PlatformKind::real, PlatformKind::simulated),
                         sluice::testing::platform_name);

TEST_P(ConnectionBytesTest, AnEchoIsWhatWasSaid) {
  ConnectionPair& net = pair();
  net.serve = &echo;
  auto client = net.connect();
  Heard heard;
  const std::string text = pattern(1'000'000);
  client->write(text);
  net.tasks.add(hear_all(*client, 1h, heard));
  EXPECT_TRUE(net.until([&] { return heard.text.size() >= text.size(); }));
  EXPECT_EQ(heard.text, text);
  EXPECT_EQ(client->counters().bytes_sent, text.size());
  EXPECT_EQ(client->counters().bytes_received, text.size());
  net.close(std::move(client));
}

TEST_P(ConnectionBytesTest, ManyAtOnceDoNotMixUp) {
  ConnectionPair& net = pair({.buffers = 8, .buffer_bytes = 4096});
  net.serve = &echo;
  std::vector<std::unique_ptr<Connection>> clients;
  std::vector<Heard> heard(20);
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < heard.size(); ++i) {
    clients.push_back(net.connect());
    texts.push_back(std::to_string(i) + pattern(20'000 + i * 1000));
  }
  for (std::size_t i = 0; i < heard.size(); ++i) {
    clients[i]->write(texts[i]);
    net.tasks.add(hear_all(*clients[i], 1h, heard[i]));
  }
  EXPECT_TRUE(net.until([&] {
    for (std::size_t i = 0; i < heard.size(); ++i)
      if (heard[i].text.size() < texts[i].size()) return false;
    return true;
  }));
  for (std::size_t i = 0; i < heard.size(); ++i) EXPECT_EQ(heard[i].text, texts[i]);
  for (auto& client : clients) net.close(std::move(client));
}

TEST_P(ConnectionBytesTest, ManySmallPiecesGoOutInTheirOrder) {
  ConnectionPair& net = pair();
  auto client = net.connect();
  // More pieces than one send takes, of several blocks each.
  std::string all;
  for (int i = 0; i < 10; ++i) {
    all += "line " + std::to_string(i);
    client->write("line " + std::to_string(i));
    Chain chain;
    for (int k = 0; k < 20; ++k) {
      const std::string piece = "piece " + std::to_string(k) + pattern(static_cast<std::size_t>(i) * 50) + ";";
      Chain part;
      part.append_copy(piece);
      chain.append(std::move(part));
      all += piece;
    }
    client->write(std::move(chain));
  }
  Heard heard;
  net.tasks.add(hear_all(net.last(), 1h, heard));
  std::vector<IoStatus> drained;
  net.tasks.add(drain(*client, 0, 1h, drained));
  EXPECT_TRUE(net.until([&] { return heard.text.size() >= all.size() && drained.size() == 1; }));
  EXPECT_EQ(client->unsent(), 0U);
  net.close(std::move(client));
  EXPECT_TRUE(net.until([&] { return heard.over(); }));
  EXPECT_EQ(heard.statuses.back(), IoStatus::end);
  EXPECT_EQ(heard.text, all);
}

TEST_P(ConnectionBytesTest, MoreMeansMoreThanTheLastTime) {
  ConnectionPair& net = pair();
  auto client = net.connect();
  client->write("1");  // one byte: the network may cut two in two
  std::vector<IoStatus> statuses;
  auto wait = [](Connection& c, std::vector<IoStatus>& results) -> Task<void> {
    results.push_back(co_await c.more(1h, "a test"));
  };
  net.tasks.add(wait(net.last(), statuses));
  EXPECT_TRUE(net.until([&] { return net.last().input().size() == 1 && statuses.size() == 1; }));
  net.tasks.add(wait(net.last(), statuses));  // "1" is still there, but it is not news
  EXPECT_TRUE(net.until([&] { return net.server.due() > net.server.now(); }));
  EXPECT_EQ(statuses.size(), 1U);
  client->write("2");
  EXPECT_TRUE(net.until([&] { return statuses.size() == 2; }));
  EXPECT_EQ(net.last().input().to_string(), "12");
  net.close(std::move(client));
}

TEST_P(ConnectionBytesTest, WhatArrivedBeforeTheEndIsDeliveredFirst) {
  ConnectionPair& net = pair();
  auto client = net.connect();
  client->write("bye");
  std::vector<IoStatus> drained;
  net.tasks.add(drain(*client, 0, 1h, drained));
  EXPECT_TRUE(net.until([&] { return drained.size() == 1; }));
  net.close(std::move(client));
  Heard heard;
  net.tasks.add(hear_all(net.last(), 1h, heard));
  EXPECT_TRUE(net.until([&] { return heard.over(); }));
  EXPECT_EQ(heard.text, "bye");
  EXPECT_EQ(heard.statuses.front(), IoStatus::ok);
  EXPECT_EQ(heard.statuses.back(), IoStatus::end);
  EXPECT_TRUE(net.last().ended());
  EXPECT_EQ(net.last().error(), 0);
  net.tasks.add(hear_once(net.last(), 1h, heard));  // it stays at its end
  EXPECT_EQ(heard.statuses.back(), IoStatus::end);
}

TEST_P(ConnectionBytesTest, AByteThatComesAfterADeadlineIsStillHeard) {
  ConnectionPair& net = pair();
  auto client = net.connect();
  Heard heard;
  const Instant before = net.server.now();
  net.tasks.add(hear_once(net.last(), 40ms, heard));
  EXPECT_TRUE(net.until([&] { return heard.over(); }));
  EXPECT_EQ(heard.statuses.back(), IoStatus::timed_out);
  EXPECT_GE(net.server.now() - before, 40ms);
  client->write("late");
  net.tasks.add(hear_once(net.last(), 10s, heard));
  EXPECT_TRUE(net.until([&] { return heard.text == "late"; }));
  net.close(std::move(client));
}

TEST_P(ConnectionBytesTest, NoLimitIsNoDeadline) {
  ConnectionPair& net = pair();
  auto client = net.connect();
  Heard heard;
  net.tasks.add(hear_once(net.last(), Duration::max(), heard));
  EXPECT_TRUE(platforms_.run_for(50ms));
  EXPECT_TRUE(heard.statuses.empty());
  client->write("x");
  EXPECT_TRUE(net.until([&] { return heard.text == "x"; }));
  net.close(std::move(client));
}

TEST_P(ConnectionBytesTest, AShorterDeadlineIsKeptBesideALongerOne) {
  ConnectionPair& net = pair();
  auto client = net.connect();
  Heard heard;
  std::vector<IoStatus> drained;
  net.last().write(pattern(32 << 20));  // it is not read
  net.tasks.add(hear_once(net.last(), 1h, heard));
  net.tasks.add(drain(net.last(), 0, 30ms, drained));
  EXPECT_TRUE(net.until([&] { return !drained.empty(); }));
  EXPECT_EQ(drained.back(), IoStatus::timed_out);
  EXPECT_TRUE(heard.statuses.empty());
  EXPECT_GT(net.last().unsent(), 0U);
  net.tasks.add(drain(net.last(), 1 << 30, 1h, drained));  // true already
  EXPECT_EQ(drained.back(), IoStatus::ok);
  net.last().terminate();
  EXPECT_TRUE(net.until([&] { return heard.over(); }));
  net.close(std::move(client));
}

// ------------------------------------------------------------------------------------------ connecting

TEST_P(ConnectionBytesTest, NoListener) {
  ConnectionPair& net = pair();
  const io::Address address = net.address;
  net.end_all();
  std::optional<Dialled> result;
  net.tasks.add(dial(net.client, address, 10s, result));
  EXPECT_TRUE(net.until([&] { return result.has_value(); }));
  EXPECT_EQ(result->error(), ECONNREFUSED);
}

TEST_P(ConnectionBytesTest, NoAnswer) {
  ConnectionPair& net = pair();
  // A listener whose queue is full answers no one.
  const int full = net.server.platform().sockets.listen(platforms_.address(kServer), {.backlog = 0}).value();
  const io::Address address = net.server.platform().sockets.local(full);
  std::vector<std::optional<Dialled>> results(6);
  const Instant before = net.client.now();
  for (auto& result : results) net.tasks.add(dial(net.client, address, 200ms, result));
  EXPECT_TRUE(net.until([&] { return net.tasks.live() == 0; }));
  EXPECT_GE(net.client.now() - before, 200ms);
  int timed_out = 0;
  for (auto& result : results) {
    if (result->has_value()) {
      net.close(std::move(**result));
    } else {
      EXPECT_EQ(result->error(), ETIMEDOUT);
      ++timed_out;
    }
  }
  EXPECT_GT(timed_out, 0);
  net.server.platform().sockets.close(full);
}

TEST_P(ConnectionBytesTest, KnowsItsPeer) {
  ConnectionPair& net = pair();
  auto client = net.connect();
  EXPECT_EQ(client->peer().to_string(), net.address.to_string());
  EXPECT_EQ(net.last().peer().to_string(), net.client.platform().sockets.local(client->socket()).to_string());
  net.close(std::move(client));
}

}  // namespace
}  // namespace sluice::net::testing
