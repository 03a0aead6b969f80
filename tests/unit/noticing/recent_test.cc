#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "policy/noticing/recent_hours.h"
#include "policy/noticing/recent_networks.h"
#include "policy/noticing/recent_texts.h"
#include "policy/noticing/recent_unknown.h"
#include "tests/support/noticing_text.h"

namespace sluice::noticing {
namespace {

constexpr CountryCode kGermany{'D', 'E'};
constexpr CountryCode kItaly{'I', 'T'};
constexpr std::uint64_t place(std::uint64_t number) { return number << 48; }

MessageFacts letter(const TextSketch& text, std::uint32_t recipients, bool list_unsubscribe) {
  return {.recipients = recipients, .text = text, .list_unsubscribe = list_unsubscribe};
}

constexpr RecentHours::Count kRecipients = &HourCounts::recipients;

TEST(RecentHoursTest, WhatIsADayOldGoesHourByHour) {
  RecentHours hours;
  hours.add(100, kRecipients, 5);
  hours.forget(110);
  hours.add(110, kRecipients, 7);
  hours.forget(123);
  EXPECT_EQ(hours.sum(kRecipients), 12U);
  hours.forget(124);
  EXPECT_EQ(hours.sum(kRecipients), 7U);
  hours.forget(10'000);
  EXPECT_EQ(hours.sum(kRecipients), 0U);
}

TEST(RecentHoursTest, AnHourHoldsNoMoreThanItsBytes) {
  RecentHours hours;
  hours.add(1, kRecipients, 60'000);
  hours.add(1, kRecipients, 4'000'000'000U);
  EXPECT_EQ(hours.sum(kRecipients), 65'535U);
}

TEST(RecentHoursTest, IsWhatAMapOfHoursIs) {
  constexpr std::array<RecentHours::Count, 4> kCounts{&HourCounts::recipients, &HourCounts::first_time,
                                                      &HourCounts::answered, &HourCounts::spam_replies};
  Draw draw(11);
  // How many hours there are between uses at most.
  for (const std::uint64_t apart : {2, 5, 40}) {
    RecentHours hours;
    std::map<std::uint32_t, std::array<std::uint32_t, 4>> plain;
    // Across the end of 16 bits.
    for (std::uint32_t hour = 65'400; hour < 66'200; hour += static_cast<std::uint32_t>(draw.next() % apart)) {
      const std::uint64_t at = draw.next() % kCounts.size();
      const auto amount = static_cast<std::uint32_t>(draw.next() % 100);
      hours.forget(hour);
      hours.add(hour, kCounts[at], amount);
      plain[hour][at] += amount;
      std::erase_if(plain, [hour](const auto& each) { return each.first + kHoursOfDay <= hour; });
      ASSERT_TRUE(hours.is_sound(hour));
      for (std::size_t i = 0; i < kCounts.size(); ++i) {
        std::uint32_t sum = 0;
        for (const auto& [when, counts] : plain) sum += counts[i];
        ASSERT_EQ(hours.sum(kCounts[i]), sum) << hour;
      }
    }
  }
}

TEST(RecentHoursTest, TakesTwelveBytesAnHourOfWhichSomethingIsKnown) {
  RecentHours hours;
  EXPECT_EQ(hours.bytes(), 0U);
  hours.add(100, kRecipients, 1);
  hours.add(100, &HourCounts::answered, 1);
  EXPECT_EQ(hours.bytes(), 12U);
  for (std::uint32_t hour = 101; hour < 1000; ++hour) hours.add(hour, kRecipients, 1);
  EXPECT_EQ(hours.bytes(), 288U);
  EXPECT_EQ(hours.sum(kRecipients), 24U);
}

TEST(RecentHoursTest, HoursOfAFileAreSoundWithinADayAndInTheirOrder) {
  const auto of = [](std::uint32_t first, std::uint32_t second) {
    RecentHours hours;
    hours.add(first, kRecipients, 1);
    hours.add(second, kRecipients, 1);
    return hours;
  };
  EXPECT_TRUE(of(100, 123).is_sound(123));
  EXPECT_FALSE(of(100, 123).is_sound(124));
  EXPECT_FALSE(of(100, 123).is_sound(122));
  EXPECT_TRUE(RecentHours().is_sound(0));
}

TEST(RecentNetworksTest, EachNetworkAndCountryCountsOnceADay) {
  RecentNetworks recent;
  recent.add(place(1), kGermany, 100);
  recent.add(place(1), kGermany, 101);
  recent.add(place(2), kGermany, 102);
  recent.add(place(3), kItaly, 103);
  recent.add(place(4), {}, 103);
  EXPECT_EQ(recent.networks(), 4U);
  EXPECT_EQ(recent.countries(), 2U);
  recent.forget(126);
  EXPECT_EQ(recent.networks(), 2U);
  EXPECT_EQ(recent.countries(), 1U);
  recent.forget(200);
  EXPECT_EQ(recent.networks(), 0U);
}

TEST(RecentNetworksTest, WhenFullTheOldestGoes) {
  RecentNetworks recent;
  for (std::uint32_t i = 0; i < kRecentNetworksMax + 10; ++i) recent.add(place(i + 1), kGermany, 100 + i / 10);
  EXPECT_EQ(recent.networks(), kRecentNetworksMax);
  recent.add(place(1), kItaly, 107);
  EXPECT_EQ(recent.networks(), kRecentNetworksMax);
  EXPECT_EQ(recent.countries(), 2U);
  recent.forget(124);  // those of hour 100, which were the first ten
  EXPECT_EQ(recent.networks(), kRecentNetworksMax);
}

TEST(RecentNetworksTest, IsWhatAMapOfNetworksIs) {
  Draw draw(12);
  RecentNetworks recent;
  std::map<std::uint64_t, std::pair<std::uint32_t, CountryCode>> plain;
  std::uint32_t hour = 65'500;
  for (int i = 0; i < 5000; ++i) {
    hour += static_cast<std::uint32_t>(draw.next() % 2);
    const std::uint64_t network = draw.next() % 60;
    const CountryCode country{'A', static_cast<char>('A' + draw.next() % 20)};
    recent.add(place(network), country, hour);
    plain[network] = {hour, country};
    if (draw.next() % 3 != 0) continue;
    recent.forget(hour);
    std::erase_if(plain, [hour](const auto& each) { return each.second.first + kHoursOfDay <= hour; });
    std::set<CountryCode> countries;
    for (const auto& each : plain) countries.insert(each.second.second);
    ASSERT_EQ(recent.networks(), plain.size());
    ASSERT_EQ(recent.countries(), countries.size());
  }
  EXPECT_LE(recent.bytes(), 6U * 64);
}

TEST(RecentTextsTest, RecipientsOfOneTextAddUp) {
  Draw draw(1);
  const RotatingText text(draw, 60, 0);
  RecentTexts recent;
  for (int i = 0; i < 6; ++i) recent.add(letter(sketch_of(text.copy(draw)), 50, i % 2 == 0), 100);
  recent.add(letter(sketch_of(some_words(draw, 60)), 200, true), 100);
  EXPECT_EQ(recent.most_sent(100).recipients, 300U);
  EXPECT_EQ(recent.most_sent(100).without_unsubscribe, 150U);
}

TEST(RecentTextsTest, ACountWanesByHalfInADay) {
  Draw draw(2);
  RecentTexts recent;
  recent.add(letter(sketch_of(some_words(draw, 60)), 400, false), 100);
  EXPECT_EQ(recent.most_sent(112).recipients, 300U);
  EXPECT_EQ(recent.most_sent(124).recipients, 200U);
  EXPECT_EQ(recent.most_sent(148).recipients, 100U);
  EXPECT_EQ(recent.most_sent(5000).recipients, 0U);
}

TEST(RecentTextsTest, SmallTextsDoNotDriveOutALargeOne) {
  Draw draw(3);
  RecentTexts recent;
  recent.add(letter(sketch_of(some_words(draw, 60)), 400, false), 100);
  for (int i = 0; i < 50; ++i) recent.add(letter(sketch_of(some_words(draw, 60)), 2, false), 100);
  EXPECT_EQ(recent.most_sent(100).recipients, 400U);
}

TEST(RecentTextsTest, WhatHasNoTextIsNotCounted) {
  RecentTexts recent;
  for (int i = 0; i < 10; ++i) recent.add(letter(TextSketch(), 100, false), 100);
  EXPECT_EQ(recent.most_sent(100).recipients, 0U);
}

TEST(RecentTextsTest, TakesNoMoreThanItsTexts) {
  Draw draw(4);
  RecentTexts recent;
  EXPECT_EQ(recent.bytes(), 0U);
  recent.add(letter(sketch_of(some_words(draw, 60)), 1, false), 100);
  EXPECT_EQ(recent.bytes(), 44U);
  for (int i = 0; i < 50; ++i) recent.add(letter(sketch_of(some_words(draw, 60)), 2, false), 100);
  EXPECT_EQ(recent.bytes(), 44U * kRecentTextsMax);
}

TEST(RecentTextsTest, TheLeastSentTextMakesRoom) {
  Draw draw(5);
  RecentTexts recent;
  std::vector<TextSketch> texts;
  for (std::uint32_t i = 0; i < kRecentTextsMax; ++i) {
    texts.push_back(sketch_of(some_words(draw, 60)));
    recent.add(letter(texts.back(), 100 + i, false), 100);
  }
  recent.add(letter(sketch_of(some_words(draw, 60)), 1, false), 100);
  recent.add(letter(texts[7], 1, false), 100);
  EXPECT_EQ(recent.most_sent(100).recipients, 108U);
  recent.add(letter(texts[0], 50, false), 100);  // was forgotten
  EXPECT_EQ(recent.most_sent(100).recipients, 108U);
}

// A message to so many, of whom so many were never written to.
MessageFacts from(std::uint64_t network, std::uint32_t first_time, std::uint32_t recipients, const TextSketch& text) {
  return {.recipients = recipients, .first_time = first_time, .network = place(network), .text = text};
}

TEST(RecentTextsTest, StrangersCountWhereATextComesFromSeveralNetworks) {
  Draw draw(6);
  const RotatingText text(draw, 60, 0);
  RecentTexts recent;
  for (int i = 0; i < 100; ++i) recent.add(from(1, 1, 1, sketch_of(text.copy(draw))), 100);
  EXPECT_EQ(recent.most_sent(100).scattered, 0);
  for (int i = 0; i < 40; ++i) recent.add(from(2 + i % 2, 1, 1, sketch_of(text.copy(draw))), 100);
  EXPECT_EQ(recent.most_sent(100).scattered, 40);
  for (int i = 0; i < 100; ++i) recent.add(from(2, 1, 1, sketch_of(text.copy(draw))), 100);
  EXPECT_NEAR(recent.most_sent(100).scattered, 100, 1) << "those of the other network, by now";
  EXPECT_NEAR(recent.most_sent(100 + 7 * 24).scattered, 50, 1);
  EXPECT_LT(recent.most_sent(100 + 70 * 24).scattered, 1);
}

TEST(RecentTextsTest, EachOtherTextWithStrangersAddsToIt) {
  Draw draw(7);
  RecentTexts recent;
  for (int i = 0; i < 3; ++i) {
    const TextSketch text = sketch_of(some_words(draw, 60));
    recent.add(from(1, 20, 20, text), 100);
    recent.add(from(2, 15, 15, text), 100);
  }
  EXPECT_EQ(recent.most_sent(100).scattered, 45);
}

TEST(RecentTextsTest, WhoIsWrittenToAgainMakesUpForStrangers) {
  Draw draw(8);
  const TextSketch text = sketch_of(some_words(draw, 60));
  RecentTexts recent;
  for (std::uint64_t i = 0; i < 100; ++i) recent.add(from(1 + i % 2, 2, 5, text), 100);
  EXPECT_LT(recent.most_sent(100).scattered, 5);
}

TEST(RecentTextsTest, ANetworkThatIsNotToBeCountedIsNoOther) {
  Draw draw(9);
  const TextSketch text = sketch_of(some_words(draw, 60));
  RecentTexts recent;
  for (std::uint64_t i = 0; i < 100; ++i) recent.add(from(i % 2, 1, 1, text), 100);
  EXPECT_EQ(recent.most_sent(100).scattered, 0);
}

TEST(RecentTextsTest, WhatIsAHundredDaysOldGoes) {
  Draw draw(11);
  RecentTexts recent;
  recent.add(from(1, 50, 50, sketch_of(some_words(draw, 60))), 100);
  recent.add(from(1, 1, 1, sketch_of(some_words(draw, 60))), 200);
  EXPECT_TRUE(recent.is_sound(200));
  EXPECT_FALSE(recent.is_sound(199)) << "one is yet to come";
  EXPECT_FALSE(recent.is_sound(100 + 2400));
  recent.forget(100 + 2400);
  EXPECT_TRUE(recent.is_sound(100 + 2400));
  EXPECT_EQ(recent.most_sent(200).recipients, 1U);
  recent.forget(200 + 2400);
  EXPECT_EQ(recent.most_sent(200).recipients, 0U);
}

// One message in an hour wanes as much as the same in one hour, later on.
TEST(RecentTextsTest, SmallCountsWaneHourByHour) {
  Draw draw(10);
  const TextSketch text = sketch_of(some_words(draw, 60));
  RecentTexts recent;
  for (std::uint32_t hour = 0; hour < 40 * 24; ++hour) recent.add(from(1 + hour % 2, 1, 1, text), hour + 100);
  const float steady = recent.most_sent(100 + 40 * 24).scattered;
  EXPECT_NEAR(steady, 0.5 * 7 * 24 / 0.693, 10);
}

TEST(RecentUnknownTest, IsWhatTheLastOnesAre) {
  Draw draw(13);
  RecentUnknown recent;
  std::deque<std::uint64_t> plain;
  for (int i = 0; i < 5000; ++i) {
    const std::uint64_t key = draw.next() % 40;
    const bool known = std::ranges::find(plain, key) != plain.end();
    ASSERT_EQ(recent.add(place(key)), !known);
    if (!known) plain.push_back(key);
    if (plain.size() > 24) plain.pop_front();
  }
  EXPECT_EQ(recent.bytes(), 2U * 24);
}

TEST(RecentUnknownTest, AMailboxThatIsGoneCountsOnce) {
  RecentUnknown recent;
  EXPECT_TRUE(recent.add(place(7)));
  EXPECT_FALSE(recent.add(place(7)));
  for (std::uint64_t i = 100; i < 123; ++i) EXPECT_TRUE(recent.add(place(i)));
  EXPECT_FALSE(recent.add(place(7)));
  EXPECT_TRUE(recent.add(place(200)));
  EXPECT_TRUE(recent.add(place(7)));
  EXPECT_TRUE(RecentUnknown().add(0));
}

}  // namespace
}  // namespace sluice::noticing
