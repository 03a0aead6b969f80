// Domains in the store: claims and their proof, what checks found, and whose turn it is to be checked.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "auth/store/domain_state_admin.h"
#include "auth/store/signing_key_admin.h"
#include "auth/store/store_copy.h"
#include "auth/store/store_schema.h"
#include "tests/unit/auth_backend/store_fixture.h"

namespace sluice::auth {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using enum DomainStateAdmin::Proof;

constexpr WallMillis kMinuteMs = 60'000;
constexpr WallMillis kTestDayMs = 24 * 60 * kMinuteMs;

class DomainStateTest : public StoreTest {
 protected:
  void SetUp() override {
    admin_ = open_admin();
    fill(*admin_);
    expect_ok(admin_->add_customer("Globex", kTestNow));
    states_ = DomainStateAdmin::open(address()).value();
  }
  void claim(std::string_view domain, std::string_view customer = "Acme", WallMillis now = kTestNow) {
    expect_ok(without_value(states_->add_claim(domain, customer, now)));
  }
  // "domain customer", of each claim.
  std::vector<std::string> claims(std::optional<std::string_view> domain = {},
                                  std::optional<std::string_view> customer = {}) {
    std::vector<std::string> all;
    for (const DomainClaim& each : states_->claims(domain, customer).value())
      all.push_back(each.domain + " " + each.customer);
    return all;
  }
  // "name customer ownership", of each domain.
  std::vector<std::string> domains() {
    std::vector<std::string> all;
    for (const DomainRecord& each : admin_->domains(std::nullopt).value())
      all.push_back(each.name + " " + each.customer + " " + each.ownership);
    return all;
  }
  std::string taken(WallMillis now, WallMillis before) {
    const auto state = states_->take_domain(now, before).value();
    return state ? state->domain : "";
  }
  std::string taken_claim(WallMillis now) {
    const auto claim = states_->take_claim(now, now - 10 * kMinuteMs).value();
    return claim ? claim->domain + " " + claim->customer : "";
  }
  std::string token(std::string_view customer) { return states_->proof_token(customer).value(); }

