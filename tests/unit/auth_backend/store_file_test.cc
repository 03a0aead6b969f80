#include "auth/store/store_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <type_traits>

#include "auth/store/store_schema.h"
#include "tests/unit/auth_backend/store_fixture.h"

namespace sluice::auth {
namespace {

// A statement can only be a constant: text made at run time is no Sql.
static_assert(!std::is_convertible_v<std::string, Sql>);
static_assert(!std::is_convertible_v<std::string_view, Sql>);

class StoreFileTest : public StoreTest {
 protected:
  StoreResult<std::unique_ptr<Database>> open(IfMissing if_missing) {
    return open_store_file(path_, if_missing, kTestWaits);
  }
  static mode_t mode_of(const std::string& path) {
    struct stat found{};
    EXPECT_EQ(::stat(path.c_str(), &found), 0) << path;
    return found.st_mode & 07777;
  }
  static std::int64_t number(Database& database, Sql sql) {
    std::int64_t number = -1;
    expect_ok(database.query(sql, {}, [&](const Row& row) { number = row.integer(0); }));
    return number;
  }
};

TEST_F(StoreFileTest, IsForItsOwnerAloneWhateverTheUmask) {
  const mode_t before = ::umask(0);
  const auto database = open(IfMissing::create);
  ASSERT_TRUE(database.has_value());
  expect_ok((*database)->run("INSERT INTO customer (name, created_ms) VALUES ('Acme', 0)"));
  ::umask(before);
  EXPECT_EQ(mode_of(path_), 0600U);
  EXPECT_EQ(mode_of(path_ + "-wal"), 0600U);
  EXPECT_EQ(mode_of(path_ + "-shm"), 0600U);
}

TEST_F(StoreFileTest, IsMadeOnlyOnRequest) {
  expect_error(open(IfMissing::fail), StoreError::Kind::not_found, "sluicectl customer add");
  EXPECT_NE(::access(path_.c_str(), F_OK), 0);
  EXPECT_TRUE(open(IfMissing::create).has_value());
  EXPECT_TRUE(open(IfMissing::fail).has_value());
  path_ = directory_ + "/no/such/directory.db";
  expect_error(open(IfMissing::create), StoreError::Kind::refused, "directory must exist");
}

TEST_F(StoreFileTest, RefusesAFileThatOthersMayRead) {
  ASSERT_TRUE(open(IfMissing::create).has_value());
  for (const mode_t mode : {0640U, 0604U, 0620U, 0601U, 0666U}) {
    ASSERT_EQ(::chmod(path_.c_str(), mode), 0);
    expect_error(open(IfMissing::fail), StoreError::Kind::refused, "chmod 600 " + path_);
  }
  ASSERT_EQ(::chmod(path_.c_str(), 0600), 0);
  EXPECT_TRUE(open(IfMissing::fail).has_value());
}

TEST_F(StoreFileTest, RefusesLinksAndDirectories) {
  ASSERT_TRUE(open(IfMissing::create).has_value());
  const std::string link = directory_ + "/link.db";
  ASSERT_EQ(::symlink(path_.c_str(), link.c_str()), 0);
  path_ = link;
  expect_error(open(IfMissing::fail), StoreError::Kind::refused, "not a plain file");
  path_ = directory_;
  expect_error(open(IfMissing::create), StoreError::Kind::refused, "not a plain file");
  // A link to nowhere is not followed either.
  path_ = directory_ + "/dangling.db";
  ASSERT_EQ(::symlink((directory_ + "/elsewhere.db").c_str(), path_.c_str()), 0);
  EXPECT_FALSE(open(IfMissing::create).has_value());
  EXPECT_NE(::access((directory_ + "/elsewhere.db").c_str(), F_OK), 0);
}

TEST_F(StoreFileTest, RefusesWhatIsNoDatabaseAndLeavesItAlone) {
  const std::string text(4096, 'x');
  std::ofstream(path_) << text;
  ASSERT_EQ(::chmod(path_.c_str(), 0600), 0);
  expect_error(open(IfMissing::create), StoreError::Kind::damaged, path_);
  std::string after;
  std::getline(std::ifstream(path_), after);
  EXPECT_EQ(after, text);
}

TEST_F(StoreFileTest, RefusesAnotherProgramsDatabaseAndLeavesItAlone) {
  std::ofstream(path_).close();
  ASSERT_EQ(::chmod(path_.c_str(), 0600), 0);
  {
    const auto other = open_sqlite(path_, 50);
    ASSERT_TRUE(other.has_value());
    expect_ok((*other)->script("CREATE TABLE theirs (x); PRAGMA user_version = 1"));
  }
  expect_error(open(IfMissing::create), StoreError::Kind::damaged, "another program");
  const auto other = open_sqlite(path_, 50);
  ASSERT_TRUE(other.has_value());
  EXPECT_EQ(number(**other, "SELECT count(*) FROM sqlite_schema"), 1);
  std::string mode;
  expect_ok((*other)->query("PRAGMA journal_mode", {}, [&](const Row& row) { mode = row.text(0); }));
  EXPECT_EQ(mode, "delete");
}

TEST_F(StoreFileTest, RefusesALaterVersion) {
  {
    const auto database = open(IfMissing::create);
    ASSERT_TRUE(database.has_value());
    expect_ok((*database)->script("PRAGMA user_version = 99"));
  }
  expect_error(open(IfMissing::fail), StoreError::Kind::refused, "version 99");
}

TEST_F(StoreFileTest, HasTheVersionAndTheGuardsOn) {
  const auto database = open(IfMissing::create);
  ASSERT_TRUE(database.has_value());
  EXPECT_EQ(number(**database, "PRAGMA user_version"), kStoreVersion);
  EXPECT_EQ(number(**database, "PRAGMA foreign_keys"), 1);
  EXPECT_EQ(number(**database, "PRAGMA synchronous"), 2);
  EXPECT_EQ(number(**database, "PRAGMA trusted_schema"), 0);
  std::string mode;
  expect_ok((*database)->query("PRAGMA journal_mode", {}, [&](const Row& row) { mode = row.text(0); }));
  EXPECT_EQ(mode, "wal");
  // Nobody without a customer.
  EXPECT_FALSE((*database)->run("INSERT INTO domain VALUES ('a.example', 42, 'asserted', 0)").has_value());
}

TEST_F(StoreFileTest, ATransactionThatIsNotCommittedLeavesNothing) {
  const auto database = open(IfMissing::create);
  ASSERT_TRUE(database.has_value());
  {
    const auto transaction = Transaction::to_write(**database);
    ASSERT_TRUE(transaction.has_value());
    expect_ok((*database)->run("INSERT INTO customer (name, created_ms) VALUES ($1, $2)",
                               {std::string("Acme"), std::int64_t{0}}));
  }
  EXPECT_EQ(number(**database, "SELECT count(*) FROM customer"), 0);
}

}  // namespace
}  // namespace sluice::auth
