// Keys for SCRAM in the store: when they are made, when they go, and what is said of names that have none.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "auth/store/scram_derivation.h"
#include "tests/support/scram_client.h"
#include "tests/unit/auth_backend/store_fixture.h"

namespace sluice::auth {
namespace {

constexpr std::uint32_t kIterations = kScramIterationsMin;

class ScramStore : public StoreTest {
 protected:
  void SetUp() override {
    admin_ = open_admin();
    fill(*admin_);
    store_ = open_store();
    store_->set_scram_iterations(kIterations);
  }
  // A login by PLAIN, as the back end has it.
  AnswerKind log_in(std::string_view secret) {
    const auto password = store_->find(name_of("tim@example.com"));
    EXPECT_TRUE(password.has_value() && password->has_value());
    const auto matched = store_->match(&**password, secret_of(secret));
    if (matched.match != PasswordMatch::right) return AnswerKind::wrong;
    const Answer answer = store_->admit(**password, matched.renewed);
    if (answer.kind == AnswerKind::granted) store_->keep_scram(**password, matched);
    return answer.kind;
  }
  ScramKeys keys_of(std::string_view name) {
    const auto keys = store_->scram_keys(name_of(name));
    EXPECT_TRUE(keys.has_value()) << message_of(keys);
    return *keys;
  }
  // Whether the store's keys are this password's.
  static bool fit(const ScramKeys& keys, std::string_view password) {
    const ScramKeys made = testing::scram_keys_of(password, keys.salt, keys.iterations);
    return keys.account_id != 0 && made.stored_key == keys.stored_key && made.server_key == keys.server_key;
  }
  std::optional<std::uint64_t> without() { return store_->changes_since(0).without_scram; }

