// Keys are read once, again after a while, and only those that are wanted are used.
#include "engine/signing/key_cache.h"

#include <gtest/gtest.h>

#include "tests/support/held_keys.h"

namespace sluice::signing {
namespace {

using dkim::Algorithm;

class KeyCacheTest : public ::testing::Test {
 protected:
  KeyCacheTest() {
    source_->held["example.com"] = {
        {"two", testing::ed25519_der()}, {"one", testing::rsa_der()}, {"zero", testing::ed25519_der()}};
    source_->held["rsa.example"] = {{"one", testing::rsa_der()}};
  }

  std::shared_ptr<testing::HeldKeys> source_ = std::make_shared<testing::HeldKeys>();
  Instant now_{};
};

TEST_F(KeyCacheTest, OfEachAlgorithmTheFirstSelectorIsUsedAndRsaIsFirst) {
  KeyCache keys = {source_, SigningRules(), 10};
  const SharedDomainKeys found = keys.find("example.com", now_);
  EXPECT_EQ(found->error, "");
  ASSERT_EQ(found->keys.size(), 2U);
  EXPECT_EQ(found->keys[0].key->algorithm(), Algorithm::rsa_sha256);
  EXPECT_EQ(found->keys[0].signatory.tags(false).selector, "one");
  EXPECT_EQ(found->keys[1].signatory.tags(false).selector, "two");
}

TEST_F(KeyCacheTest, AnAlgorithmThatIsNotWantedIsNotUsed) {
  KeyCache keys = {source_, SigningRules{.rsa = false}, 10};
  EXPECT_EQ(keys.find("example.com", now_)->keys.size(), 1U);
  EXPECT_TRUE(keys.find("rsa.example", now_)->keys.empty());
}

TEST_F(KeyCacheTest, AMinuteLaterKeysAreReadAgain) {
  KeyCache keys = {source_, SigningRules(), 10};
  const SharedDomainKeys first = keys.find("example.com", now_);
  EXPECT_EQ(keys.find("example.com", now_ + KeyCache::kTtl - Duration(1)), first);
  EXPECT_EQ(source_->asked, 1);
  source_->held.clear();
  EXPECT_TRUE(keys.find("example.com", now_ + KeyCache::kTtl)->keys.empty());
}

TEST_F(KeyCacheTest, WhatIsMissingOrFaultyIsLookedForSooner) {
  KeyCache keys = {source_, SigningRules(), 10};
  EXPECT_TRUE(keys.find("new.example", now_)->keys.empty());
  source_->held["new.example"] = {{"one", testing::rsa_der()}};
  EXPECT_TRUE(keys.find("new.example", now_)->keys.empty());
  EXPECT_EQ(keys.find("new.example", now_ + KeyCache::kTtlWithout)->keys.size(), 1U);
  source_->fault = "the disk is gone";
  EXPECT_EQ(keys.find("other.example", now_)->error, "the disk is gone");
}

TEST_F(KeyCacheTest, OneKeyThatIsNoneIsAnErrorThatNamesItAndShowsNothingOfIt) {
  source_->held["example.com"].emplace_back("bad", "secret bytes");
  KeyCache keys = {source_, SigningRules(), 10};
  const SharedDomainKeys found = keys.find("example.com", now_);
  EXPECT_TRUE(found->keys.empty());
  EXPECT_NE(found->error.find("the key bad of example.com"), std::string::npos) << found->error;
  EXPECT_EQ(found->error.find("secret"), std::string::npos) << found->error;
}

TEST_F(KeyCacheTest, TheDomainThatWasLongestUnusedGoes) {
  KeyCache keys = {source_, SigningRules(), 2};
  for (const char* domain : {"example.com", "rsa.example", "example.com", "third.example"})
    static_cast<void>(keys.find(domain, now_));
  EXPECT_EQ(source_->asked, 3);
  static_cast<void>(keys.find("example.com", now_));
  EXPECT_EQ(source_->asked, 3);
  static_cast<void>(keys.find("rsa.example", now_));
  EXPECT_EQ(source_->asked, 4);
}

TEST_F(KeyCacheTest, WhatIsNoNameOfADomainIsAskedOfNobody) {
  KeyCache keys = {source_, SigningRules(), 10};
  for (const char* domain : {"", "../etc", "a/b", "..", ".hidden", "a..b", "[192.0.2.1]", "Upper.example"}) {
    const SharedDomainKeys found = keys.find(domain, now_);
    EXPECT_TRUE(found->keys.empty() && found->error.empty()) << domain;
  }
  EXPECT_EQ(source_->asked, 0);
}

}  // namespace
}  // namespace sluice::signing
