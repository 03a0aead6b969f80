// One store into another: from a file into a database and back, or from a file into a file where there is no server.
#include "auth/store/store_copy.h"

#include <gtest/gtest.h>

#include <string>

#include "auth/store/device_admin.h"
#include "tests/unit/auth_backend/store_fixture.h"

namespace sluice::auth {
namespace {

constexpr const char* kSecret = "abcde23456fghij7klmn";

class StoreCopyTest : public StoreTest {
 protected:
  void SetUp() override {
    auto admin = AccountAdmin::open(file_, IfMissing::create, kLeastHashCost).value();
    fill(*admin);
    expect_ok(admin->add_account("kurt@example.com", "Acme", secret_of("other"), {{"example.com"}}, kTestNow));
    expect_ok(admin->set_account_status("kurt@example.com", AccountStatus::suspended, "unpaid"));
    expect_ok(DeviceAdmin::open(file_).value()->add({.account = "tim@example.com",
                                                     .name = "printer",
                                                     .customer = {},
                                                     .expires = {},
                                                     .networks = {"192.0.2.0/24"},
                                                     .senders = {},
                                                     .cram_md5 = true},
                                                    kSecret, kTestNow));
  }
  static void expect_all_of_it(const StoreAddress& at) {
    const auto store = EmbeddedStore::open({.address = at, .cost = kLeastHashCost, .waits = kTestWaits}).value();
    const Answer tim = store->check(name_of("tim@example.com"), secret_of("right"));
    ASSERT_EQ(tim.kind, AnswerKind::granted);
    EXPECT_TRUE(tim.identity->may_send_from("example.com"));
    const Answer kurt = store->check(name_of("kurt@example.com"), secret_of("other"));
    EXPECT_EQ(kurt.kind, AnswerKind::suspended);
    EXPECT_EQ(kurt.reason, "unpaid");
    const auto admin = AccountAdmin::open(at, IfMissing::fail, kLeastHashCost).value();
    EXPECT_EQ(admin->account("kurt@example.com").value().narrowed_to->size(), 1U);
    Credentials printer{.name = name_of("tim@example.com"), .secret = secret_of(kSecret)};
    printer.client.ip = "192.0.2.1";
    const auto found = store->find_device(printer, kTestNow);
    ASSERT_TRUE(found && *found);
    EXPECT_EQ((*found)->kind, AnswerKind::granted);
    const auto devices = DeviceAdmin::open(at).value()->list("tim@example.com");
    ASSERT_TRUE(devices && devices->size() == 1);
    EXPECT_TRUE(devices->front().cram_md5);
  }

  std::string file_ = directory_ + "/file.db";
  std::string back_ = directory_ + "/back.db";
};

TEST_F(StoreCopyTest, AllOfItThereAndBack) {
  std::size_t seen = 0;
  const auto counts = copy_store(file_, address(), {.on_progress = [&seen](std::size_t rows) { seen = rows; }});
  ASSERT_TRUE(counts.has_value()) << message_of(counts);
  EXPECT_EQ(counts->customers, 1U);
  EXPECT_EQ(counts->domains, 1U);
  EXPECT_EQ(counts->accounts, 2U);
  EXPECT_EQ(counts->devices, 1U);
  EXPECT_EQ(seen, 8U);  // with a narrowing and two keys
  expect_all_of_it(address());
  ASSERT_TRUE(copy_store(address(), back_, {}).has_value());
  expect_all_of_it(back_);
}

TEST_F(StoreCopyTest, WhatIsAddedBehindItHasAnIdOfItsOwn) {
  ASSERT_TRUE(copy_store(file_, address(), {}).has_value());
  const auto admin = open_admin(IfMissing::fail);
  expect_ok(admin->add_customer("Other", kTestNow));
  expect_ok(admin->add_account("new@other.example", "Other", secret_of("right"), std::nullopt, kTestNow));
  expect_all_of_it(address());
}

TEST_F(StoreCopyTest, AStoreWithCustomersIsReplacedOnlyWhereThatIsWanted) {
  const auto admin = open_admin();
  expect_ok(admin->add_customer("Other", kTestNow));
  expect_error(copy_store(file_, address(), {}), StoreError::Kind::refused, "has 1 customers already");
  EXPECT_EQ(admin->customers().value().size(), 1U);
  const auto store = open_store();
  const std::uint64_t seen = store->changes_since(0).upto;
  ASSERT_TRUE(copy_store(file_, address(), {.replace = true}).has_value());
  EXPECT_EQ(admin->customers().value().front().name, "Acme");
  expect_all_of_it(address());
  // Relays that have it open are told.
  EXPECT_GT(store->changes_since(seen).upto, seen);
}

TEST_F(StoreCopyTest, WhatIsNotThereOrTheSameIsRefused) {
  expect_error(copy_store(directory_ + "/absent.db", address(), {}), StoreError::Kind::not_found, "does not exist");
  expect_error(copy_store(file_, file_, {.replace = true}), StoreError::Kind::refused, "into itself");
}

}  // namespace
}  // namespace sluice::auth
