// Device passwords in the embedded store: made, found, bound, revoked.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "auth/store/device_admin.h"
#include "tests/unit/auth_backend/store_fixture.h"

namespace sluice::auth {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* kPrinter = "abcde23456fghij7klmn";
constexpr WallMillis kDay = WallMillis{24} * 3600 * 1000;

class DeviceTest : public StoreTest {
 protected:
  void SetUp() override {
    admin_ = open_admin();
    fill(*admin_);
    store_ = open_store();
    devices_ = DeviceAdmin::open(address()).value();
  }
  // Of a mailbox in the store, unless another is named.
  static NewDevice printer(std::string account = "Tim@example.com") {
    return {
        .account = std::move(account), .name = "printer", .customer = {}, .expires = {}, .networks = {}, .senders = {}};
  }
  std::optional<Answer> log_in(std::string_view name, std::string_view secret, WallMillis now = kTestNow,
                               std::string client = "192.0.2.1") {
    Credentials credentials{.name = name_of(name), .secret = secret_of(secret)};
    credentials.client.ip = std::move(client);
    auto found = store_->find_device(credentials, now);
    EXPECT_TRUE(found.has_value());
    return found ? *std::move(found) : std::nullopt;
  }

  std::unique_ptr<AccountAdmin> admin_;
  std::unique_ptr<EmbeddedStore> store_;
  std::unique_ptr<DeviceAdmin> devices_;
};

TEST_F(DeviceTest, GrantsTheAccountThatItIsOf) {
  expect_ok(devices_->add(printer(), kPrinter, kTestNow));
  const auto answer = log_in("tim@Example.COM", "ABCDE-23456-FGHIJ-7KLMN");
  ASSERT_TRUE(answer);
  ASSERT_EQ(answer->kind, AnswerKind::granted);
  EXPECT_EQ(answer->identity->account_name, "tim@example.com");
  EXPECT_EQ(answer->identity->customer_name, "Acme");
  EXPECT_TRUE(answer->identity->may_send_from("example.com"));
  ASSERT_NE(answer->identity->device, nullptr);
  EXPECT_EQ(answer->identity->device->name, "printer");
  // Of no other account, and the mailbox's own password is no device password.
  EXPECT_FALSE(log_in("kurt@example.com", kPrinter));
  EXPECT_FALSE(log_in("tim@example.com", "right"));
  EXPECT_FALSE(log_in("tim@example.com", "abcde23456fghij7klmm"));
}

TEST_F(DeviceTest, IsNotKeptAsItIs) {
  expect_ok(devices_->add(printer(), kPrinter, kTestNow));
  std::string kept;
  expect_ok(open_database()->query("SELECT secret FROM device", {}, [&](const Row& row) { kept = row.text(0); }));
  EXPECT_EQ(kept.size(), 64U);
  EXPECT_EQ(kept.find("abcde"), std::string::npos);
}

TEST_F(DeviceTest, GoesWithItsTime) {
  NewDevice device = printer();
  device.expires = kTestNow + kDay;
  expect_ok(devices_->add(device, kPrinter, kTestNow));
  EXPECT_TRUE(log_in("tim@example.com", kPrinter, kTestNow + kDay - 1));
  EXPECT_FALSE(log_in("tim@example.com", kPrinter, kTestNow + kDay));
  device.expires = kTestNow;
  expect_error(devices_->add(device, "abcde23456fghij7klmm", kTestNow), StoreError::Kind::invalid, "expire");
}

TEST_F(DeviceTest, GoesWhenItIsRevokedOrItsAccountOrCustomerIsRemoved) {
  expect_ok(devices_->add(printer(), kPrinter, kTestNow));
  const std::uint64_t seen = store_->changes_since(0).upto;
  expect_ok(devices_->revoke("TIM@example.com", "Printer"));
  EXPECT_FALSE(log_in("tim@example.com", kPrinter));
  EXPECT_THAT(store_->changes_since(seen).accounts, ::testing::ElementsAre("tim@example.com"));
  expect_error(devices_->revoke("tim@example.com", "printer"), StoreError::Kind::not_found, "has no device");
  expect_ok(devices_->add(printer(), kPrinter, kTestNow));
  expect_ok(admin_->remove_account("tim@example.com"));
  EXPECT_FALSE(log_in("tim@example.com", kPrinter));
  NewDevice elsewhere = printer("box@example.com");
  elsewhere.expires = kTestNow + kDay;
  expect_ok(devices_->add(elsewhere, kPrinter, kTestNow));
  expect_ok(admin_->remove_customer("Acme", /*recursive=*/true));
  EXPECT_THAT(devices_->list(std::nullopt).value(), IsEmpty());
}

TEST_F(DeviceTest, IsNoWayAroundASuspension) {
  expect_ok(devices_->add(printer(), kPrinter, kTestNow));
  expect_ok(admin_->set_account_status("tim@example.com", AccountStatus::suspended, "unpaid"));
  EXPECT_EQ(log_in("tim@example.com", kPrinter)->kind, AnswerKind::suspended);
  expect_ok(admin_->set_account_status("tim@example.com", AccountStatus::active, ""));
  expect_ok(admin_->set_customer_status("Acme", AccountStatus::suspended, "all of them"));
  EXPECT_EQ(log_in("tim@example.com", kPrinter)->reason, "all of them");
}

// Nobody tells the store when such a mailbox is gone.
TEST_F(DeviceTest, OfAMailboxElsewhereItHasToExpireWithinAYear) {
  NewDevice device = printer("box@example.com");
  expect_error(devices_->add(device, kPrinter, kTestNow), StoreError::Kind::refused, "give --expires DAYS");
  device.expires = kTestNow + kDeviceLifeMax + 1;
  expect_error(devices_->add(device, kPrinter, kTestNow), StoreError::Kind::refused, "within 366 days");
  device.expires = kTestNow + kDeviceLifeMax;
  expect_ok(devices_->add(device, kPrinter, kTestNow));
  EXPECT_EQ(log_in("box@example.com", kPrinter)->identity->customer_name, "Acme");
  device.account = "box@nobody.example";
  device.name = "other";
  expect_error(devices_->add(device, "abcde23456fghij7klmm", kTestNow), StoreError::Kind::not_found, "--customer NAME");
  device.customer = "nobody";
  expect_error(devices_->add(device, "abcde23456fghij7klmm", kTestNow), StoreError::Kind::not_found, "no customer");
  device.customer = "acme";
  expect_ok(devices_->add(device, "abcde23456fghij7klmm", kTestNow));
}

TEST_F(DeviceTest, OfAMailboxElsewhereThatIsAskedForItNeedNotExpire) {
  NewDevice device = printer("box@example.com");
  device.mailbox_is_asked_for = true;
  expect_ok(devices_->add(device, kPrinter, kTestNow));
  EXPECT_EQ(log_in("box@example.com", kPrinter, kTestNow + 2 * kDeviceLifeMax)->kind, AnswerKind::granted);
}

// sluicectl with --store in place of the configuration said that no back end tells.
TEST_F(DeviceTest, OfAMailboxElsewhereIsSaidWhatToDoWhereBackEndsAreNotKnown) {
  NewDevice device = printer("box@example.com");
  device.backends_known = false;
  expect_error(devices_->add(device, kPrinter, kTestNow), StoreError::Kind::refused, "with --config or without");
  device.backends_known = true;
  expect_error(devices_->add(device, kPrinter, kTestNow), StoreError::Kind::refused, "no back end tells when");
}

// As a login does.
TEST_F(DeviceTest, ItsCustomerMayHaveAllBelowADomain) {
  expect_ok(admin_->add_customer("Below", kTestNow));
  expect_ok(admin_->add_domain("*.example.org", "Below", kTestNow));
  NewDevice device = printer("box@sub.example.org");
  device.expires = kTestNow + kDay;
  expect_ok(devices_->add(device, kPrinter, kTestNow));
  EXPECT_EQ(log_in("box@sub.example.org", kPrinter)->identity->customer_name, "Below");
  device.account = "box@example.org";
  expect_error(devices_->add(device, kPrinter, kTestNow), StoreError::Kind::not_found, "--customer NAME");
}

TEST_F(DeviceTest, AnAccountHasFiftyAtMostAndNoTwoOfOneName) {
  expect_ok(devices_->add(printer(), kPrinter, kTestNow));
  expect_error(devices_->add(printer(), "abcde23456fghij7klmm", kTestNow), StoreError::Kind::exists, "already");
  for (int i = 1; i < 50; ++i) {
    NewDevice device = printer();
    device.name = "device " + std::to_string(i);
    std::string password = kPrinter;
    password[2] = static_cast<char>('a' + i % 26);
    password[3] = static_cast<char>('w' + i / 26);
    expect_ok(devices_->add(device, password, kTestNow));
  }
  NewDevice device = printer();
  device.name = "one too many";
  expect_error(devices_->add(device, "zzzzz23456fghij7klmm", kTestNow), StoreError::Kind::refused,
               "revoke one of them");
  EXPECT_THAT(devices_->list("tim@example.com").value(), SizeIs(50));
}

TEST_F(DeviceTest, ItsUseIsNotedOnceAMinuteWhereItWasGood) {
  NewDevice device = printer();
  device.networks = {"192.0.2.0/24"};
  device.senders = {"Printer@example.com"};
  expect_ok(devices_->add(device, kPrinter, kTestNow));
  const auto record = [this] { return devices_->list(std::nullopt).value().at(0); };
  EXPECT_FALSE(record().used);
  EXPECT_TRUE(log_in("tim@example.com", kPrinter, kTestNow, "198.51.100.1")->identity->device);
  EXPECT_FALSE(record().used);
  log_in("tim@example.com", kPrinter, kTestNow + 5);
  EXPECT_EQ(record().used, kTestNow + 5);
  EXPECT_EQ(record().used_from, "192.0.2.1");
  log_in("tim@example.com", kPrinter, kTestNow + 59'000, "192.0.2.2");
  EXPECT_EQ(record().used_from, "192.0.2.1");
  log_in("tim@example.com", kPrinter, kTestNow + 61'000, "192.0.2.2");
  EXPECT_EQ(record().used_from, "192.0.2.2");
  EXPECT_THAT(record().senders, ::testing::ElementsAre("printer@example.com"));
}

TEST_F(DeviceTest, BoundsThatAreNoneAreRefused) {
  NewDevice device = printer();
  device.networks = {"192.0.2.1/24"};
  expect_error(devices_->add(device, kPrinter, kTestNow), StoreError::Kind::invalid, "network");
  device.networks = {};
  device.senders = {"printer"};
  expect_error(devices_->add(device, kPrinter, kTestNow), StoreError::Kind::invalid, "is no address");
  device.senders = {};
  device.name = "";
  expect_error(devices_->add(device, kPrinter, kTestNow), StoreError::Kind::invalid, "name");
}

}  // namespace
}  // namespace sluice::auth
