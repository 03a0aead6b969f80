#include "auth/store/embedded_store.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "tests/unit/auth_backend/store_fixture.h"

namespace sluice::auth {
namespace {

class EmbeddedStoreTest : public StoreTest {
 protected:
  void SetUp() override {
    admin_ = open_admin();
    fill(*admin_);
    store_ = open_store();
  }
  Answer check(std::string_view name, std::string_view secret) {
    return store_->check(name_of(name), secret_of(secret));
  }
  AnswerKind kind(std::string_view name, std::string_view secret) { return check(name, secret).kind; }

  // Behind the store's back.
  void tamper(Sql sql, std::initializer_list<Bound> values = {}) {
    const auto database = open_database();
    expect_ok(database->run(sql, values));
  }

  std::unique_ptr<AccountAdmin> admin_;
  std::unique_ptr<EmbeddedStore> store_;
};

TEST_F(EmbeddedStoreTest, GrantsTheRightPassword) {
  const Answer answer = check("Tim@EXAMPLE.com", "right");
  ASSERT_EQ(answer.kind, AnswerKind::granted);
  ASSERT_NE(answer.identity, nullptr);
  EXPECT_EQ(answer.identity->account_name, "tim@example.com");
  EXPECT_EQ(answer.identity->customer_name, "Acme");
  EXPECT_GT(answer.identity->account_id, 0);
  EXPECT_GT(answer.identity->customer_id, 0);
  EXPECT_EQ(answer.identity->status(), AccountStatus::active);
  EXPECT_TRUE(answer.identity->may_send_from("example.com"));
  EXPECT_FALSE(answer.identity->may_send_from("example.org"));
  EXPECT_EQ(answer.identity->narrowed_to, nullptr);
}

TEST_F(EmbeddedStoreTest, AnswersUnknownNamesLikeWrongPasswords) {
  for (const Answer& answer : {check("tim@example.com", "wrong"), check("nobody@example.com", "right")}) {
    EXPECT_EQ(answer.kind, AnswerKind::wrong);
    EXPECT_EQ(answer.identity, nullptr);
    EXPECT_EQ(answer.reason, "");
  }
}

TEST_F(EmbeddedStoreTest, ComputesOneHashWhateverTheOutcome) {
  expect_ok(admin_->add_account("gone@example.com", "Acme", secret_of("right"), std::nullopt, kTestNow));
  expect_ok(admin_->set_account_status("gone@example.com", AccountStatus::suspended, ""));
  const auto hashes_for = [this](std::string_view name, std::string_view secret) {
    const std::uint64_t before = store_->hasher().matches_computed();
    static_cast<void>(check(name, secret));
    return store_->hasher().matches_computed() - before;
  };
  EXPECT_EQ(hashes_for("tim@example.com", "right"), 1U);
  EXPECT_EQ(hashes_for("tim@example.com", "wrong"), 1U);
  EXPECT_EQ(hashes_for("nobody@example.com", "wrong"), 1U);
  EXPECT_EQ(hashes_for("gone@example.com", "wrong"), 1U);
  EXPECT_EQ(hashes_for("gone@example.com", "right"), 1U);
  EXPECT_EQ(hashes_for("' OR 1=1 --", "wrong"), 1U);
}

TEST_F(EmbeddedStoreTest, TakesHostileNamesLiterally) {
  for (const std::string& hostile :
       {std::string("' OR 1=1 --"), std::string("' OR '1'='1"), std::string("tim@example.com' --"),
        std::string("'; DROP TABLE account; --"), std::string("%"), std::string("tim@example.co_"), std::string("%n%s"),
        std::string("*)(uid=*"), std::string("\" OR \"\"=\""), std::string("?1"), std::string(320, 'x')}) {
    EXPECT_EQ(kind(hostile, "right"), AnswerKind::wrong) << hostile;
    EXPECT_EQ(kind("tim@example.com", hostile), AnswerKind::wrong) << hostile;
  }
  EXPECT_EQ(kind("tim@example.com", "right"), AnswerKind::granted);
  // And one that really is called so.
  expect_ok(admin_->add_account("'or'1'='1", "Acme", secret_of("'; --"), std::nullopt, kTestNow));
  EXPECT_EQ(kind("'OR'1'='1", "'; --"), AnswerKind::granted);
}

TEST_F(EmbeddedStoreTest, TellsOfASuspensionOnlyToWhoKnowsThePassword) {
  expect_ok(admin_->set_account_status("tim@example.com", AccountStatus::suspended, "call 555-0100"));
  EXPECT_EQ(kind("tim@example.com", "wrong"), AnswerKind::wrong);
  Answer answer = check("tim@example.com", "right");
  EXPECT_EQ(answer.kind, AnswerKind::suspended);
  EXPECT_EQ(answer.reason, "call 555-0100");
  ASSERT_NE(answer.identity, nullptr);

  expect_ok(admin_->set_account_status("tim@example.com", AccountStatus::active, ""));
  expect_ok(admin_->set_customer_status("acme", AccountStatus::suspended, "unpaid"));
  EXPECT_EQ(kind("tim@example.com", "wrong"), AnswerKind::wrong);
  answer = check("tim@example.com", "right");
  EXPECT_EQ(answer.kind, AnswerKind::suspended);
  EXPECT_EQ(answer.reason, "unpaid");

  expect_ok(admin_->set_customer_status("acme", AccountStatus::suspended, ""));
  EXPECT_EQ(check("tim@example.com", "right").reason, "this account is suspended");
}

TEST_F(EmbeddedStoreTest, LetsTheHeldInAndSaysSo) {
  expect_ok(admin_->set_customer_status("Acme", AccountStatus::held, "odd traffic"));
  const Answer answer = check("tim@example.com", "right");
  ASSERT_EQ(answer.kind, AnswerKind::granted);
  EXPECT_EQ(answer.identity->status(), AccountStatus::held);
  EXPECT_EQ(answer.identity->reason, "odd traffic");
}

TEST_F(EmbeddedStoreTest, SaysWhyOfTheGraverStatus) {
  const auto reason = [this] { return check("tim@example.com", "right").identity->reason; };
  EXPECT_EQ(reason(), "");
  expect_ok(admin_->set_account_status("tim@example.com", AccountStatus::held, "of the account"));
  EXPECT_EQ(reason(), "of the account");
  expect_ok(admin_->set_customer_status("Acme", AccountStatus::held, "of the customer"));
  EXPECT_EQ(reason(), "of the account");
  expect_ok(admin_->set_account_status("tim@example.com", AccountStatus::held, ""));
  EXPECT_EQ(reason(), "of the customer");
  expect_ok(admin_->set_account_status("tim@example.com", AccountStatus::suspended, ""));
  EXPECT_EQ(reason(), "");
}

TEST_F(EmbeddedStoreTest, KnowsItsCustomersWithoutCase) {
  EXPECT_EQ(store_->has_customer("Acme"), true);
  EXPECT_EQ(store_->has_customer("aCME"), true);
  EXPECT_EQ(store_->has_customer("Acne"), false);
  EXPECT_EQ(store_->has_customer(""), false);
}

TEST_F(EmbeddedStoreTest, TellsTheNamesOfAccountsThatStandAboutAnother) {
  for (const char* const name : {"ann@example.com", "bob@example.com", "zoe@example.com"})
    expect_ok(admin_->add_account(name, "Acme", secret_of("right"), std::nullopt, kTestNow));
  using Names = std::vector<std::string>;
  EXPECT_EQ(store_->account_names_about("tam@example.com", 1), (Names{"bob@example.com", "tim@example.com"}));
  EXPECT_EQ(store_->account_names_about("tim@example.com", 1), (Names{"bob@example.com", "tim@example.com"}));
  EXPECT_EQ(store_->account_names_about("a", 10)->size(), 4U);
  EXPECT_EQ(store_->account_names_about("zz", 10)->size(), 4U);
}

TEST_F(EmbeddedStoreTest, NarrowsAnAccount) {
  expect_ok(admin_->add_domain("*.example.com", "Acme", kTestNow));
  expect_ok(admin_->set_narrowing("tim@example.com", {{"shop.example.com"}}));
  Answer answer = check("tim@example.com", "right");
  EXPECT_TRUE(answer.identity->may_send_from("shop.example.com"));
  EXPECT_FALSE(answer.identity->may_send_from("example.com"));
  // Narrowed to something that is no longer the customer's: to nothing, and never to everything.
  expect_ok(admin_->remove_domain("*.example.com"));
  answer = check("tim@example.com", "right");
  EXPECT_FALSE(answer.identity->may_send_from("shop.example.com"));
  EXPECT_FALSE(answer.identity->may_send_from("example.com"));
  expect_ok(admin_->set_narrowing("tim@example.com", {{"tim@example.com"}}));
  answer = check("tim@example.com", "right");
  EXPECT_TRUE(answer.identity->may_send_as("Tim", "example.com"));
  EXPECT_FALSE(answer.identity->may_send_as("boss", "example.com"));
  expect_ok(admin_->set_narrowing("tim@example.com", std::nullopt));
  EXPECT_TRUE(check("tim@example.com", "right").identity->may_send_from("example.com"));
}

TEST_F(EmbeddedStoreTest, AccountsOfOneCustomerShareTheList) {
  expect_ok(admin_->add_account("kurt@example.com", "Acme", secret_of("right"), std::nullopt, kTestNow));
  const Answer tim = check("tim@example.com", "right");
  EXPECT_EQ(tim.identity->domains, check("kurt@example.com", "right").identity->domains);
  expect_ok(admin_->add_domain("example.net", "Acme", kTestNow));
  const Answer kurt = check("kurt@example.com", "right");
  EXPECT_TRUE(kurt.identity->may_send_from("example.net"));
  EXPECT_FALSE(tim.identity->may_send_from("example.net"));
}

TEST_F(EmbeddedStoreTest, HashesAnewWhenTheCostChanged) {
  const HashCost dearer{.passes = 2, .memory_bytes = 16384};
  const auto hash = [this] {
    std::string text;
    const auto database = open_database();
    EXPECT_TRUE(database->query("SELECT password_hash FROM account", {}, [&](const Row& row) { text = row.text(0); })
                    .has_value());
    return text;
  };
  const std::string before = hash();
  store_ = open_store(dearer);
  const std::uint64_t seen = store_->changes_since(0).upto;
  EXPECT_EQ(kind("tim@example.com", "wrong"), AnswerKind::wrong);
  EXPECT_EQ(hash(), before);
  EXPECT_EQ(kind("tim@example.com", "right"), AnswerKind::granted);
  const std::string after = hash();
  EXPECT_TRUE(after.starts_with("$argon2id$v=19$m=16,t=2,p=1$")) << after;
  EXPECT_EQ(kind("tim@example.com", "right"), AnswerKind::granted);
  EXPECT_EQ(hash(), after);
  // It is the same password: nothing need be forgotten.
  EXPECT_EQ(store_->changes_since(seen).upto, seen);
}

TEST_F(EmbeddedStoreTest, ADamagedHashIsUnavailableAndNamesTheAccount) {
  tamper("UPDATE account SET password_hash = 'nonsense'");
  const Answer answer = check("tim@example.com", "right");
  EXPECT_EQ(answer.kind, AnswerKind::unavailable);
  EXPECT_NE(answer.reason.find("tim@example.com"), std::string::npos);
  EXPECT_EQ(answer.reason.find("nonsense"), std::string::npos);
}

TEST_F(EmbeddedStoreTest, ABrokenStoreIsUnavailableAndNeverWrong) {
  tamper("ALTER TABLE account RENAME TO elsewhere");
  for (const std::string_view name : {"tim@example.com", "nobody@example.com"}) {
    const Answer answer = check(name, "right");
    EXPECT_EQ(answer.kind, AnswerKind::unavailable);
    EXPECT_NE(answer.reason.find(address().to_string()), std::string::npos) << answer.reason;
  }
  tamper("DROP TABLE change");
  const Changes changes = store_->changes_since(5);
  EXPECT_NE(changes.error.find(address().to_string()), std::string::npos) << changes.error;
  EXPECT_EQ(changes.upto, 5U);
  EXPECT_FALSE(changes.everything);
}

TEST_F(EmbeddedStoreTest, ALockedStoreIsUnavailable) {
  const auto database = open_database();
  // WAL readers do not wait for writers...
  {
    const auto writing = Transaction::to_write(*database);
    ASSERT_TRUE(writing.has_value());
    EXPECT_EQ(kind("tim@example.com", "right"), AnswerKind::granted);
  }
  if (server_) return;
  // ...but no reader gets past an exclusive lock.
  store_.reset();
  admin_.reset();
  expect_ok(database->script("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; UPDATE customer SET reason = ''"));
  const auto store = EmbeddedStore::open({.address = address(), .cost = kLeastHashCost, .waits = kTestWaits});
  EXPECT_EQ(store.error().kind, StoreError::Kind::unavailable) << message_of(store);
}

TEST_F(EmbeddedStoreTest, IsUsedFromManyThreadsAtOnce) {
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 100; ++i) {
        const bool good = (i + thread) % 2 == 0;
        const AnswerKind expected = good ? AnswerKind::granted : AnswerKind::wrong;
        if (kind("tim@example.com", good ? "right" : "wrong") == expected) ++right;
        static_cast<void>(store_->changes_since(1));
      }
    });
  }
  for (int i = 0; i < 20; ++i) expect_ok(admin_->set_customer_status("Acme", AccountStatus::held, std::to_string(i)));
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 400);
}

}  // namespace
}  // namespace sluice::auth
