// What the tests of connections share: a listener that keeps what it accepts, clients that dial it, and
// tasks that talk.  Tests only; one thread.
#pragma once

#include <gtest/gtest.h>

#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/net/connection.h"
#include "engine/net/listener.h"
#include "tests/support/platforms.h"

namespace sluice::net::testing {

using namespace std::chrono_literals;
using sluice::testing::BothPlatforms;
using sluice::testing::PlatformKind;
using sluice::testing::Platforms;

inline constexpr const char* kServer = "192.0.2.1";
inline constexpr const char* kClient = "192.0.2.2";

// Bytes of which each says where it stands.
inline std::string pattern(std::size_t size) {
  std::string text(size, ' ');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('!' + i * 7 % 91 + i / 1000 % 3);
  return text;
}

using Dialled = std::expected<std::unique_ptr<Connection>, int>;

inline Task<void> dial(io::Loop& loop, io::Address peer, Duration timeout, std::optional<Dialled>& result) {
  result.emplace(co_await Connection::connect(loop, peer, timeout));
}

inline Task<void> close_and_free(std::unique_ptr<Connection> connection) { co_await connection->close(); }

// Waits for more, once, and takes all that is there.
struct Heard {
  std::string text;
  std::vector<IoStatus> statuses;
  [[nodiscard]] bool over() const { return !statuses.empty() && statuses.back() != IoStatus::ok; }
};

inline Task<void> hear_once(Connection& connection, Duration timeout, Heard& heard) {
  heard.statuses.push_back(co_await connection.more(timeout, "a test"));
  heard.text += connection.input().to_string();
  connection.input().clear();
}

// Until something else than more bytes comes.
inline Task<void> hear_all(Connection& connection, Duration timeout, Heard& heard) {
  do co_await hear_once(connection, timeout, heard);
  while (!heard.over());
}

inline Task<void> drain(Connection& connection, std::size_t bytes, Duration timeout, std::vector<IoStatus>& results) {
  results.push_back(co_await connection.drained(bytes, timeout, "a test"));
}

// Sends back whatever comes, and waits while the other side does not read it.
inline Task<void> echo(std::unique_ptr<Connection> connection) {
  while (co_await connection->more(1h, "an echo") == IoStatus::ok) {
    connection->write(std::move(connection->input()));
    if (co_await connection->drained(65536, 1h, "an echo to go") != IoStatus::ok) break;
  }
  co_await connection->drained(0, 1h, "the last echo to go");
  co_await connection->close();
}

// A server on one host and clients on another (the same machine, on the real platform).
class ConnectionPair {
 public:
  explicit ConnectionPair(Platforms& platforms, const io::LoopLimits& limits = {})
      : platforms_(platforms),
        server(platforms.add_loop(kServer, limits)),
        client(platforms.add_loop(kClient, limits)) {
    const int socket = server.platform().sockets.listen(platforms.address(kServer), {}).value();
    address = server.platform().sockets.local(socket);
    listener = std::make_unique<net::Listener>(server, socket, [this](int accepted_socket) {
      const io::Address peer = server.platform().sockets.peer(accepted_socket);
      auto connection = std::make_unique<Connection>(server, accepted_socket, peer);
      if (serve) {
        tasks.add(serve(std::move(connection)));
      } else {
        accepted.push_back(std::move(connection));
      }
    });
    listener->start();
  }
  ConnectionPair(const ConnectionPair&) = delete;
  ConnectionPair& operator=(const ConnectionPair&) = delete;
  ~ConnectionPair() { end_all(); }

  // A new connection; the server's side is the last of `accepted`, unless it is served.
  std::unique_ptr<Connection> connect() {
    const std::size_t before = accepted.size();
    std::optional<Dialled> result;
    tasks.add(dial(client, address, 30s, result));
    EXPECT_TRUE(platforms_.run_until([&] { return result && (serve || accepted.size() > before); }));
    EXPECT_TRUE(result->has_value());
    return *std::move(*result);
  }
  Connection& last() { return *accepted.back(); }
  bool until(const std::function<bool()>& condition) { return platforms_.run_until(condition); }
  // Returns when it is gone, and all waiters on it were resumed.
  void close(std::unique_ptr<Connection> connection) {
    if (connection == nullptr) return;
    bool gone = false;
    auto close_it = [](std::unique_ptr<Connection> one, bool& done) -> Task<void> {
      co_await close_and_free(std::move(one));
      done = true;
    };
    tasks.add(close_it(std::move(connection), gone));
    EXPECT_TRUE(until([&] { return gone; }));
  }
  // The server's side of the last one; does not wait.
  void close_last() {
    tasks.add(close_and_free(std::move(accepted.back())));
    accepted.pop_back();
  }
  void end_all() {
    for (auto& connection : accepted) close(std::move(connection));
    accepted.clear();
    if (listener != nullptr) tasks.add(listener->close());
    EXPECT_TRUE(until([&] { return tasks.live() == 0; }));
    listener.reset();
  }

 private:
  Platforms& platforms_;

 public:
  io::Loop& server;
  io::Loop& client;
  io::Address address;
  std::unique_ptr<net::Listener> listener;
  std::function<Task<void>(std::unique_ptr<Connection>)> serve;
  std::vector<std::unique_ptr<Connection>> accepted;
  TaskSet tasks;
};

class ConnectionTest : public BothPlatforms {
 protected:
  ConnectionPair& pair(const io::LoopLimits& limits = {}) {
    pair_ = std::make_unique<ConnectionPair>(platforms_, limits);
    return *pair_;
  }
  void TearDown() override {
    pair_.reset();
    platforms_.expect_nothing_left();
  }
  std::unique_ptr<ConnectionPair> pair_;
};

}  // namespace sluice::net::testing
