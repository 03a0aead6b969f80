// Each signal by itself: what it counts, from where on it has points, and its words.
#include "policy/noticing/signal.h"

#include <gtest/gtest.h>

#include <string>

#include "policy/noticing/score.h"
#include "tests/support/noticing_text.h"

namespace sluice::noticing {
namespace {

constexpr std::uint32_t kNow = 5000;

class SignalTest : public ::testing::Test {
 protected:
  SignalTest() { day_.hour = kNow; }

  [[nodiscard]] Measured measured(Signal signal) const { return signal_row(signal).measure(observed()); }
  // Among the reasons of all signals; "" where it has no points.
  [[nodiscard]] std::string words(Signal signal) const {
    Verdict verdict;
    static_cast<void>(measure_all(observed(), verdict));
    for (const Reason& reason : verdict.reasons()) {
      if (reason.signal == signal) return reason_text(reason);
    }
    return "";
  }
  void add_text(std::uint32_t recipients, bool list_unsubscribe) {
    Draw draw(1);
    day_.texts.add(
        {.recipients = recipients, .text = sketch_of(some_words(draw, 60)), .list_unsubscribe = list_unsubscribe},
        kNow);
  }

  AccountState state_;
  ActiveDay day_;
  ClassPolicy policy_ = built_in_policy("home");

