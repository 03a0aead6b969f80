// Policy classes and overrides of their limits in the store: set by the operator, found at a login.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "auth/store/device_admin.h"
#include "auth/store/store_copy.h"
#include "auth/store/store_schema.h"
#include "tests/unit/auth_backend/store_fixture.h"

namespace sluice::auth {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr const char* kClassDevice = "abcde23456fghij7klmn";
constexpr LimitChange kDay1000{Quantity::recipients, Span::day, 1000};
constexpr LimitOverride kDayOf1000{Quantity::recipients, Span::day, 1000};

class ClassStoreTest : public StoreTest {
 protected:
  void SetUp() override {
    admin_ = open_admin();
    fill(*admin_);
    store_ = open_store();
  }
  IdentityRef by_password() { return store_->check(name_of("tim@example.com"), secret_of("right")).identity; }
  // As another back end grants it.
  IdentityRef by_claim(const std::string& account = "tim@example.com") {
    return store_
        ->identify({.account = account,
                    .customer = "Acme",
                    .domains = {},
                    .customer_from = CustomerFrom::fixed,
                    .unknown_customer = UnknownCustomer::refuse,
                    .now = kTestNow})
        .identity;
  }
  IdentityRef by_device(const std::string& secret = kClassDevice) {
    const Credentials credentials{.name = name_of("tim@example.com"), .secret = secret_of(secret)};
    auto found = store_->find_device(credentials, kTestNow);
    return found && *found ? (*found)->identity : nullptr;
  }
  void add_device(const std::string& name, const std::string& secret, const std::string& policy_class) {
    NewDevice device{
        .account = "tim@example.com", .name = name, .customer = {}, .expires = {}, .networks = {}, .senders = {}};
    device.policy_class = policy_class;
    expect_ok(DeviceAdmin::open(address()).value()->add(device, secret, kTestNow));
  }
  static LimitOverrides listed(const std::shared_ptr<const LimitOverrides>& overrides) {
    return overrides == nullptr ? LimitOverrides() : *overrides;
  }

