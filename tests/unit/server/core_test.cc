// A core under reload, stop and loss, case by case, at simulated listeners and next hops; whole_relay_test.cc has
// them at random.
#include "engine/server/core.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/support/next_hop.h"
#include "tests/support/simulated_relay.h"

namespace sluice::server {
namespace {

using namespace std::chrono_literals;
using testing::HopStage;
using ::testing::IsEmpty;
using testing::SessionClient;
using testing::SimulatedRelay;
using ::testing::SizeIs;

constexpr std::array<const char*, 2> kHops{"192.0.2.25", "192.0.2.26"};
constexpr const char* kText = "From: <ann@example.com>\r\nSubject: x\r\n\r\nhello\r\n";

// `route` and `queue`: keys of these sections, a line each.
std::shared_ptr<const Plan> plan_to(const std::string& host, const std::string& route = "",
                                    const std::string& queue = "retry_s = [60]\n") {
  return testing::plan_of(
      "[server]\nhostname = \"relay.example\"\n"
      "[[listener]]\naddress = \"192.0.2.1:587\"\ntls = \"none\"\nauth = \"clear\"\n"
      "[queue]\nsuspend_first_s = 1\nsuspend_max_s = 1\njitter_percent = 0\n" +
      queue + "[[route]]\ntls = \"none\"\nhosts = [\"" + host + "\"]\n" + route);
}

class CoreTest : public ::testing::Test {
 protected:
  CoreTest() {
    for (const char* ip : kHops)
      hops_.push_back(std::make_unique<testing::NextHop>(platforms_.add_loop(ip), platforms_.address(ip, 25)));
  }
  // Nothing is left of the relay, once it is the last one.
  ~CoreTest() override {
    client_ = nullptr;
    for (const auto& hop : hops_) hop->stop();
    EXPECT_TRUE(platforms_.run_until(
        [this] { return std::ranges::all_of(hops_, [](const auto& hop) { return hop->stopped(); }); }));
    for (const auto& hop : hops_) EXPECT_THAT(hop->violations, IsEmpty());
    hops_.clear();
    if (relay_.running()) end();
  }
  void end() {
    if (!relay_.draining()) relay_.drain(1s);
    const CoreLeftOver left = relay_.end();
    EXPECT_EQ(left.buffers, 0U);
    EXPECT_EQ(left.operations, 0U);
    if (!hops_.empty()) return;
    EXPECT_EQ(left.frames, 0);
    EXPECT_EQ(left.heap_blocks, 0);
  }
  void start(const std::shared_ptr<const Plan>& plan) { ASSERT_TRUE(relay_.start(plan)); }
  // Waits until the cores have it.
  void reload(const std::shared_ptr<const Plan>& plan) {
    relay_.reload(plan);
    run_for(1ms);
  }
  void run_for(Duration time) { ASSERT_TRUE(platforms_.run_for(time)); }
  bool run_until(const std::function<bool()>& until) { return platforms_.run_until(until); }

  std::unique_ptr<SessionClient> log_in() {
    auto client = std::make_unique<SessionClient>(platforms_, clients_, relay_.address());
    EXPECT_TRUE(client->connected());
    client->log_in();
    return client;
  }
  static void begin_data(SessionClient& client) {
    EXPECT_EQ(client.say("MAIL FROM:<ann@example.com>"), 250);
    EXPECT_EQ(client.say("RCPT TO:<bob@example.net>"), 250);
    EXPECT_EQ(client.say("DATA"), 354);
  }
  static int send(SessionClient& client) {
    begin_data(client);
    return client.say(std::string(kText) + ".");
  }
  std::uint64_t generations() { return relay_.counter("generations_live"); }
  testing::NextHop& hop(std::size_t number) { return *hops_[number]; }

