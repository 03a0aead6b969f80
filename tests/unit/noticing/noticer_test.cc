#include "policy/noticing/noticer.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>

#include "policy/noticing/score.h"
#include "tests/support/noticing_text.h"

namespace sluice::noticing {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

class NoticerTest : public ::testing::Test {
 protected:
  void write_to_strangers(std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i) EXPECT_TRUE(noticer_.recipient(state_, ++next_ << 48, now_));
  }
  Verdict send(std::uint32_t recipients) { return noticer_.message(state_, {.recipients = recipients}, now_); }
  // Enough to be held.
  Verdict send_to_a_bought_list() {
    write_to_strangers(450);
    return send(450);
  }

  ClassPolicy policy_ = built_in_policy("home");
  Noticer noticer_{policy_};
  AccountState state_;
  Instant now_ = Instant() + hours(1000 * 24);
  std::uint64_t next_ = 0;
};

TEST_F(NoticerTest, OrdinaryMailPasses) {
  write_to_strangers(20);
  const Verdict verdict = send(20);
  EXPECT_EQ(verdict.step, Step::pass);
  EXPECT_FALSE(verdict.raised);
  EXPECT_TRUE(verdict.reasons().empty());
}

TEST_F(NoticerTest, ABoughtListIsHeldWithItsReasons) {
  const Verdict verdict = send_to_a_bought_list();
  EXPECT_EQ(verdict.step, Step::hold);
  EXPECT_TRUE(verdict.raised);
  EXPECT_EQ(verdict.strikes, 1);
  ASSERT_EQ(verdict.reasons().size(), 2U);
  EXPECT_EQ(reason_text(verdict.reasons()[0]),
            "450 first-time recipients in a day; up to 60 are ordinary for this account");
  EXPECT_FALSE(send(1).raised);
}

TEST_F(NoticerTest, RsetAndAnotherTryMakeNoStrangerKnown) {
  write_to_strangers(450);  // RSET: there is no message
  for (std::uint64_t i = 1; i <= 450; ++i) EXPECT_FALSE(noticer_.recipient(state_, i << 48, now_));
  EXPECT_EQ(send(450).step, Step::hold);
}

TEST_F(NoticerTest, AMessageThatIsTriedAgainCountsItsStrangersOnce) {
  write_to_strangers(60);
  for (int tries = 0; tries < 5; ++tries) {
    for (std::uint64_t i = 1; i <= 60; ++i) EXPECT_FALSE(noticer_.recipient(state_, i << 48, now_));
  }
  EXPECT_EQ(send(60).step, Step::pass);
}

// The first week of an office that has a past elsewhere, and of a home.
TEST_F(NoticerTest, AnOfficeMayWriteToMoreStrangersAtFirstWhereItWritesToOthersAgain) {
  const Noticer office(built_in_policy("business"));
  write_to_strangers(180);
  EXPECT_EQ(office.message(state_, {.recipients = 180}, now_).step, Step::slow);
  state_ = {};
  write_to_strangers(180);
  EXPECT_EQ(office.message(state_, {.recipients = 300 + 180}, now_).step, Step::pass);
  state_ = {};
  write_to_strangers(180);
  EXPECT_EQ(send(180).reasons()[0].ordinary, 60);
}

TEST_F(NoticerTest, AScatteredTextIsRememberedOverADayWithoutMail) {
  Draw draw(1);
  const TextSketch text = sketch_of(some_words(draw, 60));
  const auto send_from = [&](std::uint64_t network) {
    write_to_strangers(30);
    return noticer_.message(state_, {.recipients = 30, .first_time = 30, .network = network << 48, .text = text}, now_);
  };
  for (int turn = 0; turn < 3; ++turn) {
    send_from(1);
    send_from(2);
    now_ += hours(48);
    EXPECT_FALSE(noticer_.sweep(state_, now_));
  }
  ASSERT_NE(state_.day, nullptr);
  EXPECT_GT(state_.day->texts.most_sent(state_.day->hour).scattered, 55);
  now_ += hours(24 * 30);
  EXPECT_TRUE(noticer_.sweep(state_, now_));
  EXPECT_EQ(state_.day, nullptr);
}

