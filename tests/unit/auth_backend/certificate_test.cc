// Client certificates of accounts in the embedded store: given, found, revoked; and the shield in front of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "auth/backend/caching_authenticator.h"
#include "auth/store/certificate_admin.h"
#include "auth/store/store_copy.h"
#include "tests/unit/auth_backend/scripted.h"
#include "tests/unit/auth_backend/store_fixture.h"

namespace sluice::auth {
namespace {

using ::testing::EndsWith;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::string kPrint(64, 'a');
const std::string kOtherFingerprint(64, 'b');

CertificateLogin login_with(const std::string& fingerprint, const std::string& authorization = "",
                            const std::vector<std::string>& names = {}) {
  CertificateLogin login{.fingerprint = fingerprint};
  login.client.ip = "192.0.2.1";
  if (!authorization.empty()) login.authorization = name_of(authorization);
  for (const std::string& name : names) login.names.push_back(name_of(name));
  return login;
}

class CertificateStoreTest : public StoreTest {
 protected:
  void SetUp() override {
    admin_ = open_admin();
    fill(*admin_);
    expect_ok(admin_->add_account("kurt@example.com", "Acme", secret_of("other"), {}, kTestNow));
    store_ = open_store();
    certificates_ = CertificateAdmin::open(address()).value();
  }
  // The account, or why there is none.
  std::string whose(const CertificateLogin& login) {
    const Answer answer = store_->admit_certificate(login);
    return answer.kind == AnswerKind::granted ? answer.identity->account_name
           : answer.kind == AnswerKind::wrong ? "wrong: " + answer.reason
                                              : "else: " + answer.reason;
  }

  std::unique_ptr<AccountAdmin> admin_;
  std::unique_ptr<EmbeddedStore> store_;
  std::unique_ptr<CertificateAdmin> certificates_;
};

TEST_F(CertificateStoreTest, FindsTheAccountThatHasIt) {
  expect_ok(certificates_->add("Tim@example.com", kPrint, kTestNow));
  EXPECT_EQ(whose(login_with(kPrint)), "tim@example.com");
  EXPECT_EQ(whose(login_with(kPrint, "TIM@Example.com")), "tim@example.com");
  EXPECT_EQ(whose(login_with(kOtherFingerprint)), "wrong: certificate " + kOtherFingerprint + ": no account has it");
  EXPECT_THAT(whose(login_with(kPrint, "kurt@example.com")),
              EndsWith(": it is not of the account that the client asks for"));
  const auto listed = certificates_->list("tim@example.com");
  ASSERT_TRUE(listed.has_value());
  ASSERT_THAT(*listed, SizeIs(1));
  EXPECT_EQ(listed->front().fingerprint, kPrint);
  EXPECT_EQ(listed->front().customer, "Acme");
  EXPECT_EQ(listed->front().created, kTestNow);
  EXPECT_THAT(certificates_->list("kurt@example.com").value(), IsEmpty());
}

TEST_F(CertificateStoreTest, FindsTheAccountOfItsAddress) {
  EXPECT_EQ(whose(login_with(kPrint, "", {"Tim@example.com"})), "tim@example.com");
  EXPECT_EQ(whose(login_with(kPrint, "tim@example.com", {"Tim@example.com", "kurt@example.com"})), "tim@example.com");
  EXPECT_EQ(whose(login_with(kPrint, "", {"tim@example.com", "TIM@example.com"})), "tim@example.com") << "one, twice";
  EXPECT_THAT(whose(login_with(kPrint, "", {"tim@example.com", "kurt@example.com"})),
              EndsWith("the client asks for none of them"));
  EXPECT_THAT(whose(login_with(kPrint, "kurt@example.com", {"tim@example.com"})), EndsWith("the client asks for"));
  EXPECT_THAT(whose(login_with(kPrint, "", {"nobody@example.com"})), EndsWith(": there is no account of its address"));
}

// The operator's word goes before the authority's, where the client does not choose.
TEST_F(CertificateStoreTest, OneThatTwoCouldHaveIsTheListedAccounts) {
  expect_ok(certificates_->add("tim@example.com", kPrint, kTestNow));
  EXPECT_EQ(whose(login_with(kPrint, "", {"kurt@example.com"})), "tim@example.com");
  EXPECT_EQ(whose(login_with(kPrint, "kurt@example.com", {"kurt@example.com"})), "kurt@example.com");
}

TEST_F(CertificateStoreTest, SuspendedAndGoneAreRefused) {
  expect_ok(certificates_->add("tim@example.com", kPrint, kTestNow));
  expect_ok(admin_->set_account_status("tim@example.com", AccountStatus::suspended, "unpaid"));
  EXPECT_EQ(store_->admit_certificate(login_with(kPrint)).kind, AnswerKind::suspended);
  expect_ok(admin_->remove_account("tim@example.com"));
  EXPECT_THAT(whose(login_with(kPrint)), EndsWith(": no account has it"));
  EXPECT_THAT(certificates_->list({}).value(), IsEmpty());
}

TEST_F(CertificateStoreTest, ARevokedOneIsAChange) {
  expect_ok(certificates_->add("tim@example.com", kPrint, kTestNow));
  const std::uint64_t before = store_->changes_since(0).upto;
  expect_ok(certificates_->revoke("Tim@example.com", kPrint));
  EXPECT_THAT(store_->changes_since(before).accounts, ::testing::ElementsAre("tim@example.com"));
  EXPECT_THAT(whose(login_with(kPrint)), EndsWith(": no account has it"));
  expect_error(certificates_->revoke("tim@example.com", kPrint), StoreError::Kind::not_found, "no such certificate");
}

TEST_F(CertificateStoreTest, WhatCannotBeGivenIsSaid) {
  expect_error(certificates_->add("nobody@example.com", kPrint, kTestNow), StoreError::Kind::not_found, "no account");
  expect_error(certificates_->add("tim@example.com", "abc", kTestNow), StoreError::Kind::invalid, "fingerprint");
  expect_ok(certificates_->add("tim@example.com", kPrint, kTestNow));
  expect_error(certificates_->add("kurt@example.com", kPrint, kTestNow), StoreError::Kind::exists, "tim@example.com");
  expect_error(certificates_->revoke("kurt@example.com", kPrint), StoreError::Kind::not_found, "no such certificate");
  for (std::size_t i = 1; i < kCertificatesMax; ++i)
    expect_ok(certificates_->add("tim@example.com", std::string(62, '0') + std::to_string(i + 10), kTestNow));
  expect_error(certificates_->add("tim@example.com", kOtherFingerprint, kTestNow), StoreError::Kind::refused,
               "50 certificates");
}

TEST_F(CertificateStoreTest, IsCopiedIntoAnotherStore) {
  expect_ok(certificates_->add("tim@example.com", kPrint, kTestNow));
  const StoreAddress copy = directory_ + "/copy.db";
  ASSERT_TRUE(copy_store(address(), copy, {}).has_value());
  EXPECT_THAT(CertificateAdmin::open(copy).value()->list("tim@example.com").value(), SizeIs(1));
}

TEST(CertificateFingerprint, IsReadAsPeopleWriteIt) {
  const std::string digits = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
  std::string colons;
  for (std::size_t i = 0; i < digits.size(); i += 2) colons += (i == 0 ? "" : ":") + digits.substr(i, 2);
  for (const std::string& text : {digits, colons, "sha256 Fingerprint=" + colons, "9F86D081 " + digits.substr(8)})
    EXPECT_EQ(certificate_fingerprint(text), digits) << text;
  for (const std::string& text : {std::string(), digits.substr(1), digits + "0", "g" + digits.substr(1), digits + "=",
                                  std::string(1'000'000, '0')})
    EXPECT_FALSE(certificate_fingerprint(text)) << text.substr(0, 80);
}

class CertificateAuthenticator : public ::testing::Test {
 protected:
  Answer check(const CertificateLogin& login) {
    return testing::await<Answer>(core_.platforms, core_.loop, [&] { return authenticator_.check_certificate(login); });
  }

