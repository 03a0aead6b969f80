// A mailbox server on a loop of a simulated host that says what a test has written down: the first rule whose word a
// line begins with.  Owned by one test; its loop's thread only.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/net/listener.h"
#include "tests/support/awaited.h"
#include "tests/support/peer.h"

namespace sluice::testing {

class MailboxServer {
 public:
  MailboxServer(Platforms& platforms, io::Loop& loop, const io::Address& address)
      : platforms_(platforms),
        loop_(loop),
        listener_(loop_, loop_.platform().sockets.listen(address, {}).value(), [this](int socket) {
          ++accepted;
          peers_.push_back(std::make_unique<Peer>(
              std::make_unique<net::Connection>(loop_, socket, loop_.platform().sockets.peer(socket))));
          tasks_.add(serve(*peers_.back()));
        }) {
    listener_.start();
  }
  MailboxServer(const MailboxServer&) = delete;
  MailboxServer& operator=(const MailboxServer&) = delete;
  ~MailboxServer() {
    await_done(platforms_, loop_, [this] { return end(); });
  }

  // What is said to a line that begins with `word`; "" is the greeting's.  A later one is in front of those before it.
  void say(std::string word, std::string answer, bool then_hang_up = false) {
    rules_.insert(rules_.begin(), {std::move(word), std::move(answer), then_hang_up});
  }

  std::size_t accepted = 0;
  std::size_t live = 0;
  std::vector<std::string> lines;  // in order, of all connections
  bool endless = false;            // the greeting never ends

 private:
  struct Rule {
    std::string word;
    std::string answer;
    bool then_hang_up;
  };
  // False where the connection is over.
  bool answer(Peer& peer, std::string_view line, bool greeting) {
    for (const Rule& rule : rules_) {
      if (rule.word.empty() != greeting || !line.starts_with(rule.word)) continue;
      peer.say(rule.answer);
      return !rule.then_hang_up;
    }
    return true;
  }
  Task<void> serve(Peer& peer) {
    using namespace std::chrono_literals;
    ++live;
    bool goes_on = answer(peer, "", true);
    while (endless && peer.open() && !peer.connection().ended()) {
      peer.say("* " + std::string(100, 'x') + "\r\n");
      if (co_await peer.connection().drained(0, 1h, "a flood") != net::IoStatus::ok) break;
    }
    for (std::string line; goes_on && co_await peer.line(line, 1h);) {
      lines.push_back(line);
      goes_on = answer(peer, line, false);
    }
    --live;
    co_await peer.connection().finish(1s, Duration::zero());
    co_await peer.connection().close();
  }
  Task<void> end() {
    for (const auto& peer : peers_)
      if (peer->open()) peer->connection().terminate();
    co_await listener_.close();
    co_await tasks_.join("a mailbox server's connections");
  }

  Platforms& platforms_;
  io::Loop& loop_;
  std::vector<Rule> rules_;
  std::vector<std::unique_ptr<Peer>> peers_;
  TaskSet tasks_;
  net::Listener listener_;
};

}  // namespace sluice::testing
