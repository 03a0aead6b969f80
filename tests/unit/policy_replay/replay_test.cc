// A configuration on recorded mail: whom it would have touched, and by which rule.
#include "policy/replay/replay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace sluice::policy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr WallMillis kStart = 1'795'494'802'123;
constexpr WallMillis kMinute = 60'000;
const std::string kThief = "thief@example.com";

Limit day(std::uint64_t amount, Action action = Action::refuse) {
  return {.quantity = Quantity::recipients, .span = Span::day, .amount = amount, .action = action};
}

PolicyClass of_limits(std::vector<Limit> limits) {
  return {.name = "tried", .notice = noticing::Step::pass, .account_limits = std::move(limits)};
}

class ReplayTest : public ::testing::Test {
 protected:
  Replay& configure(PolicyClass tried, std::vector<Limit> relay_limits = {}) {
    classes_ = std::make_unique<PolicyClasses>(std::vector{std::move(tried)}, "tried", std::move(relay_limits));
    replay_ = std::make_unique<Replay>(
        ReplayParts{.classes = *classes_,
                    .identify =
                        [this](const std::string& account, const std::string& customer) {
                          auth::Identity identity{.account_name = account, .customer_name = customer};
                          identity.domains = domains_;
                          return std::make_shared<const auth::Identity>(std::move(identity));
                        },
                    .network_class = [](const std::string& listener) { return listener == "open" ? "tried" : ""; }});
    return *replay_;
  }
  // To strangers.
  RecordedMessage message(std::uint32_t recipients, const std::string& account = kThief) {
    RecordedMessage made{.at = now_ += kMinute,
                         .id = "m" + std::to_string(++made_),
                         .listener = "open",
                         .client = "192.0.2.1",
                         .customer = account.empty() ? "" : "Acme",
                         .account = account,
                         .recipients = recipients,
                         .recipients_taken = recipients,
                         .bytes = 2048};
    for (std::uint32_t i = 0; i < recipients; ++i)
      made.to.push_back("r" + made.id + "." + std::to_string(i) + "@far.test");
    return made;
  }
  void next_hop_knows_none_of(const RecordedMessage& message) {
    replay_->add(RecordedDelivery{.at = now_,
                                  .id = message.id,
                                  .account = message.account,
                                  .kind = noticing::OutcomeKind::unknown,
                                  .to = message.to});
  }
  [[nodiscard]] const ReplayedSender& first() const { return *replay_->senders().front(); }
  [[nodiscard]] static std::uint64_t of(const ReplayedSender& sender, Effect effect) {
    return sender.by_effect[static_cast<std::size_t>(effect)].recipients;
  }

  std::shared_ptr<const auth::DomainList> domains_;
  WallMillis now_ = kStart;

 private:
  std::unique_ptr<PolicyClasses> classes_;
  std::unique_ptr<Replay> replay_;
  int made_ = 0;
};

TEST_F(ReplayTest, ALimitTakesWhatThereIsRoomForAndRefusesTheRest) {
  Replay& replay = configure(of_limits({day(50)}));
  EXPECT_EQ(replay.judge(message(30)).recipients_passed, 30U);
  const Judgement judgement = replay.judge(message(30));
  EXPECT_EQ(judgement.recipients_passed, 20U);
  ASSERT_EQ(judgement.findings.size(), 1U);
  EXPECT_EQ(judgement.findings[0].effect, Effect::refused);
  EXPECT_EQ(judgement.findings[0].recipients, 10U);
  EXPECT_EQ(judgement.findings[0].reason, "limit_reached");
  EXPECT_THAT(judgement.findings[0].figures,
              HasSubstr("50 recipients a day of account thief@example.com: 50 are used"));
  EXPECT_EQ(replay.judge(message(1)).recipients_passed, 0U);
  now_ += 25 * 60 * kMinute;
  EXPECT_EQ(replay.judge(message(50)).recipients_passed, 50U) << "a day later";
  EXPECT_EQ(first().all.recipients, 111U);
  EXPECT_EQ(first().all.messages, 4U);
  EXPECT_EQ(of(first(), Effect::refused), 11U);
  EXPECT_EQ(first().worst_id, "m2");
  EXPECT_EQ(first().policy_class, "tried");
}