  std::unique_ptr<AccountAdmin> admin_;
  std::unique_ptr<DomainStateAdmin> states_;
};

TEST_F(DomainStateTest, AClaimGivesNoRightAndBlocksNobody) {
  claim("Shop.Example");
  EXPECT_THAT(claims(), ElementsAre("shop.example Acme"));
  EXPECT_THAT(domains(), ElementsAre("example.com Acme asserted"));
  const auto store = open_store();
  const Answer answer = store->check(name_of("tim@example.com"), secret_of("right"));
  ASSERT_EQ(answer.kind, AnswerKind::granted);
  EXPECT_FALSE(answer.identity->domains->covers("shop.example"));
  claim("shop.example", "Globex");
  expect_ok(admin_->add_domain("shop.example", "Globex", kTestNow));
  EXPECT_THAT(claims("shop.example"), ElementsAre("shop.example Acme")) << "the claim of whom it is asserted of goes";
  expect_error(states_->state("other.example"), StoreError::Kind::not_found, "there is no domain \"other.example\"");
}

TEST_F(DomainStateTest, AClaimIsOfOneNameThatTheCustomerHasNot) {
  expect_error(states_->add_claim("*.shop.example", "Acme", kTestNow), StoreError::Kind::invalid, "cannot be proven");
  expect_error(states_->add_claim("localhost", "Acme", kTestNow), StoreError::Kind::invalid, "is not a domain");
  expect_error(states_->add_claim("xn--x.example", "Acme", kTestNow), StoreError::Kind::invalid, "RFC 5890");
  expect_error(states_->add_claim("example.com", "Acme", kTestNow), StoreError::Kind::exists, "already");
  expect_error(states_->add_claim("shop.example", "Nobody", kTestNow), StoreError::Kind::not_found, "no customer");
  // Whether another customer has it is not said.
  claim("example.com", "Globex");
  EXPECT_THAT(claims(), ElementsAre("example.com Globex"));
}

TEST_F(DomainStateTest, OneCustomersClaimsAreBounded) {
  const auto database = open_database();
  expect_ok(
      database->run("INSERT INTO domain_claim (name, customer, created_ms) WITH RECURSIVE n (i) AS"
                    " (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)"
                    " SELECT 'd' || i || '.example', (SELECT id FROM customer WHERE name = 'Acme'), 0 FROM n",
                    {static_cast<std::int64_t>(kDomainClaimsMax)}));
  expect_error(states_->add_claim("shop.example", "Acme", kTestNow), StoreError::Kind::refused, "has 1000 domains");
  claim("d7.example");
  claim("shop.example", "Globex");
}

TEST_F(DomainStateTest, ATokenIsOfOneCustomerAndNotOfALaterOne) {
  claim("shop.example");
  claim("other.example");
  claim("shop.example", "Globex");
  const auto all = states_->claims(std::nullopt, std::nullopt).value();
  ASSERT_EQ(all.size(), 3U);
  EXPECT_THAT(all[0].token, MatchesRegex("[0-9a-f]{40}"));
  EXPECT_EQ(all[0].token, all[1].token);
  EXPECT_NE(all[1].token, all[2].token);
  EXPECT_EQ(all[2].token, token("globex"));
  const std::string before = token("Acme");
  // As where ids are given again.
  const auto database = open_database();
  expect_ok(database->run("UPDATE customer SET created_ms = created_ms + 1 WHERE name = 'Acme'"));
  EXPECT_NE(token("Acme"), before);
  expect_ok(database->run("UPDATE customer SET created_ms = created_ms - 1 WHERE name = 'Acme'"));
  EXPECT_EQ(token("Acme"), before);
  expect_ok(database->run("UPDATE setting SET value = 'another' WHERE key = 'device_key'"));
  EXPECT_NE(token("Acme"), before);
}

TEST_F(DomainStateTest, ProofsAreOfProvenDomainsWithTheirCustomersTokens) {
  for (const std::string_view customer : {"Acme", "Globex"}) {
    const std::string domain = customer == "Acme" ? "b.example" : "a.example";
    claim(domain, customer);
    ASSERT_EQ(states_->prove(domain, customer, kTestNow).value(), done);
  }
  claim("claimed.example");
  std::vector<std::string> all;
  expect_ok(states_->each_proof(
      [&all](const std::string& domain, const std::string& token) { all.push_back(domain + " " + token); }));
  EXPECT_THAT(all, ElementsAre("a.example " + states_->proof_token("Globex").value(),
                               "b.example " + states_->proof_token("Acme").value()));
}

TEST_F(DomainStateTest, WhatIsProvenIsTheCustomersAndRelaysNotice) {
  claim("shop.example");
  const auto store = open_store();
  const std::uint64_t seen = store->changes_since(0).upto;
  EXPECT_EQ(states_->prove("Shop.Example", "acme", kTestNow + 5).value(), done);
  EXPECT_THAT(claims(), IsEmpty());
  EXPECT_THAT(domains(), ElementsAre("example.com Acme asserted", "shop.example Acme proven"));
  const DomainState state = states_->state("shop.example").value();
  EXPECT_TRUE(state.proven);
  EXPECT_EQ(state.proof_seen, kTestNow + 5);
  EXPECT_EQ(state.checked, 0);
  EXPECT_EQ(store->changes_since(seen).customers.size(), 1U);
  const Answer answer = store->check(name_of("tim@example.com"), secret_of("right"));
  EXPECT_TRUE(answer.identity->domains->covers("shop.example"));
  expect_error(states_->prove("shop.example", "Acme", kTestNow), StoreError::Kind::not_found, "has no claim");
}

TEST_F(DomainStateTest, OfTwoWhoClaimItTheOneWithTheProofGetsIt) {
  claim("shop.example");
  claim("shop.example", "Globex");
  EXPECT_EQ(states_->prove("shop.example", "Globex", kTestNow).value(), done);
  EXPECT_THAT(domains(), ElementsAre("example.com Acme asserted", "shop.example Globex proven"));
  EXPECT_EQ(states_->prove("shop.example", "Acme", kTestNow).value(), has_owner);
  EXPECT_THAT(claims(), ElementsAre("shop.example Acme"));
  expect_ok(admin_->remove_domain("shop.example"));
  EXPECT_EQ(states_->prove("shop.example", "Acme", kTestNow).value(), done);
}

TEST_F(DomainStateTest, WhatLiesBelowAnothersDomainIsNotProven) {
  expect_ok(admin_->add_domain("*.globex.example", "Globex", kTestNow));
  claim("a.b.globex.example");
  EXPECT_EQ(states_->prove("a.b.globex.example", "Acme", kTestNow).value(), has_owner);
  claim("globex.example");
  EXPECT_EQ(states_->prove("globex.example", "Acme", kTestNow).value(), done);
  claim("a.b.globex.example", "Globex");
  EXPECT_EQ(states_->prove("a.b.globex.example", "Globex", kTestNow).value(), done);
}

TEST_F(DomainStateTest, AClaimIsRemovedAloneAndWithItsCustomer) {
  claim("shop.example");
  claim("other.example");
  claim("shop.example", "Globex");
  expect_ok(states_->remove_claim("shop.example", "Acme"));
  expect_error(states_->remove_claim("shop.example", "Acme"), StoreError::Kind::not_found, "has no claim");
  EXPECT_THAT(claims(std::nullopt, "acme"), ElementsAre("other.example Acme"));
  expect_ok(admin_->remove_customer("Globex", false));
  EXPECT_THAT(claims(), ElementsAre("other.example Acme"));
}

TEST_F(DomainStateTest, TheDomainWhoseCheckIsLongestAgoIsTaken) {
  expect_ok(admin_->add_domain("*.example.com", "Acme", kTestNow));
  expect_ok(admin_->add_domain("example.org", "Globex", kTestNow));
  const auto other_relay = DomainStateAdmin::open(address()).value();
  const std::string first = taken(kTestNow, kTestNow - kTestDayMs);
  const auto second = other_relay->take_domain(kTestNow + 1, kTestNow - kTestDayMs).value();
  ASSERT_TRUE(second.has_value());
  EXPECT_NE(first, second->domain);
  EXPECT_EQ(second->customer, second->domain == "example.org" ? "Globex" : "Acme");
  EXPECT_FALSE(second->proven);
  EXPECT_EQ(taken(kTestNow + 2, kTestNow - kTestDayMs), "");
  EXPECT_EQ(taken(kTestNow + kTestDayMs, kTestNow), "");
  EXPECT_EQ(taken(kTestNow + kTestDayMs + 1, kTestNow + 1), first);
  EXPECT_EQ(taken(kTestNow + kTestDayMs + 2, kTestNow + 2), second->domain);
}

TEST_F(DomainStateTest, WhatAnotherRelayTakesAtThatMomentIsPassedOver) {
  if (address().server == nullptr) GTEST_SKIP() << "a file has one writer at a time";
  expect_ok(admin_->add_domain("example.org", "Acme", kTestNow));
  const auto database = open_database();
  const auto transaction = Transaction::to_write(*database).value();
  expect_ok(database->run("UPDATE domain SET taken_ms = 1 WHERE name = 'example.com'"));
  EXPECT_EQ(taken(kTestNow, kTestNow - kTestDayMs), "example.org");
  EXPECT_EQ(taken(kTestNow, kTestNow - kTestDayMs), "");
}

TEST_F(DomainStateTest, AnOldClaimIsLookedAtRarelyAndThenNoMore) {
  claim("shop.example");
  EXPECT_EQ(taken_claim(kTestNow + 1), "shop.example Acme");
  EXPECT_EQ(taken_claim(kTestNow + 10 * kMinuteMs), "");
  EXPECT_EQ(taken_claim(kTestNow + 11 * kMinuteMs), "shop.example Acme");
  const WallMillis later = kTestNow + 2 * kTestDayMs;
  EXPECT_EQ(taken_claim(later), "shop.example Acme");
  EXPECT_EQ(taken_claim(later + 11 * kMinuteMs), "");
  EXPECT_EQ(taken_claim(later + kTestDayMs + 1), "shop.example Acme");
  EXPECT_EQ(taken_claim(kTestNow + 31 * kTestDayMs), "shop.example Acme");
  EXPECT_EQ(taken_claim(kTestNow + 400 * kTestDayMs), "");
  claim("shop.example", "Acme", kTestNow + 400 * kTestDayMs);
  const auto again = states_->take_claim(kTestNow + 400 * kTestDayMs + 1, kTestNow).value();
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->token, token("Acme"));
  EXPECT_EQ(again->created, kTestNow + 400 * kTestDayMs);
}