  testing::Platforms platforms_{testing::PlatformKind::simulated};
  io::Loop& clients_{platforms_.add_loop(testing::kClientHost)};
  SimulatedRelay relay_{platforms_};
  std::vector<std::unique_ptr<testing::NextHop>> hops_;
  std::unique_ptr<SessionClient> client_;
};

// ------------------------------------------------------------------------------------------ reload

TEST_F(CoreTest, AnOldGenerationServesItsSessionsToTheirEnd) {
  start(plan_to(kHops[0]));
  const auto before = log_in();
  EXPECT_EQ(send(*before), 250);
  reload(plan_to(kHops[1]));
  EXPECT_EQ(generations(), 2U);
  const auto after = log_in();
  EXPECT_EQ(send(*after), 250);
  EXPECT_EQ(send(*before), 250);
  EXPECT_THAT(hop(0).ledger, SizeIs(2));
  EXPECT_THAT(hop(1).ledger, SizeIs(1));
  EXPECT_EQ(generations(), 2U);
  EXPECT_EQ(before->say("QUIT"), 221);
  EXPECT_TRUE(run_until([&] { return generations() == 1 && hop(0).live() == 0; }));
  EXPECT_EQ(send(*after), 250);
  EXPECT_THAT(hop(1).ledger, SizeIs(2));
}

TEST_F(CoreTest, AnOldGenerationServesADeliveryToItsEnd) {
  start(plan_to(kHops[0], "mode = \"store\"\n"));
  hop(0).add({.stage = HopStage::message, .stall = 1min});
  client_ = log_in();
  EXPECT_EQ(send(*client_), 250);
  EXPECT_EQ(client_->say("QUIT"), 221);
  EXPECT_TRUE(run_until([&] { return hop(0).content_read > 0; }));
  reload(plan_to(kHops[1], "mode = \"store\"\n"));
  run_for(10s);
  EXPECT_EQ(generations(), 2U);
  EXPECT_TRUE(run_until([&] { return generations() == 1; }));
  EXPECT_EQ(relay_.messages(), 0U);
  EXPECT_THAT(hop(0).ledger, SizeIs(1));
  EXPECT_THAT(hop(1).ledger, IsEmpty());
}

TEST_F(CoreTest, WhatWaitsGoesByTheNewGeneration) {
  start(plan_to(kHops[0], "mode = \"store\"\n"));
  hop(0).add({.stage = HopStage::mail, .count = testing::kAlways, .say = "451 4.3.0 Not now\r\n"});
  client_ = log_in();
  EXPECT_EQ(send(*client_), 250);
  run_for(10s);
  reload(plan_to(kHops[1], "name = \"other\"\n"));
  EXPECT_TRUE(run_until([&] { return relay_.messages() == 0; }));
  EXPECT_THAT(hop(0).ledger, IsEmpty());
  EXPECT_THAT(hop(1).ledger, SizeIs(1));
}

TEST_F(CoreTest, TheQueueTriesAgainWhenTheNewConfigurationSays) {
  const std::string route = "mode = \"store\"\n";
  start(plan_to(kHops[0], route, "retry_s = [7200]\n"));
  reload(plan_to(kHops[0], route, "retry_s = [5]\n"));
  hop(0).add({.stage = HopStage::mail, .count = 3, .say = "451 4.3.0 Not now\r\n"});
  client_ = log_in();
  EXPECT_EQ(send(*client_), 250);
  run_for(5min);
  EXPECT_THAT(hop(0).ledger, SizeIs(1));
}

TEST_F(CoreTest, APlanThatCannotBeAdoptedChangesNothing) {
  start(plan_to(kHops[0]));
  client_ = log_in();
  auto broken = std::make_shared<Plan>(*plan_to(kHops[1]));
  broken->routes[0].tls = route::RouteTls::required;
  broken->routes[0].verify = true;
  broken->routes[0].ca_pem = "no certificate";
  reload(std::move(broken));
  EXPECT_EQ(relay_.reloads_failed(), 1U);
  EXPECT_EQ(generations(), 1U);
  EXPECT_EQ(send(*client_), 250);
  EXPECT_THAT(hop(0).ledger, SizeIs(1));
}

// Until then no message needed one.
TEST_F(CoreTest, TheSpoolIsOpenedByTheFirstPlanThatNeedsIt) {
  start(plan_to(kHops[0], "fallback = false\n"));
  client_ = log_in();
  EXPECT_EQ(relay_.counter("spool_segments_begun"), 0U);
  reload(plan_to(kHops[0], "mode = \"store\"\n"));
  run_for(1s);
  client_ = log_in();
  EXPECT_EQ(send(*client_), 250);
  EXPECT_TRUE(run_until([&] { return relay_.messages() == 0; }));
  EXPECT_EQ(relay_.counter("spool_stored"), 1U);
  EXPECT_THAT(hop(0).ledger, SizeIs(1));
}

TEST_F(CoreTest, AnOperatorEndsSessionsAfterTheMessageThatTheyAreAt) {
  using Verb = control::SessionsRequest::Verb;
  start(plan_to(kHops[0]));
  client_ = log_in();
  const auto idle = log_in();
  SessionClient stranger(platforms_, clients_, relay_.address());
  EXPECT_EQ(stranger.reply().code, 220);
  begin_data(*client_);
  const auto shown = [this](const control::SessionsRequest& request) {
    return Core::SessionWalk(relay_.core()).next(request);
  };
  EXPECT_THAT(shown({.customer = "ACME"}).sessions, SizeIs(2));
  EXPECT_EQ(shown({.address = "0.0.0.0/0"}).met, 3U);
  EXPECT_TRUE(shown({.address = "10.0.0.0/8"}).over);
  for (const control::SessionsRequest& other :
       {control::SessionsRequest{.verb = Verb::end, .account = "bob@example.com"},
        control::SessionsRequest{.verb = Verb::end, .account = "ann@example.com", .customer = "other"},
        control::SessionsRequest{.verb = Verb::end, .account = "ann@example.com", .address = "10.0.0.0/8"}})
    EXPECT_EQ(relay_.core().end_sessions(other).met, 0U);
  EXPECT_EQ(relay_.core().end_sessions({.verb = Verb::end, .account = "Ann@Example.com"}).met, 2U);
  // They are ending already.
  EXPECT_EQ(relay_.core().end_sessions({.verb = Verb::end, .account = "Ann@Example.com"}).met, 0U);
  EXPECT_EQ(idle->reply().code, 421);
  EXPECT_EQ(client_->say(std::string(kText) + "."), 250);
  EXPECT_EQ(client_->reply().code, 421);
  EXPECT_EQ(stranger.say("EHLO client.example"), 250);
  EXPECT_EQ(relay_.core().end_sessions({.verb = Verb::end, .address = "0.0.0.0/0"}).met, 1U);
  EXPECT_EQ(stranger.reply().code, 421);
  EXPECT_TRUE(run_until([this] { return relay_.counter("session_ended_ended_by_operator") == 3; }));
}

// However many there are, a page is what a core looks at and holds; none is missed or met twice where others go.
TEST_F(CoreTest, AListOfSessionsComesInPages) {
  start(plan_to(kHops[0], "", "retry_s = [60]\n[limits]\nsessions_per_address = 100000\n"));
  std::vector<std::unique_ptr<SessionClient>> clients;
  constexpr std::size_t kSessions = 3 * control::kSessionsPage - 10;
  for (std::size_t i = 0; i < kSessions; ++i) {
    clients.push_back(std::make_unique<SessionClient>(platforms_, clients_, relay_.address()));
    ASSERT_EQ(clients.back()->reply().code, 220);
  }
  Core::SessionWalk walk(relay_.core());
  std::set<std::uint64_t> met;
  std::size_t pages = 0;
  for (bool over = false; !over; ++pages) {
    const control::CoreSessions page = walk.next({});
    EXPECT_LE(page.sessions.size(), control::kSessionsPage);
    for (const control::SessionStatus& session : page.sessions) EXPECT_TRUE(met.insert(session.id).second);
    over = page.over;
    // Of the next page the first ten end, where the walk stands, from whichever end it came.
    if (pages == 0) {
      for (std::size_t i = 0; i < 10; ++i) {
        clients[control::kSessionsPage + i] = nullptr;
        clients[kSessions - control::kSessionsPage - 1 - i] = nullptr;
      }
      EXPECT_TRUE(run_until([&] { return relay_.core().status().sessions_live == kSessions - 20; }));
    }
  }
  EXPECT_EQ(pages, 3U);
  EXPECT_EQ(met.size(), kSessions - 20);
}

TEST_F(CoreTest, ChangedAccountsEndTheirSessionsAfterTheMessageThatTheyAreAt) {
  start(plan_to(kHops[0]));
  client_ = log_in();
  const auto idle = log_in();
  begin_data(*client_);
  relay_.accounts.suspended = true;
  relay_.forget_credentials();
  EXPECT_EQ(idle->reply().code, 421);
  EXPECT_EQ(client_->say(std::string(kText) + "."), 250);
  EXPECT_EQ(client_->reply().code, 421);
  SessionClient again(platforms_, clients_, relay_.address());
  EXPECT_EQ(again.reply().code, 220);
  EXPECT_EQ(again.say("EHLO client.example"), 250);
  EXPECT_EQ(again.say(testing::kLogin), 535);
}

// "customer add", "account add", and the first login at once: that session was ended with "please log in again".
TEST_F(CoreTest, AChangeThatTheLoginKnewDoesNotEndTheSession) {
  start(plan_to(kHops[0]));
  relay_.accounts.known_change = 7;
  client_ = log_in();
  relay_.forget_credentials(7);
  EXPECT_EQ(client_->say("NOOP"), 250);
  relay_.forget_credentials(8);
  EXPECT_EQ(client_->reply().code, 421);
}

// ------------------------------------------------------------------------------------------ stop

TEST_F(CoreTest, AStopTellsIdleClientsAndLetsMessagesEnd) {
  start(plan_to(kHops[0]));
  const auto idle = log_in();
  client_ = log_in();
  begin_data(*client_);
  relay_.drain(1min);
  EXPECT_EQ(idle->reply().code, 421);
  EXPECT_EQ(idle->reply().code, 0);
  EXPECT_FALSE(SessionClient(platforms_, clients_, relay_.address()).connected());
  EXPECT_EQ(client_->say(std::string(kText) + "."), 250);
  EXPECT_EQ(client_->reply().code, 421);
  EXPECT_EQ(client_->reply().code, 0);
  EXPECT_THAT(hop(0).ledger, SizeIs(1));
  end();
}

// Nobody answers at the next hop, and the client waits for its reply.
TEST_F(CoreTest, WhatWaitsForANextHopIsKeptWhenTheStopTakesTooLong) {
  start(plan_to(kHops[0]));
  hop(0).add({.stage = HopStage::message, .stall = 5min, .hang_up = true});
  client_ = log_in();
  begin_data(*client_);
  client_->send(std::string(kText) + ".\r\n");
  EXPECT_TRUE(run_until([&] { return hop(0).content_read > 0; }));
  relay_.drain(1s);
  EXPECT_EQ(client_->reply().code, 250);
  EXPECT_EQ(client_->reply().code, 421);
  end();
  start(plan_to(kHops[0]));
  EXPECT_EQ(relay_.messages(), 1U);
  EXPECT_TRUE(run_until([&] { return relay_.messages() == 0; }));
  EXPECT_TRUE(hop(0).ledger.back().answered);
}

// Its sender sends nothing more: it is the client that is to send it again.
TEST_F(CoreTest, AMessageThatDoesNotEndIsCutOffWith421) {
  start(plan_to(kHops[0]));
  client_ = log_in();
  begin_data(*client_);
  client_->send("From: <ann@example.com>\r\n");
  relay_.drain(1s);
  EXPECT_EQ(client_->reply().code, 421);
  EXPECT_EQ(client_->reply().code, 0);
  end();
  EXPECT_THAT(hop(0).ledger, IsEmpty());
}

// A session goes on; what waits in the queue is tried after the next start.
TEST_F(CoreTest, AStopStartsNoMoreDeliveries) {
  start(plan_to(kHops[0], "mode = \"store\"\n"));
  hop(0).add({.stage = HopStage::mail, .say = "451 4.3.0 Not now\r\n"});
  client_ = log_in();
  EXPECT_EQ(send(*client_), 250);
  run_for(10s);
  begin_data(*client_);
  relay_.drain(30min);
  run_for(2min);
  EXPECT_EQ(relay_.messages(), 1U);
  EXPECT_THAT(hop(0).ledger, IsEmpty());
  EXPECT_EQ(client_->say(std::string(kText) + "."), 250);
  end();
  start(plan_to(kHops[0], "mode = \"store\"\n"));
  EXPECT_TRUE(run_until([&] { return relay_.messages() == 0; }));
  EXPECT_THAT(hop(0).ledger, SizeIs(2));
}

// A plan that comes while the relay stops holds for what is still under way.
TEST_F(CoreTest, AReloadDuringAStopLeavesNothingBehind) {
  start(plan_to(kHops[0], "fallback = false\n"));
  client_ = log_in();
  begin_data(*client_);
  relay_.drain(1min);
  reload(plan_to(kHops[1], "mode = \"store\"\n"));
  EXPECT_EQ(generations(), 2U);
  EXPECT_EQ(client_->say(std::string(kText) + "."), 250);
  EXPECT_THAT(hop(0).ledger, SizeIs(1));
  client_ = nullptr;
  end();
}

// ------------------------------------------------------------------------------------------ loss

TEST_F(CoreTest, WhatWasAnsweredIsDeliveredAfterAKillAndAfterALossOfPower) {
  for (const auto how : {SimulatedRelay::Loss::process, SimulatedRelay::Loss::power}) {
    start(plan_to(kHops[0], "mode = \"store\"\n"));
    hop(0).add({.stage = HopStage::message, .stall = 5min});
    client_ = log_in();
    EXPECT_EQ(send(*client_), 250);
    EXPECT_TRUE(run_until([&] { return hop(0).content_read > 0; }));
    const std::size_t before = hop(0).ledger.size();
    relay_.lose(how);
    EXPECT_EQ(platforms_.world().descriptors_open(testing::kRelayHost), 0U);
    hop(0).clear_faults();
    start(plan_to(kHops[0], "mode = \"store\"\n"));
    EXPECT_TRUE(run_until([&] { return relay_.messages() == 0; }));
    EXPECT_GT(hop(0).ledger.size(), before);
    client_ = nullptr;
    end();
  }
}

}  // namespace
}  // namespace sluice::server
