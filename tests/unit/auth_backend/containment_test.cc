// What is contained in the embedded store: who may log in, before and after release.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "auth/store/containment_admin.h"
#include "auth/store/device_admin.h"
#include "auth/store/store_copy.h"
#include "tests/unit/auth_backend/store_fixture.h"

namespace sluice::auth {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* kStolen = "abcde23456fghij7klmn";
constexpr const char* kEves = "zzcde23456fghij7klmn";

class ContainmentTest : public StoreTest {
 protected:
  void SetUp() override {
    admin_ = open_admin();
    fill(*admin_);
    expect_ok(admin_->add_account("kim@example.com", "Acme", secret_of("kims"), std::nullopt, kTestNow));
    auto devices = DeviceAdmin::open(address()).value();
    expect_ok(devices->add({.account = "tim@example.com", .name = "printer"}, kStolen, kTestNow));
    expect_ok(
        devices->add({.account = "eve@example.com", .name = "phone", .expires = kTestNow + 1000}, kEves, kTestNow));
    store_ = open_store();
    containment_ = ContainmentAdmin::open(address()).value();
    dead_.hash = admin_->hash_password(secret_of("nobody knows it")).value();
  }
  AnswerKind log_in(const std::string& name, const std::string& secret) {
    return store_->check(name_of(name), secret_of(secret)).kind;
  }
  std::optional<AnswerKind> with_device(const std::string& name) {
    auto found =
        store_->find_device(Credentials{.name = name_of(name), .secret = secret_of(kStolen)}, kTestNow).value();
    return found ? std::optional(found->kind) : std::nullopt;
  }
  AnswerKind elsewhere(const std::string& name) {
    return store_->identify({.account = name, .customer_from = CustomerFrom::domain, .now = kTestNow}).kind;
  }
  ContainmentAdmin::Done contain(const std::string& name, std::optional<ContainedKind> kind = std::nullopt) {
    const auto subject = containment_->find(name, kind);
    EXPECT_TRUE(subject.has_value()) << message_of(subject);
    const auto done = containment_->contain(
        {.subject = *subject, .reason = "stolen", .actor = "ann", .now = kTestNow, .dead = &dead_});
    EXPECT_TRUE(done.has_value()) << message_of(done);
    return *done;
  }
  bool release(const std::string& name, std::optional<ContainedKind> kind = std::nullopt) {
    const auto released = containment_->release(containment_->find(name, kind).value(), "ann", kTestNow);
    EXPECT_TRUE(released.has_value()) << message_of(released);
    return released->has_value();
  }

