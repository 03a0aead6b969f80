// A ledger, and the account that is settled with it: what is planted is found, each for what it is.
#include "tools/load/ledger.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "engine/base/buffer.h"
#include "tools/load/content.h"
#include "tools/load/settle.h"

namespace sluice::load {
namespace {

constexpr std::uint64_t kRun = 0xfeed;
constexpr std::uint64_t kMessages = 100;

// A run of messages with two recipients each, all accepted, on their way to a sink.
class Way {
 public:
  Way() {
    for (std::uint64_t i = 0; i < kMessages; ++i) {
      const std::uint64_t number = outcomes.begin();
      for (const std::uint32_t copy : {1U, 2U}) outcomes.set(number, copy, Outcome::accepted);
    }
  }
  [[nodiscard]] static MessageId id(std::uint64_t number) { return {.run = kRun, .number = number, .copies = 2}; }
  [[nodiscard]] static std::string recipient(std::uint64_t number, std::uint32_t copy) {
    return "to-" + identity_text(id(number), copy);
  }
  // As a sink does, of the bytes that come.
  void arrive(std::uint64_t number, const std::vector<std::uint32_t>& copies = {1, 2},
              const std::function<void(std::string&)>& meddle = {}) {
    Chain chain;
    content.append({.id = id(number), .from = "a@b.example", .to = "c@d.example", .body_bytes = 200, .due = {}}, false,
                   chain);
    std::string text = chain.to_string();
    if (meddle) meddle(text);
    StampCheck check(/*dot_stuffed=*/false);
    check.feed(text);
    std::vector<std::string> local_parts;
    for (const std::uint32_t copy : copies) local_parts.push_back(recipient(number, copy));
    if (check.verdict() == StampCheck::Verdict::no_stamp) return ledger.unreadable(local_parts);
    ledger.received(check.stamp().id, check.verdict() == StampCheck::Verdict::intact, local_parts, std::nullopt);
  }
  void arrive_all_but(std::uint64_t missing) {
    for (std::uint64_t number = 1; number <= kMessages; ++number)
      if (number != missing) arrive(number);
  }
  // Over the wire, as it is in a run.
  [[nodiscard]] Account settle() const {
    const auto found = ledger.runs().find(kRun);
    const std::string text = found == ledger.runs().end() ? RunLedger().text() : found->second.text();
    const auto read = RunLedger::parse(text);
    EXPECT_TRUE(read) << text;
    EXPECT_EQ(read->text(), text);
    const Outcomes* all[] = {&outcomes};
    return load::settle(all, &*read);
  }

