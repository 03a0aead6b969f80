// A relay with a Redis that the test plays, and with messages of other relays: what is told, heard, repeated and lied.
#include "policy/cluster/cluster_share.h"

#include <gtest/gtest.h>

#include "engine/io/real_platform.h"
#include "tests/support/awaited.h"
#include "tests/unit/auth_backend/scripted_server.h"

namespace sluice::policy {
namespace {

using namespace std::chrono_literals;
using noticing::Step;
using Dialog = testing::ScriptedServer::Dialog;

std::string bulk(std::string_view text) {
  return "$" + std::to_string(text.size()) + "\r\n" + std::string(text) + "\r\n";
}

class ClusterShareTest : public ::testing::Test {
 protected:
  static constexpr std::uint16_t kPort = 6379;
  ClusterShareTest() {
    server_.on_line = [this](Dialog& dialog, const std::string& line) {
      if (line != "FCALL") return;
      ++calls_;
      if (answers_) dialog.say(reply());
    };
    share_ = std::make_unique<ClusterShare>(
        ClusterParts{.loop = loop_, .resolver = resolver_, .dialer = dialer_}, options_,
        ShareHooks{.take_news = [this](std::size_t room) { return room > 1000 ? std::exchange(news_, {}) : news_; },
                   .merge_news = [this](const auth::ShieldNews& news) { merged_.push_back(news); },
                   .take_sending =
                       [this](std::size_t room) {
                         rooms_.push_back(room);
                         return std::exchange(sending_, {});
                       },
                   .merge_sending = [this](const noticing::SendingNews& news) { heard_.push_back(news.account); },
                   .on_step =
                       [this](const AccountStep& step, const std::string& node) {
                         steps_.push_back(node + ":" + step.account + ":" + std::string(step_name(step.step)));
                       },
                   .tell = [this](const ShareNotice& notice) { notices_.push_back(notice.kind); }});
  }
  void TearDown() override {
    testing::await_done(platforms_, loop_, [this] { return share_->close(); });
    share_ = nullptr;
    server_.stop();
  }
  [[nodiscard]] std::string reply() {
    std::string text = "*" + std::to_string(8 + log_.size() + step_log_.size() + sending_log_.size()) + "\r\n" +
                       bulk(epoch_) + ":1\r\n:0\r\n" + bulk("1-0") + bulk("1-0") + bulk("1-0") + ":" +
                       std::to_string(log_.size()) + "\r\n:" + std::to_string(step_log_.size()) + "\r\n";
    for (const std::string& each : log_) text += bulk(each);
    for (const std::string& each : step_log_) text += bulk(each);
    for (const std::string& each : sending_log_) text += bulk(each);
    return text;
  }
  WallMillis wall() { return loop_.platform().clock.wall(); }
  std::string sealed(ShareMessage message) {
    if (message.node.empty()) message.node = "b";
    if (message.sent == 0) message.sent = wall();
    return seal_share(share_keys(options_.key), options_.prefix, encode_share(message), *random_);
  }
  std::string hold(WallMillis at, Step step = Step::hold) {
    return sealed({.steps = {{.account = "ann", .step = step, .until = wall() + 100'000, .at = at, .reason = {}}}});
  }
  std::string failures(std::uint64_t number, WallMillis began = 5) {
    return sealed({.began = began,
                   .number = number,
                   .news = {{.kind = auth::ShieldItem::Kind::address, .subject = "192.0.2.1", .count = 2, .age = {}}}});
  }
  std::string sent_by(std::uint64_t number, std::string account, WallMillis sent = 0) {
    return sealed({.began = 5, .number = number, .sent = sent, .sending = {{.account = std::move(account)}}});
  }
  void beats(int wanted) {
    const int before = calls_;
    EXPECT_TRUE(platforms_.run_until([&] { return calls_ >= before + wanted; }));
  }

  ClusterOptions options_{.servers = {{.host = "127.0.0.1", .port = kPort}},
                          .tls = false,
                          .key = "a secret of some length, as all relays have it",
                          .node = "a"};
  testing::Platforms platforms_{testing::PlatformKind::simulated};
  io::Loop& loop_{platforms_.add_loop("192.0.2.1")};
  net::Resolver resolver_{loop_, platforms_.world().names(), platforms_.world().dns()};
  net::Dialer dialer_{loop_};
  testing::ScriptedServer server_{platforms_, "192.0.2.1", *io::Address::from_ip("127.0.0.1", kPort)};
  std::unique_ptr<io::Random> random_{io::make_real_random()};
  bool answers_ = true;
  int calls_ = 0;
  std::string epoch_ = "7";
  std::vector<std::string> log_;
  std::vector<std::string> step_log_;
  std::vector<std::string> sending_log_;
  auth::ShieldNews news_;
  std::vector<auth::ShieldNews> merged_;
  std::vector<std::string> steps_;
  std::vector<noticing::SendingNews> sending_;
  std::vector<std::size_t> rooms_;
  std::vector<std::string> heard_;
  std::vector<ShareNotice::Kind> notices_;
  std::unique_ptr<ClusterShare> share_;
};

TEST_F(ClusterShareTest, AStepOfAnotherRelayCountsOnceHoweverOftenItIsRepeated) {
  step_log_ = {hold(wall())};
  share_->start();
  beats(3);
  EXPECT_EQ(steps_, std::vector<std::string>{"b:ann:hold"});
  EXPECT_TRUE(notices_.empty());
}

TEST_F(ClusterShareTest, AnEarlierStepThatIsRepeatedUndoesNoRelease) {
  const std::string early = hold(wall() - 1000);
  step_log_ = {hold(wall(), Step::pass)};
  share_->start();
  beats(2);
  step_log_ = {early};
  beats(2);
  EXPECT_EQ(steps_, std::vector<std::string>{"b:ann:pass"});
}

TEST_F(ClusterShareTest, WhatIsLiftedHereIsNotHeldByAnEarlierStep) {
  share_->start();
  beats(1);
  share_->publish("ann", Step::pass, 0s, "");
  step_log_ = {hold(wall() - 1000)};
  beats(2);
  EXPECT_TRUE(steps_.empty());
}

TEST_F(ClusterShareTest, FailuresCountOnceHoweverOftenTheyAreRepeated) {
  log_ = {failures(1), failures(2), failures(1)};
  share_->start();
  beats(3);
  EXPECT_EQ(merged_.size(), 2U);
  log_ = {failures(9, 4), failures(1, 6)};
  beats(2);
  EXPECT_EQ(merged_.size(), 3U) << "of an earlier process nothing counts any more";
}

TEST_F(ClusterShareTest, FailuresAreAsOldAsTheyAre) {
  ShareMessage late{.began = 5, .number = 1, .sent = wall() - 7000, .news = {}};
  late.news.push_back({.kind = auth::ShieldItem::Kind::address, .subject = "192.0.2.1", .count = 2, .age = 1s});
  log_ = {sealed(late)};
  share_->start();
  beats(2);
  ASSERT_EQ(merged_.size(), 1U);
  EXPECT_GE(merged_[0][0].age, 8s);
}

TEST_F(ClusterShareTest, WhatIsNotSealedByTheKeyIsNothingAndIsToldOnce) {
  log_ = {std::string(100, 'x')};
  step_log_ = {std::string(100, 'y')};
  share_->start();
  beats(3);
  EXPECT_TRUE(merged_.empty());
  EXPECT_TRUE(steps_.empty());
  EXPECT_EQ(notices_, std::vector{ShareNotice::Kind::unreadable});
}

TEST_F(ClusterShareTest, ARedisThatStallsKeepsNobodyWaitingAndIsToldOnce) {
  answers_ = false;
  share_->start();
  share_->publish("ann", Step::hold, 1h, "much");
  beats(3);
  EXPECT_EQ(notices_, std::vector{ShareNotice::Kind::alone});
  answers_ = true;
  beats(3);
  EXPECT_EQ(notices_, (std::vector{ShareNotice::Kind::alone, ShareNotice::Kind::reachable}));
}

TEST_F(ClusterShareTest, ARedisThatLostItsDataIsToldTheStepsAnew) {
  step_log_ = {hold(wall())};
  share_->start();
  beats(2);
  step_log_.clear();
  epoch_ = "8";
  beats(1);
  const int before = calls_;
  EXPECT_TRUE(platforms_.run_until([&] { return calls_ > before; }));
  EXPECT_EQ(notices_, std::vector{ShareNotice::Kind::data_lost});
}

TEST_F(ClusterShareTest, EpochsThatNeverStopCostBoundedCalls) {
  step_log_ = {hold(wall())};
  server_.on_line = [this](Dialog& dialog, const std::string& line) {
    if (line != "FCALL") return;
    epoch_ = std::to_string(++calls_);
    dialog.say(reply());
  };
  share_->start();
  platforms_.run_for(2s);
  EXPECT_LE(calls_, 64 * 3);
  EXPECT_GE(calls_, 2);
}

TEST_F(ClusterShareTest, WhatAccountsSendIsHeardOnceAndOfNoTimeBeforeTheStartNorOfLongAgo) {
  sending_log_ = {sent_by(1, "old", wall() - 1), sent_by(2, "ann")};
  share_->start();
  beats(2);
  sending_log_ = {sent_by(1, "repeated"), sent_by(3, "bob")};
  beats(2);
  EXPECT_EQ(heard_, (std::vector<std::string>{"ann", "bob"}));
  EXPECT_TRUE(merged_.empty()) << "of the shield there are no news";
  platforms_.run_for(2h);
  sending_log_ = {sent_by(4, "late", wall() - 3'601'000)};
  beats(2);
  EXPECT_EQ(heard_.size(), 2U);
}

TEST_F(ClusterShareTest, WhatMattersOfSendingIsToldSoon) {
  share_->start();
  beats(1);
  const Instant before = loop_.now();
  const int calls = calls_;
  sending_ = {{.account = "ann"}};
  share_->wake();
  EXPECT_TRUE(platforms_.run_until([&] { return calls_ > calls; }));
  EXPECT_LT(loop_.now() - before, 100ms);
  EXPECT_TRUE(sending_.empty());
  EXPECT_GE(rooms_.front(), noticing::SendingOutbox::kItemBytesMax) << "one item has room in any message";
}

TEST_F(ClusterShareTest, WithoutRedisThereIsNoHaste) {
  answers_ = false;
  share_->start();
  EXPECT_TRUE(platforms_.run_until([&] { return !notices_.empty(); }));
  const int calls = calls_;
  const Instant before = loop_.now();
  share_->wake();
  EXPECT_TRUE(platforms_.run_until([&] { return calls_ > calls; }));
  EXPECT_GE(loop_.now() - before, 500ms);
}

}  // namespace
}  // namespace sluice::policy
