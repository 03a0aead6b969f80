// A node with a Redis that the test plays: one that lies, stalls, answers late or talks unasked.
#include "policy/cluster/cluster_budget.h"

#include <gtest/gtest.h>

#include "tests/support/awaited.h"
#include "tests/unit/auth_backend/scripted_server.h"

namespace sluice::policy {
namespace {

using namespace std::chrono_literals;
using Dialog = testing::ScriptedServer::Dialog;

// Of the epoch 7, of which a node hears first with status 1.
std::string lease_reply(int status, int granted, int wait_ms = 0, int lapsed = 0) {
  std::string reply = "*10\r\n:" + std::to_string(status) + "\r\n$1\r\n7\r\n:" + std::to_string(granted) + "\r\n";
  for (int i = 0; i < 5; ++i) reply += ":0\r\n";
  return reply + ":" + std::to_string(wait_ms) + "\r\n:" + std::to_string(lapsed) + "\r\n";
}

// Nothing is granted: of the limit of a day so much is used, of it so much held by others.
std::string day_is_full(int amount, int used, int others) {
  return "*10\r\n:0\r\n$1\r\n7\r\n:0\r\n:" + std::to_string(others) + "\r\n:3\r\n:" + std::to_string(amount) +
         "\r\n:" + std::to_string(used) + "\r\n:1000\r\n:0\r\n:0\r\n";
}

// Of one meter: in each window 30 are spent, of them `reported` by the one that asks; others hold 5.
std::string use_reply(int reported, const std::string& epoch) {
  return "*3\r\n$1\r\n" + epoch + "\r\n:0\r\n*6\r\n:30\r\n:30\r\n:30\r\n:30\r\n:5\r\n:" + std::to_string(reported) +
         "\r\n";
}

class ClusterBudgetTest : public ::testing::Test {
 protected:
  static constexpr std::uint16_t kPort = 6379;
  ClusterBudgetTest() {
    server_.on_line = [this](Dialog& dialog, const std::string& line) {
      if (line == "SUBSCRIBE") dialog.say("*3\r\n$9\r\nsubscribe\r\n$13\r\nsluice:recall\r\n:1\r\n");
      if (line != "FCALL") return;
      ++calls_;
      if (answer_) answer_(dialog);
    };
    make();
  }
  void make() {
    closed_ = false;
    budget_ = std::make_unique<ClusterBudget>(ClusterParts{.loop = loop_, .resolver = resolver_, .dialer = dialer_},
                                              options_, [this](const ClusterNotice& notice) {
                                                notices_.push_back(notice.kind);
                                                last_ = notice;
                                              });
  }
  void TearDown() override {
    if (!closed_) close();
    budget_ = nullptr;
    server_.stop();
  }
  void close() {
    closed_ = true;
    testing::await_done(platforms_, loop_, [this] { return budget_->close(); });
  }
  UpperGrant lease(std::uint64_t wanted) {
    return testing::await<UpperGrant>(platforms_, loop_,
                                      [this, wanted] { return budget_->lease(key_, limits_, wanted, 1); });
  }
  ClusterUses look() {
    return testing::await<ClusterUses>(platforms_, loop_, [this] { return budget_->look({key_}); });
  }
  // The first answer in each exchange is that the epoch is 7.
  void say_epoch_then(const std::string& reply) {
    answer_ = [this, reply](Dialog& dialog) { dialog.say(calls_ == 1 ? lease_reply(1, 0) : reply); };
  }

