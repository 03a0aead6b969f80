// The shield against guessing: exact at the borders of its windows, bounded, and fair to owners of accounts.
#include "auth/shield.h"

#include <gtest/gtest.h>

#include <cstring>
#include <deque>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "tests/unit/auth/credentials.h"

namespace sluice::auth {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kOwner = "ann@example.com";

class ShieldTest : public ::testing::Test {
 protected:
  static ShieldLimits limits() {
    return {.address_failures = 3,
            .network_failures = 6,
            .account_failures = 4,
            .overall_failures = 1000,
            .window = 10s,
            .slow = 2s,
            .entries = 100,
            .trusted = {}};
  }
  // A new secret each time, unless one is named.
  LoginAttempt attempt(std::string_view ip, std::string_view account = kOwner, std::uint64_t secret = 0) {
    CredentialKey key;
    if (secret == 0) secret = ++secrets_;
    std::memcpy(key.pair.data(), &secret, sizeof(secret));
    return login_attempt(parse_ip(ip).value(), kIpv6BlockBitsDefault, name_of(account), key);
  }
  ShieldRule admit(std::string_view ip, std::string_view account = kOwner) {
    return shield_.admit(attempt(ip, account), now_).rule;
  }
  void fail(std::string_view ip, std::string_view account = kOwner, int times = 1) {
    for (int i = 0; i < times; ++i)
      EXPECT_EQ(shield_.failed(attempt(ip, account), now_).refused, ShieldRule::none) << ip << " " << account;
  }
  // From as many networks as there are failures.
  void guess_from_everywhere(std::string_view account, int times) {
    for (; times > 0; --times, ++networks_)
      fail("10." + std::to_string(networks_ / 256) + "." + std::to_string(networks_ % 256) + ".1", account);
  }

