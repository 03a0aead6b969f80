// A store in a directory of its own, with hashes at the least cost, for one test.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "auth/backend/account_admin.h"
#include "auth/backend/embedded_store.h"
#include "tests/unit/auth/credentials.h"

namespace sluice::auth {

inline constexpr WallMillis kTestNow = 1'767'225'600'000;  // 2026-01-01

inline std::string message_of(const absl::Status& status) {
  return std::string(status.message().data(), status.message().size());
}

class StoreTest : public ::testing::Test {
 protected:
  StoreTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sluice-store-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    path_ = directory_ + "/accounts.db";
  }
  ~StoreTest() override { std::filesystem::remove_all(directory_); }

  std::unique_ptr<AccountAdmin> open_admin(IfMissing if_missing = IfMissing::create) {
    auto admin = AccountAdmin::open(path_, if_missing, kLeastHashCost);
    EXPECT_TRUE(admin.ok()) << message_of(admin.status());
    return admin.ok() ? *std::move(admin) : nullptr;
  }

  std::unique_ptr<EmbeddedStore> open_store(const HashCost& cost = kLeastHashCost) {
    auto store = EmbeddedStore::open({.path = path_, .cost = cost, .busy_timeout_ms = 50});
    EXPECT_TRUE(store.ok()) << message_of(store.status());
    return store.ok() ? *std::move(store) : nullptr;
  }

  // Acme with example.com and tim@example.com, whose password is "right".
  void fill(AccountAdmin& admin) {
    expect_ok(admin.add_customer("Acme", kTestNow));
    expect_ok(admin.add_domain("example.com", "Acme", kTestNow));
    expect_ok(admin.add_account("tim@example.com", "Acme", secret_of("right"), std::nullopt, kTestNow));
  }

  static void expect_ok(const absl::Status& status) { EXPECT_TRUE(status.ok()) << message_of(status); }
  static void expect_error(const absl::Status& status, absl::StatusCode code, const std::string& says) {
    EXPECT_EQ(status.code(), code) << message_of(status);
    EXPECT_NE(message_of(status).find(says), std::string::npos) << message_of(status);
  }

  std::string directory_;
  std::string path_;
};

}  // namespace sluice::auth
