// From DNS replies to the hosts that take a domain's mail: RFC 5321 section 5.1 and RFC 7505, rule
// by rule.
#include "engine/mx/selection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/context.h"
#include "tests/support/mx_rules.h"

namespace sluice::mx {
namespace {

using io::DnsReply;
using io::DnsStatus;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Enhanced = std::array<std::uint16_t, 3>;

DnsReply mx_reply(const std::vector<std::pair<std::uint16_t, std::string>>& records, std::uint32_t ttl_s = 300) {
  DnsReply reply;
  reply.status = DnsStatus::ok;
  for (const auto& [preference, name] : records)
    reply.records.push_back({.preference = preference, .name = name, .address = {}, .ttl_s = ttl_s});
  return reply;
}

DnsReply addresses(const std::vector<std::string>& ips, std::uint32_t ttl_s = 300) {
  DnsReply reply;
  reply.status = ips.empty() ? DnsStatus::no_data : DnsStatus::ok;
  for (const std::string& ip : ips)
    reply.records.push_back({.preference = 0, .name = "", .address = *io::Address::from_ip(ip, 0), .ttl_s = ttl_s});
  return reply;
}

DnsReply negative(DnsStatus status, std::optional<std::uint32_t> ttl_s = std::nullopt) {
  DnsReply reply;
  reply.status = status;
  reply.negative_ttl_s = ttl_s;
  return reply;
}

// What names have as addresses, by family; a name that is not there has none.
using Zone = std::map<std::string, std::pair<DnsReply, DnsReply>>;

MxAnswer choose(const DnsReply& mx, const Zone& zone, const MxRules& rules = sluice::testing::mx_rules(),
                const std::string& domain = "example") {
  MxSelection choice(domain, rules);
  choice.take_mx_hosts(mx);
  for (std::size_t i = 0; i < choice.hosts().size(); ++i) {
    const auto it = zone.find(choice.hosts()[i].name);
    for (const io::DnsType type : address_types(rules)) {
      const bool ipv4 = type == io::DnsType::a;
      choice.take_addresses(
          i, it == zone.end() ? negative(DnsStatus::no_such_name) : (ipv4 ? it->second.first : it->second.second));
    }
  }
  return choice.result();
}

std::pair<DnsReply, DnsReply> v4(const std::string& ip, std::uint32_t ttl_s = 300) {
  return {addresses({ip}, ttl_s), addresses({})};
}

std::string text(const MxAnswer& answer) {
  if (!answer.found) return "failed: " + answer.found.error().text;
  std::string all;
  for (const MxHost& host : *answer.found) {
    all += (all.empty() ? "" : ", ") + std::to_string(host.preference) + " " + host.name;
    for (const io::Address& address : host.addresses) all += " " + address.to_string();
  }
  return all;
}

void expect_failure(const MxAnswer& answer, bool permanent, int code, Enhanced enhanced) {
  ASSERT_FALSE(answer.found) << text(answer);
  EXPECT_EQ(answer.found.error().permanent, permanent);
  EXPECT_EQ(answer.found.error().code, code);
  EXPECT_EQ(answer.found.error().enhanced, enhanced);
  EXPECT_NE(answer.found.error().text, "");
  // RFC 3463: the classes of both codes agree, and say whether trying again helps.
  EXPECT_EQ(code / 100, enhanced[0]);
  EXPECT_EQ(permanent, enhanced[0] == 5);
}

// ------------------------------------------------------------------------------------------ order

TEST(MxSelectionTest, TheLowestPreferenceComesFirst) {
  const Zone zone{{"a", v4("192.0.2.1")}, {"b", v4("192.0.2.2")}, {"c", v4("192.0.2.3")}};
  EXPECT_EQ(text(choose(mx_reply({{20, "b"}, {65535, "c"}, {0, "a"}}), zone)),
            "0 a 192.0.2.1:25, 20 b 192.0.2.2:25, 65535 c 192.0.2.3:25");
}

TEST(MxSelectionTest, OneHostNamedTwiceKeepsItsBestPlace) {
  const Zone zone{{"a", v4("192.0.2.1")}, {"b", v4("192.0.2.2")}};
  EXPECT_EQ(text(choose(mx_reply({{30, "a"}, {20, "b"}, {10, "a"}}), zone)), "10 a 192.0.2.1:25, 20 b 192.0.2.2:25");
}

TEST(MxSelectionTest, TheBestAreKept) {
  std::vector<std::pair<std::uint16_t, std::string>> many;
  Zone zone;
  for (std::uint16_t i = 0; i < 200; ++i) {
    many.emplace_back(static_cast<std::uint16_t>(1000 - i), "h" + std::to_string(i));
    zone["h" + std::to_string(i)] = v4("192.0.2." + std::to_string(i));
  }
  const MxAnswer answer = choose(mx_reply(many), zone);
  ASSERT_EQ(answer.found->size(), 20U);
  EXPECT_EQ(answer.found->front().name, "h199");
  EXPECT_EQ(answer.found->back().name, "h180");
}

TEST(MxSelectionTest, TiesAreShuffledAndNothingElse) {
  std::vector<MxHost> hosts;
  for (const auto& [preference, name] : std::vector<std::pair<std::uint16_t, std::string>>{
           {5, "first"}, {10, "a"}, {10, "b"}, {10, "c"}, {20, "y"}, {20, "z"}})
    hosts.push_back({.name = name, .preference = preference, .addresses = {}});
  sim::SimRandom random(1);
  std::map<std::string, unsigned> orders;
  for (unsigned i = 0; i < 6000; ++i) {
    shuffle_ties(hosts, random);
    std::string order;
    for (const MxHost& host : hosts) order += host.name.substr(0, 1);
    ++orders[order];
  }
  EXPECT_EQ(orders.size(), 12U);  // 1! * 3! * 2!
  for (const auto& [order, times] : orders) {
    EXPECT_TRUE(order.starts_with("f")) << order;
    EXPECT_GT(order.find_first_of("yz"), 3U) << order;
    EXPECT_NEAR(times, 500, 100) << order;
  }
  std::vector<MxHost> none;
  shuffle_ties(none, random);
}

// ------------------------------------------------------------------------------------------
// addresses

TEST(MxSelectionTest, AddressesComeInTheOrderThatIsChosen) {
  const Zone zone{{"a", {addresses({"192.0.2.1", "192.0.2.2"}), addresses({"2001:db8::2", "2001:db8::1"})}}};
  const DnsReply mx = mx_reply({{1, "a"}});
  EXPECT_EQ(text(choose(mx, zone)), "1 a [2001:db8::2]:25 [2001:db8::1]:25 192.0.2.1:25 192.0.2.2:25");
  EXPECT_EQ(text(choose(mx, zone, sluice::testing::mx_rules(2525, AddressUse::ipv4_first))),
            "1 a 192.0.2.1:2525 192.0.2.2:2525 [2001:db8::2]:2525 [2001:db8::1]:2525");
  EXPECT_EQ(text(choose(mx, zone, sluice::testing::mx_rules(25, AddressUse::ipv4_only))),
            "1 a 192.0.2.1:25 192.0.2.2:25");
}

TEST(MxSelectionTest, AHostWithIpv6OnlyWillDo) {
  const Zone zone{{"a", {addresses({}), addresses({"2001:db8::1"})}}};
  EXPECT_EQ(text(choose(mx_reply({{1, "a"}}), zone)), "1 a [2001:db8::1]:25");
  expect_failure(choose(mx_reply({{1, "a"}}), zone, sluice::testing::mx_rules(25, AddressUse::ipv4_only)), true, 550,
                 {5, 4, 4});
}

TEST(MxSelectionTest, AddressesAreBoundedForEachFamily) {
  std::vector<std::string> four, six;
  for (int i = 1; i <= 100; ++i) {
    four.push_back("192.0.2." + std::to_string(i));
    six.push_back("2001:db8::" + std::to_string(i));
  }
  const MxAnswer answer = choose(mx_reply({{1, "a"}}), {{"a", {addresses(four), addresses(six)}}});
  ASSERT_EQ(answer.found->at(0).addresses.size(), 16U);
  EXPECT_EQ(answer.found->at(0).addresses[8].to_string(), "192.0.2.1:25");
}

TEST(MxSelectionTest, AnIpv4AddressInTheClothesOfIpv6IsOne) {
  const Zone zone{{"a", {addresses({"192.0.2.1"}), addresses({"::ffff:192.0.2.1", "::ffff:192.0.2.2"})}}};
  EXPECT_EQ(text(choose(mx_reply({{1, "a"}}), zone)), "1 a 192.0.2.1:25 192.0.2.2:25");
  const Zone loop{{"a", {addresses({}), addresses({"::ffff:127.0.0.1"})}}};
  expect_failure(choose(mx_reply({{1, "a"}}), loop), true, 550, {5, 4, 4});
}

TEST(MxSelectionTest, WhereNoMxHostIsNoServerIsAsked) {
  for (const char* ip : {"127.0.0.1", "127.255.0.1", "0.0.0.1", "255.255.255.255", "239.1.2.3", "240.0.0.1"})
    expect_failure(choose(mx_reply({{1, "a"}}), {{"a", v4(ip)}}), true, 550, {5, 4, 4});
  for (const char* ip : {"::1", "ff02::1"})
    expect_failure(choose(mx_reply({{1, "a"}}), {{"a", {addresses({}), addresses({ip})}}}), true, 550, {5, 4, 4});
  const Zone mixed{{"a", {addresses({"127.0.0.1", "192.0.2.1"}), addresses({"::1"})}}};
  EXPECT_EQ(text(choose(mx_reply({{1, "a"}}), mixed)), "1 a 192.0.2.1:25");
  MxRules rules = sluice::testing::mx_rules();
  rules.unwanted.clear();
  EXPECT_EQ(text(choose(mx_reply({{1, "a"}}), {{"a", v4("127.0.0.1")}}, rules)), "1 a 127.0.0.1:25");
}

// ------------------------------------------------------------------------------------------ no
// mail

TEST(MxSelectionTest, TheNullMxRefusesAllMail) {
  const MxAnswer answer = choose(mx_reply({{0, "."}}, 77), {});
  expect_failure(answer, true, 556, {5, 1, 10});
  EXPECT_EQ(answer.ttl_s, 77U);
  expect_failure(choose(mx_reply({{0, "."}, {0, "."}}), {}), true, 556, {5, 1, 10});
}

// RFC 7505 section 3: "a domain that advertises a null MX MUST NOT advertise any other MX RR".  One
// that does means those.
TEST(MxSelectionTest, TheNullMxBesideOthersIsNone) {
  EXPECT_EQ(text(choose(mx_reply({{0, "."}, {10, "a"}}), {{"a", v4("192.0.2.1")}})), "10 a 192.0.2.1:25");
}

TEST(MxSelectionTest, ADomainThatIsNotThereIsRefused) {
  const MxAnswer answer = choose(negative(DnsStatus::no_such_name, 120), {{"example", v4("192.0.2.1")}});
  expect_failure(answer, true, 550, {5, 1, 2});
  EXPECT_EQ(answer.ttl_s, 120U);
  EXPECT_THAT(answer.found.error().text, HasSubstr("example"));
}

TEST(MxSelectionTest, WithoutMxHostsTheDomainIsItsOwn) {
  const MxAnswer answer = choose(negative(DnsStatus::no_data, 900), {{"example", v4("192.0.2.1", 600)}});
  EXPECT_EQ(text(answer), "0 example 192.0.2.1:25");
  EXPECT_EQ(answer.ttl_s, 600U);
  expect_failure(choose(negative(DnsStatus::no_data), {{"example", {addresses({}), addresses({})}}}), true, 550,
                 {5, 1, 2});
}

// RFC 5321 5.1: "If MX records are present, but none of them are usable [...] this situation MUST
// be reported as an error."
TEST(MxSelectionTest, MxHostsOfNoUseAreNoReasonToTryTheDomainItself) {
  const Zone zone{{"example", v4("192.0.2.1")}};
  expect_failure(choose(mx_reply({{10, "gone"}}), zone), true, 550, {5, 4, 4});
  expect_failure(choose(mx_reply({{10, "192.0.2.9"}}), zone), true, 550, {5, 4, 4});
}

TEST(MxSelectionTest, NamesThatAreNoneArePassedOver) {
  Zone zone{{"good", v4("192.0.2.1")}};
  const std::vector<std::string> bad{"192.0.2.9", "[192.0.2.9]",       "a b", "a\\046b", "x..y",
                                     "-\r\nQUIT", std::string(64, 'a')};
  std::vector<std::pair<std::uint16_t, std::string>> records{{50, "good"}};
  for (const std::string& name : bad) {
    records.emplace_back(std::uint16_t{1}, name);
    zone[name] = v4("192.0.2.66");
  }
  EXPECT_EQ(text(choose(mx_reply(records), zone)), "50 good 192.0.2.1:25");
}

// ------------------------------------------------------------------------------------------
// ourselves

MxRules own() {
  MxRules rules = sluice::testing::mx_rules();
  rules.own_names = {"relay.example"};
  rules.own_addresses = {*io::Address::from_ip("192.0.2.100", 25), *io::Address::from_ip("2001:db8::100", 25)};
  return rules;
}

TEST(MxSelectionTest, WhatIsNotBetterThanWeIsDropped) {
  Zone zone{{"best", v4("192.0.2.1")}, {"equal", v4("192.0.2.2")}, {"worse", v4("192.0.2.3")}};
  const DnsReply mx = mx_reply({{10, "best"}, {20, "equal"}, {20, "relay.example"}, {30, "worse"}});
  EXPECT_EQ(text(choose(mx, zone, own())), "10 best 192.0.2.1:25");
  const DnsReply by_address = mx_reply({{10, "best"}, {20, "equal"}, {20, "us"}, {30, "worse"}});
  for (const auto& us : {v4("192.0.2.100"), std::pair{addresses({"192.0.2.5"}), addresses({"2001:db8::100"})},
                         std::pair{addresses({}), addresses({"::ffff:192.0.2.100"})}}) {
    zone["us"] = us;
    EXPECT_EQ(text(choose(by_address, zone, own())), "10 best 192.0.2.1:25");
  }
  DnsReply alias = addresses({"198.51.100.7"});  // our name, although the address is not known to be ours
  alias.canonical = "relay.example";
  zone["us"] = {alias, addresses({})};
  EXPECT_EQ(text(choose(by_address, zone, own())), "10 best 192.0.2.1:25");
}

TEST(MxSelectionTest, WhereOnlyWeAreLeftItLoops) {
  Zone zone{{"equal", v4("192.0.2.2")}, {"us", v4("192.0.2.100")}, {"gone", {addresses({}), addresses({})}}};
  expect_failure(choose(mx_reply({{10, "relay.example"}}), zone, own()), true, 554, {5, 4, 6});
  expect_failure(choose(mx_reply({{10, "relay.example"}, {10, "equal"}, {20, "worse"}}), zone, own()), true, 554,
                 {5, 4, 6});
  expect_failure(choose(mx_reply({{10, "us"}, {10, "equal"}}), zone, own()), true, 554, {5, 4, 6});
  expect_failure(choose(mx_reply({{5, "gone"}, {10, "us"}}), zone, own()), true, 554, {5, 4, 6});
}

TEST(MxSelectionTest, ADomainThatIsOursLoops) {
  const DnsReply none = negative(DnsStatus::no_data);
  expect_failure(choose(none, {{"example", v4("192.0.2.100")}}, own()), true, 554, {5, 4, 6});
  expect_failure(choose(none, {{"relay.example", v4("192.0.2.1")}}, own(), "relay.example"), true, 554, {5, 4, 6});
  DnsReply alias = none;
  alias.canonical = "relay.example";
  expect_failure(choose(alias, {{"example", v4("192.0.2.1")}}, own()), true, 554, {5, 4, 6});
}

// ------------------------------------------------------------------------------------------ not
// knowing

TEST(MxSelectionTest, NotKnowingIsNoReasonToRefuse) {
  expect_failure(choose(io::dns_failure("it is on fire"), {}), false, 451, {4, 4, 3});
  const DnsReply failed = io::dns_failure("it is on fire");
  const Zone zone{{"broken", {failed, failed}}, {"half", {addresses({}), failed}}, {"us", v4("192.0.2.100")}};
  const MxAnswer answer = choose(mx_reply({{10, "broken"}, {20, "gone"}}), zone);
  expect_failure(answer, false, 451, {4, 4, 3});
  EXPECT_THAT(answer.found.error().text, HasSubstr("broken: it is on fire"));
  expect_failure(choose(mx_reply({{10, "half"}}), zone), false, 451, {4, 4, 3});
  expect_failure(choose(negative(DnsStatus::no_data), {{"example", {failed, addresses({})}}}), false, 451, {4, 4, 3});
  // Better than we, and perhaps there.
  expect_failure(choose(mx_reply({{10, "broken"}, {20, "us"}}), zone, own()), false, 451, {4, 4, 3});
}

// Once a host behind us, of which nothing was known, kept a loop from being seen.
TEST(MxSelectionTest, NotKnowingWhatIsWorseThanWeIsStillALoop) {
  const DnsReply failed = io::dns_failure("it is on fire");
  const Zone zone{{"broken", {failed, failed}}, {"us", v4("192.0.2.100")}};
  expect_failure(choose(mx_reply({{10, "us"}, {20, "broken"}}), zone, own()), true, 554, {5, 4, 6});
}

TEST(MxSelectionTest, WhatIsKnownIsUsedAndTheRestAskedForSoon) {
  const DnsReply failed = io::dns_failure("it is on fire");
  const Zone zone{{"broken", {failed, failed}}, {"half", {addresses({"192.0.2.7"}, 500), failed}}};
  const MxAnswer some = choose(mx_reply({{10, "broken"}, {20, "half"}}), zone);
  EXPECT_EQ(text(some), "20 half 192.0.2.7:25");
  EXPECT_EQ(some.ttl_s, 0U);
  const MxAnswer half = choose(mx_reply({{20, "half"}}, 900), zone);  // a server that does not know AAAA
  EXPECT_EQ(text(half), "20 half 192.0.2.7:25");
  EXPECT_EQ(half.ttl_s, 500U);
}

TEST(MxSelectionTest, TheShortestTimeCounts) {
  const Zone zone{{"a", v4("192.0.2.1", 500)}, {"b", v4("192.0.2.2", 40)}};
  EXPECT_EQ(choose(mx_reply({{1, "a"}}, 300), zone).ttl_s, 300U);
  EXPECT_EQ(choose(mx_reply({{1, "a"}, {2, "b"}}, 300), zone).ttl_s, 40U);
  DnsReply alias = mx_reply({{1, "a"}}, 300);
  alias.canonical = "x";
  alias.canonical_ttl_s = 7;
  EXPECT_EQ(choose(alias, zone).ttl_s, 7U);
}

// ------------------------------------------------------------------------------------------
// literals

TEST(MxLiteralTest, IsItsOwnAddress) {
  EXPECT_EQ(text(*mx_literal("[192.0.2.1]", sluice::testing::mx_rules())), "0 [192.0.2.1] 192.0.2.1:25");
  EXPECT_EQ(text(*mx_literal("[IPv6:2001:db8::1]", sluice::testing::mx_rules(26))),
            "0 [IPv6:2001:db8::1] [2001:db8::1]:26");
  EXPECT_EQ(text(*mx_literal("[ipV6:2001:db8::1]", sluice::testing::mx_rules())),
            "0 [ipV6:2001:db8::1] [2001:db8::1]:25");
  EXPECT_FALSE(mx_literal("example", sluice::testing::mx_rules()));
  EXPECT_FALSE(mx_literal("", sluice::testing::mx_rules()));
}

TEST(MxLiteralTest, ThatIsNoneIsRefused) {
  for (const char* bad : {"[]", "[example]", "[192.0.2.1:25]", "[192.0.2]", "[2001:db8::1]", "[IPv6:192.0.2.1]",
                          "[IPv6:]", "[tag:192.0.2.1]", "[[192.0.2.1]]", "[ 192.0.2.1]"}) {
    const auto answer = mx_literal(bad, sluice::testing::mx_rules());
    ASSERT_TRUE(answer) << bad;
    expect_failure(*answer, true, 550, {5, 1, 2});
  }
  EXPECT_FALSE(mx_literal("[", sluice::testing::mx_rules()));
}

TEST(MxLiteralTest, OfOursLoopsAndOfNoHostFails) {
  expect_failure(*mx_literal("[192.0.2.100]", own()), true, 554, {5, 4, 6});
  expect_failure(*mx_literal("[IPv6:2001:db8::100]", own()), true, 554, {5, 4, 6});
  expect_failure(*mx_literal("[IPv6:::ffff:192.0.2.100]", own()), true, 554, {5, 4, 6});
  expect_failure(*mx_literal("[127.0.0.1]", sluice::testing::mx_rules()), true, 550, {5, 1, 2});
  expect_failure(*mx_literal("[IPv6:2001:db8::1]", sluice::testing::mx_rules(25, AddressUse::ipv4_only)), true, 550,
                 {5, 4, 4});
}

}  // namespace
}  // namespace sluice::mx