  std::uint64_t secrets_ = 1000;
  int networks_ = 0;
  Instant now_ = Instant() + 1h;
  Shield shield_{limits()};
};

TEST_F(ShieldTest, RefusesFromTheLastFailureOfTheLimitUntilTheFirstOneIsAWindowOld) {
  const Instant start = now_;
  fail("192.0.2.1");
  now_ += 4s;
  fail("192.0.2.1");
  now_ += 5s;
  EXPECT_EQ(admit("192.0.2.1"), ShieldRule::none);
  fail("192.0.2.1");
  EXPECT_EQ(admit("192.0.2.1"), ShieldRule::address);
  EXPECT_EQ(admit("192.0.2.2"), ShieldRule::none);
  now_ = start + 10s - 1ns;
  EXPECT_EQ(admit("192.0.2.1"), ShieldRule::address);
  now_ = start + 10s;
  EXPECT_EQ(admit("192.0.2.1"), ShieldRule::none);
  fail("192.0.2.1");
  now_ = start + 14s - 1ns;
  EXPECT_EQ(admit("192.0.2.1"), ShieldRule::address);
  now_ = start + 14s;
  EXPECT_EQ(admit("192.0.2.1"), ShieldRule::none);
}

// Against a count of all failures there were.
TEST_F(ShieldTest, IsExactForAnyOrderOfFailures) {
  ShieldLimits wide = limits();
  wide.network_failures = 1'000'000;
  wide.account_failures = 7;
  shield_.set_limits(wide);
  std::mt19937 random(7);
  std::map<int, std::deque<Instant>> of_address;
  std::deque<Instant> of_account;
  const auto within = [&](std::deque<Instant>& times) {
    while (!times.empty() && times.front() + wide.window <= now_) times.pop_front();
    return times.size();
  };
  int refused = 0;
  int slowed = 0;
  for (int i = 0; i < 20'000; ++i) {
    now_ += std::chrono::milliseconds(random() % 700);
    const int host = static_cast<int>(random() % 8);
    const std::string ip = "192.0.2." + std::to_string(host);
    const bool full = within(of_address[host]) >= wide.address_failures;
    const bool slow = within(of_account) >= wide.account_failures;
    const ShieldRule rule = admit(ip);
    ASSERT_EQ(rule, full ? ShieldRule::address : slow ? ShieldRule::account : ShieldRule::none) << i;
    refused += full ? 1 : 0;
    slowed += !full && slow ? 1 : 0;
    ASSERT_EQ(shield_.failed(attempt(ip), now_).refused, full ? ShieldRule::address : ShieldRule::none);
    if (full) continue;  // not counted
    of_address[host].push_back(now_);
    of_account.push_back(now_);
  }
  EXPECT_GT(refused, 500);
  EXPECT_GT(slowed, 500);
}

TEST_F(ShieldTest, CountsIpv4By24AndIpv6By64And56) {
  for (int i = 0; i < 6; ++i) fail("192.0.2." + std::to_string(i), "a" + std::to_string(i) + "@example.com");
  EXPECT_EQ(admit("192.0.2.77"), ShieldRule::network);
  EXPECT_EQ(admit("192.0.3.1"), ShieldRule::none);
  fail("2001:db8::1", "b@example.com", 3);
  EXPECT_EQ(admit("2001:db8::ffff"), ShieldRule::address);
  EXPECT_EQ(admit("2001:db8:0:1::1"), ShieldRule::none);
  fail("2001:db8:0:1::1", "c@example.com", 3);
  EXPECT_EQ(admit("2001:db8:0:ff::1"), ShieldRule::network);
  EXPECT_EQ(admit("2001:db8:0:100::1"), ShieldRule::none);
}

TEST_F(ShieldTest, AnAccountAndAllTogetherAreOnlySlowed) {
  guess_from_everywhere("ann@example.com", 200);
  const Shield::Decision decision = shield_.admit(attempt("203.0.113.1", "ANN@example.com"), now_);
  EXPECT_EQ(decision.rule, ShieldRule::account);
  EXPECT_EQ(decision.delay, 2s);
  EXPECT_EQ(admit("203.0.113.1", "bob@example.com"), ShieldRule::none);
  for (int i = 0; i < 5; ++i) guess_from_everywhere("x" + std::to_string(i) + "@example.com", 160);
  EXPECT_EQ(admit("203.0.113.1", "bob@example.com"), ShieldRule::overall);
}

TEST_F(ShieldTest, LetsAnAccountThroughWhereItHasLoggedInBefore) {
  EXPECT_EQ(shield_.granted(attempt("198.51.100.7"), now_), ShieldRule::none);
  fail("198.51.100.9", "x@example.com", 3);
  fail("198.51.100.8", "y@example.com", 3);
  fail("203.0.113.9", "x@example.com", 2);
  guess_from_everywhere(kOwner, 50);
  EXPECT_EQ(admit("198.51.100.9"), ShieldRule::none);  // the owner, from an address that is refused
  EXPECT_EQ(admit("198.51.100.7"), ShieldRule::none);  // and in a network that is
  EXPECT_EQ(admit("203.0.113.9"), ShieldRule::account);
  // It has freed nothing for others.
  EXPECT_EQ(admit("198.51.100.9", "x@example.com"), ShieldRule::address);
  EXPECT_EQ(admit("198.51.100.7", "x@example.com"), ShieldRule::network);
}

TEST_F(ShieldTest, IsSlowedWhereItFailsTooOftenInANetworkThatItKnows) {
  EXPECT_EQ(shield_.granted(attempt("198.51.100.7"), now_), ShieldRule::none);
  fail("198.51.100.7", kOwner, 20);
  EXPECT_EQ(admit("198.51.100.7"), ShieldRule::account);
  EXPECT_EQ(admit("198.51.100.7", "x@example.com"), ShieldRule::address);
}

TEST_F(ShieldTest, AnOldDeviceCountsOnce) {
  for (int i = 0; i < 100; ++i) {
    now_ += 1s;
    EXPECT_EQ(shield_.failed(attempt("192.0.2.1", kOwner, 5), now_).refused, ShieldRule::none);
    // From elsewhere in its network, too.
    EXPECT_EQ(shield_.failed(attempt("192.0.2.2", kOwner, 5), now_).refused, ShieldRule::none);
  }
  EXPECT_EQ(admit("192.0.2.1"), ShieldRule::none);
  fail("192.0.2.1", kOwner, 3);
  EXPECT_EQ(admit("192.0.2.1"), ShieldRule::address);
  // Elsewhere it is new, and after a window it is, too.
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(shield_.failed(attempt("203.0.113.1", kOwner, 5), now_).refused, ShieldRule::none);
    now_ += 10s;
  }
  EXPECT_EQ(admit("203.0.113.1"), ShieldRule::none);
  const std::vector<ShieldEntry> all = shield_.list(now_, 10);
  EXPECT_TRUE(all.empty());
}