TEST_F(NoticerTest, WhatIsHeldIsNotCountedAsSent) {
  send_to_a_bought_list();
  for (int i = 0; i < 10; ++i) send(100);
  EXPECT_EQ(state_.day->hours.sum(&HourCounts::recipients), 450U);
}

TEST_F(NoticerTest, MailWithinTheCustomersOwnDomainsGoesOnAndIsNotCounted) {
  send_to_a_bought_list();
  EXPECT_EQ(noticer_.message(state_, {.recipients = 500, .inside = true}, now_).step, Step::pass);
  EXPECT_EQ(noticer_.judge(state_, now_).step, Step::hold);
  EXPECT_EQ(state_.day->hours.sum(&HourCounts::recipients), 450U);
}

TEST_F(NoticerTest, AnotherDayBeginsAnewButForTheHistory) {
  write_to_strangers(50);
  send(90);
  now_ += hours(25);
  EXPECT_EQ(send(90).step, Step::pass);
  EXPECT_NEAR(state_.history.recipients(), 90, 0.2);
}

TEST_F(NoticerTest, TheTimerLiftsWhatWasHeldAndForgetsWhy) {
  send_to_a_bought_list();
  now_ += hours(23);
  EXPECT_EQ(send(1).step, Step::hold);
  now_ += hours(1);
  const Verdict verdict = send(1);
  EXPECT_EQ(verdict.step, Step::pass);
  EXPECT_EQ(verdict.strikes, 1);
  EXPECT_EQ(state_.history.recipients(), 0);
}

TEST_F(NoticerTest, AnOperatorLiftsItAtOnceAndStrikesToo) {
  send_to_a_bought_list();
  noticer_.release(state_);
  const Verdict verdict = send(20);
  EXPECT_EQ(verdict.step, Step::pass);
  EXPECT_EQ(verdict.strikes, 0);
  EXPECT_FALSE(noticer_.recipient(state_, 1UL << 48, now_));
}

TEST_F(NoticerTest, UnknownRecipientsHoldAnAccountBeforeItsNextMessage) {
  for (std::uint64_t i = 1; i <= 100; ++i)
    noticer_.outcome(state_, {.kind = i % 5 == 0 ? OutcomeKind::unknown : OutcomeKind::accepted, .recipient = i << 48},
                     now_);
  EXPECT_GE(noticer_.judge(state_, now_).step, Step::hold);
}

TEST_F(NoticerTest, OneMailboxThatIsGoneCountsOnceHoweverOftenItIsWrittenTo) {
  for (std::uint64_t i = 1; i <= 100; ++i)
    noticer_.outcome(state_,
                     {.kind = i % 5 == 0 ? OutcomeKind::unknown : OutcomeKind::accepted, .recipient = 7UL << 48}, now_);
  EXPECT_EQ(noticer_.judge(state_, now_).step, Step::pass);
}

TEST_F(NoticerTest, OtherOutcomesSayNothing) {
  for (std::uint64_t i = 1; i <= 1000; ++i)
    EXPECT_EQ(noticer_.outcome(state_, {.kind = OutcomeKind::other, .recipient = i << 48}, now_).step, Step::pass);
}

TEST_F(NoticerTest, ASlowAccountsMessagesTakeTurnsInAllItsSessions) {
  EXPECT_EQ(noticer_.wait(state_, 50, now_).wait, Duration());
  write_to_strangers(150);
  EXPECT_EQ(send(150).step, Step::slow);
  EXPECT_TRUE(noticer_.wait(state_, 1, now_).defer) << "its turn is later than a client waits for it";
  now_ += seconds(100);
  EXPECT_EQ(noticer_.wait(state_, 10, now_).wait, seconds(50));
  EXPECT_EQ(noticer_.wait(state_, 40, now_ + seconds(10)).wait, seconds(50));
  const Turn last = noticer_.wait(state_, 1, now_ + seconds(9));
  EXPECT_TRUE(last.defer);
  EXPECT_EQ(noticer_.wait(state_, 1, now_ + minutes(10)).wait, Duration());
}

