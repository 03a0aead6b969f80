#include "auth/credential_cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <string>

#include "tests/unit/auth/credentials.h"

namespace sluice::auth {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

std::array<std::byte, kCacheKeyBytes> process_key(unsigned char fill = 7) {
  std::array<std::byte, kCacheKeyBytes> key{};
  key.fill(std::byte{fill});
  return key;
}

Answer granted(std::string_view account, std::int64_t customer = 1) {
  auto identity = std::make_shared<Identity>();
  identity->account_name = account;
  identity->customer_id = customer;
  return Answer::granted(std::move(identity));
}

class CredentialCacheTest : public ::testing::Test {
 protected:
  CredentialKey key(std::string_view name, std::string_view secret) const {
    return cache_.key_of(name_of(name), secret_of(secret));
  }
  bool put(std::string_view name, std::string_view secret, const Answer& answer) {
    return cache_.put(cache_.ticket(), key(name, secret), answer, now_);
  }
  // What is known, as a word.
  std::string known(std::string_view name, std::string_view secret) {
    const std::optional<Answer> answer = cache_.find(key(name, secret), now_);
    if (!answer) return "nothing";
    switch (answer->kind) {
      case AnswerKind::granted:
        return "granted to " + answer->identity->account_name;
      case AnswerKind::wrong:
        return "wrong";
      case AnswerKind::suspended:
        return "suspended: " + answer->reason;
      case AnswerKind::unavailable:
        return "unavailable";
      case AnswerKind::refused:
        return "refused";
    }
    return "?";
  }