  std::unique_ptr<AccountAdmin> admin_;
  std::unique_ptr<EmbeddedStore> store_;
  std::unique_ptr<ContainmentAdmin> containment_;
  DeadPassword dead_;
};

TEST_F(ContainmentTest, AnAccountLogsInWithANewPasswordOnlyAfterRelease) {
  expect_ok(admin_->set_account_status("tim@example.com", AccountStatus::held, "slow payer"));
  const std::uint64_t seen = store_->changes_since(0).upto;
  const auto done = contain("Tim@example.com");
  EXPECT_EQ(done.accounts, 1);
  EXPECT_EQ(done.devices, 1);
  EXPECT_FALSE(done.before);
  EXPECT_THAT(store_->changes_since(seen).accounts, ::testing::Contains("tim@example.com"));
  EXPECT_EQ(log_in("tim@example.com", "right"), AnswerKind::wrong);
  EXPECT_EQ(with_device("tim@example.com"), std::nullopt);
  EXPECT_EQ(elsewhere("tim@example.com"), AnswerKind::suspended);
  EXPECT_EQ(log_in("kim@example.com", "kims"), AnswerKind::granted);
  // A new password alone is not enough.
  expect_ok(admin_->set_password("tim@example.com", secret_of("new"), kTestNow));
  EXPECT_EQ(log_in("tim@example.com", "new"), AnswerKind::suspended);
  expect_error(admin_->set_account_status("TIM@example.com", AccountStatus::active, ""), StoreError::Kind::refused,
               "release");
  EXPECT_TRUE(release("tim@example.com"));
  EXPECT_FALSE(release("tim@example.com"));
  EXPECT_EQ(log_in("tim@example.com", "right"), AnswerKind::wrong);
  EXPECT_EQ(with_device("tim@example.com"), std::nullopt);
  EXPECT_EQ(log_in("tim@example.com", "new"), AnswerKind::granted);
  // As it was before.
  const auto record = admin_->account("tim@example.com").value();
  EXPECT_EQ(record.status, AccountStatus::held);
  EXPECT_EQ(record.reason, "slow payer");
}

TEST_F(ContainmentTest, ASecondTimeItIsTheSame) {
  const auto first = contain("tim@example.com");
  const auto second = contain("tim@example.com");
  EXPECT_EQ(second.id, first.id);
  EXPECT_TRUE(second.before);
  EXPECT_THAT(containment_->list().value(), SizeIs(1));
  // A lesser step changes nothing of it.
  const auto held = containment_->contain({.subject = containment_->find("tim@example.com", {}).value(),
                                           .status = AccountStatus::held,
                                           .actor = "bob",
                                           .now = kTestNow});
  ASSERT_TRUE(held.has_value());
  EXPECT_EQ(containment_->list().value().front().status, AccountStatus::suspended);
  EXPECT_EQ(containment_->list().value().front().reason, "stolen");
  EXPECT_TRUE(release("tim@example.com"));
  EXPECT_EQ(admin_->account("tim@example.com").value().status, AccountStatus::active);
  EXPECT_NE(contain("tim@example.com").id, first.id);
}

TEST_F(ContainmentTest, AnAccountOfAnotherBackEndIsRefusedUntilRelease) {
  EXPECT_EQ(elsewhere("eve@example.com"), AnswerKind::granted);
  const auto done = contain("eve@example.com", ContainedKind::account);
  EXPECT_EQ(done.accounts, 0);
  EXPECT_EQ(done.devices, 1);
  EXPECT_EQ(elsewhere("EVE@example.com"), AnswerKind::suspended);
  EXPECT_EQ(with_device("eve@example.com"), std::nullopt);
  EXPECT_EQ(elsewhere("ann@example.com"), AnswerKind::granted);
  EXPECT_TRUE(release("eve@example.com", ContainedKind::account));
  EXPECT_EQ(elsewhere("eve@example.com"), AnswerKind::granted);
}

TEST_F(ContainmentTest, ACustomersAccountsAllStop) {
  const auto done = contain("ACME");
  EXPECT_EQ(done.accounts, 2);
  EXPECT_EQ(done.devices, 2);
  EXPECT_EQ(log_in("kim@example.com", "kims"), AnswerKind::wrong);
  EXPECT_EQ(elsewhere("eve@example.com"), AnswerKind::suspended);
  expect_error(admin_->set_customer_status("acme", AccountStatus::active, ""), StoreError::Kind::refused, "release");
  EXPECT_TRUE(release("Acme"));
  EXPECT_EQ(elsewhere("eve@example.com"), AnswerKind::granted);
  EXPECT_EQ(log_in("kim@example.com", "kims"), AnswerKind::wrong);
}

TEST_F(ContainmentTest, NetworksAreTold) {
  EXPECT_THAT(store_->contained().value().networks, IsEmpty());
  const std::uint64_t seen = store_->changes_since(0).upto;
  contain("192.0.2.0/24");
  const Changes changes = store_->changes_since(seen);
  EXPECT_GT(changes.upto, seen);
  EXPECT_THAT(*changes.networks, ElementsAre(Network::parse("192.0.2.0/24").value()));
  EXPECT_THAT(store_->contained().value().networks, SizeIs(1));
  EXPECT_TRUE(release("192.0.2.0/24"));
  EXPECT_THAT(*store_->changes_since(seen).networks, IsEmpty());
}

TEST_F(ContainmentTest, ANameIsToBeOneThing) {
  expect_ok(admin_->add_customer("tim@example.com", kTestNow));
  using Error = StoreError::Kind;
  expect_error(containment_->find("tim@example.com", {}), Error::refused, "both an account and a customer");
  EXPECT_EQ(containment_->find("tim@example.com", ContainedKind::customer)->kind, ContainedKind::customer);
  EXPECT_EQ(containment_->find("tim@example.com", ContainedKind::account)->kind, ContainedKind::account);
  expect_error(containment_->find("nobody@elsewhere.example", ContainedKind::account), Error::not_found,
               "no customer has its domain");
  expect_error(containment_->find("ann@example.com", {}), Error::not_found, "is no account, customer or network");
  expect_error(containment_->find("0.0.0.0/0", {}), Error::refused, "too large");
  expect_error(containment_->find("::/15", {}), Error::refused, "too large");
  expect_error(containment_->find("192.0.2.1/24", ContainedKind::network), Error::invalid, "192.0.2.1/24");
}

TEST_F(ContainmentTest, ACopyOfTheStoreHasIt) {
  if (server_) GTEST_SKIP();
  contain("192.0.2.0/24");
  const StoreAddress copy(directory_ + "/copy.db");
  ASSERT_TRUE(copy_store(address(), copy, {}).has_value());
  EXPECT_THAT(ContainmentAdmin::open(copy).value()->list().value(), SizeIs(1));
}

}  // namespace
}  // namespace sluice::auth