  ClusterOptions options_{
      .servers = {{.host = "127.0.0.1", .port = kPort}}, .tls = false, .node = "a", .local_share = 10};
  testing::Platforms platforms_{testing::PlatformKind::simulated};
  io::Loop& loop_{platforms_.add_loop("192.0.2.1")};
  net::Resolver resolver_{loop_, platforms_.world().names(), platforms_.world().dns()};
  net::Dialer dialer_{loop_};
  testing::ScriptedServer server_{platforms_, "192.0.2.1", *io::Address::from_ip("127.0.0.1", kPort)};
  std::function<void(Dialog&)> answer_;
  int calls_ = 0;
  bool closed_ = false;
  std::vector<ClusterNotice::Kind> notices_;
  ClusterNotice last_;
  const MeterKey key_{.name = "ann@example.com"};
  std::vector<Limit> limits_{{.span = Span::hour, .amount = 100}};
  std::unique_ptr<ClusterBudget> budget_;
};

TEST_F(ClusterBudgetTest, TakesWhatRedisGrants) {
  say_epoch_then(lease_reply(0, 20));
  EXPECT_EQ(lease(30).granted, 20U);
  EXPECT_TRUE(notices_.empty());
  EXPECT_EQ(budget_->held(key_), 20U);
}

TEST_F(ClusterBudgetTest, ARedisThatGrantsAgainAndAgainIsNotBelievedPastTheLimit) {
  answer_ = [this](Dialog& dialog) {
    dialog.say(calls_ == 1 ? lease_reply(1, 0) : lease_reply(0, calls_ < 4 ? 50 : 100));
  };
  EXPECT_EQ(lease(50).granted, 50U);
  EXPECT_EQ(lease(50).granted, 50U);
  EXPECT_EQ(lease(100).granted, 0U);
  EXPECT_EQ(budget_->held(key_), 100U);
}

TEST_F(ClusterBudgetTest, ARedisThatStallsCostsOneTimeoutAndThenTheLocalShareIsUsed) {
  answer_ = nullptr;
  EXPECT_EQ(lease(30).granted, 10U);
  EXPECT_EQ(calls_, 1);
  const UpperGrant refused = lease(30);
  EXPECT_EQ(refused.granted, 0U);
  ASSERT_TRUE(refused.full && refused.full->local_share);
  EXPECT_EQ(refused.full->limit.action, Action::defer) << "more may be left of the limit";
  EXPECT_EQ(refused.full->limit.amount, 100U);
  EXPECT_EQ(calls_, 1) << "one that is known to stall is not asked for each lease";
  EXPECT_EQ(notices_, std::vector{ClusterNotice::Kind::alone});
}

TEST_F(ClusterBudgetTest, TellsOperatorsWhatAllNodesHaveUsedAndThisOneHasNotTold) {
  say_epoch_then(lease_reply(0, 20));
  EXPECT_EQ(lease(30).granted, 20U);
  budget_->settle(key_, 4, 6);
  answer_ = [](Dialog& dialog) { dialog.say(use_reply(3, "7")); };
  ClusterUses uses = look();
  EXPECT_EQ(uses.fault, "");
  ASSERT_TRUE(uses.uses.contains(key_));
  const ClusterUse& use = uses.uses[key_];
  EXPECT_EQ(use.spent[static_cast<std::size_t>(Span::day)], 30U);
  EXPECT_EQ(use.others, 5U);
  budget_->add_own(uses);
  EXPECT_EQ(use.own, 11U) << "10 are held, and of 4 that were spent 3 are told";
  answer_ = [](Dialog& dialog) { dialog.say(use_reply(9, "7")); };
  uses = look();
  budget_->add_own(uses);
  EXPECT_EQ(uses.uses[key_].own, 14U) << "what Redis has is of before the meter was forgotten here";
}

TEST_F(ClusterBudgetTest, ARedisThatLostItsDataTellsOperatorsNothing) {
  say_epoch_then(lease_reply(0, 20));
  EXPECT_EQ(lease(30).granted, 20U);
  answer_ = [](Dialog& dialog) { dialog.say(use_reply(3, "8")); };
  ClusterUses uses = look();
  EXPECT_EQ(uses.fault, "it has lost its data, and relays have not reported yet");
  EXPECT_TRUE(uses.uses.empty());
  answer_ = [](Dialog& dialog) { dialog.say(":1\r\n"); };
  EXPECT_EQ(look().fault, "sent a reply that the use function never gives");
  answer_ = nullptr;
  EXPECT_NE(look().fault, "") << "one that stalls";
}

TEST_F(ClusterBudgetTest, ALateReplyIsNobodysReply) {
  Dialog* stalled = nullptr;
  answer_ = [&stalled](Dialog& dialog) { stalled = &dialog; };
  EXPECT_EQ(lease(30).granted, 10U);
  // Late, and on a connection that is closed.
  stalled->say(lease_reply(0, 30));
  platforms_.run_for(3s);
  EXPECT_EQ(budget_->held(key_), 10U);
}

TEST_F(ClusterBudgetTest, TwoRepliesToOneQuestionAreNone) {
  say_epoch_then(lease_reply(0, 20) + ":1\r\n");
  EXPECT_EQ(lease(30).granted, 10U);
  EXPECT_EQ(budget_->held(key_), 10U);
}

TEST_F(ClusterBudgetTest, AFloodEndsWithTheBoundOfAReply) {
  say_epoch_then("$999999\r\n" + std::string(100000, 'x'));
  EXPECT_EQ(lease(30).granted, 10U);
  EXPECT_EQ(notices_, std::vector{ClusterNotice::Kind::alone});
}

TEST_F(ClusterBudgetTest, ALeaseWaitsWhileNodesReportWhatTheyHold) {
  answer_ = [this](Dialog& dialog) {
    dialog.say(calls_ == 1 ? lease_reply(1, 0) : calls_ < 4 ? lease_reply(0, 0, 2000) : lease_reply(0, 30));
  };
  EXPECT_EQ(lease(30).granted, 30U);
  EXPECT_EQ(calls_, 4);
}

TEST_F(ClusterBudgetTest, ARedisThatNeverEndsTheTimeForReportsIsNotWaitedForLonger) {
  answer_ = [this](Dialog& dialog) { dialog.say(calls_ == 1 ? lease_reply(1, 0) : lease_reply(0, 0, 2000)); };
  EXPECT_EQ(lease(30).granted, 10U);
}

// Redis repeats the words of a command that it does not have: our password was in the log.
TEST_F(ClusterBudgetTest, ThePasswordIsNeverPartOfAReason) {
  close();
  options_.password = "secret";
  make();
  server_.on_line = [](Dialog& dialog, const std::string& line) {
    if (line == "AUTH") dialog.say("-ERR unknown command 'AUTH', with args beginning with: 'secret'\r\n");
  };
  EXPECT_EQ(lease(30).granted, 10U);
  EXPECT_EQ(last_.reason, "127.0.0.1:6379: refuses the login");
}

TEST_F(ClusterBudgetTest, TwoProcessesWithOneNameAreNoticed) {
  say_epoch_then(lease_reply(3, 0));
  EXPECT_EQ(lease(30).granted, 10U);
  EXPECT_EQ(notices_, std::vector{ClusterNotice::Kind::alone});
  EXPECT_EQ(last_.reason, "another process has the name of this node, \"a\"");
}

TEST_F(ClusterBudgetTest, WhatAKilledProcessHeldIsTold) {
  say_epoch_then(lease_reply(0, 20, 0, 7));
  EXPECT_EQ(lease(20).granted, 20U);
  EXPECT_TRUE(notices_.empty());
  close();
  EXPECT_EQ(last_.kind, ClusterNotice::Kind::remainder);
  EXPECT_EQ(last_.amount[static_cast<std::size_t>(Quantity::recipients)], 7U);
}

TEST_F(ClusterBudgetTest, ALimitThatDoesNotRefuseIsFullWithItsOwnAction) {
  limits_.push_back({.span = Span::day, .amount = 50, .action = Action::hold});
  say_epoch_then(day_is_full(50, 70, 40));
  const UpperGrant grant = lease(1);
  EXPECT_EQ(grant.granted, 0U);
  ASSERT_TRUE(grant.full);
  EXPECT_EQ(grant.full->limit, limits_[1]);
  EXPECT_EQ(grant.full->used, 70U);
  EXPECT_GT(calls_, 2) << "what others hold would be enough";
  const int before = calls_;
  EXPECT_TRUE(lease(1).full);
  EXPECT_EQ(calls_, before + 1) << "nobody has given back, and is not waited for again at once";
}

TEST_F(ClusterBudgetTest, NobodyIsWaitedForWhereWhatIsSpentPassesALimitThatDoesNotRefuse) {
  limits_.push_back({.span = Span::day, .amount = 50, .action = Action::hold});
  say_epoch_then(day_is_full(50, 70, 10));
  EXPECT_TRUE(lease(1).full);
  EXPECT_EQ(calls_, 2);
}

TEST_F(ClusterBudgetTest, WhatThisNodeHasUsedUpItselfIsThatLimitAndNoOther) {
  limits_.push_back({.span = Span::day, .amount = 50, .action = Action::tell});
  say_epoch_then(lease_reply(0, 50));
  EXPECT_EQ(lease(50).granted, 50U);
  const UpperGrant grant = lease(1);
  ASSERT_TRUE(grant.full);
  EXPECT_EQ(grant.full->limit, limits_[1]) << "the other one would refuse";
}

TEST_F(ClusterBudgetTest, TheLocalShareOfALimitThatDoesNotRefuseRefusesNothing) {
  limits_ = {{.span = Span::hour, .amount = 100, .action = Action::slow}};
  answer_ = nullptr;
  EXPECT_EQ(lease(30).granted, 10U);
  const UpperGrant grant = lease(30);
  ASSERT_TRUE(grant.full && grant.full->local_share);
  EXPECT_EQ(grant.full->limit.action, Action::slow);
}

TEST_F(ClusterBudgetTest, AMeterIsAskedBackFromWhoHoldsIt) {
  int recalls = 0;
  budget_->on_recall([&recalls](const MeterKey&) { ++recalls; });
  say_epoch_then(lease_reply(0, 20));
  EXPECT_EQ(lease(20).granted, 20U);
  budget_->start();
  const std::string text = meter_text(key_);
  server_.on_line = [&](Dialog& dialog, const std::string& line) {
    if (line == "SUBSCRIBE")
      dialog.say("*3\r\n$7\r\nmessage\r\n$13\r\nsluice:recall\r\n$" + std::to_string(text.size()) + "\r\n" + text +
                 "\r\n");
  };
  EXPECT_TRUE(platforms_.run_until([&] { return recalls > 0; }));
}

}  // namespace
}  // namespace sluice::policy
