// The accounts' file is replaced while a relay has it open: by a restored copy, by one that is no good, in one step or
// byte by byte.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "tests/unit/auth_backend/store_fixture.h"

namespace sluice::auth {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class ReplacedStore : public StoreTest {
 protected:
  void SetUp() override {
    fill(*open_admin());
    // What an operator keeps: tim's password is "right" in it.
    copy_ = directory_ + "/backup.db";
    fs::copy_file(path_, copy_);
    store_ = open_store();
    seen_ = store_->changes_since(0).upto;
    const auto admin = open_admin();
    expect_ok(admin->set_password("tim@example.com", secret_of("changed since"), kTestNow));
    expect_ok(admin->add_account("new@example.com", "Acme", secret_of("right"), std::nullopt, kTestNow));
  }
  Changes next() {
    Changes changes = store_->changes_since(seen_);
    seen_ = changes.upto;
    return changes;
  }
  AnswerKind login(const std::string& name, const std::string& password) {
    return store_->check(name_of(name), secret_of(password)).kind;
  }
  void expect_restored() {
    EXPECT_EQ(login("tim@example.com", "right"), AnswerKind::granted);
    EXPECT_EQ(login("tim@example.com", "changed since"), AnswerKind::wrong);
    EXPECT_EQ(login("new@example.com", "right"), AnswerKind::wrong);
  }

