// Signing keys in the store: made, changed, in use, sealed anew, copied; and the serial of their zone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "auth/store/domain_state_admin.h"
#include "auth/store/signing_key_admin.h"
#include "auth/store/signing_keys_in_use.h"
#include "auth/store/store_copy.h"
#include "tests/unit/auth_backend/store_fixture.h"

namespace sluice::auth {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

NewSigningKey new_key(const std::string& selector, KeyState state, WallMillis since = kTestNow) {
  return {.record = {.selector = selector,
                     .algorithm = "rsa-sha256",
                     .state = state,
                     .since = since,
                     .created = kTestNow,
                     .public_key = "public" + selector},
          .private_key = {.text = *Secret::make_token("private" + selector), .sealed = true}};
}

class SigningKeyTest : public StoreTest {
 protected:
  void SetUp() override {
    admin_ = open_admin();
    fill(*admin_);
    keys_ = SigningKeyAdmin::open(address()).value();
  }

  StoreResult<> add(const std::string& selector, KeyState state, WallMillis since = kTestNow) {
    return keys_->change("example.com", [&](auto) -> StoreResult<KeyChanges> {
      KeyChanges changes;
      changes.keys.push_back(new_key(selector, state, since));
      return changes;
    });
  }
  StoreResult<> set(const std::string& selector, KeyState state, WallMillis since) {
    return keys_->change("example.com", [&](auto) -> StoreResult<KeyChanges> {
      return KeyChanges{.states = {{.selector = selector, .state = state, .since = since}}};
    });
  }
  // "selector state", of each.
  std::vector<std::string> states() {
    std::vector<std::string> all;
    for (const SigningKeyRecord& key : keys_->keys_of("Example.COM").value())
      all.push_back(key.selector + " " + std::string(key_state_name(key.state)));
    return all;
  }
  std::vector<std::string> in_use(WallMillis now, std::string_view domain = "example.com",
                                  WhileFailing failing = WhileFailing::sign) {
    std::vector<std::string> all;
    const auto source = std::make_unique<SigningKeysInUse>(address(), failing);
    for (const KeyInUse& key : source->find(domain, now).value())
      all.push_back(key.selector + " " + std::string(key.private_key.text.reveal()));
    return all;
  }
  std::uint32_t publish(WallMillis now, WallMillis revoked_before = 0) {
    std::string zone;
    return keys_
        ->publish({.now = now,
                   .revoked_before = revoked_before,
                   .on_key = [&zone](const SigningKeyRecord& key) { zone += key.selector; },
                   .digest = [&zone] { return zone; }})
        .value();
  }

