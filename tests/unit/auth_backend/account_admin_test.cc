#include "auth/store/account_admin.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "auth/store/domain_state_admin.h"
#include "auth/store/store_values.h"
#include "tests/unit/auth_backend/store_fixture.h"

namespace sluice::auth {
namespace {

class AccountAdminTest : public StoreTest {
 protected:
  void SetUp() override {
    admin_ = open_admin();
    fill(*admin_);
  }
  std::unique_ptr<AccountAdmin> admin_;
};

TEST_F(AccountAdminTest, KeepsCustomersByNameWithoutCase) {
  expect_error(admin_->add_customer("ACME", kTestNow), StoreError::Kind::exists, "\"ACME\"");
  const CustomerRecord acme = admin_->customer("acme").value();
  EXPECT_EQ(acme.name, "Acme");
  EXPECT_EQ(acme.status, AccountStatus::active);
  EXPECT_EQ(acme.created, kTestNow);
  EXPECT_EQ(acme.domains, 1);
  EXPECT_EQ(acme.accounts, 1);
  expect_error(admin_->customer("Nobody"), StoreError::Kind::not_found, "sluicectl customer list");
}

TEST_F(AccountAdminTest, RefusesNamesThatCannotBe) {
  for (const std::string_view bad : {"", " a", "a ", "-a", "a\nb", "\xff"}) {
    expect_error(admin_->add_customer(bad, kTestNow), StoreError::Kind::invalid, "cannot be a customer's name");
  }
  for (const std::string_view bad : {"", "a b", "-a", "a\r\nb", "\x1b[2J", "\xff"}) {
    const auto added = admin_->add_account(bad, "Acme", secret_of("right"), std::nullopt, kTestNow);
    expect_error(added, StoreError::Kind::invalid, "cannot be an account's name");
    EXPECT_EQ(message_of(added).find('\x1b'), std::string::npos);
    EXPECT_EQ(message_of(added).find('\n'), std::string::npos);
  }
  for (const std::string_view bad : {"", "com", "*.com", "a b.example", "[192.0.2.1]", "user@example.com"}) {
    expect_error(admin_->add_domain(bad, "Acme", kTestNow), StoreError::Kind::invalid, "is not a domain");
  }
}

TEST_F(AccountAdminTest, HoldsItsLengthLimits) {
  expect_ok(admin_->add_customer(std::string(200, 'c'), kTestNow));
  EXPECT_FALSE(admin_->add_customer(std::string(201, 'c'), kTestNow).has_value());
  expect_ok(admin_->add_account(std::string(320, 'a'), "Acme", secret_of("right"), std::nullopt, kTestNow));
  EXPECT_FALSE(
      admin_->add_account(std::string(321, 'a'), "Acme", secret_of("right"), std::nullopt, kTestNow).has_value());
  expect_ok(admin_->set_customer_status("Acme", AccountStatus::held, std::string(200, 'r')));
  expect_error(admin_->set_customer_status("Acme", AccountStatus::held, std::string(201, 'r')),
               StoreError::Kind::invalid, "up to 200");
  expect_error(admin_->set_account_status("tim@example.com", AccountStatus::suspended, "a\r\n250 ok"),
               StoreError::Kind::invalid, "printable");
}

TEST_F(AccountAdminTest, ADomainHasOneCustomer) {
  expect_ok(admin_->add_customer("Other", kTestNow));
  expect_error(admin_->add_domain("EXAMPLE.com", "Other", kTestNow), StoreError::Kind::exists, "\"Acme\"");
  expect_error(admin_->add_domain("example.com", "Acme", kTestNow), StoreError::Kind::exists, "\"Acme\"");
  expect_error(admin_->add_domain("a.example", "Nobody", kTestNow), StoreError::Kind::not_found, "\"Nobody\"");
  const DomainRecord domain = admin_->domain("Example.COM").value();
  EXPECT_EQ(domain.customer, "Acme");
  EXPECT_EQ(domain.ownership, "asserted");
}

// Both spellings could be had, by two customers.
TEST_F(AccountAdminTest, ADomainThatOnlyLooksLikeAnotherIsOfNoCustomer) {
  for (const std::string_view twin : {"xn--bucher-xyd.example", "*.xn--bucher-xyd.example"})
    expect_error(admin_->add_domain(twin, "Acme", kTestNow), StoreError::Kind::invalid, "give the name itself");
}

TEST_F(AccountAdminTest, ADomainInItsOtherSpellingIsTaken) {
  expect_ok(admin_->add_customer("Other", kTestNow));
  expect_ok(admin_->add_domain("b\u00fccher.example", "Acme", kTestNow));
  for (const std::string_view twin : {"xn--bcher-kva.example", "B\u00dcCHER.example", "bu\u0308cher.EXAMPLE"}) {
    expect_error(admin_->add_domain(twin, "Other", kTestNow), StoreError::Kind::exists, "\"Acme\"");
    EXPECT_EQ(admin_->domain(twin)->name, "xn--bcher-kva.example");
  }
  expect_error(admin_->add_domain("*.example.", "Other", kTestNow), StoreError::Kind::invalid, "not a domain");
  expect_ok(admin_->add_account("ann@B\u00fccher.example", "Acme", secret_of("right"), std::nullopt, kTestNow));
  expect_error(admin_->add_account("ANN@xn--bcher-kva.example", "Other", secret_of("right"), std::nullopt, kTestNow),
               StoreError::Kind::exists, "ann@xn--bcher-kva.example");
}

TEST_F(AccountAdminTest, WildcardsDoNotReachIntoAnotherCustomersDomains) {
  expect_ok(admin_->add_customer("Other", kTestNow));
  expect_ok(admin_->add_domain("*.isp.example", "Acme", kTestNow));
  for (const std::string_view meets :
       {"b.isp.example", "a.b.isp.example", "*.b.isp.example", "*.isp.example", ".isp.example"}) {
    expect_error(admin_->add_domain(meets, "Other", kTestNow), StoreError::Kind::exists, "\"Acme\"");
  }
  expect_ok(admin_->add_domain("isp.example", "Other", kTestNow));
  expect_ok(admin_->add_domain("b.isp.example", "Acme", kTestNow));
  // The other way round.
  expect_ok(admin_->add_domain("deep.down.example.org", "Other", kTestNow));
  expect_error(admin_->add_domain("*.example.org", "Acme", kTestNow), StoreError::Kind::exists,
               "sluicectl domain remove 'deep.down.example.org'");
  expect_ok(admin_->add_domain("*.example.org", "Other", kTestNow));
}

TEST_F(AccountAdminTest, ListsAllOrACustomers) {
  expect_ok(admin_->add_customer("Other", kTestNow));
  expect_ok(admin_->add_domain("other.example", "Other", kTestNow));
  expect_ok(admin_->add_account("x@other.example", "Other", secret_of("right"), std::nullopt, kTestNow));
  EXPECT_EQ(admin_->customers()->size(), 2U);
  EXPECT_EQ(admin_->domains(std::nullopt)->size(), 2U);
  EXPECT_EQ(admin_->accounts(std::nullopt)->size(), 2U);
  ASSERT_EQ(admin_->domains("other")->size(), 1U);
  EXPECT_EQ(admin_->domains("other")->front().name, "other.example");
  ASSERT_EQ(admin_->accounts("other")->size(), 1U);
  EXPECT_EQ(admin_->accounts("other")->front().name, "x@other.example");
  expect_error(admin_->accounts("nobody"), StoreError::Kind::not_found, "nobody");
}

TEST_F(AccountAdminTest, ShowsAnAccountsNarrowing) {
  EXPECT_EQ(admin_->account("tim@example.com")->narrowed_to, std::nullopt);
  expect_ok(admin_->add_domain("*.example.net", "Acme", kTestNow));
  const std::vector<std::string> narrowing{"example.com", "b.example.net", "*.a.example.net"};
  expect_ok(admin_->set_narrowing("tim@example.com", narrowing));
  expect_ok(admin_->add_account("zoe@example.com", "Acme", secret_of("right"), {{"Example.com"}}, kTestNow));
  const auto accounts = admin_->accounts(std::nullopt).value();
  ASSERT_EQ(accounts.size(), 2U);
  EXPECT_EQ(accounts[0].narrowed_to, (std::vector<std::string>{"*.a.example.net", "b.example.net", "example.com"}));
  EXPECT_EQ(accounts[1].narrowed_to, (std::vector<std::string>{"example.com"}));
}

TEST_F(AccountAdminTest, NarrowsToAddresses) {
  expect_ok(admin_->set_narrowing("tim@example.com", {{"Sales-*@Example.com", "boss@example.com"}}));
  EXPECT_EQ(admin_->account("tim@example.com")->narrowed_to,
            (std::vector<std::string>{"boss@example.com", "sales-*@example.com"}));
  expect_error(admin_->set_narrowing("tim@example.com", {{"boss@example.org"}}), StoreError::Kind::refused,
               "\"boss@example.org\"");
  expect_error(admin_->set_narrowing("tim@example.com", {{"@example.com"}}), StoreError::Kind::invalid,
               "nor an address");
}

TEST_F(AccountAdminTest, NothingBelowAPublicSuffixIsOneCustomers) {
  for (const std::string_view everybodys : {"*.co.uk", ".CO.UK", "*.github.io", "*.xn--55qx5d.cn"})
    expect_error(admin_->add_domain(everybodys, "Acme", kTestNow), StoreError::Kind::invalid, "publicsuffix.org");
  expect_ok(admin_->add_domain("*.acme.co.uk", "Acme", kTestNow));
  expect_ok(admin_->add_domain("acme.co.uk", "Acme", kTestNow));
}

TEST_F(AccountAdminTest, AnIpAddressIsNoDomain) {
  const auto states = DomainStateAdmin::open(address()).value();
  for (const std::string_view number : {"192.0.2.1", "*.192.0.2.1", "example.123"}) {
    expect_error(admin_->add_domain(number, "Acme", kTestNow), StoreError::Kind::invalid, "no number");
    expect_error(states->add_claim(number, "Acme", kTestNow), StoreError::Kind::invalid, "no number");
  }
  expect_ok(admin_->add_domain("192.0.2.example", "Acme", kTestNow));
}

TEST_F(AccountAdminTest, ARegistrysSuffixIsNobodys) {
  const auto states = DomainStateAdmin::open(address()).value();
  for (const std::string_view registrys : {"co.uk", "CO.UK", "xn--55qx5d.cn"}) {
    expect_error(admin_->add_domain(registrys, "Acme", kTestNow), StoreError::Kind::invalid, "publicsuffix.org");
    expect_error(states->add_claim(registrys, "Acme", kTestNow), StoreError::Kind::invalid, "publicsuffix.org");
  }
  // The domain of a company that lets others have names below it.
  expect_ok(admin_->add_domain("github.io", "Acme", kTestNow));
  expect_ok(admin_->add_domain("unlisted.example", "Acme", kTestNow));
}

TEST_F(AccountAdminTest, NarrowsOnlyToWhatTheCustomerHas) {
  expect_error(admin_->set_narrowing("tim@example.com", {{"example.com", "example.org"}}), StoreError::Kind::refused,
               "\"example.org\"");
  // Nothing of it took place.
  EXPECT_EQ(admin_->account("tim@example.com")->narrowed_to, std::nullopt);
  expect_error(admin_->add_account("zoe@example.com", "Acme", secret_of("right"), {{"*.example.com"}}, kTestNow),
               StoreError::Kind::refused, "\"*.example.com\"");
  EXPECT_FALSE(admin_->account("zoe@example.com").has_value());
}

TEST_F(AccountAdminTest, AccountNamesAreUniqueWithoutCase) {
  expect_error(admin_->add_account("TIM@example.com", "Acme", secret_of("right"), std::nullopt, kTestNow),
               StoreError::Kind::exists, "sluicectl account password tim@example.com");
}

TEST_F(AccountAdminTest, ActivatingClearsTheReason) {
  expect_ok(admin_->set_account_status("tim@example.com", AccountStatus::suspended, "stolen"));
  EXPECT_EQ(admin_->account("tim@example.com")->reason, "stolen");
  expect_ok(admin_->set_account_status("tim@example.com", AccountStatus::active, "ignored"));
  EXPECT_EQ(admin_->account("tim@example.com")->reason, "");
  expect_ok(admin_->set_customer_status("Acme", AccountStatus::suspended, "unpaid"));
  EXPECT_EQ(admin_->customer("Acme")->reason, "unpaid");
  EXPECT_EQ(admin_->customer("Acme")->status, AccountStatus::suspended);
}

TEST_F(AccountAdminTest, RemovesACustomerOnlyWhenItIsEmptyOrOnRequest) {
  expect_error(admin_->remove_customer("Acme", false), StoreError::Kind::refused, "--recursive");
  EXPECT_TRUE(admin_->account("tim@example.com").has_value());
  expect_ok(admin_->remove_customer("Acme", true));
  EXPECT_FALSE(admin_->customer("Acme").has_value());
  EXPECT_FALSE(admin_->domain("example.com").has_value());
  EXPECT_FALSE(admin_->account("tim@example.com").has_value());
  expect_error(admin_->remove_customer("Acme", true), StoreError::Kind::not_found, "\"Acme\"");
  expect_ok(admin_->add_customer("Empty", kTestNow));
  expect_ok(admin_->remove_customer("Empty", false));
}

TEST_F(AccountAdminTest, ChangesAPassword) {
  const auto store = open_store();
  expect_ok(admin_->set_password("Tim@example.com", secret_of("newer"), kTestNow + 1));
  EXPECT_EQ(store->check(name_of("tim@example.com"), secret_of("right")).kind, AnswerKind::wrong);
  EXPECT_EQ(store->check(name_of("tim@example.com"), secret_of("newer")).kind, AnswerKind::granted);
  EXPECT_EQ(admin_->account("tim@example.com")->password_set, kTestNow + 1);
}

TEST_F(AccountAdminTest, SaysWhatIsNotThere) {
  expect_error(admin_->set_password("no@example.com", secret_of("x"), kTestNow), StoreError::Kind::not_found,
               "account list");
  expect_error(admin_->set_narrowing("no@example.com", std::nullopt), StoreError::Kind::not_found, "no@example.com");
  expect_error(admin_->set_account_status("no@example.com", AccountStatus::held, ""), StoreError::Kind::not_found,
               "no@");
  expect_error(admin_->set_customer_status("Nobody", AccountStatus::held, ""), StoreError::Kind::not_found, "Nobody");
  expect_error(admin_->remove_account("no@example.com"), StoreError::Kind::not_found, "no@example.com");
  expect_error(admin_->remove_domain("no.example"), StoreError::Kind::not_found, "domain list");
  expect_error(admin_->domain("no.example"), StoreError::Kind::not_found, "no.example");
}

TEST_F(AccountAdminTest, TakesHostileTextLiterally) {
  const std::string hostile = "'); DROP TABLE customer; --";
  expect_ok(admin_->add_customer(hostile, kTestNow));
  EXPECT_EQ(admin_->customer(hostile)->name, hostile);
  EXPECT_FALSE(admin_->customer("' OR 1=1 --").has_value());
  expect_ok(admin_->set_customer_status(hostile, AccountStatus::held, "'%n"));
  EXPECT_EQ(admin_->customer("Acme")->status, AccountStatus::active);
  expect_ok(admin_->remove_customer(hostile, false));
  EXPECT_EQ(admin_->customers()->size(), 1U);
}

TEST_F(AccountAdminTest, StatusesSurviveTheStore) {
  for (const AccountStatus status : {AccountStatus::active, AccountStatus::held, AccountStatus::suspended}) {
    EXPECT_EQ(status_from_store(stored_status(status)), status);
  }
  EXPECT_EQ(status_from_store(77), AccountStatus::suspended);
}

}  // namespace
}  // namespace sluice::auth
