// Accounts of other programs in the embedded store.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "auth/store/account_dump.h"
#include "tests/unit/auth_backend/store_fixture.h"

namespace sluice::auth {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Of "correct horse": password_scheme_test.cc says how they were made.
constexpr const char* kApr1 = "$apr1$saltsalt$EGVZDNN6gOqijy.tv9axG/";
constexpr const char* kBcrypt = "{BLF-CRYPT}$2y$05$caLChFLTQ4HO1UT4mV5b7.RNNljdhrR0beJoxN5bWdmtPO38ziXB2";

class ImportTest : public StoreTest {
 protected:
  ImportTest() : admin_(open_admin()) { fill(*admin_); }

  std::size_t import(const std::string& text, const ImportOptions& options = {}) {
    Dump dump = read_dump(DumpFormat::passwd_file, text);
    auto imported = admin_->import_accounts(dump.accounts, options, kTestNow, dump.refusals);
    EXPECT_TRUE(imported.has_value()) << message_of(imported);
    refusals_.clear();
    for (const DumpRefusal& refusal : dump.refusals) refusals_.push_back(refusal.name + ": " + refusal.why);
    return imported.value_or(0);
  }
  Answer log_in(EmbeddedStore& store, std::string_view name, std::string_view secret) {
    return store.check(name_of(name), secret_of(secret));
  }
  std::string hash_of(EmbeddedStore& store, std::string_view name) {
    return store.find(name_of(name)).value().value().hash;
  }

