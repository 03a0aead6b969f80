// A back end that asks the operator's query of an SQLite file.
#include "auth/backend/sqlite_query.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "auth/store/sqlite_database.h"
#include "tests/unit/auth_backend/real_core.h"
#include "tests/unit/auth_backend/store_fixture.h"

namespace sluice::auth {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Kind = Verdict::Kind;

constexpr const char* kQuery =
    "SELECT password, 'Acme' AS customer, enabled FROM users WHERE name = %{local} AND domain = %{domain}";

class SqliteQueryTest : public StoreTest {
 protected:
  SqliteQueryTest() { make_users("right", path_); }

  // tim@example.com; sam, who is suspended; two rows of twin.
  static void make_users(std::string_view password, const std::string& path) {
    const auto hasher = PasswordHasher::create(kLeastHashCost).value();
    const std::string hash = hasher->hash(secret_of(password)).value();
    std::ofstream made(path);  // an empty file is an empty database
    const auto database = open_sqlite(path, 100).value();
    expect_ok(database->script("CREATE TABLE users (name TEXT, domain TEXT, password TEXT, enabled INTEGER)"));
    for (const std::string_view name : {"tim", "sam", "twin", "twin"})
      expect_ok(
          database->run("INSERT INTO users VALUES (?, 'example.com', ?, ?)", {name, hash, name == "sam" ? 0 : 1}));
    expect_ok(database->run("INSERT INTO users VALUES ('open', 'example.com', NULL, 1)"));
  }

  OpenedBackend open(const std::string& query) const {
    BackendOptions options{.name = "file", .kind = "sqlite"};
    options.path = path_;
    options.query = query;
    return open_sqlite_query(options);
  }
  RealCore& core(const std::string& query = kQuery) {
    core_ = nullptr;  // each counts the descriptors that are open
    core_ = std::make_unique<RealCore>(open(query).value());
    return *core_;
  }
  std::string why(std::string_view name) const {
    const Verdict verdict = core_->check(name, "the right one");
    return verdict.kind == Kind::unavailable ? verdict.reason : "answered";
  }

  std::unique_ptr<RealCore> core_;
};

TEST_F(SqliteQueryTest, ARowSaysWhoItIs) {
  RealCore& asked = core();
  const Verdict granted = asked.check("tim@example.com", "right");
  EXPECT_EQ(granted.kind, Kind::granted);
  EXPECT_EQ(granted.customer, "Acme");
  EXPECT_EQ(asked.check("tim@example.com", "wrong").kind, Kind::wrong);
  EXPECT_EQ(asked.check("tom@example.com", "right").kind, Kind::unknown);
  EXPECT_EQ(asked.check("sam@example.com", "right").kind, Kind::suspended);
  EXPECT_EQ(asked.check("sam@example.com", "wrong").kind, Kind::wrong);
  EXPECT_EQ(asked.check("open@example.com", "right").kind, Kind::wrong);
  EXPECT_THAT(why("twin@example.com"), HasSubstr("more than one row"));
}

TEST_F(SqliteQueryTest, TellsWhichMailboxesAreThereButNotWhereItComparesPasswords) {
  RealCore& asked = core();
  for (const char* name : {"tim@example.com", "sam@example.com", "open@example.com"})
    EXPECT_EQ(asked.look_up(name), MailboxState::exists) << name;
  EXPECT_EQ(asked.look_up("tom@example.com"), MailboxState::gone);
  EXPECT_EQ(asked.look_up("twin@example.com"), MailboxState::untold);
  RealCore& decides = core("SELECT 1 FROM users WHERE name = %{local} AND password = %{password}");
  EXPECT_EQ(decides.look_up("tim@example.com"), MailboxState::untold);
  EXPECT_EQ(decides.look_up("tom@example.com"), MailboxState::untold);
  RealCore& broken = core("SELECT password FROM nothing WHERE name = %{local}");
  EXPECT_EQ(broken.look_up("tom@example.com"), MailboxState::untold);
}

TEST_F(SqliteQueryTest, NoNameBecomesSql) {
  RealCore& asked = core();
  for (const char* const name : {"' OR 1=1 --@example.com", "tim'--@example.com", "tim\" OR \"\"=\"@example.com",
                                 "%@example.com", "tim@example.com' OR '1'='1", "tim\\@example.com", "?@example.com",
                                 "'; DROP TABLE users; --@example.com", "%{local}@example.com"})
    EXPECT_EQ(asked.check(name, "right").kind, Kind::unknown) << name;
  EXPECT_EQ(asked.check("tim@example.com", "right").kind, Kind::granted);
}

TEST_F(SqliteQueryTest, TheDatabaseMayCompareThePassword) {
  RealCore& asked = core("SELECT name AS account FROM users WHERE name = %{local} AND 'its ' || name = %{password}");
  EXPECT_EQ(asked.check("tim@example.com", "its tim").kind, Kind::granted);
  EXPECT_EQ(asked.check("tim@example.com", "its sam").kind, Kind::wrong);
  // It does not say which of the two is wrong.
  EXPECT_EQ(asked.check("tom@example.com", "its tom").kind, Kind::wrong);
}

TEST_F(SqliteQueryTest, AMistakeOfTheDatabaseDoesNotShowTheSecret) {
  core("SELECT name AS account FROM users WHERE name = %{local} AND json_extract(%{password}, '$') = 1");
  EXPECT_THAT(why("tim@example.com"), Not(HasSubstr("right one")));
  EXPECT_THAT(why("tim@example.com"), HasSubstr(path_));
}

TEST_F(SqliteQueryTest, AFileThatIsReplacedIsOpenedAgain) {
  RealCore& asked = core();
  EXPECT_EQ(asked.check("tim@example.com", "right").kind, Kind::granted);
  make_users("new", path_ + ".new");
  std::filesystem::rename(path_ + ".new", path_);
  EXPECT_EQ(asked.check("tim@example.com", "right").kind, Kind::wrong);
  EXPECT_EQ(asked.check("tim@example.com", "new").kind, Kind::granted);
  std::filesystem::remove(path_);
  EXPECT_THAT(why("tim@example.com"), HasSubstr(path_));
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(SqliteQueryTest, WhatIsNoQueryIsNotRun) {
  EXPECT_THAT(open("SELECT 1 WHERE '%{user}' = 1").error(), HasSubstr("within quotes"));
  core("DELETE FROM users WHERE name = %{local} RETURNING password");
  EXPECT_THAT(why("tim@example.com"), HasSubstr("writes"));
  core("SELECT password FROM users WHERE name = %{local}; DELETE FROM users");
  EXPECT_THAT(why("tim@example.com"), HasSubstr("one statement"));
  core("SELECT password FROM users WHERE name = %{local} OR name = @x");
  EXPECT_THAT(why("tim@example.com"), HasSubstr("placeholder"));
  core("SELECT password FROM nowhere WHERE name = %{local}");
  EXPECT_THAT(why("tim@example.com"), HasSubstr("no such table"));
  EXPECT_EQ(core().check("tim@example.com", "right").kind, Kind::granted);
}

}  // namespace
}  // namespace sluice::auth