TEST_F(ReplayTest, AccountsAreCountedEachForItselfAndTheRelayForAll) {
  Replay& replay = configure(of_limits({day(10)}), {day(15)});
  EXPECT_EQ(replay.judge(message(10)).recipients_passed, 10U);
  EXPECT_EQ(replay.judge(message(10, "other@example.com")).recipients_passed, 5U);
  EXPECT_THAT(first().worst.figures, HasSubstr("of relay all"));
}

TEST_F(ReplayTest, MessagesAndBytesPassAsAWholeOrNot) {
  Replay& replay = configure(
      of_limits({{.quantity = Quantity::bytes, .span = Span::day, .amount = 5000},
                 {.quantity = Quantity::messages, .span = Span::minute, .amount = 1, .action = Action::defer}}));
  EXPECT_EQ(replay.judge(message(10)).recipients_passed, 10U);
  now_ -= kMinute;
  const Judgement second = replay.judge(message(3));
  EXPECT_EQ(second.recipients_passed, 0U);
  EXPECT_EQ(second.findings.at(0).effect, Effect::deferred);
  now_ += 2 * kMinute;
  EXPECT_EQ(replay.judge(message(3)).recipients_passed, 3U);
  now_ += 2 * kMinute;
  EXPECT_EQ(replay.judge(message(3)).findings.at(0).effect, Effect::refused) << "6 KiB are over 5000 bytes";
}

TEST_F(ReplayTest, InShadowNothingIsStoppedAndAllIsCounted) {
  PolicyClass tried = of_limits({day(10)});
  tried.shadow = true;
  Replay& replay = configure(tried);
  EXPECT_EQ(replay.judge(message(30)).recipients_passed, 30U);
  EXPECT_EQ(replay.judge(message(5)).recipients_passed, 5U);
  EXPECT_EQ(of(first(), Effect::refused), 0U);
  EXPECT_EQ(first().in_shadow.recipients, 25U) << "20 of the first, 5 of the second";
  EXPECT_TRUE(first().worst.shadow);
  EXPECT_EQ(first().worst.effect, Effect::refused);
}

TEST_F(ReplayTest, AClassInShadowIsNotFreeOfTheWholeRelaysLimits) {
  PolicyClass tried = of_limits({day(10)});
  tried.shadow = true;
  Replay& replay = configure(tried, {day(20)});
  EXPECT_EQ(replay.judge(message(15)).recipients_passed, 15U);
  EXPECT_EQ(replay.judge(message(15)).recipients_passed, 5U);
}

TEST_F(ReplayTest, ALimitIsNamedThatHasNoRoomAndNotOneThatAllAreTooManyFor) {
  Limit hour = day(2);
  hour.span = Span::hour;
  Replay& replay = configure(of_limits({hour, day(3)}));
  const Judgement judged = replay.judge(message(4));
  EXPECT_EQ(judged.recipients_passed, 2U);
  ASSERT_EQ(judged.findings.size(), 1U);
  EXPECT_THAT(judged.findings[0].figures, HasSubstr("2 recipients an hour"));
  EXPECT_THAT(judged.findings[0].figures, HasSubstr(": 2 are used"));
}

TEST_F(ReplayTest, LimitsThatRefuseNothingHoldSlowOrTell) {
  for (const auto& [action, effect] : {std::pair{Action::hold, Effect::held}, std::pair{Action::slow, Effect::slowed},
                                       std::pair{Action::tell, Effect::noted}}) {
    Replay& replay = configure(of_limits({day(10, action)}));
    EXPECT_EQ(replay.judge(message(30)).recipients_passed, action == Action::hold ? 0U : 30U);
    EXPECT_EQ(of(first(), effect), 20U);
  }
}