// Guesses that were let in together before the first of them failed.
TEST_F(ShieldTest, AtTheLimitNoAnswerIsGiven) {
  fail("192.0.2.1", kOwner, 3);
  EXPECT_EQ(shield_.failed(attempt("192.0.2.1"), now_).refused, ShieldRule::address);
  EXPECT_EQ(shield_.granted(attempt("192.0.2.1"), now_), ShieldRule::address);
  // That has let nothing through.
  EXPECT_EQ(admit("192.0.2.1"), ShieldRule::address);
}

TEST_F(ShieldTest, TrustedNetworksAreExempt) {
  ShieldLimits lax = limits();
  lax.trusted = {Network::parse("192.0.2.0/24").value(), Network::parse("2001:db8::5").value()};
  shield_.set_limits(lax);
  fail("192.0.2.1", kOwner, 100);
  fail("2001:db8::5", kOwner, 100);
  EXPECT_EQ(admit("192.0.2.1"), ShieldRule::none);
  EXPECT_EQ(admit("2001:db8::5"), ShieldRule::none);
  EXPECT_EQ(shield_.size(), 0U);
  fail("2001:db8::6", kOwner, 3);
  EXPECT_EQ(admit("2001:db8::6"), ShieldRule::address);
}

TEST_F(ShieldTest, KeepsItsBoundsWhateverComes) {
  constexpr std::size_t kTables = 5;
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    const std::string ip =
        std::to_string(10 + i / 65536) + "." + std::to_string(i / 256 % 256) + "." + std::to_string(i % 256) + ".1";
    const LoginAttempt one = attempt(ip, "u" + std::to_string(i) + "@example.com");
    ASSERT_EQ(shield_.failed(one, now_).refused, ShieldRule::none);
    ASSERT_EQ(shield_.granted(one, now_), ShieldRule::none);
    now_ += 10us;
  }
  EXPECT_EQ(shield_.size(), kTables * limits().entries);
  // What is over goes by itself.
  now_ += 10s;
  for (int i = 0; i < 100; ++i) {
    fail("192.0.2.1", "v@example.com");
    now_ += 5s;
  }
  EXPECT_LE(shield_.size(), limits().entries + 100);
}

// An address that goes on trying is not forgotten for those that fail once.
TEST_F(ShieldTest, ForgetsWhatWasLongestUnused) {
  fail("192.0.2.1", kOwner, 3);
  for (int i = 0; i < 10'000; ++i) {
    EXPECT_EQ(admit("192.0.2.1", "x@example.com"), ShieldRule::address);
    guess_from_everywhere(kOwner, 1);
  }
}