  std::unique_ptr<AccountAdmin> admin_;
  std::vector<std::string> refusals_;
};

TEST_F(ImportTest, AnImportedHashLogsInAndIsArgon2idFromThenOn) {
  EXPECT_EQ(import(std::string("Ann@Example.com:") + kApr1 + "\nbob@example.com:" + kBcrypt + "\n"), 2U);
  EXPECT_THAT(refusals_, IsEmpty());
  const auto store = open_store();
  EXPECT_EQ(hash_of(*store, "ann@example.com"), kApr1);
  EXPECT_EQ(log_in(*store, "ann@example.com", "wrong").kind, AnswerKind::wrong);
  EXPECT_EQ(hash_of(*store, "ann@example.com"), kApr1);
  const Answer answer = log_in(*store, "ANN@example.com", "correct horse");
  ASSERT_EQ(answer.kind, AnswerKind::granted);
  EXPECT_EQ(answer.identity->customer_name, "Acme");
  EXPECT_THAT(hash_of(*store, "ann@example.com"), HasSubstr("$argon2id$v=19$m=8,t=1,p=1$"));
  EXPECT_EQ(log_in(*store, "ann@example.com", "correct horse").kind, AnswerKind::granted);
  EXPECT_EQ(log_in(*store, "bob@example.com", "correct horse").kind, AnswerKind::granted);
}

TEST_F(ImportTest, WhoseTheyAre) {
  expect_ok(admin_->add_customer("Other", kTestNow));
  expect_ok(admin_->add_domain("*.wild.example", "Other", kTestNow));
  const std::string hash = std::string(":") + kApr1;
  EXPECT_EQ(import("a@example.com" + hash + "\nb@x.y.wild.example" + hash + "\nc@wild.example" + hash + "\nd" + hash +
                   "\ne@example.com" + hash + "::::::customer=other\nf" + hash + "::::::customer=none\n"),
            3U);
  EXPECT_THAT(refusals_, ElementsAre("c@wild.example: no customer has the domain \"wild.example\"",
                                     "d: its name has no domain, and no customer is named",
                                     HasSubstr("f: there is no customer \"none\"")));
  EXPECT_EQ(admin_->account("a@example.com")->customer, "Acme");
  EXPECT_EQ(admin_->account("b@x.y.wild.example")->customer, "Other");
  EXPECT_EQ(admin_->account("e@example.com")->customer, "Other");
  EXPECT_EQ(import("c@wild.example" + hash + "\nd" + hash + "::::::nologin\n", {.customer = "acme"}), 2U);
  EXPECT_EQ(admin_->account("c@wild.example")->customer, "Acme");
  EXPECT_EQ(admin_->account("d")->status, AccountStatus::suspended);
}

TEST_F(ImportTest, WhatIsThereAlreadyIsRefusedAndKept) {
  const std::string hash = std::string(":") + kApr1 + "\n";
  EXPECT_EQ(
      import("TIM@example.com" + hash + "new@example.com" + hash + "New@example.com" + hash + "-x@example.com" + hash),
      1U);
  EXPECT_THAT(refusals_, ElementsAre("TIM@example.com: there is an account \"tim@example.com\" already",
                                     "New@example.com: there is an account \"new@example.com\" already",
                                     HasSubstr("-x@example.com: \"-x@example.com\" cannot be an account's name")));
  EXPECT_EQ(log_in(*open_store(), "tim@example.com", "right").kind, AnswerKind::granted);
}

// PostgreSQL takes many rows by one statement: one row a statement were 1,900 accounts a second.
TEST_F(ImportTest, ManyAreImportedOfWhichEachIsTakenOrRefusedForItself) {
  constexpr std::size_t kAccounts = 2500;
  Dump dump;
  for (std::size_t i = 0; i < kAccounts; ++i)
    dump.accounts.push_back({.line = i + 1, .name = "user" + std::to_string(i) + "@example.com", .hash = kApr1});
  dump.accounts[7].name = "-x@example.com";
  dump.accounts[8].name = "tim@example.com";
  dump.accounts[9].name = "USER3@example.com";     // of the same statement
  dump.accounts[2400].name = "user4@example.com";  // of another one
  dump.accounts[10].hash = "a\nb";
  dump.accounts[11].status = AccountStatus::held;
  dump.accounts[12].scram = ScramKeys{.iterations = kScramIterationsMin, .salt = "salt"};
  std::size_t seen = 0;
  const ImportOptions options{.customer = "acme", .on_progress = [&](std::size_t done) { seen = done; }};
  EXPECT_EQ(admin_->import_accounts(dump.accounts, options, kTestNow, dump.refusals).value(), kAccounts - 4);
  EXPECT_EQ(seen, kAccounts);
  std::ranges::sort(dump.refusals, {}, &DumpRefusal::line);
  std::vector<std::string> refused;
  for (const DumpRefusal& refusal : dump.refusals) refused.push_back(std::to_string(refusal.line) + ": " + refusal.why);
  EXPECT_THAT(refused, ElementsAre(HasSubstr("8: \"-x@example.com\" cannot be an account's name"),
                                   "9: there is an account \"tim@example.com\" already",
                                   "10: there is an account \"user3@example.com\" already",
                                   "2401: there is an account \"user4@example.com\" already"));
  EXPECT_EQ(admin_->account("user11@example.com")->status, AccountStatus::held);
  EXPECT_EQ(admin_->account("user2499@example.com")->customer, "Acme");
  const auto store = open_store();
  EXPECT_EQ(store->scram_keys(name_of("user12@example.com"))->salt, "salt");
  EXPECT_EQ(store->scram_keys(name_of("user13@example.com"))->account_id, 0);
  EXPECT_EQ(log_in(*store, "user3@example.com", "correct horse").kind, AnswerKind::granted);
}

TEST_F(ImportTest, ADryRunChangesNothing) {
  std::size_t seen = 0;
  EXPECT_EQ(import(std::string("new@example.com:") + kApr1 + "\ntim@example.com:" + kApr1 + "\n",
                   {.dry_run = true, .on_progress = [&](std::size_t done) { seen = done; }}),
            1U);
  EXPECT_EQ(seen, 2U);
  EXPECT_EQ(refusals_.size(), 1U);
  EXPECT_EQ(admin_->accounts(std::nullopt)->size(), 1U);
}

// A hash that would take the machine's memory, put into the store's file by hand.
TEST_F(ImportTest, AHashThatCostsTooMuchIsNoWrongPassword) {
  Dump dump;
  dump.accounts.push_back({.line = 1, .name = "greedy@example.com", .hash = "$2y$31$" + std::string(53, 'a')});
  EXPECT_EQ(admin_->import_accounts(dump.accounts, {}, kTestNow, dump.refusals).value(), 1U);
  const Answer answer = log_in(*open_store(), "greedy@example.com", "right");
  EXPECT_EQ(answer.kind, AnswerKind::unavailable);
  EXPECT_THAT(answer.reason, HasSubstr("a check of it would take more than about a second"));
}

}  // namespace
}  // namespace sluice::auth
