// Two shields that tell each other what they count: as one, bounded, and fair to owners.
#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "auth/shield.h"
#include "tests/unit/auth/credentials.h"

namespace sluice::auth {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kRoom = 4000;

class ShieldMergeTest : public ::testing::Test {
 protected:
  ShieldMergeTest() {
    here.share();
    there.share();
  }
  static ShieldLimits limits() {
    return {.address_failures = 4,
            .network_failures = 8,
            .account_failures = 4,
            .overall_failures = 1000,
            .window = 10s,
            .slow = 2s,
            .entries = 100,
            .trusted = {}};
  }
  // A new secret each time, unless one is named.
  LoginAttempt attempt(std::string_view ip, std::string_view account, std::uint64_t secret = 0) {
    CredentialKey key;
    if (secret == 0) secret = ++secrets_;
    std::memcpy(key.pair.data(), &secret, sizeof(secret));
    return login_attempt(parse_ip(ip).value(), kIpv6BlockBitsDefault, name_of(account), key);
  }
  void fail(Shield& shield, int times, std::string_view ip, const std::string& account) {
    for (int i = 0; i < times; ++i) static_cast<void>(shield.failed(attempt(ip, account), now));
  }
  std::vector<ShieldEntry> pass(Shield& from, Shield& to) { return to.merge(from.take_news(kRoom, now), now); }

  Shield here{limits()};
  Shield there{limits()};
  Instant now{1000s};

