// Of each recipient, cause and subject one mail an hour, with a count: whatever comes, no more, and nothing uncounted.
#include "engine/notify/mail_ledger.h"

#include <gtest/gtest.h>

#include "tests/unit/notify/event_of.h"

namespace sluice::notify {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart{100h};
constexpr bool kToOperator = false;
constexpr bool kToOwner = true;

TEST(MailLedger, TheFirstIsAMailAtOnceAndTheOthersOfTheHourAreOneMailWithACount) {
  MailLedger ledger;
  const auto first = ledger.add(limit_reached("alice@example.com"), kToOperator, kStart);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->further, 0U);
  EXPECT_EQ(first->owner, "");
  for (std::uint64_t i = 1; i <= 100; ++i)
    EXPECT_FALSE(ledger.add(limit_reached("alice@example.com", 500 + i), kToOperator, kStart + i * 30s));
  EXPECT_TRUE(ledger.due(kStart + 1h - 1ns).empty());
  const auto later = ledger.due(kStart + 1h);
  ASSERT_EQ(later.size(), 1U);
  EXPECT_EQ(later[0].further, 99U);  // beside the one that it is about
  EXPECT_EQ(later[0].notification->figures[5].value, "600");
}

TEST(MailLedger, ASummaryBeginsAnHourAndAnHourWithoutAnythingEndsIt) {
  MailLedger ledger;
  EXPECT_TRUE(ledger.add(limit_reached("alice@example.com"), kToOperator, kStart));
  EXPECT_FALSE(ledger.add(limit_reached("alice@example.com"), kToOperator, kStart + 1min));
  EXPECT_EQ(ledger.due(kStart + 1h).size(), 1U);
  EXPECT_FALSE(ledger.add(limit_reached("alice@example.com"), kToOperator, kStart + 1h + 1min));
  EXPECT_EQ(ledger.due(kStart + 2h).size(), 1U);
  EXPECT_EQ(ledger.due(kStart + 3h).size(), 0U);
  EXPECT_EQ(ledger.next(), Instant::max());
  EXPECT_TRUE(ledger.add(limit_reached("alice@example.com"), kToOperator, kStart + 3h));
}

TEST(MailLedger, OtherSubjectsCausesAndRecipientsHaveMailsOfTheirOwn) {
  MailLedger ledger;
  EXPECT_TRUE(ledger.add(limit_reached("alice@example.com"), kToOperator, kStart));
  EXPECT_TRUE(ledger.add(limit_reached("bob@example.net"), kToOperator, kStart));
  const auto owner = ledger.add(limit_reached("alice@example.com"), kToOwner, kStart);
  ASSERT_TRUE(owner);
  EXPECT_EQ(owner->owner, "alice@example.com");
  const auto contained =
      notification_from(event::Containment{.step = "contain", .kind = "account", .subject = "alice@example.com"});
  EXPECT_TRUE(ledger.add(std::make_shared<const Notification>(*contained), kToOperator, kStart));
  EXPECT_FALSE(ledger.add(limit_reached("alice@example.com"), kToOwner, kStart + 59min));
}

TEST(MailLedger, ManySubjectsAreFewMails) {
  MailLedger ledger;
  std::size_t mails = 0;
  for (int i = 0; i < 1000; ++i)
    mails += ledger.add(limit_reached("user" + std::to_string(i) + "@example.com"), kToOperator, kStart) ? 1 : 0;
  EXPECT_EQ(mails, kSubjectsMax + 1);
  const auto later = ledger.due(kStart + 1h);
  ASSERT_EQ(later.size(), 1U);
  EXPECT_TRUE(later[0].all_subjects);
  EXPECT_EQ(later[0].further, 1000 - kSubjectsMax - 2);
  // The hour of the others is over, too: they have room again.
  EXPECT_FALSE(ledger.add(limit_reached("new@example.com"), kToOperator, kStart + 1h)->all_subjects);
}

TEST(MailLedger, WhatHasNoRoomIsCounted) {
  MailLedger ledger;
  for (std::size_t i = 0; i < kMailEntriesMax + 7; ++i)
    static_cast<void>(ledger.add(limit_reached("user" + std::to_string(i) + "@example.com"), kToOwner, kStart));
  EXPECT_EQ(ledger.lost(), 7U);
}

TEST(MailLedger, AtTheEndWhatWasCountedIsMailed) {
  MailLedger ledger;
  static_cast<void>(ledger.add(limit_reached("alice@example.com"), kToOperator, kStart));
  static_cast<void>(ledger.add(limit_reached("bob@example.net"), kToOperator, kStart));
  static_cast<void>(ledger.add(limit_reached("bob@example.net"), kToOperator, kStart));
  const auto mails = ledger.take_all();
  ASSERT_EQ(mails.size(), 1U);
  EXPECT_EQ(mails[0].notification->subject(), "account bob@example.net");
  EXPECT_TRUE(ledger.take_all().empty());
}

}  // namespace
}  // namespace sluice::notify
