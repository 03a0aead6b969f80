// What only a store in PostgreSQL has.  Skipped without a server: store_fixture.h.
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <string>

#include "auth/store/postgresql_store.h"
#include "auth/store/shared_store.h"
#include "auth/store/store_schema.h"
#include "tests/unit/auth_backend/store_fixture.h"

namespace sluice::auth {
namespace {

class PostgresqlStoreTest : public StoreTest {
 protected:
  void SetUp() override {
    if (!server_) GTEST_SKIP() << "no server";
    fill(*open_admin());
    store_ = SharedStore::open({.address = address(), .cost = kLeastHashCost}).value();
  }
  AnswerKind kind(std::string_view secret) { return store_->check(name_of("tim@example.com"), secret_of(secret)).kind; }

  std::unique_ptr<SharedStore> store_;
};

TEST_F(PostgresqlStoreTest, GrantsAndRefuses) {
  EXPECT_EQ(kind("right"), AnswerKind::granted);
  EXPECT_EQ(kind("wrong"), AnswerKind::wrong);
  EXPECT_EQ(store_->has_customer("ACME"), true);
  EXPECT_EQ(store_->has_customer("nobody"), false);
  EXPECT_EQ(store_->account_names_about("tom@example.com", 9), std::vector<std::string>{"tim@example.com"});
  EXPECT_EQ(store_->last_error(), "");
}

TEST_F(PostgresqlStoreTest, AConnectionThatWasEndedIsMadeAgain) {
  EXPECT_EQ(kind("right"), AnswerKind::granted);
  expect_ok(open_database()->run(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND usename = 'admin'"));
  EXPECT_EQ(kind("right"), AnswerKind::granted);
}

TEST_F(PostgresqlStoreTest, ADatabaseThatWasPutBackIsEverything) {
  std::uint64_t seen = store_->changes_since(0).upto;
  const auto database = open_database();
  // Another change of the same number, and one more.
  expect_ok(database->run("UPDATE change SET tag = 'another' WHERE seq = (SELECT max(seq) FROM change)"));
  expect_ok(open_admin()->set_customer_status("Acme", AccountStatus::held, ""));
  const Changes changes = store_->changes_since(seen);
  EXPECT_TRUE(changes.everything);
  seen = changes.upto;
  EXPECT_FALSE(store_->changes_since(seen).everything);
}

TEST_F(PostgresqlStoreTest, ChangesAreHeardOf) {
  std::mutex mutex;
  std::condition_variable heard;
  int times = 0;
  const auto wait_for = [&](int wanted) {
    std::unique_lock lock(mutex);
    heard.wait(lock, [&] { return times >= wanted; });
  };
  const auto listener = store_->listen(
      [&] {
        const std::lock_guard lock(mutex);
        ++times;
        heard.notify_all();
      },
      [](std::string_view why) { ADD_FAILURE() << why; });
  wait_for(2);  // when it begins, and when it has heard itself
  expect_ok(open_admin()->set_customer_status("Acme", AccountStatus::held, ""));
  wait_for(3);
  expect_ok(open_database()->run(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'LISTEN sluice_change'"));
  wait_for(5);  // when it begins again
  expect_ok(open_admin()->set_customer_status("Acme", AccountStatus::active, ""));
  wait_for(6);
}

// A change is seen in the order of its number, whichever transaction began first.
TEST_F(PostgresqlStoreTest, AChangeOfAnotherTransactionWaits) {
  const auto one = open_database();
  const auto other = open_database();
  const auto writing = Transaction::to_write(*one).value();
  expect_ok(one->run("UPDATE customer SET reason = 'one'"));
  const StoreResult<> refused = other->run("UPDATE account SET reason = 'other'");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, StoreError::Kind::unavailable);
  // What changes no answer does not wait.
  expect_ok(other->run("UPDATE account SET password_hash = password_hash"));
  expect_ok(writing->commit());
  expect_ok(other->run("UPDATE account SET reason = 'other'"));
}

TEST_F(PostgresqlStoreTest, AStoreOfALaterVersionIsLeftAlone) {
  const auto database = open_database();
  expect_ok(database->run("UPDATE store_version SET version = 99"));
  const auto refused = SharedStore::open({.address = address(), .cost = kLeastHashCost});
  expect_ok(database->run("UPDATE store_version SET version = $1", {std::int64_t{kStoreVersion}}));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, StoreError::Kind::refused);
}

TEST_F(PostgresqlStoreTest, WithoutTablesItSaysHowTheyAreMade) {
  start_anew();
  const auto refused = SharedStore::open({.address = address(), .cost = kLeastHashCost});
  expect_error(refused, StoreError::Kind::not_found, "sluicectl customer add");
  expect_error(check_store(address()), StoreError::Kind::not_found, "sluicectl customer add");
}

TEST_F(PostgresqlStoreTest, AServerThatIsNotThereIsUnavailable) {
  const StoreAddress nowhere{PostgresqlStore{
      .servers = {{.host = directory_, .port = "1", .database = "sluice", .user = "admin"}}, .name = "postgresql"}};
  const auto store = SharedStore::open({.address = nowhere, .cost = kLeastHashCost});
  ASSERT_TRUE(store.has_value());
  EXPECT_EQ((*store)->check(name_of("tim@example.com"), secret_of("right")).kind, AnswerKind::unavailable);
  EXPECT_NE((*store)->changes_since(5).error, "");
}

}  // namespace
}  // namespace sluice::auth