 private:
  std::uint64_t secrets_ = 0;
};

TEST_F(ShieldMergeTest, FailuresAtTwoRelaysAreCountedTogether) {
  fail(here, 2, "192.0.2.1", "a@example.com");
  fail(there, 2, "192.0.2.1", "b@example.com");
  EXPECT_EQ(there.admit(attempt("192.0.2.1", "c@example.com"), now).rule, ShieldRule::none);
  const auto reached = pass(here, there);
  EXPECT_EQ(there.admit(attempt("192.0.2.1", "c@example.com"), now).rule, ShieldRule::address);
  ASSERT_EQ(reached.size(), 1U);
  EXPECT_EQ(reached[0].subject, "192.0.2.1");
  EXPECT_EQ(there.admit(attempt("192.0.2.2", "c@example.com"), now).rule, ShieldRule::none);
}

TEST_F(ShieldMergeTest, AnAccountIsSlowedByWhatFailedElsewhere) {
  for (int i = 0; i < 4; ++i) fail(here, 1, "192.0." + std::to_string(i) + ".1", "a@example.com");
  pass(here, there);
  const auto decision = there.admit(attempt("198.51.100.1", "a@example.com"), now);
  EXPECT_EQ(decision.rule, ShieldRule::account);
  EXPECT_EQ(decision.delay, 2s);
}

TEST_F(ShieldMergeTest, NewsAreToldOnceAndWhatWasHeardIsNotToldAgain) {
  fail(here, 2, "192.0.2.1", "a@example.com");
  pass(here, there);
  EXPECT_TRUE(here.take_news(kRoom, now).empty());
  EXPECT_TRUE(there.take_news(kRoom, now).empty());
}

TEST_F(ShieldMergeTest, AFailureIsOverAWindowAfterItHappenedAndNotAfterItWasHeard) {
  fail(here, 4, "192.0.2.1", "a@example.com");
  now += 6s;
  pass(here, there);
  EXPECT_EQ(there.admit(attempt("192.0.2.1", "b@example.com"), now).rule, ShieldRule::address);
  now += 4s;
  EXPECT_EQ(there.admit(attempt("192.0.2.1", "b@example.com"), now).rule, ShieldRule::none);
}

TEST_F(ShieldMergeTest, EarlierFailuresThatAreHeardLaterPushOutNoLaterOnes) {
  fail(here, 2, "192.0.2.1", "a@example.com");
  now += 6s;
  fail(there, 2, "192.0.2.1", "a@example.com");
  pass(here, there);
  now += 5s;
  EXPECT_EQ(there.admit(attempt("192.0.2.1", "b@example.com"), now).rule, ShieldRule::none);
  fail(there, 2, "192.0.2.1", "c@example.com");
  EXPECT_EQ(there.admit(attempt("192.0.2.1", "b@example.com"), now).rule, ShieldRule::address);
}

TEST_F(ShieldMergeTest, AnOwnerWhoLoggedInAtOneRelayIsLetThroughAtAll) {
  EXPECT_EQ(here.granted(attempt("192.0.2.7", "owner@example.com"), now), ShieldRule::none);
  fail(here, 8, "192.0.2.7", "a@example.com");
  pass(here, there);
  EXPECT_EQ(there.admit(attempt("192.0.2.7", "other@example.com"), now).rule, ShieldRule::address);
  EXPECT_EQ(there.admit(attempt("192.0.2.7", "owner@example.com"), now).rule, ShieldRule::none);
  EXPECT_EQ(there.granted(attempt("192.0.2.7", "owner@example.com"), now), ShieldRule::none);
}

TEST_F(ShieldMergeTest, GuessingWhereTheOwnerIsAtHomeIsCountedTogether) {
  static_cast<void>(here.granted(attempt("192.0.2.7", "owner@example.com"), now));
  pass(here, there);
  fail(here, 2, "192.0.2.7", "owner@example.com");
  fail(there, 2, "192.0.2.7", "owner@example.com");
  EXPECT_EQ(there.admit(attempt("192.0.2.7", "owner@example.com"), now).rule, ShieldRule::none);
  pass(here, there);
  EXPECT_EQ(there.admit(attempt("192.0.2.7", "owner@example.com"), now).rule, ShieldRule::account);
}

TEST_F(ShieldMergeTest, AnOldDeviceCountsOnceWhereverItComesTo) {
  static_cast<void>(here.failed(attempt("192.0.2.1", "a@example.com", 77), now));
  pass(here, there);
  for (int i = 0; i < 20; ++i) static_cast<void>(there.failed(attempt("192.0.2.1", "a@example.com", 77), now));
  EXPECT_EQ(there.admit(attempt("192.0.2.1", "b@example.com"), now).rule, ShieldRule::none);
  EXPECT_TRUE(there.take_news(kRoom, now).empty());
}

TEST_F(ShieldMergeTest, WhatIsReleasedIsReleasedEverywhere) {
  fail(here, 4, "192.0.2.1", "a@example.com");
  pass(here, there);
  there.release(Network::parse("192.0.2.0/24").value());
  there.tell_release("192.0.2.0/24");
  now += 30min;  // nothing else happens there: a release is no older for that
  fail(here, 4, "192.0.2.1", "a@example.com");
  pass(there, here);
  EXPECT_EQ(here.admit(attempt("192.0.2.1", "b@example.com"), now).rule, ShieldRule::none);
  EXPECT_TRUE(here.list(now, 10).empty() || here.list(now, 10)[0].rule == ShieldRule::account);
  for (const ShieldItem& item : here.take_news(kRoom, now))
    EXPECT_NE(item.kind, ShieldItem::Kind::address) << "failures that are released are no news";
}

TEST_F(ShieldMergeTest, WhatIsTrustedHereIsNotCountedWhoeverSaysSo) {
  ShieldLimits lenient = limits();
  lenient.trusted.push_back(Network::parse("192.0.2.0/24").value());
  there.set_limits(lenient);
  fail(here, 4, "192.0.2.1", "a@example.com");
  pass(here, there);
  EXPECT_TRUE(there.list(now, 10).empty() || there.list(now, 10)[0].rule == ShieldRule::account);
}

TEST_F(ShieldMergeTest, AMessageAddsNoMoreThanItsBoundsWhateverItSays) {
  ShieldNews news;
  for (int i = 0; i < 300; ++i)
    news.push_back({.kind = ShieldItem::Kind::address,
                    .subject = "198.51." + std::to_string(i % 250) + ".9",
                    .count = 0xffffffff,
                    .age = {}});
  news.push_back({.kind = ShieldItem::Kind::address, .subject = "0.0.0.0/0 or so", .count = 9, .age = {}});
  news.push_back({.kind = ShieldItem::Kind::overall, .subject = {}, .count = 0xffffffff, .age = {}});
  news.push_back({.kind = ShieldItem::Kind::account, .subject = "a", .count = 1, .age = -5s});
  static_cast<void>(there.merge(news, now));
  EXPECT_LE(there.size(), 2 * limits().entries);
  const auto decision = there.admit(attempt("192.0.2.1", "a@example.com"), now);
  EXPECT_EQ(decision.rule, ShieldRule::overall) << "slowed, as ever";
}

TEST_F(ShieldMergeTest, NewsFitTheirRoomAndNothingIsLost) {
  for (int i = 0; i < 60; ++i) fail(here, 1, "10.0." + std::to_string(i) + ".1", "a" + std::to_string(i) + "@x.test");
  int failures = 0;
  int takes = 0;
  for (ShieldNews news; !(news = here.take_news(600, now)).empty(); ++takes) {
    std::size_t bytes = 0;
    for (const ShieldItem& item : news) {
      bytes += item.subject.size() + ShieldOutbox::kItemBytes;
      failures += item.kind == ShieldItem::Kind::address ? static_cast<int>(item.count) : 0;
    }
    EXPECT_LE(bytes, 600U);
  }
  EXPECT_EQ(failures, 60);
  EXPECT_GT(takes, 3);
}

TEST(ShieldOutboxTest, CountsBySubjectAndForgetsWhatIsOverOrTooMuch) {
  ShieldOutbox outbox;
  for (int i = 0; i < 1000; ++i) outbox.add(ShieldItem::Kind::address, "192.0.2.1", Instant(1s));
  const auto news = outbox.take(kRoom, Instant(3s), 10s);
  ASSERT_EQ(news.size(), 1U);
  EXPECT_EQ(news[0].count, 1000U);
  EXPECT_EQ(news[0].age, 2s);
  for (std::size_t i = 0; i < 2 * ShieldOutbox::kItemsMax; ++i)
    outbox.add(ShieldItem::Kind::secret, std::to_string(i), Instant(3s));
  EXPECT_EQ(outbox.size(), ShieldOutbox::kItemsMax);
  EXPECT_TRUE(outbox.take(1U << 20U, Instant(13s), 10s).empty());
  EXPECT_EQ(outbox.size(), 0U);
}

}  // namespace
}  // namespace sluice::auth
