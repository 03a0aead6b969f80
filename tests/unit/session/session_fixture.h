// What the tests of a session's end share: a host, clients, a message.  Owned by one test; its thread only.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "tests/support/sessions.h"

namespace sluice::session {

using namespace std::chrono_literals;
using testing::ClientReply;
using testing::kMail;
using testing::kRcpt;
using testing::kText;
using testing::SessionClient;
using testing::SessionHost;

class SessionFixture : public ::testing::Test {
 protected:
  ~SessionFixture() override {
    client_ = nullptr;
    host.close();
  }
  SessionClient& client() {
    if (client_ == nullptr) client_ = std::make_unique<SessionClient>(platforms, there, host.address());
    return *client_;
  }
  // Logged in, up to the answer to RCPT.
  void envelope() {
    client().log_in();
    EXPECT_EQ(client().say(kMail), 250);
    EXPECT_EQ(client().say(kRcpt), 250);
  }
  // The only session has ended, and this was written about it.
  testing::Notes::End end() {
    EXPECT_TRUE(platforms.run_until([this] { return !host.notes.ends.empty(); }));
    EXPECT_EQ(host.notes.ends.size(), 1U);
    const testing::Notes::End& last = host.notes.ends.back();
    EXPECT_EQ(host.counters.ended.at(static_cast<std::size_t>(last.reason)), 1U);
    EXPECT_EQ(last.client, testing::kClientHost);
    return last;
  }
  // Sends `text` a byte a second, as long as the relay listens.  Returns what it said.
  std::string trickle(std::string_view text, int seconds) {
    for (int i = 0; i < seconds && host.notes.ends.empty(); ++i) {
      client().send(text.substr(static_cast<std::size_t>(i) % text.size(), 1));
      EXPECT_TRUE(platforms.run_for(1s));
    }
    return host.notes.ends.empty() ? "still open" : client().rest();
  }

  testing::Platforms platforms{testing::PlatformKind::simulated};
  io::Loop& here{platforms.add_loop(testing::kRelayHost)};
  io::Loop& there{platforms.add_loop(testing::kClientHost)};
  SessionHost host{platforms, here};
  std::unique_ptr<SessionClient> client_;
};

}  // namespace sluice::session