TEST_F(DomainStateTest, TheOutcomeOfACheckIsKeptAndIsNoChangeOfAccounts) {
  claim("shop.example");
  EXPECT_EQ(states_->prove("shop.example", "Acme", kTestNow).value(), done);
  const auto store = open_store();
  const std::uint64_t seen = store->changes_since(0).upto;
  EXPECT_TRUE(states_->take_domain(kTestNow + 1, kTestNow).value().has_value());
  DomainState state = states_->state("shop.example").value();
  state.proof_seen = kTestNow + 7;
  state.checked = kTestNow + 8;
  state.verdict = "wrong";
  state.finding = "DKIM sl1r: \x1b[2J" + std::string(kDomainFindingBytesMax, 'x');
  state.failing_since = kTestNow + 8;
  expect_ok(states_->save(state));
  const auto kept = admin_->domain("shop.example").value();
  EXPECT_EQ(kept.proof_seen, kTestNow + 7);
  EXPECT_EQ(kept.checked, kTestNow + 8);
  EXPECT_EQ(kept.verdict, "wrong");
  EXPECT_EQ(kept.finding, "DKIM sl1r: ?[2J" + std::string(kDomainFindingBytesMax - 15, 'x'));
  EXPECT_EQ(kept.failing_since, kTestNow + 8);
  EXPECT_EQ(states_->state("shop.example").value().failing_since, kTestNow + 8);
  const Changes changes = store->changes_since(seen);
  EXPECT_THAT(changes.customers, IsEmpty());
  EXPECT_THAT(changes.accounts, IsEmpty());
  // It was taken from the one and given to the other meanwhile.
  state.customer = "Globex";
  state.verdict = "right";
  expect_ok(states_->save(state));
  EXPECT_EQ(states_->state("shop.example").value().verdict, "wrong");
  // Of what is asserted there is no proof.
  state = states_->state("example.com").value();
  state.proof_seen = kTestNow;
  expect_ok(states_->save(state));
  EXPECT_EQ(states_->state("example.com").value().proof_seen, 0);
}

