// MX hosts of a simulated world: one question for many waiters, what is kept, what fails,
// the end.
#include "engine/mx/lookup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/support/awaited.h"
#include "tests/support/mx_rules.h"

namespace sluice::mx {
namespace {

using namespace std::chrono_literals;
using io::DnsType;
using sluice::testing::PlatformKind;
using sluice::testing::Platforms;
using sluice::testing::Running;
using ::testing::HasSubstr;
using Found = MxLookup::Found;

struct Fixture {
  explicit Fixture(std::uint64_t seed = 1, MxLookupOptions chosen = {.rules = sluice::testing::mx_rules()})
      : platforms(PlatformKind::simulated, seed), options(std::move(chosen)) {}
  MxLookup& mx_hosts() {
    if (!made) made = std::make_unique<MxLookup>(loop, dns, loop.platform().random, options);
    return *made;
  }
  std::unique_ptr<Running<Found>> start(const std::string& domain) {
    auto& all = mx_hosts();
    return std::make_unique<Running<Found>>(platforms, loop, [&all, domain] { return all.look_up(domain); });
  }
  Found look_up(const std::string& domain) { return start(domain)->wait(); }
  // The first host's name, or the code and what is wrong.
  std::string first(const std::string& domain) {
    const Found found = look_up(domain);
    return found ? found->hosts.at(0).name : std::to_string(found.error().code) + " " + found.error().text;
  }
  void run_for(Duration duration) { EXPECT_TRUE(platforms.run_for(duration)); }
  void add(const std::string& domain, std::uint32_t ttl_s = 300) {
    dns.add_mx(domain, 10, "mx." + domain, ttl_s);
    dns.add_address("mx." + domain, "192.0.2.9", ttl_s);
    dns.add_address("mx." + domain, "2001:db8::9", ttl_s);
  }