  Instant now_{std::chrono::hours(5)};
  CredentialCacheLimits limits_{
      .granted_max = 64, .refused_max = 16, .granted_ttl = minutes(5), .refused_ttl = seconds(10)};
  CredentialCache cache_{process_key(), limits_};
};

TEST_F(CredentialCacheTest, RemembersUntilTheAnswerExpires) {
  EXPECT_EQ(known("tim", "right"), "nothing");
  EXPECT_TRUE(put("tim", "right", granted("tim")));
  now_ += minutes(5) - milliseconds(1);
  EXPECT_EQ(known("tim", "right"), "granted to tim");
  now_ += milliseconds(1);
  EXPECT_EQ(known("tim", "right"), "nothing");
  EXPECT_EQ(cache_.size(), 0U);
}

TEST_F(CredentialCacheTest, BeingAskedDoesNotProlongAnAnswer) {
  put("tim", "right", granted("tim"));
  for (int minute = 1; minute < 5; ++minute) {
    now_ += minutes(1);
    EXPECT_EQ(known("tim", "right"), "granted to tim");
  }
  now_ += minutes(1);
  EXPECT_EQ(known("tim", "right"), "nothing");
}

TEST_F(CredentialCacheTest, AWrongSecretNeverLocksOutARightOne) {
  for (int guess = 0; guess < 1000; ++guess) put("tim", "guess" + std::to_string(guess), Answer::wrong());
  EXPECT_EQ(known("tim", "right"), "nothing");
  EXPECT_TRUE(put("tim", "right", granted("tim")));
  EXPECT_EQ(known("tim", "right"), "granted to tim");
  EXPECT_EQ(known("tim", "guess999"), "wrong");
}

TEST_F(CredentialCacheTest, GuessingEvictsNoCustomer) {
  for (int i = 0; i < 8; ++i) put("customer" + std::to_string(i), "right", granted("c"));
  for (int guess = 0; guess < 10'000; ++guess) put("tim", "guess" + std::to_string(guess), Answer::wrong());
  for (int i = 0; i < 8; ++i) EXPECT_EQ(known("customer" + std::to_string(i), "right"), "granted to c");
}

TEST_F(CredentialCacheTest, RefusalsExpireSoon) {
  put("tim", "wrong", Answer::wrong());
  put("tim", "right", Answer::suspended("unpaid"));
  EXPECT_EQ(known("tim", "right"), "suspended: unpaid");
  now_ += seconds(10) - milliseconds(1);
  EXPECT_EQ(known("tim", "wrong"), "wrong");
  now_ += milliseconds(1);
  EXPECT_EQ(known("tim", "wrong"), "nothing");
  EXPECT_EQ(known("tim", "right"), "nothing");
}

TEST_F(CredentialCacheTest, NeverKeepsUnavailable) {
  EXPECT_FALSE(put("tim", "right", Answer::unavailable("time-out")));
  EXPECT_EQ(known("tim", "right"), "nothing");
  put("tim", "right", granted("tim"));
  EXPECT_FALSE(put("tim", "right", Answer::unavailable("time-out")));
  EXPECT_EQ(known("tim", "right"), "granted to tim");
}

TEST_F(CredentialCacheTest, KeepsNoAnswerForLongerThanItIsValid) {
  Answer answer = granted("tim");
  answer.valid_until = now_ + seconds(30);
  EXPECT_TRUE(put("tim", "token", answer));
  now_ += seconds(29);
  EXPECT_EQ(known("tim", "token"), "granted to tim");
  now_ += seconds(1);
  EXPECT_EQ(known("tim", "token"), "nothing");
  EXPECT_FALSE(put("tim", "token", answer));
  answer.valid_until = now_ + std::chrono::hours(24);
  EXPECT_TRUE(put("tim", "token", answer));
  now_ += minutes(5);
  EXPECT_EQ(known("tim", "token"), "nothing");
}

// What was granted for one is not granted for the other.
TEST_F(CredentialCacheTest, ATokenIsNoPassword) {
  const Secret text = secret_of("abc");
  EXPECT_FALSE(cache_.key_of(name_of("tim"), text, {}, true) == cache_.key_of(name_of("tim"), text));
  EXPECT_TRUE(cache_.key_of(name_of("tim"), text, {}, true) == cache_.key_of(name_of("tim"), text, {}, true));
  const auto longest = Secret::make_token(std::string(kTokenBytesMax, 't'));
  const auto other = Secret::make_token(std::string(kTokenBytesMax - 1, 't') + "u");
  EXPECT_FALSE(cache_.key_of(name_of("tim"), *longest, {}, true) == cache_.key_of(name_of("tim"), *other, {}, true));
}

TEST_F(CredentialCacheTest, TheNewerAnswerIsTheOnlyOne) {
  put("tim", "secret", Answer::wrong());
  put("tim", "secret", granted("tim"));
  EXPECT_EQ(known("tim", "secret"), "granted to tim");
  put("tim", "secret", Answer::wrong());
  EXPECT_EQ(known("tim", "secret"), "wrong");
  EXPECT_EQ(cache_.size(), 1U);
}

TEST_F(CredentialCacheTest, IsBounded) {
  EXPECT_EQ(cache_.capacity(), 80U);
  for (int i = 0; i < 10'000; ++i) {
    put("user" + std::to_string(i), "right", granted("u"));
    put("user" + std::to_string(i), "wrong", Answer::wrong());
    ASSERT_LE(cache_.size(), cache_.capacity());
  }
  EXPECT_GE(cache_.size(), 64U);
}

TEST_F(CredentialCacheTest, DropsTheLongestUnusedFirst) {
  CredentialCache small(process_key(), {.granted_max = 8, .refused_max = 8});
  const auto key_of = [&](int i) { return small.key_of(name_of("user" + std::to_string(i)), secret_of("s")); };
  for (int i = 0; i < 8; ++i) small.put(small.ticket(), key_of(i), granted("u"), now_);
  for (int i = 8; i < 100; ++i) {
    // User 0 goes on sending.
    ASSERT_TRUE(small.find(key_of(0), now_)) << i;
    small.put(small.ticket(), key_of(i), granted("u"), now_);
    EXPECT_TRUE(small.find(key_of(i), now_));
  }
  EXPECT_FALSE(small.find(key_of(1), now_));
}

TEST_F(CredentialCacheTest, DropsTheExpiredBeforeTheUsed) {
  CredentialCache small(process_key(), {.granted_max = 8, .refused_max = 8});
  const auto key_of = [&](int i) { return small.key_of(name_of("user" + std::to_string(i)), secret_of("s")); };
  small.put(small.ticket(), key_of(0), granted("u"), now_);
  now_ += minutes(4);
  for (int i = 1; i < 8; ++i) small.put(small.ticket(), key_of(i), granted("u"), now_);
  EXPECT_TRUE(small.find(key_of(0), now_));  // the latest used, and the first to expire
  now_ += minutes(1);
  small.put(small.ticket(), key_of(8), granted("u"), now_);
  for (int i = 1; i <= 8; ++i) EXPECT_TRUE(small.find(key_of(i), now_)) << i;
}

TEST_F(CredentialCacheTest, ForgetsAnAccountWithAllItsSecretsInAnyCase) {
  put("Tim@Example.com", "right", granted("tim@example.com"));
  put("tim@example.com", "wrong", Answer::wrong());
  put("kurt@example.com", "right", granted("kurt@example.com"));
  cache_.forget("TIM@example.COM");
  EXPECT_EQ(known("Tim@Example.com", "right"), "nothing");
  EXPECT_EQ(known("tim@example.com", "wrong"), "nothing");
  EXPECT_EQ(known("kurt@example.com", "right"), "granted to kurt@example.com");
}

TEST_F(CredentialCacheTest, ForgetsAnAccountThatLoggedInUnderAnotherName) {
  put("tim", "right", granted("tim@example.com"));
  cache_.forget("tim@example.com");
  EXPECT_EQ(known("tim", "right"), "nothing");
}

TEST_F(CredentialCacheTest, ForgetsACustomer) {
  put("a", "right", granted("a", 5));
  put("b", "right", granted("b", 6));
  Answer suspended = granted("c", 5);
  suspended.kind = AnswerKind::suspended;
  put("c", "right", suspended);
  cache_.forget_customer(5);
  EXPECT_EQ(known("a", "right"), "nothing");
  EXPECT_EQ(known("b", "right"), "granted to b");
  EXPECT_EQ(known("c", "right"), "nothing");
}

TEST_F(CredentialCacheTest, ForgetsAll) {
  put("a", "right", granted("a"));
  put("a", "wrong", Answer::wrong());
  cache_.forget_all();
  EXPECT_EQ(cache_.size(), 0U);
}

TEST_F(CredentialCacheTest, DropsAnAnswerFromBeforeAChange) {
  // The check began, the password was changed and forgotten, and then the old answer came in.
  for (const auto& change :
       {+[](CredentialCache& cache) { cache.forget("tim"); }, +[](CredentialCache& cache) { cache.forget_customer(1); },
        +[](CredentialCache& cache) { cache.forget_all(); }}) {
    const CredentialCache::Ticket ticket = cache_.ticket();
    change(cache_);
    EXPECT_FALSE(cache_.put(ticket, key("tim", "old"), granted("tim"), now_));
    EXPECT_EQ(known("tim", "old"), "nothing");
  }
}

TEST_F(CredentialCacheTest, WithoutAGraceTimeWhatExpiredIsGone) {
  EXPECT_TRUE(put("tim", "right", granted("tim")));
  EXPECT_TRUE(cache_.find_in_grace(key("tim", "right"), 0, now_));
  now_ += minutes(5);
  EXPECT_FALSE(cache_.find_in_grace(key("tim", "right"), 0, now_));
}

class GraceTest : public CredentialCacheTest {
 protected:
  GraceTest() { limits_.grace = minutes(60); }
  bool grants(std::string_view name, std::string_view secret, std::uint16_t backend = 2) {
    const auto answer = late_.find_in_grace(key(name, secret), backend, now_);
    EXPECT_TRUE(!answer || (answer->grace && answer->identity != nullptr));
    return answer.has_value();
  }
  bool put_by(std::uint16_t backend, std::string_view name, std::string_view secret, Answer answer) {
    answer.backend = backend;
    return late_.put(late_.ticket(), key(name, secret), answer, now_);
  }
  CredentialCache late_{process_key(), {.granted_max = 64, .refused_max = 16, .grace = minutes(60)}};
};

TEST_F(GraceTest, AStaleAnswerIsNoneUntilItsBackEndIsUnavailableAndNeverPastTheTime) {
  EXPECT_TRUE(put_by(2, "tim", "right", granted("tim")));
  now_ += minutes(5);
  EXPECT_FALSE(late_.find(key("tim", "right"), now_));
  EXPECT_TRUE(grants("tim", "right"));
  EXPECT_FALSE(grants("tim", "wrong"));
  EXPECT_FALSE(grants("ann", "right"));
  now_ += minutes(55) - milliseconds(1);
  EXPECT_TRUE(grants("tim", "right"));
  now_ += milliseconds(1);
  EXPECT_FALSE(grants("tim", "right"));
  EXPECT_FALSE(late_.find(key("tim", "right"), now_));
  EXPECT_EQ(late_.size(), 0U);
}

// One that was asked before the one that is unavailable has said that it does not know the name any more.
TEST_F(GraceTest, ABackEndThatWasAskedAndDidNotGrantEndsIt) {
  EXPECT_TRUE(put_by(2, "tim", "right", granted("tim")));
  now_ += minutes(6);
  EXPECT_FALSE(grants("tim", "right", 3));
  EXPECT_TRUE(grants("tim", "right", 1));
}

TEST_F(GraceTest, ARefusalEndsItAtOnceAndAlsoWhereItComesFromBeforeAChange) {
  for (const Answer& refusal : {Answer::wrong(), Answer::suspended("unpaid")}) {
    EXPECT_TRUE(put_by(2, "tim", "right", granted("tim")));
    EXPECT_TRUE(put_by(2, "tim", "right", refusal));
    EXPECT_FALSE(grants("tim", "right"));
    EXPECT_TRUE(put_by(2, "tim", "right", granted("tim")));
    const CredentialCache::Ticket before = late_.ticket();
    late_.forget("other");
    EXPECT_FALSE(late_.put(before, key("tim", "right"), refusal, now_));
    EXPECT_FALSE(grants("tim", "right"));
  }
}

TEST_F(GraceTest, ARefusalOnOneCoreEndsItOnAllCores) {
  const auto refused = std::make_shared<RefusedLogins>();
  limits_.refused = refused;
  CredentialCache one(process_key(), limits_);
  CredentialCache other(process_key(), limits_);
  const CredentialKey tim = key("tim", "right");
  EXPECT_TRUE(one.put(one.ticket(), tim, granted("tim"), now_));
  EXPECT_TRUE(other.put(other.ticket(), tim, granted("tim"), now_));
  now_ += minutes(6);
  EXPECT_TRUE(other.find_in_grace(tim, 0, now_));
  EXPECT_TRUE(one.put(one.ticket(), tim, Answer::wrong(), now_));
  EXPECT_FALSE(other.find_in_grace(tim, 0, now_));
  // A later check grants it anew.
  now_ += minutes(1);
  EXPECT_TRUE(other.put(other.ticket(), tim, granted("tim"), now_));
  now_ += minutes(6);
  EXPECT_TRUE(other.find_in_grace(tim, 0, now_));
}

TEST_F(GraceTest, WhatIsForgottenIsForgotten) {
  EXPECT_TRUE(put_by(2, "tim", "right", granted("tim")));
  now_ += minutes(6);
  late_.forget("Tim");
  EXPECT_FALSE(grants("tim", "right"));
}

TEST_F(CredentialCacheTest, ALoginOfOneChoiceOfBackEndsIsNoneOfAnother) {
  const std::array<std::uint8_t, 2> order{0, 1};
  const std::array<std::uint8_t, 2> other{1, 0};
  const auto key_for = [&](std::span<const std::uint8_t> backends) {
    return cache_.key_of(name_of("tim"), secret_of("right"), backends);
  };
  EXPECT_NE(key_for(order).pair, key("tim", "right").pair);
  EXPECT_NE(key_for(order).pair, key_for(other).pair);
  // A change of the account is one for all of them.
  EXPECT_EQ(key_for(order).account, key("tim", "right").account);
  EXPECT_TRUE(cache_.put(cache_.ticket(), key_for(order), granted("tim"), now_));
  EXPECT_EQ(known("tim", "right"), "nothing");
  EXPECT_TRUE(cache_.find(key_for(order), now_));
  cache_.forget("tim");
  EXPECT_FALSE(cache_.find(key_for(order), now_));
}

TEST_F(CredentialCacheTest, NameAndSecretDoNotRunIntoEachOther) {
  put("ab", "c", granted("ab"));
  EXPECT_EQ(known("a", "bc"), "nothing");
  EXPECT_EQ(known("abc", "c"), "nothing");
  EXPECT_EQ(known("ab", "C"), "nothing");
  EXPECT_NE(key("ab", "c").pair, key("a", "bc").pair);
}

TEST_F(CredentialCacheTest, KeysMeanNothingInAnotherProcess) {
  const CredentialCache other(process_key(8), limits_);
  EXPECT_NE(key("tim", "secret").pair, other.key_of(name_of("tim"), secret_of("secret")).pair);
  EXPECT_NE(key("tim", "secret").account, other.key_of(name_of("tim"), secret_of("secret")).account);
}

TEST_F(CredentialCacheTest, HoldsNoSecret) {
  // Entries are as large as they are whatever the secret, and a key has none of its bytes.
  const std::string secret(1024, 'S');
  const CredentialKey made = key("tim", secret);
  std::array<unsigned char, sizeof(made)> bytes{};
  std::memcpy(bytes.data(), &made, sizeof(made));
  EXPECT_LT(std::ranges::count(bytes, 'S'), 4);
}

}  // namespace
}  // namespace sluice::auth