  BackendCore core_;
  const std::vector<ConfiguredBackend> backends_ = store_alone();
  BackendChain chain_{backends_, core_.parts(), [](std::string_view, std::string_view) {}};
  std::array<std::byte, kCacheKeyBytes> key_{};
  SharedShield shield_;
  CachingAuthenticator authenticator_{core_.loop, shield_, chain_, key_, {}, [](const ShieldEntry&) {}};
};

TEST_F(CertificateAuthenticator, AnAddressThatTriesManyIsRefused) {
  int asked = 0;
  core_.store.on_certificate = [&asked](const CertificateLogin&) {
    ++asked;
    return Answer::wrong();
  };
  for (int i = 10; i < 30; ++i)
    EXPECT_EQ(check(login_with(std::string(62, '0') + std::to_string(i))).kind, AnswerKind::wrong);
  EXPECT_EQ(check(login_with(kPrint)).kind, AnswerKind::refused);
  EXPECT_EQ(asked, 20);
}

TEST_F(CertificateAuthenticator, AnAccountThatIsChangedMeanwhileIsLookedAtAgain) {
  int asked = 0;
  core_.store.on_certificate = [&](const CertificateLogin&) {
    if (++asked > 1) return Answer::wrong();
    authenticator_.forget({.accounts = {"tim@example.com"}});
    return Answer::granted(std::make_shared<Identity>());
  };
  EXPECT_EQ(check(login_with(kPrint)).kind, AnswerKind::wrong);
  EXPECT_EQ(asked, 2);
}

TEST_F(CertificateAuthenticator, DomainsAndListenersChooseAsWithPasswords) {
  core_.store.on_certificate = [](const CertificateLogin&) {
    auto identity = std::make_shared<Identity>();
    identity->account_name = "tim@example.com";
    return Answer::granted(identity);
  };
  std::vector<ConfiguredBackend> backends = store_alone();
  backends.push_back(backends.front());
  backends[0].options.domains = {"example.com"};
  backends[1].options.domains = {"example.net"};
  BackendChain chain(backends, core_.parts(), [](std::string_view, std::string_view) {});
  const auto kind = [&](std::span<const std::uint8_t> chosen) {
    CertificateLogin login = login_with(kPrint);
    login.backends = chosen;
    return testing::await<Answer>(core_.platforms, core_.loop, [&] { return chain.check_certificate(login); }).kind;
  };
  const std::array<std::uint8_t, 1> first{0};
  const std::array<std::uint8_t, 1> second{1};
  EXPECT_EQ(kind({}), AnswerKind::granted);
  EXPECT_EQ(kind(first), AnswerKind::granted);
  EXPECT_EQ(kind(second), AnswerKind::wrong);
}

}  // namespace
}  // namespace sluice::auth
