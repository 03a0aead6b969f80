#include "auth/store/password_hash.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/unit/auth/credentials.h"

namespace sluice::auth {
namespace {

class PasswordHashTest : public ::testing::Test {
 protected:
  std::unique_ptr<PasswordHasher> hasher_ = PasswordHasher::create(kLeastHashCost).value();
};

TEST_F(PasswordHashTest, IsArgon2idAndSaltedEachTime) {
  const std::string first = hasher_->hash(secret_of("right")).value();
  const std::string second = hasher_->hash(secret_of("right")).value();
  EXPECT_TRUE(first.starts_with("$argon2id$v=19$m=8,t=1,p=1$")) << first;
  EXPECT_NE(first, second);
  EXPECT_EQ(hasher_->match(first, secret_of("right")).match, PasswordMatch::right);
  EXPECT_EQ(hasher_->match(second, secret_of("right")).match, PasswordMatch::right);
  EXPECT_EQ(hasher_->match(first, secret_of("Right")).match, PasswordMatch::wrong);
  EXPECT_EQ(hasher_->match(first, secret_of("right ")).match, PasswordMatch::wrong);
}

TEST_F(PasswordHashTest, TheDefaultCostIsWhatItSays) {
  const auto hasher = PasswordHasher::create(kDefaultHashCost).value();
  EXPECT_TRUE(hasher->hash(secret_of("right")).value().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
}

TEST_F(PasswordHashTest, ADamagedHashIsNeverAWrongPassword) {
  const std::string good = hasher_->hash(secret_of("right")).value();
  for (const std::string& bad :
       {std::string(), std::string("right"), good.substr(0, good.size() / 2), "x" + good, std::string("$argon2id$"),
        std::string("$2b$12$abcdefghijklmnopqrstuv"), std::string(5000, '$'), std::string("*")}) {
    EXPECT_EQ(hasher_->match(bad, secret_of("right")).match, PasswordMatch::unknown) << bad;
  }
}

TEST_F(PasswordHashTest, NoMemoryIsNeverAWrongPassword) {
  // Asks for 4 TiB.
  std::string greedy = hasher_->hash(secret_of("right")).value();
  greedy.replace(greedy.find("m=8,"), 4, "m=4294967295,");
  EXPECT_EQ(hasher_->match(greedy, secret_of("right")).match, PasswordMatch::unknown);
}

TEST_F(PasswordHashTest, NoMemoryForANewHashIsAnError) {
  const auto greedy = PasswordHasher::create({.passes = 1, .memory_bytes = std::size_t{1} << 42U});
  EXPECT_FALSE(greedy.has_value());
}

TEST_F(PasswordHashTest, TellsAnotherCost) {
  const std::string cheap = hasher_->hash(secret_of("right")).value();
  EXPECT_FALSE(hasher_->outdated(cheap));
  const auto dearer = PasswordHasher::create({.passes = 2, .memory_bytes = 8192}).value();
  EXPECT_TRUE(dearer->outdated(cheap));
  EXPECT_EQ(dearer->match(cheap, secret_of("right")).match, PasswordMatch::right);
}

TEST_F(PasswordHashTest, ACostBetweenTwoKibibytesIsNotOutdatedForEver) {
  const auto odd = PasswordHasher::create({.passes = 1, .memory_bytes = 8192 + 1000}).value();
  EXPECT_FALSE(odd->outdated(odd->hash(secret_of("right")).value()));
}

TEST_F(PasswordHashTest, CountsWhatItComputes) {
  const std::string hash = hasher_->hash(secret_of("right")).value();
  EXPECT_EQ(hasher_->matches_computed(), 0U);
  static_cast<void>(hasher_->match(hash, secret_of("right")));
  static_cast<void>(hasher_->match(hash, secret_of("wrong")));
  hasher_->match_nothing(secret_of("right"));
  EXPECT_EQ(hasher_->matches_computed(), 3U);
}

}  // namespace
}  // namespace sluice::auth