  Platforms platforms;
  MxLookupOptions options{.rules = sluice::testing::mx_rules()};
  io::Loop& loop = platforms.add_loop("192.0.2.1");
  sim::SimDns& dns = platforms.world().dns();
  std::unique_ptr<MxLookup> made;
};

TEST(MxLookupTest, AreFoundWithTheirAddresses) {
  Fixture fixture;
  fixture.options.rules.port = 2525;
  fixture.add("example.net", 120);
  const Found found = fixture.look_up("Example.NET");
  ASSERT_TRUE(found);
  ASSERT_EQ(found->hosts.size(), 1U);
  EXPECT_EQ(found->hosts[0].name, "mx.example.net");
  ASSERT_EQ(found->hosts[0].addresses.size(), 2U);
  EXPECT_EQ(found->hosts[0].addresses[0].to_string(), "[2001:db8::9]:2525");
  EXPECT_EQ(found->hosts[0].addresses[1].to_string(), "192.0.2.9:2525");
  EXPECT_GT(found->until, fixture.loop.now() + 119s);
  EXPECT_LE(found->until, fixture.loop.now() + 120s);
}

TEST(MxLookupTest, AllKindsOfDomains) {
  Fixture fixture;
  fixture.dns.add_mx("null.example", 0, ".");
  fixture.dns.add_address("null.example", "192.0.2.1");
  fixture.dns.add_address("bare.example", "192.0.2.2");
  fixture.dns.add_name("empty.example");
  fixture.add("real.example");
  fixture.dns.add_alias("alias.example", "real.example");
  fixture.dns.add_mx("away.example", 10, "mx.gone.example");
  EXPECT_THAT(fixture.first("null.example"), HasSubstr("556 null.example: "));
  EXPECT_EQ(fixture.first("bare.example"), "bare.example");
  EXPECT_THAT(fixture.first("empty.example"), HasSubstr("550 empty.example: it has neither"));
  EXPECT_THAT(fixture.first("nobody.example"), HasSubstr("550 nobody.example: there is no such domain"));
  EXPECT_EQ(fixture.first("alias.example"), "mx.real.example");
  EXPECT_THAT(fixture.first("away.example"), HasSubstr("550 away.example: none of its MX hosts"));
  EXPECT_EQ(fixture.first("[192.0.2.7]"), "[192.0.2.7]");
  EXPECT_EQ(fixture.first("[IPv6:2001:db8::7]"), "[IPv6:2001:db8::7]");
}

TEST(MxLookupTest, WhatIsNoDomainIsNotAskedFor) {
  Fixture fixture;
  for (const std::string& domain : {std::string(), std::string("a..b"), std::string("192.0.2.1"), std::string("a b"),
                                    std::string("a\r\nb"), std::string("a\0b", 3), std::string("m\xC3\xBCller.example"),
                                    std::string("[x]"), std::string("[192.0.2.1"), std::string(300, 'a')}) {
    const Found found = fixture.look_up(domain);
    ASSERT_FALSE(found);
    EXPECT_TRUE(found.error().permanent);
    EXPECT_EQ(found.error().code, 550);
    EXPECT_THAT(found.error().text, ::testing::Not(HasSubstr("\r")));
  }
  EXPECT_EQ(fixture.platforms.world().faults().calls(sim::SimCall::query), 0U);
}

TEST(MxLookupTest, OnesOwnNamesAreFoldedLikeTheOthers) {
  Fixture fixture;
  fixture.options.rules.own_names = {"Relay.Example."};
  fixture.dns.add_mx("example.net", 10, "relay.example");
  fixture.dns.add_address("relay.example", "192.0.2.50");
  EXPECT_THAT(fixture.first("example.net"), HasSubstr("554 example.net: "));
  EXPECT_EQ(fixture.dns.asked("relay.example", DnsType::a), 0U);
}

// ------------------------------------------------------------------------------------------ one
// question for all

TEST(MxLookupTest, ManyWhoWaitCostOneQuestion) {
  Fixture fixture;
  fixture.add("example.net");
  std::vector<std::unique_ptr<Running<Found>>> all;
  for (int i = 0; i < 100; ++i) all.push_back(fixture.start(i % 2 == 0 ? "example.net" : "EXAMPLE.net."));
  EXPECT_TRUE(fixture.platforms.run_until([&] { return fixture.mx_hosts().waiting() == 100; }));
  for (const auto& one : all) EXPECT_TRUE(one->wait());
  EXPECT_EQ(fixture.dns.asked("example.net", DnsType::mx), 1U);
  EXPECT_EQ(fixture.dns.asked("mx.example.net", DnsType::a), 1U);
  EXPECT_EQ(fixture.dns.asked("mx.example.net", DnsType::aaaa), 1U);
  EXPECT_EQ(fixture.mx_hosts().counters().shared, 99U);
  EXPECT_EQ(fixture.mx_hosts().waiting(), 0U);
  EXPECT_TRUE(fixture.look_up("example.net"));
  EXPECT_EQ(fixture.mx_hosts().counters().kept, 1U);
  EXPECT_EQ(fixture.dns.asked("example.net", DnsType::mx), 1U);
}

TEST(MxLookupTest, AllWhoWaitHearOfAFailure) {
  Fixture fixture;
  fixture.platforms.world().faults().add({.call = sim::SimCall::query, .count = 1});
  fixture.add("example.net");
  std::vector<std::unique_ptr<Running<Found>>> all;
  for (int i = 0; i < 5; ++i) all.push_back(fixture.start("example.net"));
  for (const auto& one : all) {
    const Found found = one->wait();
    ASSERT_FALSE(found);
    EXPECT_FALSE(found.error().permanent);
  }
  EXPECT_EQ(fixture.mx_hosts().counters().failed, 5U);
}

TEST(MxLookupTest, TiesAreInAnotherOrderEachTime) {
  Fixture fixture;
  for (const char* host : {"a", "b", "c"}) {
    fixture.dns.add_mx("example.net", 10, host);
    fixture.dns.add_address(host, "192.0.2.9");
  }
  std::set<std::string> firsts;
  for (int i = 0; i < 50; ++i) firsts.insert(fixture.first("example.net"));
  EXPECT_EQ(firsts.size(), 3U);
  EXPECT_EQ(fixture.dns.asked("example.net", DnsType::mx), 1U);
}

// ------------------------------------------------------------------------------------------ time

TEST(MxLookupTest, AreAskedForAgainWhenTheirTimeIsOver) {
  Fixture fixture;
  fixture.add("example.net", 120);
  fixture.first("example.net");
  fixture.run_for(100s);
  fixture.first("example.net");
  EXPECT_EQ(fixture.dns.asked("example.net", DnsType::mx), 1U);
  fixture.run_for(21s);
  fixture.dns.remove("example.net");
  fixture.dns.add_mx("example.net", 1, "new.example");
  fixture.dns.add_address("new.example", "192.0.2.77");
  EXPECT_EQ(fixture.first("example.net"), "new.example");
}

TEST(MxLookupTest, NothingThereIsKeptToo) {
  Fixture fixture;
  fixture.first("nobody.example");
  fixture.first("nobody.example");
  EXPECT_EQ(fixture.dns.asked("nobody.example", DnsType::mx), 1U);
  fixture.run_for(61s);  // SimDns::kNegativeTtl
  fixture.add("nobody.example");
  EXPECT_EQ(fixture.first("nobody.example"), "mx.nobody.example");
}

TEST(MxLookupTest, AnAbsentNameServiceIsBridgedForAnHour) {
  Fixture fixture;
  fixture.add("example.net", 60);
  fixture.first("example.net");
  fixture.dns.set_away(true);
  fixture.run_for(61s);
  Found found = fixture.look_up("example.net");
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->stale);
  const Instant before = fixture.loop.now();
  EXPECT_TRUE(fixture.look_up("example.net"));  // the name service is not waited for again so soon
  EXPECT_EQ(fixture.loop.now(), before);
  EXPECT_EQ(fixture.mx_hosts().counters().stale, 2U);
  fixture.run_for(1h);
  found = fixture.look_up("example.net");
  ASSERT_FALSE(found);
  EXPECT_FALSE(found.error().permanent);
  EXPECT_EQ(found.error().code, 451);
  fixture.dns.set_away(false);
  fixture.run_for(16s);
  EXPECT_EQ(fixture.first("example.net"), "mx.example.net");
}

TEST(MxLookupTest, MemoryIsBounded) {
  MxLookupOptions options{.rules = sluice::testing::mx_rules()};
  options.cache.entries_max = 50;
  Fixture fixture(1, options);
  for (int i = 0; i < 200; ++i) fixture.first("n" + std::to_string(i) + ".example");
  EXPECT_EQ(fixture.mx_hosts().kept(), 50U);
}

// ------------------------------------------------------------------------------------------
// aliases

// An authoritative server says where a name leads, and no more.
TEST(MxLookupTest, GoOnWhereTheNameServerStopsOnTheWay) {
  Fixture fixture;
  fixture.add("real.example");
  const auto stop = [&](const std::string& name, DnsType type, const std::string& target, std::uint32_t ttl_s) {
    io::DnsReply reply;
    reply.status = io::DnsStatus::no_data;
    reply.canonical = target;
    reply.canonical_ttl_s = ttl_s;
    fixture.dns.say(name, type, reply);
  };
  stop("a.example", DnsType::mx, "b.example", 40);
  stop("b.example", DnsType::mx, "real.example", 90);
  const Found found = fixture.look_up("a.example");
  ASSERT_TRUE(found) << found.error().text;
  EXPECT_EQ(found->hosts[0].name, "mx.real.example");
  EXPECT_LE(found->until, fixture.loop.now() + 40s);
  stop("round.example", DnsType::mx, "trip.example", 300);
  stop("trip.example", DnsType::mx, "round.example", 300);
  EXPECT_THAT(fixture.first("round.example"), HasSubstr("451 round.example: its CNAME records lead on and on"));
  EXPECT_LE(fixture.dns.asked("round.example", DnsType::mx), 5U);
}

// ------------------------------------------------------------------------------------------ the
// end

TEST(MxLookupTest, StoppingEndsAllWaits) {
  Fixture fixture;
  fixture.add("example.net");
  fixture.dns.set_away(true);
  std::vector<std::unique_ptr<Running<Found>>> all;
  for (const char* domain : {"example.net", "example.net", "other.example"}) all.push_back(fixture.start(domain));
  EXPECT_TRUE(fixture.platforms.run_until([&] { return fixture.mx_hosts().waiting() == 3; }));
  const Instant before = fixture.loop.now();
  fixture.loop.abort_all();
  for (const auto& one : all) {
    const Found found = one->wait();
    ASSERT_FALSE(found);
    EXPECT_FALSE(found.error().permanent);
    EXPECT_THAT(found.error().text, HasSubstr("shutting down"));
  }
  EXPECT_LT(fixture.loop.now() - before, 1s);
  EXPECT_THAT(fixture.first("third.example"), HasSubstr("shutting down"));
  fixture.made.reset();  // before the name service has answered
  fixture.run_for(20s);
}

TEST(MxLookupTest, StoppingAtAnyPointEndsAllWaits) {
  int stopped_early = 0;
  for (int after = 0; after < 60; ++after) {
    Fixture fixture(static_cast<std::uint64_t>(after) + 1);
    fixture.add("example.net");
    std::vector<std::unique_ptr<Running<Found>>> all;
    for (int i = 0; i < 3; ++i) all.push_back(fixture.start("example.net"));
    int turns = 0;
    const auto done = [&] { return std::ranges::all_of(all, [](const auto& one) { return one->done(); }); };
    EXPECT_TRUE(fixture.platforms.run_until([&] { return turns++ == after || done(); }));
    stopped_early += done() ? 0 : 1;
    fixture.loop.abort_all();
    for (const auto& one : all) {
      const Found found = one->wait();
      if (!found) EXPECT_FALSE(found.error().permanent);
    }
    EXPECT_EQ(fixture.mx_hosts().waiting(), 0U);
  }
  EXPECT_GT(stopped_early, 3);
}

// Whatever question fails, the outcome is a good one or a temporary failure: never a refusal.
TEST(MxLookupTest, AnyQuestionMayFail) {
  for (std::uint64_t failing = 0; failing < 8; ++failing) {
    for (const std::uint64_t count : {std::uint64_t{1}, sim::kSimForever}) {
      Fixture fixture(failing + 1);
      fixture.add("example.net");
      fixture.dns.add_mx("example.net", 20, "second.example.net");
      fixture.dns.add_address("second.example.net", "192.0.2.10");
      fixture.platforms.world().faults().add({.call = sim::SimCall::query, .after = failing, .count = count});
      const Found found = fixture.look_up("example.net");
      if (!found) EXPECT_FALSE(found.error().permanent) << failing;
      if (failing >= 1 && count == 1) EXPECT_TRUE(found) << failing;
    }
  }
}

TEST(MxLookupTest, ASeedReplaysExactly) {
  const auto trace = [](std::uint64_t seed) {
    Fixture fixture(seed);
    for (int i = 0; i < 20; ++i) fixture.add("n" + std::to_string(i % 5) + ".example", 10);
    for (int i = 0; i < 20; ++i) fixture.first("n" + std::to_string(i % 5) + ".example");
    return fixture.platforms.world().trace_hash();
  };
  EXPECT_EQ(trace(3), trace(3));
}

}  // namespace
}  // namespace sluice::mx
