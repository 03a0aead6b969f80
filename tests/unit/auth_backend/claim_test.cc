// Whose account it is that another back end has granted: by the store's customers and domains.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/auth_backend/store_fixture.h"

namespace sluice::auth {
namespace {

class ClaimTest : public StoreTest {
 protected:
  void SetUp() override {
    admin_ = open_admin();
    fill(*admin_);
    expect_ok(admin_->add_domain("*.wide.example", "acme", kTestNow));
    store_ = open_store();
  }
  Answer claim(Claim claim) {
    claim.now = kTestNow;
    return store_->identify(claim);
  }
  Answer by_domain(const std::string& account, UnknownCustomer unknown = UnknownCustomer::refuse) {
    return claim({.account = account, .unknown_customer = unknown});
  }

  std::unique_ptr<AccountAdmin> admin_;
  std::unique_ptr<EmbeddedStore> store_;
};

TEST_F(ClaimTest, TheCustomerThatHasTheDomainOfTheLogin) {
  const Answer answer = by_domain("Box@EXAMPLE.com");
  ASSERT_EQ(answer.kind, AnswerKind::granted);
  EXPECT_EQ(answer.identity->account_name, "box@example.com");
  EXPECT_EQ(answer.identity->account_id, 0);
  EXPECT_EQ(answer.identity->customer_name, "Acme");
  EXPECT_TRUE(answer.identity->may_send_from("example.com"));
  EXPECT_FALSE(answer.identity->may_send_from("example.org"));
}

TEST_F(ClaimTest, ADomainBelowOneThatACustomerHasWithAllBelowIt) {
  EXPECT_EQ(by_domain("box@a.b.wide.example").identity->customer_name, "Acme");
  EXPECT_EQ(by_domain("box@wide.example").kind, AnswerKind::suspended);
  EXPECT_EQ(by_domain("box@sub.example.com").kind, AnswerKind::suspended);
}

TEST_F(ClaimTest, WhatIsUnknownIsRefusedOrCreated) {
  const Answer refused = by_domain("box@new.example");
  EXPECT_EQ(refused.kind, AnswerKind::suspended);
  EXPECT_EQ(refused.reason, "this mailbox may not send mail here");
  EXPECT_EQ(by_domain("box").kind, AnswerKind::suspended);
  const Answer created = by_domain("box@new.example", UnknownCustomer::create);
  ASSERT_EQ(created.kind, AnswerKind::granted);
  EXPECT_EQ(created.identity->customer_name, "new.example");
  EXPECT_TRUE(created.identity->may_send_from("new.example"));
  // It is there from now on.
  EXPECT_EQ(by_domain("other@new.example").identity->customer_id, created.identity->customer_id);
  EXPECT_EQ(by_domain("box", UnknownCustomer::create).kind, AnswerKind::suspended);
}

// A login must not give away another customer's domain.
TEST_F(ClaimTest, ACustomerThatIsCreatedGetsNoDomainThatAnotherHas) {
  const Answer created = claim({.account = "box@example.com",
                                .customer = "Newcomer",
                                .customer_from = CustomerFrom::answer,
                                .unknown_customer = UnknownCustomer::create});
  ASSERT_EQ(created.kind, AnswerKind::granted);
  EXPECT_EQ(created.identity->customer_name, "Newcomer");
  EXPECT_FALSE(created.identity->may_send_from("example.com"));
}

TEST_F(ClaimTest, TheBackEndsOwnAnswerNamesCustomerAndDomains) {
  const Answer answer = claim({.account = "box@elsewhere.example",
                               .customer = "ACME",
                               .domains = {"elsewhere.example"},
                               .customer_from = CustomerFrom::answer});
  ASSERT_EQ(answer.kind, AnswerKind::granted);
  EXPECT_EQ(answer.identity->customer_name, "Acme");
  EXPECT_TRUE(answer.identity->may_send_from("elsewhere.example"));
  EXPECT_FALSE(answer.identity->may_send_from("example.com"));
  EXPECT_EQ(claim({.account = "a@b.example", .customer = "", .customer_from = CustomerFrom::answer}).kind,
            AnswerKind::suspended);
}

TEST_F(ClaimTest, WhatTheStoreSaysOfAnAccountHoldsWhateverChecksItsPassword) {
  ASSERT_TRUE(admin_->set_account_status("tim@example.com", AccountStatus::suspended, "unpaid"));
  const Answer suspended = by_domain("tim@example.com");
  EXPECT_EQ(suspended.kind, AnswerKind::suspended);
  EXPECT_EQ(suspended.reason, "unpaid");
  ASSERT_TRUE(admin_->set_customer_status("acme", AccountStatus::suspended, "all of them"));
  EXPECT_EQ(by_domain("box@example.com").reason, "all of them");
}

TEST_F(ClaimTest, AnAccountOfAnotherCustomerIsNotClaimed) {
  ASSERT_TRUE(admin_->add_customer("beta", kTestNow));
  EXPECT_EQ(claim({.account = "tim@example.com", .customer = "beta", .customer_from = CustomerFrom::fixed}).kind,
            AnswerKind::suspended);
}

}  // namespace
}  // namespace sluice::auth