TEST_F(NoticerTest, FailedLoginsAreKeptForADay) {
  static_cast<void>(noticer_.message(state_, {.recipients = 1, .failed_logins = 50}, now_));
  EXPECT_EQ(noticer_.judge(state_, now_).reasons().size(), 1U);
  EXPECT_EQ(noticer_.judge(state_, now_ + hours(23)).reasons().size(), 1U);
  EXPECT_EQ(noticer_.judge(state_, now_ + hours(25)).reasons().size(), 0U);
}

TEST_F(NoticerTest, AnEarlierTimeCountsAsTheLatest) {
  send(90);
  now_ -= hours(2);
  send(30);
  EXPECT_EQ(state_.day->hours.sum(&HourCounts::recipients), 120U);
}

TEST_F(NoticerTest, ATimeOfTenYearsLaterLocksAndFreesNobodyForLonger) {
  send(90);
  now_ += hours(24 * 3650);
  EXPECT_EQ(send(90).step, Step::pass);
  write_to_strangers(600);
  EXPECT_EQ(send(600).step, Step::hold);
  now_ += hours(24 * 3650);
  EXPECT_EQ(send(1).step, Step::pass);
}

TEST_F(NoticerTest, AnIdleAccountTakes64BytesAndItsKnownRecipients) {
  write_to_strangers(30);
  send(30);
  EXPECT_FALSE(noticer_.sweep(state_, now_ + hours(23)));
  EXPECT_TRUE(noticer_.sweep(state_, now_ + hours(25)));
  EXPECT_EQ(state_.day, nullptr);
  EXPECT_NEAR(state_.history.recipients(), 30, 0.2);
  EXPECT_LE(sizeof state_, 64U);
  EXPECT_LE(state_.known.bytes(), 80U);
  EXPECT_TRUE(noticer_.sweep(state_, now_ + hours(26)));
}

TEST_F(NoticerTest, AnActiveAccountTakes2KbAtMostAndFewWithOneMessage) {
  static_cast<void>(noticer_.message(state_, {.recipients = 1, .network = 1, .text = {.bytes = {1, 2, 3}}}, now_));
  EXPECT_LE(sizeof(AccountState) + state_.day->bytes(), 256U);
  Draw draw(1);
  for (int hour = 0; hour < 30; ++hour, now_ += hours(1))
    for (int i = 0; i < 10; ++i) {
      static_cast<void>(noticer_.message(
          state_, {.recipients = 1, .network = draw.next(), .text = sketch_of(some_words(draw, 60))}, now_));
      static_cast<void>(noticer_.outcome(state_, {.kind = OutcomeKind::unknown, .recipient = draw.next()}, now_));
    }
  EXPECT_EQ(state_.day->bytes(),
            sizeof(ActiveDay) + 24 * sizeof(HourCounts) + 6 * kRecentNetworksMax + 44 * kRecentTextsMax + 2 * 24);
  EXPECT_LE(sizeof(AccountState) + state_.day->bytes(), kActiveBytesMax);
}

TEST_F(NoticerTest, ASweepFreesNoAccountThatIsHeld) {
  send_to_a_bought_list();
  noticer_.sweep(state_, now_ + hours(23));
  EXPECT_EQ(noticer_.judge(state_, now_ + hours(23)).step, Step::hold);
}

TEST_F(NoticerTest, StepsAndClassesHaveNames) {
  EXPECT_EQ(step_name(Step::slow), "slow");
  EXPECT_EQ(step_name(Step::suspend), "suspend");
  EXPECT_EQ(signal_row(Signal::same_text).name, "same_text");
  EXPECT_EQ(built_in_policy("any").ordinary.recipients, built_in_policy("home").ordinary.recipients);
  EXPECT_GT(built_in_policy("list_server").ordinary.recipients, built_in_policy("business").ordinary.recipients);
}

}  // namespace
}  // namespace sluice::noticing
