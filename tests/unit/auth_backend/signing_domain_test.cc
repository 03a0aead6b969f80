// Which domains sign mail of one that has no keys: those above it, and what its customer has chosen.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "auth/store/signing_keys_in_use.h"
#include "auth/store/store_copy.h"
#include "auth/store/store_schema.h"
#include "tests/unit/auth_backend/store_fixture.h"

namespace sluice::auth {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class SigningDomainTest : public StoreTest {
 protected:
  void SetUp() override {
    admin_ = open_admin();
    fill(*admin_);
    keys_ = std::make_unique<SigningKeysInUse>(address(), WhileFailing::sign);
    expect_ok(admin_->add_customer("Other", kTestNow));
  }
  void add(std::string_view domain, std::string_view customer = "Acme") {
    expect_ok(admin_->add_domain(domain, customer, kTestNow));
  }
  std::vector<std::string> parents(std::string_view domain) { return keys_->parents(domain).value(); }
  std::string choice(std::string_view customer = "Acme") { return keys_->choice(customer).value(); }

  std::unique_ptr<AccountAdmin> admin_;
  std::unique_ptr<SigningKeysInUse> keys_;
};

TEST_F(SigningDomainTest, OneAboveSignsOnlyWhereItsCustomerHasAllBelowIt) {
  EXPECT_THAT(parents("www.example.com"), IsEmpty());
  add("*.example.com");
  EXPECT_THAT(parents("www.example.com"), ElementsAre("example.com"));
  EXPECT_THAT(parents("a.b.example.com"), ElementsAre("example.com"));
  for (const char* none : {"example.com", "wwwexample.com", "com", "", "www.example.org", ".", "www.example.com.org"})
    EXPECT_THAT(parents(none), IsEmpty()) << none;
  add("b.example.com");
  EXPECT_THAT(parents("a.b.example.com"), ElementsAre("example.com"));
  add("*.b.example.com");
  EXPECT_THAT(parents("a.b.example.com"), ElementsAre("b.example.com", "example.com"));
  EXPECT_THAT(parents("b.example.com"), ElementsAre("example.com"));
}

TEST_F(SigningDomainTest, OneAboveThatIsAnotherCustomersOrNobodysDoesNotSign) {
  add("*.example.com", "Other");
  EXPECT_THAT(parents("www.example.com"), IsEmpty());
  add("*.example.org");
  EXPECT_THAT(parents("www.example.org"), IsEmpty());
  add("example.org");
  EXPECT_THAT(parents("www.example.org"), ElementsAre("example.org"));
  expect_ok(admin_->remove_domain("example.org"));
  EXPECT_THAT(parents("www.example.org"), IsEmpty());
}

TEST_F(SigningDomainTest, ALongNameIsOneQuestion) {
  add("*.example.com");
  std::string name = "example.com";
  while (name.size() < 250) name = "a." + name;
  EXPECT_THAT(parents(name), ElementsAre("example.com"));
}

TEST_F(SigningDomainTest, ACustomerChoosesOneOfItsOwnDomains) {
  add("other.example", "Other");
  add("*.example.com");
  EXPECT_EQ(choice(), "");
  expect_ok(admin_->set_customer_sign_as("acme", "Example.com"));
  EXPECT_EQ(choice("ACME"), "example.com");
  EXPECT_EQ(choice("Other"), "");
  EXPECT_EQ(choice("Nobody"), "");
  EXPECT_EQ(admin_->customer("acme").value().sign_as, "example.com");
  expect_error(admin_->set_customer_sign_as("Acme", "other.example"), StoreError::Kind::refused,
               "domain \"other.example\" is of customer \"Other\"");
  expect_error(admin_->set_customer_sign_as("Acme", "no.example"), StoreError::Kind::not_found, "no domain");
  expect_error(admin_->set_customer_sign_as("Nobody", "example.com"), StoreError::Kind::not_found, "no customer");
  expect_error(admin_->set_customer_sign_as("Acme", "*.example.com"), StoreError::Kind::invalid, "one domain signs");
  EXPECT_EQ(choice(), "example.com");
  expect_ok(admin_->set_customer_sign_as("Acme", ""));
  EXPECT_EQ(choice(), "");
}

TEST_F(SigningDomainTest, AChoiceEndsWithItsDomain) {
  expect_ok(admin_->set_customer_sign_as("Acme", "example.com"));
  expect_ok(admin_->remove_domain("example.com"));
  EXPECT_EQ(choice(), "");
  add("example.com");
  EXPECT_EQ(choice(), "");
  expect_ok(admin_->set_customer_sign_as("Acme", "example.com"));
  // However it has gone to another customer.
  expect_ok(open_database()->run("UPDATE domain SET customer = (SELECT id FROM customer WHERE name = 'Other')"));
  EXPECT_EQ(choice(), "");
  EXPECT_EQ(admin_->customer("acme").value().sign_as, "");
}

TEST_F(SigningDomainTest, AChoiceIsInACopyAndNoChangeOfAccounts) {
  const auto store = open_store();
  const std::uint64_t seen = store->changes_since(0).upto;
  expect_ok(admin_->set_customer_sign_as("Acme", "example.com"));
  EXPECT_EQ(store->changes_since(seen).upto, seen);
  const StoreAddress copy(directory_ + "/copy.db");
  ASSERT_TRUE(copy_store(address(), copy, {}).has_value());
  EXPECT_EQ(SigningKeysInUse(copy, WhileFailing::sign).choice("acme").value(), "example.com");
}

// As version 12 had left it.
TEST_F(SigningDomainTest, CustomersThatThereAreHaveChosenNothing) {
  constexpr std::size_t kBefore = 12;
  if (server_) {
    expect_ok(
        open_database()->script("ALTER TABLE customer DROP COLUMN sign_as; UPDATE store_version SET version = 12"));
  } else {
    path_ = directory_ + "/old.db";
    std::ofstream(path_).flush();
    std::filesystem::permissions(path_, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    const auto database = open_database();
    for (std::size_t at = 0; at < kBefore; ++at) expect_ok(database->script(kStoreMigrations[at]));
    expect_ok(
        database->script("PRAGMA application_id = 1399616873; PRAGMA user_version = 12;"
                         "INSERT INTO customer (name, created_ms) VALUES ('Acme', 1);"
                         "INSERT INTO domain (name, customer, created_ms) VALUES ('example.com', 1, 1)"));
  }
  admin_ = open_admin(IfMissing::fail);
  EXPECT_EQ(admin_->customer("Acme").value().sign_as, "");
  expect_ok(admin_->set_customer_sign_as("Acme", "example.com"));
  EXPECT_EQ(SigningKeysInUse(address(), WhileFailing::sign).choice("Acme").value(), "example.com");
}

}  // namespace
}  // namespace sluice::auth