  std::string copy_;
  std::unique_ptr<EmbeddedStore> store_;
  std::uint64_t seen_ = 0;
};

TEST_F(ReplacedStore, ACopyThatIsRenamedOverItIsNoticed) {
  EXPECT_EQ(next().accounts.size(), 2U);
  fs::rename(copy_, path_);
  const Changes changes = next();
  EXPECT_EQ(changes.error, "");
  EXPECT_TRUE(changes.everything);
  expect_restored();
  EXPECT_FALSE(next().everything) << "returned once";
}

// The question after a customer ended the relay then.
TEST_F(ReplacedStore, WhileACopyCannotBeOpenedNothingIsKnownAndNothingBreaks) {
  auto holder = open_store_file(copy_, IfMissing::fail, kTestWaits);
  ASSERT_TRUE(holder.has_value());
  // Without a journal of that kind, who writes keeps readers out.
  expect_ok((*holder)->run("PRAGMA journal_mode = DELETE", {}));
  expect_ok((*holder)->run("BEGIN EXCLUSIVE", {}));
  fs::rename(copy_, path_);
  EXPECT_THAT(next().error, HasSubstr("locked"));
  EXPECT_EQ(store_->has_customer("Acme"), std::nullopt);
  EXPECT_THAT(store_->last_error(), HasSubstr("locked"));
  EXPECT_EQ(login("tim@example.com", "right"), AnswerKind::unavailable);
  holder->reset();
  EXPECT_EQ(store_->last_error(), "");
  EXPECT_TRUE(next().everything) << "that it was asked for its last error does not hide the change";
  EXPECT_EQ(store_->has_customer("Acme"), true);
  expect_restored();
}

TEST_F(ReplacedStore, WhatTheOldOnesJournalHeldIsNotPutIntoTheNewOne) {
  // Nothing has looked since the last edits: they are in the journal alone.
  fs::rename(copy_, path_);
  EXPECT_TRUE(next().everything);
  expect_restored();
  expect_ok(open_admin()->add_account("late@example.com", "Acme", secret_of("right"), std::nullopt, kTestNow));
  EXPECT_THAT(next().accounts, ::testing::ElementsAre("late@example.com"));
  EXPECT_EQ(login("late@example.com", "right"), AnswerKind::granted);
}

TEST_F(ReplacedStore, ACopyWithANewerHistoryIsNoticed) {
  next();
  const std::string newer = directory_ + "/newer.db";
  {
    fs::copy_file(path_, newer);
    auto admin = AccountAdmin::open(newer, IfMissing::fail, kLeastHashCost);
    ASSERT_TRUE(admin.has_value());
    for (int i = 0; i < 20; ++i) expect_ok((*admin)->set_narrowing("tim@example.com", std::nullopt));
  }
  fs::rename(newer, path_);
  EXPECT_TRUE(next().everything);
}

TEST_F(ReplacedStore, ACopyThatIsWrittenOverItIsNoticed) {
  next();
  fs::copy_file(copy_, path_, fs::copy_options::overwrite_existing);
  EXPECT_TRUE(next().everything);
  expect_restored();
}

TEST_F(ReplacedStore, AnAnswerMadeOfWhatWasNeverReturnedIsForgottenToo) {
  // The edits were not asked for yet, and a login has been let in by them.
  EXPECT_EQ(login("tim@example.com", "changed since"), AnswerKind::granted);
  fs::copy_file(copy_, path_, fs::copy_options::overwrite_existing);
  EXPECT_TRUE(next().everything);
  expect_restored();
}

TEST_F(ReplacedStore, ItIsRemovedAndComesBack) {
  next();
  fs::remove(path_);
  EXPECT_THAT(next().error, HasSubstr("does not exist"));
  EXPECT_EQ(login("tim@example.com", "changed since"), AnswerKind::granted) << "the old one is better than none";
  fs::rename(copy_, path_);
  EXPECT_TRUE(next().everything);
  expect_restored();
}

TEST_F(ReplacedStore, WhatIsNoStoreIsNotTakenUntilItIsOne) {
  next();
  for (const std::string& text :
       {std::string(), std::string("not a database at all, but long enough to be looked at")}) {
    std::ofstream(directory_ + "/bad.db") << text;
    ::chmod((directory_ + "/bad.db").c_str(), 0600);
    fs::rename(directory_ + "/bad.db", path_);
    EXPECT_NE(next().error, "");
    EXPECT_EQ(login("tim@example.com", "changed since"), AnswerKind::granted);
  }
  fs::rename(copy_, path_);
  EXPECT_TRUE(next().everything);
  expect_restored();
}

TEST_F(ReplacedStore, ACopyThatOthersMayReadIsNotTakenUntilItIsClosed) {
  next();
  ::chmod(copy_.c_str(), 0644);
  fs::rename(copy_, path_);
  EXPECT_THAT(next().error, HasSubstr("chmod 600"));
  EXPECT_EQ(login("tim@example.com", "changed since"), AnswerKind::granted);
  ::chmod(path_.c_str(), 0600);
  EXPECT_TRUE(next().everything);
  expect_restored();
}

TEST_F(ReplacedStore, AnEditIsNotTakenForAnotherFile) {
  next();
  expect_ok(open_admin()->set_account_status("tim@example.com", AccountStatus::held, ""));
  const Changes changes = next();
  EXPECT_FALSE(changes.everything) << "or every edit would end every session";
  EXPECT_THAT(changes.accounts, ::testing::ElementsAre("tim@example.com"));
}

TEST_F(ReplacedStore, EditsAreInTheFileAloneWhenTheyAreDone) {
  const std::string copy = directory_ + "/plain-copy.db";
  fs::copy_file(path_, copy);
  auto admin = AccountAdmin::open(copy, IfMissing::fail, kLeastHashCost);
  ASSERT_TRUE(admin.has_value());
  EXPECT_TRUE((*admin)->account("new@example.com").has_value());
}

TEST_F(ReplacedStore, ALookChangesNothing) {
  next();
  const auto before = fs::last_write_time(path_);
  EXPECT_TRUE(check_store_file(path_).has_value());
  const auto read = read_store_file(path_, kTestWaits);
  ASSERT_TRUE(read.has_value()) << message_of(read);
  EXPECT_FALSE((*read)->run("DELETE FROM account").has_value());
  EXPECT_EQ(fs::last_write_time(path_), before);
  expect_error(check_store_file(directory_ + "/absent.db"), StoreError::Kind::not_found, "does not exist");
}

}  // namespace
}  // namespace sluice::auth