TEST_F(DomainStateTest, EachDomainIsCountedOnce) {
  claim("one.example");
  claim("two.example");
  claim("two.example", "Globex");
  EXPECT_EQ(states_->prove("one.example", "Acme", kTestNow).value(), done);
  expect_ok(admin_->add_domain("*.example.com", "Acme", kTestNow));
  expect_ok(admin_->add_domain("example.org", "Acme", kTestNow));
  DomainState state = states_->state("example.org").value();
  state.checked = state.failing_since = kTestNow;
  expect_ok(states_->save(state));
  const auto counts = states_->counts().value();
  EXPECT_EQ(counts.claims, 2U);
  EXPECT_EQ(counts.asserted, 2U);
  EXPECT_EQ(counts.proven, 1U);
  EXPECT_EQ(counts.failing, 1U);
  EXPECT_EQ(counts.never_checked, 2U);
}

TEST_F(DomainStateTest, IsCopiedWithTheStore) {
  claim("one.example");
  claim("two.example", "Globex");
  EXPECT_EQ(states_->prove("one.example", "Acme", kTestNow).value(), done);
  DomainState state = states_->state("one.example").value();
  state.checked = state.failing_since = kTestNow + 1;
  state.verdict = "wrong";
  state.finding = "SPF";
  expect_ok(states_->save(state));
  const StoreAddress copy(directory_ + "/copy.db");
  ASSERT_TRUE(copy_store(address(), copy, {}).has_value());
  const auto copied = DomainStateAdmin::open(copy).value();
  const DomainState same = copied->state("one.example").value();
  EXPECT_TRUE(same.proven);
  EXPECT_EQ(same.proof_seen, kTestNow);
  EXPECT_EQ(same.verdict, "wrong");
  EXPECT_EQ(same.finding, "SPF");
  EXPECT_EQ(same.failing_since, kTestNow + 1);
  EXPECT_EQ(copied->claims("two.example", "Globex").value().front().token, token("Globex"));
}

