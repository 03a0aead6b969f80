// A store in a directory of its own, with hashes at the least cost, for one test.  With SLUICE_TEST_POSTGRESQL, the
// path of a UNIX socket, in the database "sluice" of that server, as its user "admin": tests/interop/shared_store.py.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "auth/store/account_admin.h"
#include "auth/store/embedded_store.h"
#include "auth/store/postgresql_store.h"
#include "auth/store/sqlite_database.h"
#include "auth/store/store_file.h"
#include "tests/unit/auth/credentials.h"

namespace sluice::auth {

inline constexpr StoreWaits kTestWaits{.lock = std::chrono::milliseconds(50)};
inline constexpr WallMillis kTestNow = 1'767'225'600'000;  // 2026-01-01

template <typename Value>
std::string message_of(const StoreResult<Value>& result) {
  return result ? "" : result.error().what;
}

class StoreTest : public ::testing::Test {
 protected:
  StoreTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sluice-store-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    path_ = directory_ + "/accounts.db";
    if (const char* const socket = ::getenv("SLUICE_TEST_POSTGRESQL")) use_server(socket);
  }
  ~StoreTest() override { std::filesystem::remove_all(directory_); }

  // Another store in its place, that is not there yet.
  void start_anew() {
    path_ = directory_ + "/anew.db";
    if (!server_) return;
    const auto database = make_postgresql_database(server_->server, StoreTables::create, kTestWaits);
    ASSERT_TRUE(database->script("DROP SCHEMA sluice CASCADE").has_value());
  }
  [[nodiscard]] StoreAddress address() const { return server_ ? *server_ : StoreAddress(path_); }

  std::unique_ptr<AccountAdmin> open_admin(IfMissing if_missing = IfMissing::create) {
    auto admin = AccountAdmin::open(address(), if_missing, kLeastHashCost);
    EXPECT_TRUE(admin.has_value()) << message_of(admin);
    return admin.has_value() ? *std::move(admin) : nullptr;
  }

  std::unique_ptr<EmbeddedStore> open_store(const HashCost& cost = kLeastHashCost) {
    auto store = EmbeddedStore::open({.address = address(), .cost = cost, .waits = kTestWaits});
    EXPECT_TRUE(store.has_value()) << message_of(store);
    return store.has_value() ? *std::move(store) : nullptr;
  }

  // As by hand.
  std::unique_ptr<Database> open_database() {
    return server_ ? auth::open_store(*server_, IfMissing::fail, kTestWaits).value() : open_sqlite(path_, 50).value();
  }

  // Acme with example.com and tim@example.com, whose password is "right".
  void fill(AccountAdmin& admin) {
    expect_ok(admin.add_customer("Acme", kTestNow));
    expect_ok(admin.add_domain("example.com", "Acme", kTestNow));
    expect_ok(admin.add_account("tim@example.com", "Acme", secret_of("right"), std::nullopt, kTestNow));
  }

  static void expect_ok(const StoreResult<>& status) { EXPECT_TRUE(status.has_value()) << message_of(status); }
  template <typename Value>
  static void expect_error(const StoreResult<Value>& result, StoreError::Kind kind, const std::string& says) {
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().kind, kind) << message_of(result);
    EXPECT_NE(message_of(result).find(says), std::string::npos) << message_of(result);
  }

  std::string directory_;
  std::string path_;
  std::optional<StoreAddress> server_;

 private:
  void use_server(const char* socket) {
    server_.emplace(
        PostgresqlStore{.servers = {{.host = socket, .database = "sluice", .user = "admin"}}, .name = "postgresql"});
    start_anew();
  }
};

}  // namespace sluice::auth
