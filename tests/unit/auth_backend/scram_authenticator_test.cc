// Logins by SCRAM behind the shield, and while the store changes.
#include <gtest/gtest.h>

#include <array>
#include <span>
#include <string>
#include <vector>

#include "auth/backend/caching_authenticator.h"
#include "tests/unit/auth_backend/scripted.h"

namespace sluice::auth {
namespace {

class ScramAuthenticator : public ::testing::Test {
 protected:
  static ScramLogin login(std::string_view ip, std::string_view name = "tim@example.com") {
    ScramLogin made{.name = name_of(name)};
    made.client.ip = ip;
    made.keys.account_id = 5;
    return made;
  }
  std::expected<ScramKeys, Answer> keys(const ScramLogin& of) {
    return testing::await<std::expected<ScramKeys, Answer>>(core_.platforms, core_.loop,
                                                            [&] { return authenticator_.scram_keys(of); });
  }
  Answer judge(const ScramLogin& of, bool proven, const std::string& proof) {
    return testing::await<Answer>(core_.platforms, core_.loop, [&] { return authenticator_.judge(of, proven, proof); });
  }
  void guess(const ScramLogin& of, int times) {
    for (int i = 0; i < times; ++i) EXPECT_EQ(judge(of, false, "p" + std::to_string(i)).kind, AnswerKind::wrong);
  }

  BackendCore core_;
  const std::vector<ConfiguredBackend> backends_ = store_alone();
  BackendChain chain_{backends_, core_.parts(), [](std::string_view, std::string_view) {}};
  std::array<std::byte, kCacheKeyBytes> key_{};
  SharedShield shield_;
  std::vector<ShieldEntry> reached_;
  CachingAuthenticator authenticator_{
      core_.loop, shield_, chain_, key_, {}, [this](const ShieldEntry& reached) { reached_.push_back(reached); }};
};

TEST_F(ScramAuthenticator, IsOfferedWhileNoAccountLacksKeys) {
  EXPECT_FALSE(authenticator_.offers_scram());
  authenticator_.forget({.without_scram = 1});
  EXPECT_FALSE(authenticator_.offers_scram());
  authenticator_.forget({.without_scram = 0});
  EXPECT_TRUE(authenticator_.offers_scram());
  authenticator_.forget({.accounts = {"tim@example.com"}});
  EXPECT_TRUE(authenticator_.offers_scram());
  authenticator_.forget({.without_scram = 2});
  EXPECT_FALSE(authenticator_.offers_scram());
}

TEST_F(ScramAuthenticator, GivesKeysAndAdmitsWhatWasProven) {
  const auto given = keys(login("192.0.2.1"));
  ASSERT_TRUE(given.has_value());
  EXPECT_EQ(given->salt, "salt");
  EXPECT_EQ(core_.store.scram_asked, std::vector<std::string>{"tim@example.com"});
  EXPECT_EQ(judge(login("192.0.2.1"), true, "proof").kind, AnswerKind::granted);
  EXPECT_EQ(core_.store.scram_admitted, 1);
  EXPECT_EQ(judge(login("192.0.2.1"), false, "proof").kind, AnswerKind::wrong);
  EXPECT_EQ(core_.store.scram_admitted, 1) << "nothing is looked up for a wrong proof";
}

// A right password of another domain was let in.
TEST_F(ScramAuthenticator, DomainsAndListenersChooseAsWithPasswords) {
  std::vector<ConfiguredBackend> backends = store_alone();
  backends.push_back(backends.front());
  backends[0].options.domains = {"example.com"};
  backends[1].options.domains = {"example.net"};
  BackendChain chain(backends, core_.parts(), [](std::string_view, std::string_view) {});
  const auto admit = [&](std::string_view name, std::span<const std::uint8_t> chosen = {}) {
    ScramLogin of = login("192.0.2.1", name);
    of.backends = chosen;
    return testing::await<Answer>(core_.platforms, core_.loop, [&] { return chain.admit_scram(of); }).kind;
  };
  EXPECT_EQ(admit("tim@example.com"), AnswerKind::granted);
  EXPECT_EQ(admit("tim@example.net"), AnswerKind::granted);
  EXPECT_EQ(admit("tim@example.org"), AnswerKind::wrong);
  const std::array<std::uint8_t, 1> first{0};
  EXPECT_EQ(admit("tim@example.com", first), AnswerKind::granted);
  EXPECT_EQ(admit("tim@example.net", first), AnswerKind::wrong);
}

TEST_F(ScramAuthenticator, AnAddressAtItsLimitIsRefusedUnasked) {
  guess(login("192.0.2.1"), 20);
  EXPECT_FALSE(reached_.empty());
  const auto given = keys(login("192.0.2.1", "ann@example.com"));
  ASSERT_FALSE(given.has_value());
  EXPECT_EQ(given.error().kind, AnswerKind::refused);
  EXPECT_EQ(given.error().reason, "shield: address");
  EXPECT_TRUE(core_.store.scram_asked.empty());
  // Nor is a right proof told: it may have been begun before.
  EXPECT_EQ(judge(login("192.0.2.1", "ann@example.com"), true, "proof").kind, AnswerKind::refused);
  EXPECT_EQ(core_.store.scram_admitted, 0);
  EXPECT_TRUE(keys(login("198.51.100.1")).has_value());
}

TEST_F(ScramAuthenticator, ALoginWhoseAccountIsChangedMeanwhileIsLookedAtAgain) {
  core_.store.on_admit_scram = [this] {
    core_.store.on_admit_scram = [] { return Answer::wrong(); };
    authenticator_.forget({.accounts = {"tim@example.com"}});
    return Answer::granted(std::make_shared<Identity>());
  };
  EXPECT_EQ(judge(login("192.0.2.1"), true, "proof").kind, AnswerKind::wrong);
  EXPECT_EQ(core_.store.scram_admitted, 2);
}

}  // namespace
}  // namespace sluice::auth