  std::unique_ptr<AccountAdmin> admin_;
  std::unique_ptr<SigningKeyAdmin> keys_;
};

TEST_F(SigningKeyTest, AreListedWithWhatIsToldOfThem) {
  expect_ok(add("b", KeyState::published));
  expect_ok(add("a", KeyState::active));
  const auto keys = keys_->keys_of("example.com").value();
  EXPECT_THAT(states(), ElementsAre("a active", "b published"));
  EXPECT_EQ(keys[0].domain, "example.com");
  EXPECT_EQ(keys[0].algorithm, "rsa-sha256");
  EXPECT_EQ(keys[0].public_key, "publica");
  EXPECT_EQ(keys[0].since, kTestNow);
  EXPECT_EQ(keys[0].created, kTestNow);
}

TEST_F(SigningKeyTest, OfADomainThatIsNotThereAreNotFound) {
  expect_error(keys_->keys_of("other.example"), StoreError::Kind::not_found, "there is no domain \"other.example\"");
  expect_error(keys_->change("other.example", [](auto) -> StoreResult<KeyChanges> { return KeyChanges{}; }),
               StoreError::Kind::not_found, "there is no domain");
}

TEST_F(SigningKeyTest, GoWithTheirDomain) {
  expect_ok(add("a", KeyState::active));
  expect_ok(admin_->remove_domain("example.com"));
  EXPECT_THAT(in_use(kTestNow), IsEmpty());
  expect_ok(admin_->add_domain("example.com", "Acme", kTestNow));
  EXPECT_THAT(states(), IsEmpty());
}

TEST_F(SigningKeyTest, OneThatIsInUseIsNotReplacedAndARevokedOneIs) {
  expect_ok(add("a", KeyState::active));
  expect_error(add("a", KeyState::published), StoreError::Kind::exists, "");
  EXPECT_THAT(in_use(kTestNow), ElementsAre("a privatea"));
  expect_ok(set("a", KeyState::revoked, kTestNow));
  expect_ok(add("a", KeyState::published));
  EXPECT_THAT(states(), ElementsAre("a published"));
}

TEST_F(SigningKeyTest, AnErrorOfTheDecisionChangesNothing) {
  expect_ok(add("a", KeyState::active));
  expect_error(
      keys_->change("example.com",
                    [](auto) -> StoreResult<KeyChanges> { return store_error(StoreError::Kind::refused, "not yet"); }),
      StoreError::Kind::refused, "not yet");
  EXPECT_THAT(states(), ElementsAre("a active"));
}

TEST_F(SigningKeyTest, KeysThatGoWithTheirDomainOrCustomerOrAreRevokedCount) {
  expect_ok(add("a", KeyState::active));
  expect_ok(set("a", KeyState::retired, kTestNow));
  const auto before = keys_->changes().value();
  expect_ok(keys_->revoke_retired(kTestNow + 1, kTestNow - 1));
  EXPECT_EQ(keys_->changes().value(), before);
  expect_ok(keys_->revoke_retired(kTestNow + 1, kTestNow));
  std::vector<std::string> seen;
  expect_ok(keys_->each_key([&seen](const SigningKeyRecord& key) {
    seen.push_back(key.domain + " " + key.selector + " " + std::string(key_state_name(key.state)));
  }));
  EXPECT_THAT(seen, ElementsAre("example.com a revoked"));
  EXPECT_EQ(keys_->changes().value(), before + 1);
  expect_ok(admin_->remove_domain("example.com"));
  EXPECT_EQ(keys_->changes().value(), before + 2);
  expect_ok(admin_->add_domain("example.com", "Acme", kTestNow));
  expect_ok(admin_->remove_customer("Acme", true));
  EXPECT_EQ(keys_->changes().value(), before + 3);
}

TEST_F(SigningKeyTest, EachChangeIsCounted) {
  EXPECT_EQ(keys_->changes().value(), 0);
  expect_ok(add("a", KeyState::active));
  expect_ok(set("a", KeyState::retired, kTestNow));
  EXPECT_EQ(keys_->changes().value(), 2);
  EXPECT_FALSE(keys_->change("other.example", [](auto) -> StoreResult<KeyChanges> { return KeyChanges{}; }));
  EXPECT_EQ(keys_->changes().value(), 2);
}

TEST_F(SigningKeyTest, ThoseOfADomainThatIsFailingSignWhereThatIsWanted) {
  expect_ok(add("a", KeyState::active));
  const auto states = DomainStateAdmin::open(address()).value();
  auto state = states->state("example.com").value();
  state.failing_since = kTestNow;
  expect_ok(states->save(state));
  EXPECT_THAT(in_use(kTestNow), ElementsAre("a privatea"));
  EXPECT_THAT(in_use(kTestNow, "example.com", WhileFailing::keep_back), IsEmpty());
  state.failing_since = 0;
  expect_ok(states->save(state));
  EXPECT_THAT(in_use(kTestNow, "example.com", WhileFailing::keep_back), ElementsAre("a privatea"));
}

TEST_F(SigningKeyTest, OneThatDoesNotFitItsRecordIsKeptBackByItself) {
  expect_ok(add("a", KeyState::active));
  expect_ok(add("b", KeyState::active));
  const auto changes = keys_->changes().value();
  const auto save = [this](const KeyFit& fit) {
    return keys_->save_fit(keys_->keys_of("example.com").value()[0], fit).value();
  };
  // Wrong once, it signs still.
  EXPECT_TRUE(save({.wrong_since = kTestNow}));
  EXPECT_THAT(in_use(kTestNow), ElementsAre("a privatea", "b privateb"));
  EXPECT_TRUE(save({.wrong_since = kTestNow, .kept_back = true}));
  EXPECT_EQ(keys_->keys_of("example.com").value()[0].fit, (KeyFit{.wrong_since = kTestNow, .kept_back = true}));
  EXPECT_THAT(in_use(kTestNow), ElementsAre("b privateb"));
  EXPECT_THAT(in_use(kTestNow, "example.com", WhileFailing::keep_back), ElementsAre("b privateb"));
  EXPECT_THAT(in_use(kTestNow, "example.com", WhileFailing::all_sign), ElementsAre("a privatea", "b privateb"));
  const auto states = DomainStateAdmin::open(address()).value();
  EXPECT_EQ(states->counts().value().unfit_keys, 1U);
  EXPECT_TRUE(save({}));
  EXPECT_THAT(in_use(kTestNow), ElementsAre("a privatea", "b privateb"));
  EXPECT_EQ(states->counts().value().unfit_keys, 0U);
  EXPECT_EQ(keys_->changes().value(), changes);
}

TEST_F(SigningKeyTest, AnotherKeyOfItsSelectorDoesNotGetWhatWasFoundOfIt) {
  expect_ok(add("a", KeyState::active));
  const SigningKeyRecord before = keys_->keys_of("example.com").value()[0];
  expect_ok(set("a", KeyState::revoked, kTestNow));
  EXPECT_FALSE(keys_->save_fit(before, {.wrong_since = kTestNow, .kept_back = true}).value());
  expect_ok(keys_->change("example.com", [](auto) -> StoreResult<KeyChanges> {
    KeyChanges changes;
    changes.keys.push_back(new_key("a", KeyState::active));
    changes.keys.back().record.public_key = "another";
    return changes;
  }));
  EXPECT_FALSE(keys_->save_fit(before, {.wrong_since = kTestNow, .kept_back = true}).value());
  const SigningKeyRecord after = keys_->keys_of("example.com").value()[0];
  EXPECT_TRUE(keys_->save_fit(after, {.wrong_since = kTestNow}).value());
  // Of two checks the first that saves is the one that tells.
  EXPECT_FALSE(keys_->save_fit(after, {.wrong_since = kTestNow}).value());
}

TEST_F(SigningKeyTest, OneSignsUntilTheOtherTakesItsPlace) {
  expect_ok(add("old", KeyState::retired, kTestNow + 10));
  expect_ok(add("new", KeyState::active, kTestNow + 10));
  expect_ok(add("next", KeyState::published, kTestNow));
  EXPECT_THAT(in_use(kTestNow + 9), ElementsAre("old privateold"));
  EXPECT_THAT(in_use(kTestNow + 10), ElementsAre("new privatenew"));
  EXPECT_THAT(in_use(kTestNow + 10, "sub.example.com"), IsEmpty());
}

TEST_F(SigningKeyTest, WhatIsRetiredForLongIsRevokedAndItsPrivateHalfGoes) {
  expect_ok(add("old", KeyState::retired, kTestNow));
  expect_ok(add("young", KeyState::retired, kTestNow + 1));
  publish(kTestNow + 100, kTestNow);
  EXPECT_THAT(states(), ElementsAre("old revoked", "young retired"));
  EXPECT_EQ(keys_->keys_of("example.com").value()[0].since, kTestNow + 100);
  const auto left = open_database()->number("SELECT count(*) FROM signing_key WHERE private_key <> ''");
  EXPECT_EQ(left.value(), 1);
}

TEST_F(SigningKeyTest, TheSerialRisesWithEachChangeAndElseStays) {
  constexpr std::uint32_t kTestSeconds = kTestNow / 1000;
  expect_ok(add("a", KeyState::active));
  EXPECT_EQ(publish(kTestNow), kTestSeconds);
  EXPECT_EQ(publish(kTestNow + 50'000), kTestSeconds);
  expect_ok(add("b", KeyState::published));
  // In the same second, and where the clock was set back.
  EXPECT_EQ(publish(kTestNow), kTestSeconds + 1);
  expect_ok(add("c", KeyState::published));
  EXPECT_EQ(publish(kTestNow - 90'000), kTestSeconds + 2);
  expect_ok(add("d", KeyState::published));
  EXPECT_EQ(publish(kTestNow + 50'000), kTestSeconds + 50);
}

TEST_F(SigningKeyTest, AreSealedAnewAllOrNone) {
  expect_ok(add("a", KeyState::active));
  expect_ok(add("b", KeyState::published));
  expect_ok(add("c", KeyState::published));
  expect_ok(set("c", KeyState::revoked, kTestNow));
  const auto seal = [](const std::string& refused) {
    return [refused](const SigningKeyRecord& record, const StoredPrivateKey& key) -> StoreResult<StoredPrivateKey> {
      if (record.selector == refused) return store_error(StoreError::Kind::refused, "another key");
      return StoredPrivateKey{.text = *Secret::make_token("anew" + std::string(key.text.reveal())), .sealed = true};
    };
  };
  expect_error(keys_->reseal(seal("b")), StoreError::Kind::refused, "another key");
  EXPECT_THAT(in_use(kTestNow), ElementsAre("a privatea"));
  EXPECT_EQ(keys_->reseal(seal("none")).value(), 2U);
  EXPECT_THAT(in_use(kTestNow), ElementsAre("a anewprivatea"));
}

TEST_F(SigningKeyTest, AreCopiedWithTheStore) {
  expect_ok(add("a", KeyState::active));
  expect_ok(add("b", KeyState::active));
  const SigningKeyRecord unfit = keys_->keys_of("example.com").value()[1];
  ASSERT_TRUE(keys_->save_fit(unfit, {.wrong_since = kTestNow, .kept_back = true}).value());
  const StoreAddress copy(directory_ + "/copy.db");
  ASSERT_TRUE(copy_store(address(), copy, {}).has_value());
  EXPECT_EQ(SigningKeyAdmin::open(copy).value()->keys_of("example.com").value()[1].fit.wrong_since, kTestNow);
  const auto source = std::make_unique<SigningKeysInUse>(copy, WhileFailing::sign);
  const auto keys = source->find("example.com", kTestNow).value();
  ASSERT_EQ(keys.size(), 1U);
  EXPECT_EQ(keys[0].selector, "a");
  EXPECT_EQ(keys[0].private_key.text.reveal(), "privatea");
  EXPECT_TRUE(keys[0].private_key.sealed);
}

TEST_F(SigningKeyTest, AreFoundWhereTheStoreWasReplaced) {
  if (address().server != nullptr) GTEST_SKIP() << "files alone are replaced";
  const auto source = std::make_unique<SigningKeysInUse>(address(), WhileFailing::sign);
  const StoreAddress copy(directory_ + "/copy.db");
  ASSERT_TRUE(copy_store(address(), copy, {}).has_value());
  expect_ok(add("a", KeyState::active));
  EXPECT_EQ(source->find("example.com", kTestNow).value().size(), 1U);
  std::filesystem::rename(copy.file, address().file);
  EXPECT_EQ(source->find("example.com", kTestNow).value().size(), 0U);
}

TEST_F(SigningKeyTest, ThoseThatAreNotSealedStayInTheFile) {
  if (address().server == nullptr) GTEST_SKIP() << "a file takes them";
  const StoreResult<> added = keys_->change("example.com", [](auto) -> StoreResult<KeyChanges> {
    KeyChanges changes;
    changes.keys.push_back(new_key("a", KeyState::active));
    changes.keys.back().private_key.sealed = false;
    return changes;
  });
  EXPECT_FALSE(added.has_value());
  EXPECT_THAT(states(), IsEmpty());
  const StoreAddress file(directory_ + "/from.db");
  {
    const auto admin = AccountAdmin::open(file, IfMissing::create, kLeastHashCost).value();
    fill(*admin);
  }
  const auto from = open_sqlite(file.file, 50).value();
  expect_ok(from->run(
      "INSERT INTO signing_key VALUES ('example.com', 'a', 'rsa-sha256', 'active', 0, 0, 'p', 'q', 0, 0, 0)"));
  expect_error(copy_store(file, address(), {.replace = true}), StoreError::Kind::refused, "sluicectl domain rewrap");
}

}  // namespace
}  // namespace sluice::auth