// As version 10 had left it.
class DomainStateMigrationTest : public StoreTest {
 protected:
  void SetUp() override {
    if (server_) {
      fill(*open_admin());
    } else {
      std::ofstream(path_).flush();
      std::filesystem::permissions(path_, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    }
    const auto database = open_database();
    if (server_) {
      expect_ok(
          database->script("DROP TABLE domain_claim; DROP INDEX domain_to_check; DROP INDEX signing_key_kept_back;"
                           "ALTER TABLE signing_key DROP COLUMN wrong_since_ms, DROP COLUMN kept_back;"
                           "ALTER TABLE domain DROP COLUMN proof_seen_ms, DROP COLUMN taken_ms,"
                           " DROP COLUMN checked_ms, DROP COLUMN verdict, DROP COLUMN finding,"
                           " DROP COLUMN failing_since_ms, ALTER COLUMN ownership DROP DEFAULT,"
                           " DROP CONSTRAINT domain_ownership_check,"
                           " ADD CONSTRAINT domain_ownership_check CHECK (ownership IN ('asserted'));"
                           "ALTER TABLE customer DROP COLUMN sign_as;"
                           "UPDATE store_version SET version = 10"));
    } else {
      constexpr std::size_t kBefore = 10;
      for (std::size_t at = 0; at < kBefore; ++at) expect_ok(database->script(kStoreMigrations[at]));
      expect_ok(
          database->script("PRAGMA application_id = 1399616873; PRAGMA user_version = 10;"
                           "INSERT INTO customer (name, created_ms) VALUES ('Acme', 1);"
                           "INSERT INTO domain VALUES ('example.com', 1, 'asserted', 1)"));
    }
    expect_ok(
        database->run("INSERT INTO signing_key VALUES ('example.com', 'a', 'rsa-sha256', 'active', 0, 0, 'p',"
                      " 'q', 1)"));
  }
};

TEST_F(DomainStateMigrationTest, DomainsThatThereAreWereAssertedAndKeepTheirKeys) {
  const auto states = DomainStateAdmin::open(address()).value();
  const DomainState state = states->state("example.com").value();
  EXPECT_EQ(state.customer, "Acme");
  EXPECT_FALSE(state.proven);
  EXPECT_EQ(state.checked, 0);
  EXPECT_EQ(state.verdict, "");
  const auto keys = SigningKeyAdmin::open(address()).value()->keys_of("example.com").value();
  ASSERT_EQ(keys.size(), 1U);
  EXPECT_EQ(keys[0].fit, KeyFit());
  EXPECT_EQ(states->take_domain(kTestNow, kTestNow).value()->domain, "example.com");
  // Changes of domains are noted as before.
  const auto store = open_store();
  const std::uint64_t seen = store->changes_since(0).upto;
  expect_ok(open_admin(IfMissing::fail)->add_domain("example.org", "Acme", kTestNow));
  EXPECT_EQ(store->changes_since(seen).customers.size(), 1U);
}

}  // namespace
}  // namespace sluice::auth