  Content content{"Sat, 28 Nov 2026 00:00:00 +0000", 1};
  Outcomes outcomes{2, 0, 1};
  Ledger ledger;
};

using Numbers = std::vector<std::uint64_t>;

TEST(LedgerTest, AllThatArrivesIsGood) {
  Way way;
  way.arrive_all_but(0);
  const Account account = way.settle();
  EXPECT_TRUE(account.good());
  EXPECT_TRUE(account.settled);
  EXPECT_EQ(account.received, 2 * kMessages);
  EXPECT_EQ(account.by_outcome[static_cast<std::size_t>(Outcome::accepted)], 2 * kMessages);
}

TEST(LedgerTest, AMessageThatIsLostIsFound) {
  Way way;
  way.arrive_all_but(42);
  const Account account = way.settle();
  EXPECT_FALSE(account.good());
  EXPECT_EQ(account.lost, 2U);
  EXPECT_EQ(account.lost_examples, Numbers{42});
  EXPECT_EQ(account.doubled + account.changed, 0U);
  EXPECT_EQ(way.ledger.runs().at(kRun).gaps(), 1U);
}

TEST(LedgerTest, OneRecipientOfAMessageThatIsLostIsFound) {
  Way way;
  way.arrive_all_but(42);
  way.arrive(42, {2});
  EXPECT_EQ(way.settle().lost, 1U);
}

TEST(LedgerTest, TheVeryLastMessageIsMissed) {
  Way way;
  way.arrive_all_but(kMessages);
  EXPECT_EQ(way.settle().lost_examples, Numbers{kMessages});
}

TEST(LedgerTest, AMessageThatComesTwiceIsFound) {
  Way way;
  way.arrive_all_but(0);
  way.arrive(7, {1});
  way.arrive(7, {1});
  const Account account = way.settle();
  EXPECT_FALSE(account.good());
  EXPECT_EQ(account.doubled, 2U);
  EXPECT_EQ(account.doubled_examples, Numbers{7});
  EXPECT_EQ(account.lost + account.changed, 0U);
  EXPECT_EQ(account.received, 2 * kMessages);
}

TEST(LedgerTest, AMessageThatWasChangedIsFoundAndNotTakenForLost) {
  Way way;
  way.arrive_all_but(9);
  way.arrive(9, {1, 2}, [](std::string& text) { text[text.size() - 10] ^= 2; });
  const Account account = way.settle();
  EXPECT_FALSE(account.good());
  EXPECT_EQ(account.changed, 2U);
  EXPECT_EQ(account.changed_examples, Numbers{9});
  EXPECT_EQ(account.lost + account.doubled, 0U);
}

TEST(LedgerTest, AMessageWithoutItsStampIsAChangedOne) {
  Way way;
  way.arrive_all_but(9);
  way.arrive(9, {1, 2}, [](std::string& text) { text.erase(0, text.find("\r\n") + 2); });
  const Account account = way.settle();
  EXPECT_EQ(account.changed_examples, Numbers{9});
  EXPECT_EQ(account.lost, 0U);
  EXPECT_EQ(way.ledger.foreign_messages(), 0U);
}

TEST(LedgerTest, AMessageForAnotherRecipientIsAStrayAndLost) {
  Way way;
  way.arrive_all_but(9);
  way.ledger.received(Way::id(9), true, {Way::recipient(10, 1), "postmaster"}, std::nullopt);
  const Account account = way.settle();
  EXPECT_FALSE(account.good());
  EXPECT_EQ(account.strays, 2U);
  EXPECT_EQ(account.lost, 2U);
}

TEST(LedgerTest, WhatTheSinkHasRefusedIsNotLost) {
  Way way;
  way.arrive_all_but(9);
  way.ledger.refused(Way::recipient(9, 1), /*for_good=*/true);
  way.ledger.refused(Way::recipient(9, 2), /*for_good=*/false);
  const Account account = way.settle();
  EXPECT_TRUE(account.good());
  EXPECT_EQ(account.refused_by_sink, 1U);
  EXPECT_EQ(account.deferred_by_sink, 1U);
  EXPECT_EQ(account.lost, 0U);
}

TEST(LedgerTest, WhatWasRefusedForNowAndCameLaterIsJustReceived) {
  Way way;
  way.ledger.refused(Way::id(9), {Way::recipient(9, 1), Way::recipient(9, 2)}, /*for_good=*/false);
  way.arrive_all_but(0);
  const Account account = way.settle();
  EXPECT_TRUE(account.good());
  EXPECT_EQ(account.deferred_by_sink, 0U);
}

TEST(LedgerTest, ASendersNumberStandsForAllRecipients) {
  Way way;
  way.arrive_all_but(9);
  way.ledger.refused(Way::recipient(9, 0), /*for_good=*/false);
  way.ledger.refused("alice", /*for_good=*/false);
  EXPECT_EQ(way.settle().deferred_by_sink, 2U);
  EXPECT_EQ(way.ledger.refused_unnumbered(), 1U);
}

TEST(LedgerTest, ARefusalIsExpectedWhereTheSinkHasRefused) {
  Way way;
  way.arrive_all_but(9);
  way.outcomes.set(9, 1, Outcome::refused);
  way.outcomes.set(9, 2, Outcome::deferred);
  Account account = way.settle();
  EXPECT_FALSE(account.good());
  EXPECT_EQ(account.unexpected, 2U);
  EXPECT_EQ(account.lost, 0U);
  way.ledger.refused(Way::id(9), {Way::recipient(9, 1), Way::recipient(9, 2)}, /*for_good=*/true);
  account = way.settle();
  EXPECT_TRUE(account.good());
}

TEST(LedgerTest, WhatIsDeliveredThoughTheClientWasToldOtherwiseIsFound) {
  Way way;
  way.arrive_all_but(0);
  way.outcomes.set(9, 1, Outcome::deferred);
  const Account account = way.settle();
  EXPECT_FALSE(account.good());
  EXPECT_EQ(account.denied, 1U);
  EXPECT_EQ(account.denied_examples, Numbers{9});
}

TEST(LedgerTest, AnUnknownOutcomeMayHaveArrived) {
  Way way;
  way.arrive_all_but(9);
  way.outcomes.set(9, 1, Outcome::unknown);
  way.outcomes.set(10, 1, Outcome::unknown);
  const Account account = way.settle();
  EXPECT_EQ(account.unknown_arrived, 1U);
  EXPECT_EQ(account.lost, 1U) << "the other recipient of 9";
}

TEST(LedgerTest, WithoutASinkWhatIsNotAcceptedIsUnexpected) {
  Way way;
  const Outcomes* all[] = {&way.outcomes};
  EXPECT_TRUE(settle(all, nullptr).good());
  way.outcomes.set(9, 1, Outcome::failed);
  EXPECT_EQ(settle(all, nullptr).unexpected, 1U);
  EXPECT_FALSE(settle(all, nullptr).good());
}

TEST(LedgerTest, AnotherRunsMessagesAreNotOurs) {
  Way way;
  way.arrive_all_but(0);
  way.ledger.received({.run = 1, .number = 5}, true, {"bob"}, std::nullopt);
  EXPECT_TRUE(way.settle().good());
  EXPECT_EQ(way.ledger.runs().at(1).distinct(), 1U);
}

// What each thread of a sink has seen, put together, is as if one had seen all of it.
TEST(LedgerTest, MergedItCountsWhatCameToBoth) {
  Way one;
  Way other;
  for (std::uint64_t number = 1; number <= kMessages; ++number) (number % 2 == 0 ? one : other).arrive(number);
  other.arrive(4);
  other.arrive(5);
  one.arrive(6, {1, 2}, [](std::string& text) { text.pop_back(); });
  other.arrive(6);
  one.ledger.merge(other.ledger);
  const RunLedger& run = one.ledger.runs().at(kRun);
  EXPECT_EQ(run.distinct(), 2 * kMessages);
  EXPECT_EQ(run.changed().count(), 2U);
  // Each for both recipients: 4 and 5 once more, 6 twice.
  EXPECT_EQ(run.doubled(), 8U);
  EXPECT_EQ(run.gaps(), 0U);
}

TEST(LedgerTest, NumbersBeyondItsBoundAreStrays) {
  Ledger ledger;
  ledger.received({.run = kRun, .number = NumberSet::kNumberMax + 2}, true, {"bob"}, std::nullopt);
  ledger.received({.run = kRun, .number = NumberSet::kNumberMax + 1}, true, {"bob"}, std::nullopt);
  EXPECT_EQ(ledger.runs().at(kRun).strays(), 1U);
  EXPECT_EQ(ledger.runs().at(kRun).distinct(), 1U);
}

// The 65th run of one sink was told that all of its messages were lost.
TEST(LedgerTest, OfMoreRunsThanItKeepsTheFirstAreForgotten) {
  constexpr std::uint64_t kLast = 2 * Ledger::kRunsMax;
  const auto received = [](std::uint64_t first, std::uint64_t last) {
    Ledger ledger;
    for (std::uint64_t run = last; run >= first; --run) ledger.received({.run = run, .number = 1}, true, {"bob"}, {});
    return ledger;
  };
  const Ledger all = received(1, kLast);
  EXPECT_EQ(all.runs().size(), Ledger::kRunsMax);
  EXPECT_TRUE(all.runs().contains(1));  // the last that began
  EXPECT_FALSE(all.runs().contains(kLast));
  EXPECT_EQ(all.foreign_messages(), 0U);
  Ledger merged = received(Ledger::kRunsMax, kLast);
  merged.merge(received(1, 3));
  EXPECT_EQ(merged.runs().size(), Ledger::kRunsMax);
  for (const std::uint64_t run : {1U, 2U, 3U}) EXPECT_TRUE(merged.runs().contains(run)) << run;
}

TEST(LedgerTest, NoOtherTextIsTakenForALedger) {
  const std::string good = RunLedger(2).text();
  ASSERT_TRUE(RunLedger::parse(good));
  for (std::size_t size = 0; size < good.size(); ++size) EXPECT_FALSE(RunLedger::parse(good.substr(0, size))) << size;
  for (const char* set : {"5-3", "1-", "x", "99999999999", "1-99999999999"}) EXPECT_FALSE(NumberSet::parse(set)) << set;
}

TEST(LedgerTest, ThreadsShareTheNumbers) {
  Outcomes first(1, 0, 3);
  Outcomes last(1, 2, 3);
  EXPECT_EQ(first.begin(), 1U);
  EXPECT_EQ(first.begin(), 4U);
  EXPECT_EQ(last.begin(), 3U);
  EXPECT_EQ(last.begin(), 6U);
  last.set(6, 1, Outcome::accepted);
  EXPECT_EQ(last.get(3, 1), Outcome::unsent);
  EXPECT_EQ(last.get(6, 1), Outcome::accepted);
}

}  // namespace
}  // namespace sluice::load