  std::unique_ptr<AccountAdmin> admin_;
  std::unique_ptr<EmbeddedStore> store_;
};

TEST_F(ClassStoreTest, TheNearestClassCounts) {
  add_device("plain", kClassDevice, "");
  add_device("own", "abcde23456fghij7klmm", "device");
  EXPECT_EQ(by_password()->policy_class, "");
  EXPECT_EQ(by_password()->customer_class, "");
  expect_ok(admin_->set_customer_class("acme", "business"));
  for (const IdentityRef& each : {by_password(), by_claim(), by_claim("other@example.com"), by_device()})
    EXPECT_EQ(each->policy_class, "business");
  EXPECT_EQ(by_device("abcde23456fghij7klmm")->policy_class, "device");
  expect_ok(admin_->set_account_class("Tim@example.com", "list_server"));
  for (const IdentityRef& each : {by_password(), by_claim(), by_device()}) EXPECT_EQ(each->policy_class, "list_server");
  EXPECT_EQ(by_claim("other@example.com")->policy_class, "business");
  EXPECT_EQ(by_device("abcde23456fghij7klmm")->policy_class, "device");
  for (const IdentityRef& each : {by_password(), by_claim(), by_device(), by_device("abcde23456fghij7klmm")})
    EXPECT_EQ(each->customer_class, "business");
  expect_ok(admin_->set_account_class("tim@example.com", ""));
  EXPECT_EQ(by_password()->policy_class, "business");
}

TEST_F(ClassStoreTest, ADeviceGoodForCramMd5HasItsClass) {
  NewDevice device{
      .account = "tim@example.com", .name = "old", .customer = {}, .expires = {}, .networks = {}, .senders = {}};
  device.cram_md5 = true;
  device.policy_class = "device";
  const auto devices = DeviceAdmin::open(address()).value();
  expect_ok(devices->add(device, kClassDevice, kTestNow));
  EXPECT_EQ(by_device()->policy_class, "device");
  EXPECT_EQ(devices->list("tim@example.com").value().front().policy_class, "device");
}

TEST_F(ClassStoreTest, OverridesComeWithTheIdentity) {
  EXPECT_EQ(by_password()->account_overrides, nullptr);
  expect_ok(admin_->change_account_limits("tim@example.com", std::vector<LimitChange>{kDay1000}));
  expect_ok(admin_->change_customer_limits(
      "acme", std::vector<LimitChange>{{Quantity::bytes, Span::month, 7}, {Quantity::sessions, Span::minute, 8}}));
  add_device("plain", kClassDevice, "");
  for (const IdentityRef& each : {by_password(), by_claim(), by_device()}) {
    EXPECT_THAT(listed(each->account_overrides), ElementsAre(kDayOf1000));
    EXPECT_EQ(listed(each->customer_overrides).size(), 2U);
  }
  // Of a mailbox that the store has not, the customer's.
  EXPECT_THAT(listed(by_claim("other@example.com")->account_overrides), IsEmpty());
  EXPECT_EQ(listed(by_claim("other@example.com")->customer_overrides).size(), 2U);
  expect_ok(admin_->change_account_limits("tim@example.com",
                                          std::vector<LimitChange>{{Quantity::recipients, Span::day, {}}}));
  EXPECT_EQ(by_password()->account_overrides, nullptr);
}

TEST_F(ClassStoreTest, AreShownAndChangedAllAtOnceOrNotAtAll) {
  expect_ok(admin_->set_customer_class("Acme", "business"));
  expect_ok(admin_->change_account_limits(
      "tim@example.com",
      std::vector<LimitChange>{{Quantity::bytes, Span::day, 5}, {Quantity::recipients, Span::day, 3}}));
  expect_ok(admin_->change_account_limits("tim@example.com", std::vector<LimitChange>{kDay1000}));
  const LimitOverrides expected{kDayOf1000, {Quantity::bytes, Span::day, 5}};
  EXPECT_EQ(admin_->account("tim@example.com").value().overrides, expected);
  EXPECT_EQ(admin_->accounts(std::nullopt).value().front().overrides, expected);
  EXPECT_EQ(admin_->accounts("Acme").value().front().policy_class, "");
  EXPECT_EQ(admin_->customer("acme").value().policy_class, "business");
  EXPECT_THAT(admin_->customers().value().front().overrides, IsEmpty());
  expect_error(
      admin_->change_account_limits("tim@example.com", std::vector<LimitChange>{{Quantity::recipients, Span::day, 1},
                                                                                {Quantity::bytes, Span::day, 0}}),
      StoreError::Kind::invalid, "a limit is 1 to");
  EXPECT_EQ(admin_->account("tim@example.com").value().overrides, expected);
}

TEST_F(ClassStoreTest, WhatIsNotThereIsSaid) {
  expect_error(admin_->set_customer_class("Other", "business"), StoreError::Kind::not_found, "no customer");
  expect_error(admin_->set_account_class("no@example.com", "business"), StoreError::Kind::not_found, "no account");
  expect_error(admin_->set_account_class("tim@example.com", "two words"), StoreError::Kind::invalid, "class's name");
  expect_error(admin_->change_account_limits("no@example.com", std::vector<LimitChange>{kDay1000}),
               StoreError::Kind::not_found, "no account");
  expect_error(admin_->change_customer_limits("Other", std::vector<LimitChange>{kDay1000}), StoreError::Kind::not_found,
               "no customer");
}

// What a running relay learns of: open sessions of whom this is about end, and log in to the new limits.
TEST_F(ClassStoreTest, EachChangeIsToldOfOnce) {
  add_device("printer", kClassDevice, "");
  const std::int64_t acme = by_password()->customer_id;
  std::uint64_t seen = store_->changes_since(0).upto;
  const auto changed = [&] {
    Changes changes = store_->changes_since(seen);
    EXPECT_EQ(changes.error, "");
    seen = changes.upto;
    std::string text;
    for (const std::string& account : changes.accounts) text += account + " ";
    for (const std::int64_t customer : changes.customers) text += customer == acme ? "Acme " : "another ";
    return text;
  };
  const std::vector<LimitChange> day = {kDay1000};
  const std::vector<LimitChange> less = {{Quantity::recipients, Span::day, 9}};
  const std::vector<LimitChange> none = {{Quantity::recipients, Span::day, {}}};
  expect_ok(admin_->set_customer_class("acme", "business"));
  EXPECT_EQ(changed(), "Acme ");
  expect_ok(admin_->set_customer_class("acme", "business"));
  EXPECT_EQ(changed(), "") << "nothing is different";
  expect_ok(admin_->set_account_class("tim@example.com", "device"));
  EXPECT_EQ(changed(), "tim@example.com ");
  for (const auto& change : {day, less, none}) {
    expect_ok(admin_->change_account_limits("tim@example.com", change));
    EXPECT_EQ(changed(), "tim@example.com ");
    expect_ok(admin_->change_customer_limits("acme", change));
    EXPECT_EQ(changed(), "Acme ");
  }
  expect_ok(open_database()->run("UPDATE device SET class = 'device'"));
  EXPECT_EQ(changed(), "tim@example.com ");
}

TEST_F(ClassStoreTest, GoWithTheAccountAndTheCustomer) {
  expect_ok(admin_->change_account_limits("tim@example.com", std::vector<LimitChange>{kDay1000}));
  expect_ok(admin_->change_customer_limits("acme", std::vector<LimitChange>{kDay1000}));
  expect_ok(admin_->remove_account("tim@example.com"));
  EXPECT_EQ(open_database()->number("SELECT count(*) FROM limit_override").value(), 1);
  expect_ok(admin_->remove_customer("acme", true));
  EXPECT_EQ(open_database()->number("SELECT count(*) FROM limit_override").value(), 0);
}

TEST_F(ClassStoreTest, AreInACopy) {
  expect_ok(admin_->set_customer_class("acme", "business"));
  expect_ok(admin_->set_account_class("tim@example.com", "list_server"));
  expect_ok(admin_->change_account_limits("tim@example.com", std::vector<LimitChange>{kDay1000}));
  expect_ok(admin_->change_customer_limits("acme", std::vector<LimitChange>{kDay1000}));
  add_device("printer", kClassDevice, "device");
  const StoreAddress copy(directory_ + "/copy.db");
  ASSERT_TRUE(copy_store(address(), copy, {}).has_value());
  store_ = EmbeddedStore::open({.address = copy, .cost = kLeastHashCost, .waits = kTestWaits}).value();
  EXPECT_EQ(by_password()->policy_class, "list_server");
  EXPECT_EQ(by_claim("other@example.com")->policy_class, "business");
  EXPECT_EQ(by_device()->policy_class, "device");
  EXPECT_THAT(listed(by_password()->account_overrides), ElementsAre(kDayOf1000));
  EXPECT_THAT(listed(by_password()->customer_overrides), ElementsAre(kDayOf1000));
}

// Of a store that a later version has written to.
TEST_F(ClassStoreTest, AnOverrideOfAnUnknownQuantityIsPassedOver) {
  expect_ok(open_database()->run(
      "INSERT INTO limit_override (account, quantity, span, amount) SELECT id, 'smileys', 'day', 1 FROM account"));
  ASSERT_NE(by_password(), nullptr);
  EXPECT_EQ(by_password()->account_overrides, nullptr);
  EXPECT_THAT(admin_->account("tim@example.com").value().overrides, IsEmpty());
}

}  // namespace
}  // namespace sluice::auth