TEST_F(ReplayTest, WhatWasNotAcceptedIsNotUsedUp) {
  Replay& replay = configure(of_limits({day(10)}));
  RecordedMessage refused = message(10);
  refused.end = RecordedEnd::next_hop;
  EXPECT_EQ(replay.judge(refused).recipients_passed, 10U);
  RecordedMessage foreign = message(10);
  foreign.end = RecordedEnd::otherwise;
  static_cast<void>(replay.judge(foreign));
  EXPECT_EQ(replay.counts().not_judged, 1U);
  RecordedMessage limited = message(8);
  limited.end = RecordedEnd::policy;
  limited.recipients_taken = 8;
  EXPECT_EQ(replay.judge(limited).recipients_passed, 8U) << "what a limit refused then is tried anew";
  EXPECT_EQ(replay.judge(message(8)).recipients_passed, 2U);
  replay.add(RecordedRefusal{.at = now_, .customer = "Acme", .account = kThief});
  EXPECT_EQ(first().refused_before, 1U);
}

TEST_F(ReplayTest, TooManyRecipientsOfOneMessageAreDeferred) {
  PolicyClass tried = of_limits({});
  tried.recipients_per_message = 10;
  const Judgement judgement = configure(tried).judge(message(12));
  EXPECT_EQ(judgement.recipients_passed, 10U);
  EXPECT_EQ(judgement.findings.at(0).effect, Effect::deferred);
  EXPECT_EQ(judgement.findings.at(0).recipients, 2U);
  EXPECT_EQ(judgement.findings.at(0).reason, "too_many_recipients");
}

TEST_F(ReplayTest, TrustedHostsHaveTheLimitsOfTheirListenersClass) {
  PolicyClass tried = of_limits({});
  tried.network_limits = {day(5)};
  Replay& replay = configure(tried);
  EXPECT_EQ(replay.judge(message(8, "")).recipients_passed, 5U);
  EXPECT_TRUE(first().network);
  RecordedMessage closed = message(8, "");
  closed.listener = "closed";
  EXPECT_EQ(replay.judge(closed).recipients_passed, 8U);
}

class NoticedReplayTest : public ReplayTest {
 protected:
  static PolicyClass home() {
    PolicyClass tried = of_limits({});
    tried.notice = noticing::Step::suspend;
    tried.noticing = noticing::built_in_policy("home");
    return tried;
  }
  // Messages to 50 strangers, whom next hops do not know.
  void steal(Replay& replay, int messages) {
    for (int i = 0; i < messages; ++i) {
      const RecordedMessage sent = message(50);
      replay.add(sent);
      next_hop_knows_none_of(sent);
    }
  }
};

TEST_F(NoticedReplayTest, AThiefIsHeldAndThenSuspendedAndOthersGoOn) {
  Replay& replay = configure(home());
  steal(replay, 20);
  replay.add(message(3, "other@example.com"));
  EXPECT_EQ(first().name, kThief);
  EXPECT_GE(first().step, noticing::Step::hold);
  EXPECT_GT(of(first(), Effect::held) + of(first(), Effect::suspended), 500U);
  EXPECT_FALSE(first().worst.figures.empty());
  EXPECT_FALSE(replay.senders().back()->touched());
}

TEST_F(NoticedReplayTest, NoStepAboveTheClasssIsTakenAndNoneInShadow) {
  PolicyClass lax = home();
  lax.notice = noticing::Step::tell;
  steal(configure(lax), 20);
  EXPECT_EQ(of(first(), Effect::held) + of(first(), Effect::suspended), 0U);
  EXPECT_GT(of(first(), Effect::noted), 0U);
  EXPECT_GE(first().step, noticing::Step::hold) << "what it deserved";
  PolicyClass shadow = home();
  shadow.shadow = true;
  steal(configure(shadow), 20);
  EXPECT_EQ(of(first(), Effect::held) + of(first(), Effect::suspended), 0U);
  EXPECT_GT(first().in_shadow.recipients, 500U);
}