  std::unique_ptr<AccountAdmin> admin_;
  std::unique_ptr<EmbeddedStore> store_;
};

TEST_F(ScramStore, APlainLoginMakesTheKeysOnce) {
  EXPECT_EQ(without(), 1U);
  EXPECT_EQ(keys_of("tim@example.com").account_id, 0);
  EXPECT_EQ(log_in("wrong"), AnswerKind::wrong);
  EXPECT_EQ(keys_of("tim@example.com").account_id, 0);
  EXPECT_EQ(log_in("right"), AnswerKind::granted);
  const ScramKeys keys = keys_of("Tim@Example.com");
  EXPECT_TRUE(fit(keys, "right"));
  EXPECT_EQ(keys.iterations, kIterations);
  EXPECT_EQ(without(), 0U);
  EXPECT_EQ(log_in("right"), AnswerKind::granted);
  EXPECT_EQ(keys_of("tim@example.com").salt, keys.salt);
}

TEST_F(ScramStore, OtherIterationsAreMadeAtTheNextLogin) {
  EXPECT_EQ(log_in("right"), AnswerKind::granted);
  store_->set_scram_iterations(kIterations + 1);
  EXPECT_EQ(keys_of("tim@example.com").iterations, kIterations);
  EXPECT_EQ(log_in("right"), AnswerKind::granted);
  EXPECT_EQ(keys_of("tim@example.com").iterations, kIterations + 1);
  EXPECT_TRUE(fit(keys_of("tim@example.com"), "right"));
}

TEST_F(ScramStore, WithoutIterationsNoneAreMade) {
  store_->set_scram_iterations(0);
  EXPECT_EQ(log_in("right"), AnswerKind::granted);
  EXPECT_EQ(keys_of("tim@example.com").account_id, 0);
  EXPECT_EQ(without(), std::nullopt);
}

TEST_F(ScramStore, ASetPasswordHasItsKeys) {
  admin_->set_scram_iterations(kIterations);
  expect_ok(admin_->set_password("tim@example.com", secret_of("new"), kTestNow));
  EXPECT_TRUE(fit(keys_of("tim@example.com"), "new"));
  expect_ok(admin_->add_account("ann@example.com", "Acme", secret_of("hers"), std::nullopt, kTestNow));
  EXPECT_TRUE(fit(keys_of("ann@example.com"), "hers"));
  EXPECT_EQ(without(), 0U);
}

// It held SCRAM back for all.
TEST_F(ScramStore, AnAccountThatMayNotLogInAnywayIsNotWaitedFor) {
  expect_ok(admin_->set_account_status("tim@example.com", AccountStatus::suspended, "unpaid"));
  EXPECT_EQ(without(), 0U);
  expect_ok(admin_->set_account_status("tim@example.com", AccountStatus::active, ""));
  EXPECT_EQ(without(), 1U);
  expect_ok(admin_->set_account_status("tim@example.com", AccountStatus::held, "unpaid"));
  EXPECT_EQ(without(), 1U) << "it may log in";
  expect_ok(admin_->set_customer_status("Acme", AccountStatus::suspended, "unpaid"));
  EXPECT_EQ(without(), 0U);
}

// Else the old password would go on.
TEST_F(ScramStore, APasswordThatIsSetWithoutKeysTakesThoseOfTheOldOneAway) {
  EXPECT_EQ(log_in("right"), AnswerKind::granted);
  expect_ok(admin_->set_password("tim@example.com", secret_of("new"), kTestNow));
  EXPECT_EQ(keys_of("tim@example.com").account_id, 0);
  EXPECT_EQ(without(), 1U);
}

TEST_F(ScramStore, KeysOfAPasswordThatWasChangedMeanwhileAreNotKept) {
  const auto password = store_->find(name_of("tim@example.com"));
  const auto matched = store_->match(&**password, secret_of("right"));
  ASSERT_TRUE(matched.scram.has_value());
  expect_ok(admin_->set_password("tim@example.com", secret_of("new"), kTestNow));
  store_->keep_scram(**password, matched);
  EXPECT_EQ(keys_of("tim@example.com").account_id, 0);
}

TEST_F(ScramStore, AProofOfKeysThatAreGoneIsWrong) {
  EXPECT_EQ(log_in("right"), AnswerKind::granted);
  const ScramKeys keys = keys_of("tim@example.com");
  const Answer granted = store_->admit_scram(keys);
  EXPECT_EQ(granted.kind, AnswerKind::granted);
  EXPECT_EQ(granted.identity->account_name, "tim@example.com");
  EXPECT_EQ(granted.identity->known_change, store_->changes_since(0).upto);
  admin_->set_scram_iterations(kIterations);
  expect_ok(admin_->set_password("tim@example.com", secret_of("new"), kTestNow));
  EXPECT_EQ(store_->admit_scram(keys).kind, AnswerKind::wrong);
  EXPECT_EQ(store_->admit_scram(keys_of("tim@example.com")).kind, AnswerKind::granted);
  expect_ok(admin_->remove_account("tim@example.com"));
  EXPECT_EQ(store_->admit_scram(keys).kind, AnswerKind::wrong);
}

TEST_F(ScramStore, ASuspendedAccountIsToldSoBehindARightProofAlone) {
  EXPECT_EQ(log_in("right"), AnswerKind::granted);
  const ScramKeys keys = keys_of("tim@example.com");
  expect_ok(admin_->set_account_status("tim@example.com", AccountStatus::suspended, "unpaid"));
  EXPECT_TRUE(fit(keys_of("tim@example.com"), "right"));
  EXPECT_EQ(store_->admit_scram(keys).kind, AnswerKind::suspended);
}

// Salt and iterations are all that a stranger sees.
TEST_F(ScramStore, ANameThatIsNotKnownLooksLikeOneThatIs) {
  store_->set_scram_iterations(kIterations);
  EXPECT_EQ(log_in("right"), AnswerKind::granted);
  store_->set_scram_iterations(kIterations + 1000);  // newer than the accounts' keys
  const ScramKeys first = keys_of("nobody@example.com");
  EXPECT_EQ(first.account_id, 0);
  EXPECT_EQ(first.salt.size(), keys_of("tim@example.com").salt.size());
  EXPECT_EQ(first.iterations, kIterations);
  EXPECT_EQ(keys_of("Nobody@EXAMPLE.com").salt, first.salt);
  EXPECT_NE(keys_of("nobody2@example.com").salt, first.salt);
  const std::string salt = first.salt;
  store_ = nullptr;
  store_ = open_store();
  EXPECT_EQ(keys_of("nobody@example.com").salt, salt) << "after a restart";
}

// Where accounts differ, names that are not known do.
TEST_F(ScramStore, FalseIterationsAreThoseOfSomeAccount) {
  admin_->set_scram_iterations(kIterations);
  for (int i = 0; i < 4; ++i)
    expect_ok(admin_->add_account("a" + std::to_string(i), "Acme", secret_of("x"), std::nullopt, kTestNow));
  admin_->set_scram_iterations(kIterations * 2);
  for (int i = 0; i < 4; ++i)
    expect_ok(admin_->add_account("b" + std::to_string(i), "Acme", secret_of("x"), std::nullopt, kTestNow));
  std::set<std::uint32_t> seen;
  for (int i = 0; i < 64; ++i) seen.insert(keys_of("nobody" + std::to_string(i)).iterations);
  EXPECT_EQ(seen, (std::set<std::uint32_t>{kIterations, kIterations * 2}));
}

TEST_F(ScramStore, APasswordIsPreparedAsItsClientPreparesIt) {
  const auto written = derive_scram_keys("I\u00adX", "salt", kIterations);
  ASSERT_TRUE(written.has_value());
  EXPECT_EQ(written->stored_key, testing::scram_keys_of("IX", "salt", kIterations).stored_key);
}

}  // namespace
}  // namespace sluice::auth
