// Keys are read once, again after a while, and only those that are wanted are used.
#include "engine/signing/key_cache.h"

#include <gtest/gtest.h>

#include "tests/support/held_keys.h"

namespace sluice::signing {
namespace {

using dkim::Algorithm;

KeyOwner author(std::string_view domain) { return {.kind = KeyOwner::Kind::author, .name = std::string(domain)}; }
KeyOwner domain(std::string_view name) { return {.kind = KeyOwner::Kind::domain, .name = std::string(name)}; }
KeyOwner customer(std::string_view name) { return {.kind = KeyOwner::Kind::customer, .name = std::string(name)}; }

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
  const SharedDomainKeys found = keys.find(author("example.com"), now_);
  EXPECT_EQ(found->error, "");
  ASSERT_EQ(found->keys.size(), 2U);
  EXPECT_EQ(found->keys[0].key->algorithm(), Algorithm::rsa_sha256);
  EXPECT_EQ(found->keys[0].signatory.tags(false).selector, "one");
  EXPECT_EQ(found->keys[1].signatory.tags(false).selector, "two");
}

TEST_F(KeyCacheTest, AnAlgorithmThatIsNotWantedIsNotUsed) {
  KeyCache keys = {source_, SigningRules{.rsa = false}, 10};
  EXPECT_EQ(keys.find(author("example.com"), now_)->keys.size(), 1U);
  EXPECT_TRUE(keys.find(author("rsa.example"), now_)->keys.empty());
}

TEST_F(KeyCacheTest, AMinuteLaterKeysAreReadAgain) {
  KeyCache keys = {source_, SigningRules(), 10};
  const SharedDomainKeys first = keys.find(author("example.com"), now_);
  EXPECT_EQ(keys.find(author("example.com"), now_ + KeyCache::kTtl - Duration(1)), first);
  EXPECT_EQ(source_->asked, 1);
  source_->held.clear();
  EXPECT_TRUE(keys.find(author("example.com"), now_ + KeyCache::kTtl)->keys.empty());
}

TEST_F(KeyCacheTest, WhatIsMissingOrFaultyIsLookedForSooner) {
  KeyCache keys = {source_, SigningRules(), 10};
  EXPECT_TRUE(keys.find(author("new.example"), now_)->keys.empty());
  source_->held["new.example"] = {{"one", testing::rsa_der()}};
  EXPECT_TRUE(keys.find(author("new.example"), now_)->keys.empty());
  EXPECT_EQ(keys.find(author("new.example"), now_ + KeyCache::kTtlWithout)->keys.size(), 1U);
  source_->fault = "the disk is gone";
  EXPECT_EQ(keys.find(author("other.example"), now_)->error, "the disk is gone");
}

TEST_F(KeyCacheTest, OneKeyThatIsNoneIsAnErrorThatNamesItAndShowsNothingOfIt) {
  source_->held["example.com"].emplace_back("bad", "secret bytes");
  KeyCache keys = {source_, SigningRules(), 10};
  const SharedDomainKeys found = keys.find(author("example.com"), now_);
  EXPECT_TRUE(found->keys.empty());
  EXPECT_NE(found->error.find("the key bad of example.com"), std::string::npos) << found->error;
  EXPECT_EQ(found->error.find("secret"), std::string::npos) << found->error;
}

TEST_F(KeyCacheTest, TheDomainThatWasLongestUnusedGoes) {
  KeyCache keys = {source_, SigningRules(), 2};
  for (const char* domain : {"example.com", "rsa.example", "example.com", "third.example"})
    static_cast<void>(keys.find(author(domain), now_));
  EXPECT_EQ(source_->asked, 3);
  static_cast<void>(keys.find(author("example.com"), now_));
  EXPECT_EQ(source_->asked, 3);
  static_cast<void>(keys.find(author("rsa.example"), now_));
  EXPECT_EQ(source_->asked, 4);
}

TEST_F(KeyCacheTest, WhatIsNoNameOfADomainIsAskedOfNobody) {
  KeyCache keys = {source_, SigningRules(), 10};
  for (const char* domain : {"", "../etc", "a/b", "..", ".hidden", "a..b", "[192.0.2.1]", "Upper.example"}) {
    const SharedDomainKeys found = keys.find(author(domain), now_);
    EXPECT_TRUE(found->keys.empty() && found->error.empty()) << domain;
  }
  EXPECT_EQ(source_->asked, 0);
}

TEST_F(KeyCacheTest, OfTheDomainsAboveTheNearestThatHasKeysSigns) {
  source_->parents["a.b.example.com"] = {"b.example.com", "example.com", "rsa.example"};
  KeyCache keys = {source_, SigningRules(), 10};
  const SharedDomainKeys found = keys.find(author("a.b.example.com"), now_);
  EXPECT_EQ(found->domain, "example.com");
  EXPECT_EQ(found->keys.size(), 2U);
  EXPECT_EQ(keys.find(domain("example.com"), now_), found) << "held twice";
  // Of exactly that domain there are none.
  EXPECT_TRUE(keys.find(domain("a.b.example.com"), now_)->nothing());
  EXPECT_TRUE(keys.find(author("b.example.com"), now_)->nothing());
  EXPECT_EQ(keys.find(domain("example.com"), now_)->keys.size(), 2U);
  // Its own go before those above.
  source_->held["a.b.example.com"] = {{"own", testing::rsa_der()}};
  EXPECT_EQ(keys.find(author("a.b.example.com"), now_ + KeyCache::kTtl)->domain, "a.b.example.com");
}

TEST_F(KeyCacheTest, NoOtherDomainStandsInForKeysThatAreKeptBack) {
  source_->parents["a.b.example.com"] = {"b.example.com", "example.com"};
  source_->kept_back = "it is failing";
  source_->kept_back_of = "a.b.example.com";
  EXPECT_EQ(KeyCache(source_, SigningRules(), 10).find(author("a.b.example.com"), now_)->kept_back, "it is failing");
  source_->kept_back_of = "b.example.com";
  const SharedDomainKeys found = KeyCache(source_, SigningRules(), 10).find(author("a.b.example.com"), now_);
  EXPECT_TRUE(found->keys.empty());
  EXPECT_EQ(found->kept_back, "b.example.com, which signs in its place: it is failing");
}

TEST_F(KeyCacheTest, ACustomersChoiceIsKeptAsDomainsAre) {
  source_->choices["Acme"] = "rsa.example";
  source_->choices["example.com"] = "rsa.example";
  source_->choices["Below"] = "www.example.com";
  source_->parents["www.example.com"] = {"example.com"};
  KeyCache keys = {source_, SigningRules(), 10};
  EXPECT_EQ(keys.find(customer("Acme"), now_)->domain, "rsa.example");
  // A customer's name is no domain's.
  EXPECT_EQ(keys.find(author("example.com"), now_)->domain, "example.com");
  EXPECT_EQ(keys.find(customer("example.com"), now_)->domain, "rsa.example");
  EXPECT_TRUE(keys.find(customer("Other"), now_)->nothing());
  EXPECT_TRUE(keys.find(customer("Below"), now_)->nothing());
  source_->choices["Acme"] = "example.com";
  EXPECT_EQ(keys.find(customer("Acme"), now_ + KeyCache::kTtl - Duration(1))->domain, "rsa.example");
  EXPECT_EQ(keys.find(customer("Acme"), now_ + KeyCache::kTtl)->domain, "example.com");
  source_->choice_fault = "no answer";
  EXPECT_EQ(keys.find(customer("Third"), now_)->error, "no answer");
  source_->choice_fault.clear();
  source_->choices["Fourth"] = "failing.example";
  source_->kept_back = "it is failing";
  EXPECT_EQ(keys.find(customer("Fourth"), now_)->kept_back, "failing.example, which signs in its place: it is failing");
}

}  // namespace
}  // namespace sluice::signing
