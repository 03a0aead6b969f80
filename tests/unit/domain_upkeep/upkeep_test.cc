// The work on one domain: the store, name servers and the clock are the test's.
#include "engine/domain_upkeep/upkeep.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "auth/store/signing_keys_in_use.h"
#include "tests/unit/domain_upkeep/upkeep_world.h"
#include "tests/unit/zone_update/name_server.h"

namespace sluice::domain_upkeep {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Done = Upkeep::Done;
using Kind = News::Kind;

class UpkeepTest : public ::testing::Test {
 protected:
  // Of a domain whose keys were made: they are published, seen, and sign.
  void have_keys_sign() {
    const auto [name, text] = world.claim();
    world.names.texts[name] = text;
    world.upkeep->run_one();
    world.publish_keys();
    world.run_after(kMinuteMs);
    world.run_after(kHourMs);
    world.news.clear();
  }
  // Both turns, of a claim and of a domain.
  void run_all() {
    while (world.upkeep->run_one() != Done::nothing) {
    }
  }
  std::vector<std::string> signing(auth::WhileFailing failing) {
    std::vector<std::string> selectors;
    auth::SigningKeysInUse keys(world.store(), failing);
    for (const auth::KeyInUse& key : keys.find(kDomain, world.clock.at).value()) selectors.push_back(key.selector);
    return selectors;
  }
  UpkeepWorld world{upkeep_rules()};
  const domain_keys::KeyWrapper wrapper;
};

TEST_F(UpkeepTest, DoesNothingWithoutADomain) {
  EXPECT_EQ(world.upkeep->run_one(), Done::nothing);
  world.add_domain();
  EXPECT_EQ(world.upkeep->run_one(), Done::right);
  EXPECT_EQ(world.upkeep->run_one(), Done::nothing);
  EXPECT_EQ(world.run_after(kDayMs + 1), Done::right);
  EXPECT_THAT(world.news, IsEmpty());
  EXPECT_EQ(world.state().verdict, "right");
}

TEST_F(UpkeepTest, AClaimWhoseProofIsSeenIsADomainWithKeys) {
  const auto [name, text] = world.claim();
  EXPECT_EQ(world.upkeep->run_one(), Done::wrong);
  EXPECT_EQ(world.upkeep->run_one(), Done::nothing);
  world.names.silent.insert(name);
  EXPECT_EQ(world.run_after(kHourMs), Done::unknown);
  EXPECT_THAT(world.news, IsEmpty());
  world.names.silent.clear();
  world.names.texts[name] = text;
  EXPECT_EQ(world.run_after(kHourMs), Done::right);
  ASSERT_EQ(world.news.size(), 3U);
  EXPECT_EQ(world.news[0].kind, Kind::proven);
  EXPECT_EQ(world.news[0].customer, "Acme");
  EXPECT_EQ(world.news[1].selector, "sl1r");
  EXPECT_EQ(world.news[2].selector, "sl1e");
  EXPECT_TRUE(world.state().proven);
  EXPECT_THAT(world.key_states(), ElementsAre("sl1e published", "sl1r published"));
}

TEST_F(UpkeepTest, AWrongTokenProvesNothing) {
  const auto [name, text] = world.claim();
  world.names.texts[name] = text + "0";
  EXPECT_EQ(world.upkeep->run_one(), Done::wrong);
  EXPECT_THAT(world.news, IsEmpty());
  EXPECT_FALSE(world.states()->state(kDomain));
}

TEST_F(UpkeepTest, KeysSignOnceTheyWereSeen) {
  const auto [name, text] = world.claim();
  world.names.texts[name] = text;
  world.upkeep->run_one();
  world.news.clear();
  EXPECT_EQ(world.run_after(kMinuteMs), Done::right);
  EXPECT_THAT(world.key_states(), ElementsAre("sl1e published", "sl1r published"));
  EXPECT_EQ(world.run_after(kMinuteMs), Done::nothing);
  world.publish_keys();
  // Soon, and not at its next turn.
  EXPECT_EQ(world.run_after(10 * kMinuteMs), Done::right);
  EXPECT_THAT(world.key_states(), ElementsAre("sl1e active", "sl1r active"));
  ASSERT_EQ(world.news.size(), 2U);
  EXPECT_EQ(world.news[0].kind, Kind::key_signs);
  EXPECT_EQ(world.news[0].at, world.clock.at + kHourMs);
}

TEST_F(UpkeepTest, AnAlgorithmThatWasSeenSignsWithoutTheOther) {
  const auto [name, text] = world.claim();
  world.names.texts[name] = text;
  world.upkeep->run_one();
  world.publish_keys();
  world.names.texts.erase("sl1r._domainkey.example.com");
  world.run_after(kMinuteMs);
  EXPECT_THAT(world.key_states(), ElementsAre("sl1e active", "sl1r published"));
}

TEST_F(UpkeepTest, ADomainFailsAndIsRightAgain) {
  have_keys_sign();
  const std::string record = world.names.texts.extract("sl1r._domainkey.example.com").mapped();
  EXPECT_EQ(world.run_after(kDayMs), Done::wrong);
  EXPECT_THAT(world.reported(), IsEmpty());
  EXPECT_EQ(world.run_after(20 * kMinuteMs), Done::nothing);
  EXPECT_EQ(world.run_after(10 * kMinuteMs), Done::wrong);
  ASSERT_EQ(world.news.size(), 2U);
  EXPECT_EQ(world.news[0].kind, Kind::failing);
  EXPECT_EQ(world.news[0].at, world.clock.at - 30 * kMinuteMs);
  EXPECT_THAT(world.news[0].what, HasSubstr("DKIM sl1r: sl1r._domainkey.example.com: there is no record"));
  EXPECT_EQ(world.news[1].kind, Kind::key_unfit);
  EXPECT_EQ(world.news[1].selector, "sl1r");
  EXPECT_EQ(world.news[1].at, world.clock.at - 30 * kMinuteMs);
  EXPECT_THAT(world.news[1].what, HasSubstr("sl1r._domainkey.example.com: there is no record"));
  world.news.clear();
  EXPECT_THAT(signing(auth::WhileFailing::sign), ElementsAre("sl1e"));
  EXPECT_THAT(signing(auth::WhileFailing::keep_back), IsEmpty());
  world.names.texts["sl1r._domainkey.example.com"] = record;
  EXPECT_EQ(world.run_after(kDayMs + 1), Done::right);
  EXPECT_THAT(world.reported(), ElementsAre(Kind::right_again, Kind::key_fits));
  EXPECT_THAT(signing(auth::WhileFailing::keep_back), ElementsAre("sl1e", "sl1r"));
}

TEST_F(UpkeepTest, AKeyWithAnothersRecordIsKeptBackThoughDkimMakesNoDomainFail) {
  have_keys_sign();
  UpkeepRules rules = upkeep_rules();
  rules.judged.dkim = false;
  world.start(rules);
  std::string& record = world.names.texts["sl1e._domainkey.example.com"];
  const std::string right = record;
  record = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
  EXPECT_EQ(world.run_after(kDayMs + 1), Done::right);
  EXPECT_THAT(signing(auth::WhileFailing::sign), ElementsAre("sl1e", "sl1r"));
  // That the DNS does not answer in between neither counts nor helps.
  world.names.all_silent = true;
  EXPECT_EQ(world.run_after(30 * kMinuteMs), Done::unknown);
  EXPECT_THAT(world.news, IsEmpty());
  world.names.all_silent = false;
  EXPECT_EQ(world.run_after(30 * kMinuteMs), Done::right);
  EXPECT_THAT(world.reported(), ElementsAre(Kind::key_unfit));
  EXPECT_THAT(signing(auth::WhileFailing::sign), ElementsAre("sl1r"));
  world.names.all_silent = true;
  EXPECT_EQ(world.run_after(30 * kMinuteMs), Done::unknown);
  EXPECT_THAT(signing(auth::WhileFailing::sign), ElementsAre("sl1r"));
  world.names.all_silent = false;
  record = right;
  // Soon, and not at its next turn.
  EXPECT_EQ(world.run_after(10 * kMinuteMs), Done::right);
  EXPECT_THAT(world.reported(), ElementsAre(Kind::key_fits));
  EXPECT_THAT(signing(auth::WhileFailing::sign), ElementsAre("sl1e", "sl1r"));
}

TEST_F(UpkeepTest, AKeyThatWasKeptBackAndIsRetiredIsToldOfNoMore) {
  have_keys_sign();
  world.names.texts.erase("sl1r._domainkey.example.com");
  world.run_after(kDayMs);
  world.run_after(30 * kMinuteMs);
  EXPECT_THAT(world.reported(), ElementsAre(Kind::failing, Kind::key_unfit));
  const auto retired = [this](auto) -> auth::StoreResult<auth::KeyChanges> {
    return auth::KeyChanges{
        .keys = {}, .states = {{.selector = "sl1r", .state = auth::KeyState::retired, .since = world.clock.at}}};
  };
  EXPECT_TRUE((*auth::SigningKeyAdmin::open(world.store()))->change(kDomain, retired));
  world.publish_keys();
  world.run_after(10 * kMinuteMs);
  EXPECT_THAT(world.reported(), ElementsAre(Kind::right_again));
  EXPECT_EQ(world.keys()[1].fit, auth::KeyFit());
}

TEST_F(UpkeepTest, ADomainThatFailsBySpfAloneGoesOnSigning) {
  have_keys_sign();
  world.names.texts.erase("example.com");
  world.run_after(kDayMs);
  world.run_after(30 * kMinuteMs);
  EXPECT_THAT(world.reported(), ElementsAre(Kind::failing));
  EXPECT_THAT(signing(auth::WhileFailing::sign), ElementsAre("sl1e", "sl1r"));
}

TEST_F(UpkeepTest, WithoutAnAnswerNothingChanges) {
  have_keys_sign();
  const auto before = world.state();
  world.names.all_silent = true;
  for (int day = 0; day < 5; ++day) EXPECT_EQ(world.run_after(kDayMs + 1), Done::unknown);
  EXPECT_THAT(world.news, IsEmpty());
  const auto after = world.state();
  EXPECT_EQ(after.verdict, "right");
  EXPECT_EQ(after.checked, before.checked);
  EXPECT_EQ(after.failing_since, 0);
  EXPECT_THAT(world.key_states(), ElementsAre("sl1e active", "sl1r active"));
}

TEST_F(UpkeepTest, AProofThatIsGoneIsToldOfAndTheDomainStays) {
  have_keys_sign();
  const auto proof = world.names.texts.extract("_proof.example.com");
  world.run_after(kDayMs);
  EXPECT_THAT(world.reported(), IsEmpty());
  world.run_after(30 * kMinuteMs);
  EXPECT_THAT(world.reported(), ElementsAre(Kind::failing, Kind::proof_gone));
  EXPECT_TRUE(world.state().proven);
  world.names.texts[proof.key()] = proof.mapped();
  world.run_after(kDayMs + 1);
  EXPECT_THAT(world.reported(), ElementsAre(Kind::proof_back, Kind::right_again));
}

TEST_F(UpkeepTest, ADomainThatGoesMeanwhileIsLeft) {
  have_keys_sign();
  world.names.texts.erase("sl1r._domainkey.example.com");
  world.run_after(kDayMs);
  world.remove_domain();
  EXPECT_EQ(world.run_after(30 * kMinuteMs), Done::nothing);
  EXPECT_THAT(world.news, IsEmpty());
}

TEST_F(UpkeepTest, TwoRelaysThatRotateAtOnceMakeOneKey) {
  have_keys_sign();
  UpkeepRules rules = upkeep_rules();
  rules.life.rotate_after = 30 * kDayMs;
  world.clock.at += 31 * kDayMs;
  // The other relay does its part while this one asks the DNS.
  bool other_ran = false;
  Upkeep other(Upkeep::Parts{.store = world.store(),
                             .wrapper = wrapper,
                             .clock = world.clock,
                             .dns = [this] { return std::make_unique<NameServersSource>(world.names); },
                             .random = [] { return io::make_real_random(); },
                             .tell = [this](const News& each) { world.news.push_back(each); }},
               rules);
  Upkeep own(Upkeep::Parts{.store = world.store(),
                           .wrapper = wrapper,
                           .clock = world.clock,
                           .dns =
                               [&] {
                                 if (!std::exchange(other_ran, true)) {
                                   world.clock.at += kDayMs + 1;
                                   EXPECT_EQ(other.run_one(), Done::right);
                                 }
                                 return std::make_unique<NameServersSource>(world.names);
                               },
                           .random = [] { return io::make_real_random(); },
                           .tell = [this](const News& each) { world.news.push_back(each); }},
             rules);
  EXPECT_EQ(own.run_one(), Done::right);
  EXPECT_THAT(world.reported(), ElementsAre(Kind::key_made));
  EXPECT_THAT(world.key_states(), ElementsAre("sl1e active", "sl1r active", "sl2r published"));
}

TEST_F(UpkeepTest, ARecordThatIsNotJudgedMakesNoDomainFail) {
  world.add_domain();
  world.names.texts.erase("_dmarc.example.com");
  EXPECT_EQ(world.upkeep->run_one(), Done::right);
  UpkeepRules rules = upkeep_rules();
  rules.judged.dmarc = true;
  world.start(rules);
  EXPECT_EQ(world.run_after(kDayMs + 1), Done::wrong);
  EXPECT_THAT(world.state().finding, HasSubstr("DMARC"));
  world.names.silent.insert("example.com");
  rules.judged = {.dkim = false, .spf = false};
  world.start(rules);
  EXPECT_EQ(world.run_after(kDayMs + 1), Done::right);
}

TEST_F(UpkeepTest, SpfIsEvaluatedForTheAddressesThatAreKnown) {
  world.add_domain();
  UpkeepRules rules = upkeep_rules();
  rules.addresses = {*parse_ip("192.0.2.25")};
  world.start(rules);
  EXPECT_EQ(world.upkeep->run_one(), Done::right);
  rules.addresses.push_back(*parse_ip("198.51.100.25"));
  world.start(rules);
  EXPECT_EQ(world.run_after(kDayMs + 1), Done::wrong);
  EXPECT_THAT(world.state().finding, HasSubstr("198.51.100.25: softfail"));
}

TEST_F(UpkeepTest, AZoneFileIsWrittenWhereItWouldBeAnotherOne) {
  KeptZone zone;
  const auto rules = world.zone_rules();
  const auto write = [&] { return zone.publish(world.store(), rules, world.clock.at).has_value(); };
  EXPECT_TRUE(zone.is_stale(world.store(), rules).value());
  EXPECT_TRUE(write());
  EXPECT_FALSE(zone.is_stale(world.store(), rules).value());
  const std::string empty = world.zone_text();
  EXPECT_THAT(empty, HasSubstr("IN SOA ns.isp.example."));
  const auto [name, text] = world.claim();
  world.names.texts[name] = text;
  run_all();
  EXPECT_TRUE(zone.is_stale(world.store(), rules).value());
  EXPECT_TRUE(write());
  EXPECT_THAT(world.zone_text(), HasSubstr("sl1r.example.com IN TXT \"v=DKIM1; k=rsa; p="));
  // Another process has nothing to write: not even a file of the same content.
  const auto written = std::filesystem::last_write_time(rules.path);
  EXPECT_TRUE(KeptZone().publish(world.store(), rules, world.clock.at + kDayMs).has_value());
  EXPECT_EQ(std::filesystem::last_write_time(rules.path), written);
  ZoneRules elsewhere = rules;
  elsewhere.path = "/proc/zone";
  EXPECT_TRUE(zone.is_stale(world.store(), elsewhere).value());
  EXPECT_THAT(zone.publish(world.store(), elsewhere, world.clock.at).error(), HasSubstr("/proc/zone"));
  EXPECT_TRUE(zone.is_stale(world.store(), elsewhere).value());
}

TEST_F(UpkeepTest, AZoneIsSentToItsNameServerWhereKeysHaveChanged) {
  constexpr std::string_view kSecret = "Zm9yIHRlc3RzIG9ubHkgZm9yIHRlc3RzIG9ubHkgMTIz";
  const std::string soa = "dkim.isp.example. 300 IN SOA ns.isp.example. hostmaster.isp.example. 1 2 3 4 5";
  zone_update::TestNameServer names(
      {.secret = std::string(kSecret),
       .transfer = {{soa, "sl1r.gone.example.dkim.isp.example. 300 IN TXT \"v=DKIM1; p=\"", soa}}});
  ZoneRules rules = world.zone_rules();
  rules.path.clear();
  rules.sending = {
      .server = names.address().to_string(),
      .key = std::make_shared<const zone_update::TsigKey>(zone_update::TsigKey{
          .name = "relay.example", .algorithm = "hmac-sha256", .secret = *auth::Secret::make_token(kSecret)})};
  KeptZone zone;
  const auto [name, text] = world.claim();
  world.names.texts[name] = text;
  run_all();
  EXPECT_TRUE(zone.publish(world.store(), rules, world.clock.at).has_value());
  EXPECT_FALSE(zone.is_stale(world.store(), rules).value());
  world.remove_domain();
  EXPECT_TRUE(zone.is_stale(world.store(), rules).value());
  zone.give_up();
  EXPECT_THAT(zone.publish(world.store(), rules, world.clock.at).error(), HasSubstr("given up"));
  EXPECT_TRUE(zone.is_stale(world.store(), rules).value());
  names.stop();
  ASSERT_EQ(names.updates().size(), 1U);
  const std::vector<std::string>& lines = names.updates().front();
  EXPECT_THAT(lines, ElementsAre("sl1r.gone.example.dkim.isp.example.\t0\tANY\tTXT\t\\# 0",
                                 "sl1e.example.com.dkim.isp.example.\t0\tANY\tTXT\t\\# 0",
                                 HasSubstr("\t3600\tIN\tTXT\t\"v=DKIM1; k=ed25519; p="),
                                 "sl1r.example.com.dkim.isp.example.\t0\tANY\tTXT\t\\# 0",
                                 HasSubstr("\t3600\tIN\tTXT\t\"v=DKIM1; k=rsa; p=")));
}

}  // namespace
}  // namespace sluice::domain_upkeep