TEST_F(ShieldTest, FollowsOtherLimits) {
  fail("192.0.2.1", kOwner, 2);
  now_ += 1s;
  fail("192.0.2.1");
  ShieldLimits more = limits();
  more.address_failures = 4;
  shield_.set_limits(more);
  EXPECT_EQ(admit("192.0.2.1"), ShieldRule::none);
  fail("192.0.2.1");
  EXPECT_EQ(admit("192.0.2.1"), ShieldRule::address);
  more.address_failures = 2;
  shield_.set_limits(more);
  EXPECT_EQ(admit("192.0.2.1"), ShieldRule::address);
  now_ += 10s - 1ns;
  EXPECT_EQ(admit("192.0.2.1"), ShieldRule::address);
  now_ += 1ns;
  EXPECT_EQ(admit("192.0.2.1"), ShieldRule::none);
  fail("192.0.2.1", "x@example.com", 2);
  more.enabled = false;
  shield_.set_limits(more);
  fail("192.0.2.1", "x@example.com", 20);
  EXPECT_EQ(admit("192.0.2.1"), ShieldRule::none);
}

// The times that are kept go round the end of their list by then.
TEST_F(ShieldTest, KeepsTheOrderOfFailuresWithAnotherLimit) {
  const Instant start = now_;
  for (const int second : {0, 1, 2, 10}) {
    now_ = start + std::chrono::seconds(second);
    fail("192.0.2.1", std::to_string(second) + "@example.com");
  }
  ShieldLimits more = limits();
  more.address_failures = 4;
  shield_.set_limits(more);
  EXPECT_EQ(admit("192.0.2.1"), ShieldRule::none);
  fail("192.0.2.1");
  EXPECT_EQ(admit("192.0.2.1"), ShieldRule::address);
  now_ = start + 11s;
  EXPECT_EQ(admit("192.0.2.1"), ShieldRule::none);
}

TEST_F(ShieldTest, ReportsOnceAWindowWhatHasReachedItsLimit) {
  std::vector<std::string> reported;
  for (int i = 0; i < 20; ++i) {
    const std::string ip = "10.0." + std::to_string(i) + ".1";
    for (const ShieldEntry& each : shield_.failed(attempt(ip), now_).reached)
      reported.push_back(std::string(rule_name(each.rule)) + " " + each.subject);
    now_ += 1s;
  }
  EXPECT_EQ(reported, (std::vector<std::string>{"account ann@example.com", "account ann@example.com"}));
}

TEST_F(ShieldTest, ListsAndReleases) {
  fail("192.0.2.1", "x@example.com", 3);
  now_ += 4s;
  fail("192.0.2.2", "y@example.com", 3);
  guess_from_everywhere(kOwner, 4);
  const auto shown = [this] {
    std::vector<std::string> rows;
    for (const ShieldEntry& each : shield_.list(now_, 100))
      rows.push_back(std::string(rule_name(each.rule)) + " " + each.subject + " " + std::to_string(each.failures) +
                     " " + std::to_string(each.left / 1s));
    return rows;
  };
  using Rows = std::vector<std::string>;
  EXPECT_EQ(shown(), (Rows{"address 192.0.2.2 3 10", "address 192.0.2.1 3 6", "network 192.0.2.0/24 6 6",
                           "account ann@example.com 4 10"}));
  EXPECT_EQ(shield_.list(now_, 1).size(), 3U);
  EXPECT_EQ(shield_.release(Network::parse("192.0.2.1").value()), 1U);
  EXPECT_EQ(shield_.release(Network::parse("192.0.2.1").value()), 0U);
  EXPECT_EQ(admit("192.0.2.1"), ShieldRule::network);
  EXPECT_EQ(shield_.release_account("Ann@Example.com"), 1U);
  EXPECT_EQ(shield_.release(Network::parse("192.0.0.0/16").value()), 2U);
  EXPECT_EQ(shown(), Rows());
  EXPECT_EQ(admit("192.0.2.1"), ShieldRule::none);
  fail("192.0.2.1", "x@example.com", 3);
  EXPECT_EQ(shield_.release_all(), 5U + 5U + 2U);
  EXPECT_EQ(shown(), Rows());
}

}  // namespace
}  // namespace sluice::auth