// What did not go on has no next hop that could know its recipients or not.
TEST_F(NoticedReplayTest, WhatIsSaidOfMessagesThatWereStoppedIsNotHeard) {
  PolicyClass tried = home();
  tried.account_limits = {day(10)};
  Replay& replay = configure(tried);
  replay.add(message(10));
  const noticing::Step before = first().step;
  for (int i = 0; i < 20; ++i) {
    const RecordedMessage stopped = message(40);
    replay.add(stopped);
    next_hop_knows_none_of(stopped);
  }
  EXPECT_EQ(first().step, before);
}

TEST_F(NoticedReplayTest, MailInsideTheCustomersDomainsGoesOnFromASuspendedAccount) {
  domains_ = std::make_shared<const auth::DomainList>(std::vector<std::string>{"example.com"});
  Replay& replay = configure(home());
  steal(replay, 60);
  ASSERT_EQ(first().step, noticing::Step::suspend);
  RecordedMessage inside = message(2);
  inside.to = {"boss@example.com", "friend@far.test"};
  const Judgement judgement = replay.judge(inside);
  EXPECT_EQ(judgement.recipients_passed, 1U);
  EXPECT_EQ(judgement.findings.at(0).effect, Effect::suspended);
  EXPECT_EQ(judgement.findings.at(0).reason, "sending_suspended_as_bulk");
  EXPECT_THAT(judgement.findings.at(0).figures, HasSubstr("unknown")) << "what led to it";
}

TEST_F(NoticedReplayTest, FirstTimeRecipientsHaveALimitOfTheirOwn) {
  PolicyClass tried = home();
  tried.account_limits = {{.quantity = Quantity::first_time_recipients, .span = Span::day, .amount = 5}};
  Replay& replay = configure(tried);
  RecordedMessage known = message(4);
  EXPECT_EQ(replay.judge(known).recipients_passed, 4U);
  RecordedMessage mixed = message(7);
  std::copy_n(known.to.begin(), 4, mixed.to.begin() + 3);
  const Judgement judgement = replay.judge(mixed);
  EXPECT_EQ(judgement.recipients_passed, 5U) << "four that it knows, and one of three new ones";
  EXPECT_EQ(judgement.findings.at(0).recipients, 2U);
  EXPECT_THAT(judgement.findings.at(0).figures,
              HasSubstr("5 first-time recipients a day of account thief@example.com: 5 are used"));
  EXPECT_EQ(replay.judge(known).recipients_passed, 4U);
  EXPECT_EQ(replay.judge(message(1)).recipients_passed, 0U);
}

TEST_F(ReplayTest, OfAnAccountThatIsNotWatchedEachIsAFirstTimeRecipient) {
  Replay& replay =
      configure(of_limits({{.quantity = Quantity::first_time_recipients, .span = Span::day, .amount = 5}}));
  const RecordedMessage sent = message(3);
  EXPECT_EQ(replay.judge(sent).recipients_passed, 3U);
  EXPECT_EQ(replay.judge(sent).recipients_passed, 2U);
}

TEST_F(ReplayTest, TimeThatGoesBackCountsAsOfThen) {
  Replay& replay = configure(of_limits({day(10)}));
  replay.add(message(6));
  RecordedMessage early = message(6);
  early.at = kStart - 48 * 60 * kMinute;
  EXPECT_EQ(replay.judge(early).recipients_passed, 4U);
  EXPECT_EQ(replay.counts().late, 1U);
  EXPECT_EQ(replay.counts().upto, kStart + kMinute);
}

TEST_F(ReplayTest, RecipientsWithoutANameAreCountedAsSuch) {
  Replay& replay = configure(of_limits({day(100)}));
  RecordedMessage cut = message(9);
  cut.to.resize(4);
  replay.add(cut);
  EXPECT_EQ(replay.counts().without_name, 5U);
  EXPECT_EQ(first().all.recipients, 9U);
}

}  // namespace
}  // namespace sluice::policy