 private:
  [[nodiscard]] Observed observed() const {
    return {.state = state_, .day = day_, .ordinary = policy_.ordinary, .texts = day_.texts.most_sent(kNow)};
  }
};

TEST_F(SignalTest, Recipients) {
  day_.hours.add(kNow, &HourCounts::recipients, 100);
  EXPECT_EQ(words(Signal::recipients), "");
  day_.hours.add(kNow, &HourCounts::recipients, 212);
  EXPECT_NEAR(measured(Signal::recipients).excess, 2.12, 0.001);
  EXPECT_EQ(words(Signal::recipients), "312 recipients in a day; up to 100 are ordinary for this account");
  for (int i = 0; i < 9; ++i) state_.history.learn({.recipients = 150}, policy_.ordinary);
  EXPECT_EQ(words(Signal::recipients), "");
}

TEST_F(SignalTest, FirstTimeRecipients) {
  day_.hours.add(kNow, &HourCounts::first_time, 60);
  EXPECT_EQ(words(Signal::first_time_recipients), "");
  day_.hours.add(kNow, &HourCounts::first_time, 120);
  EXPECT_EQ(measured(Signal::first_time_recipients).excess, 2);
  EXPECT_EQ(words(Signal::first_time_recipients),
            "180 first-time recipients in a day; up to 60 are ordinary for this account");
}

TEST_F(SignalTest, UnknownRecipients) {
  for (int i = 0; i < 17; ++i) state_.unknown.accepted(kNow);
  state_.unknown.unknown(kNow);
  EXPECT_LT(measured(Signal::unknown_recipients).excess, 0.2);
  state_.unknown.unknown(kNow);
  state_.unknown.unknown(kNow);
  EXPECT_EQ(words(Signal::unknown_recipients), "next hops refused 3 of 20 recipients as unknown; up to 1 are ordinary");
  policy_ = built_in_policy("list_server");
  EXPECT_EQ(words(Signal::unknown_recipients), "");
}

// Of two hundred strangers, so many.
TEST_F(SignalTest, UnknownRecipientsOfADayAsAWhole) {
  const auto excess = [this](std::uint32_t unknown, std::uint32_t first_time, std::uint32_t answered) {
    day_ = {};
    day_.hour = kNow;
    day_.hours.add(kNow, &HourCounts::first_time, first_time);
    day_.hours.add(kNow, &HourCounts::answered, answered);
    day_.hours.add(kNow, &HourCounts::unknown, unknown);
    return measured(Signal::unknown_recipients).excess;
  };
  for (int i = 0; i < 4; ++i) state_.unknown.unknown(kNow);  // a few in a row, by themselves
  const float before = excess(0, 0, 0);
  EXPECT_LT(excess(8, 200, 200), before) << "4 % are ordinary";
  EXPECT_GT(excess(17, 200, 200), before + 2) << "8.5 % are those of a bought list with luck";
  EXPECT_LT(excess(7, 60, 60), before + 1) << "of a few it is chance";
  EXPECT_EQ(excess(80, 0, 2000), before) << "a list that is old";
  EXPECT_LT(excess(80, 100, 2000), before + 0.1) << "likewise, and a hundred have joined it";
  EXPECT_GT(excess(29, 200, 500), before + 5) << "a bought list on the day of a newsletter";
}

TEST_F(SignalTest, UnknownRecipientsOfScatteredTextsCountMore) {
  for (int i = 0; i < 4; ++i) state_.unknown.unknown(kNow);
  const float before = measured(Signal::unknown_recipients).excess;
  Draw draw(3);
  const TextSketch text = sketch_of(some_words(draw, 60));
  for (const std::uint64_t network : {1UL << 48, 2UL << 48})
    day_.texts.add({.recipients = 75, .first_time = 75, .network = network, .text = text}, kNow);
  EXPECT_NEAR(measured(Signal::unknown_recipients).excess, before / (0.45 * 0.45), 0.01);
}

TEST_F(SignalTest, Networks) {
  for (std::uint64_t i = 1; i <= 9; ++i) day_.networks.add(i << 48, {}, kNow);
  EXPECT_EQ(words(Signal::networks), "");
  for (std::uint64_t i = 10; i <= 15; ++i) day_.networks.add(i << 48, {}, kNow);
  EXPECT_EQ(measured(Signal::networks).excess, 6);
  EXPECT_EQ(words(Signal::networks), "mail from 15 networks in a day; up to 9 are ordinary for this account");
  EXPECT_EQ(words(Signal::countries), "");
}

TEST_F(SignalTest, Countries) {
  for (std::uint64_t i = 1; i <= 5; ++i) day_.networks.add(i << 48, CountryCode{'A', static_cast<char>('A' + i)}, kNow);
  EXPECT_EQ(measured(Signal::countries).excess, 2);
  EXPECT_EQ(words(Signal::countries), "mail from 5 countries in a day; up to 3 are ordinary");
}

TEST_F(SignalTest, SameText) {
  add_text(50, true);
  EXPECT_EQ(words(Signal::same_text), "");
  add_text(150, true);
  EXPECT_EQ(measured(Signal::same_text).excess, 3);
  EXPECT_EQ(words(Signal::same_text), "one text to 200 recipients; up to 50 are ordinary");
  EXPECT_EQ(words(Signal::no_list_unsubscribe), "");
}

TEST_F(SignalTest, ScatteredText) {
  Draw draw(2);
  const TextSketch text = sketch_of(some_words(draw, 60));
  const auto send = [&](std::uint64_t network, std::uint32_t strangers) {
    day_.texts.add({.recipients = strangers, .first_time = strangers, .network = network << 48, .text = text}, kNow);
  };
  send(1, 300);
  EXPECT_EQ(words(Signal::scattered_text), "") << "a newsletter";
  send(2, 75);
  EXPECT_EQ(words(Signal::scattered_text), "");
  send(2, 15);
  EXPECT_NEAR(measured(Signal::scattered_text).excess, 0.2, 0.001);
  EXPECT_EQ(words(Signal::scattered_text),
            "the same texts from several networks to 90 first-time recipients in weeks, but for those of the network "
            "with most; up to 75 are ordinary");
  policy_.ordinary.first_time_recipients = 100;
  EXPECT_EQ(words(Signal::scattered_text), "");
}

TEST_F(SignalTest, NoListUnsubscribe) {
  add_text(100, false);
  EXPECT_EQ(words(Signal::no_list_unsubscribe), "");
  add_text(200, false);
  EXPECT_EQ(measured(Signal::no_list_unsubscribe).excess, 2);
  EXPECT_EQ(words(Signal::no_list_unsubscribe),
            "one text to 300 recipients without List-Unsubscribe; it is expected for more than 100");
}

TEST_F(SignalTest, SpamReplies) {
  day_.hours.add(kNow, &HourCounts::answered, 50);
  day_.hours.add(kNow, &HourCounts::spam_replies, 8);
  EXPECT_EQ(words(Signal::spam_replies), "");
  day_.hours.add(kNow, &HourCounts::spam_replies, 12);
  EXPECT_EQ(words(Signal::spam_replies),
            "next hops refused 20 of 50 recipients with words such as spam or reputation; up to 8 are ordinary");
}

TEST_F(SignalTest, FailedLogins) {
  day_.failed_logins = 10;
  EXPECT_EQ(words(Signal::failed_logins), "");
  day_.failed_logins = 40;
  EXPECT_EQ(words(Signal::failed_logins), "40 failed logins in the day before; up to 10 are ordinary");
}

TEST_F(SignalTest, FewPointsForWhatOrdinaryAccountsHaveToo) {
  const ClassPolicy home = built_in_policy("home");
  for (const Signal weak : {Signal::spam_replies, Signal::failed_logins})
    EXPECT_LT(signal_row(weak).points_max, home.thresholds.tell);
  for (const Signal weak : {Signal::same_text, Signal::no_list_unsubscribe, Signal::recipients, Signal::countries})
    EXPECT_LT(signal_row(weak).points_max, home.thresholds.hold);
}

TEST_F(SignalTest, ReasonsComeWithMostPointsFirst) {
  day_.failed_logins = 20;
  day_.hours.add(kNow, &HourCounts::recipients, 400);
  for (std::uint64_t i = 1; i <= 30; ++i) day_.networks.add(i << 48, {}, kNow);
  Verdict verdict;
  const float all = measure_all(
      {.state = state_, .day = day_, .ordinary = policy_.ordinary, .texts = day_.texts.most_sent(kNow)}, verdict);
  ASSERT_EQ(verdict.reasons().size(), 3U);
  EXPECT_EQ(verdict.reasons()[0].signal, Signal::networks);
  EXPECT_EQ(verdict.reasons()[1].signal, Signal::recipients);
  EXPECT_EQ(verdict.reasons()[2].signal, Signal::failed_logins);
  EXPECT_NEAR(all, 105 + 18 + 3, 0.01);
}

}  // namespace
}  // namespace sluice::noticing
