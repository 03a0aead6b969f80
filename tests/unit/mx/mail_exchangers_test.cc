// Mail exchangers of a simulated world: one question for many who wait, what is kept, what fails,
// the end.
#include "engine/mx/mail_exchangers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/support/awaited.h"
#include "tests/support/exchange_rules.h"

namespace sluice::mx {
namespace {

using namespace std::chrono_literals;
using io::DnsType;
using sluice::testing::PlatformKind;
using sluice::testing::Platforms;
using sluice::testing::Running;
using ::testing::HasSubstr;
using Found = MailExchangers::Found;

struct Bench {
  explicit Bench(std::uint64_t seed = 1, MailExchangersOptions chosen = {.rules = sluice::testing::exchange_rules()})
      : platforms(PlatformKind::simulated, seed), options(std::move(chosen)) {}
  MailExchangers& exchangers() {
    if (!made) made = std::make_unique<MailExchangers>(loop, dns, loop.platform().random, options);
    return *made;
  }
  std::unique_ptr<Running<Found>> start(const std::string& domain) {
    auto& all = exchangers();
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
  MailExchangersOptions options{.rules = sluice::testing::exchange_rules()};
  io::Loop& loop = platforms.add_loop("192.0.2.1");
  sim::SimDns& dns = platforms.world().dns();
  std::unique_ptr<MailExchangers> made;
};

TEST(MailExchangersTest, AreFoundWithTheirAddresses) {
  Bench bench;
  bench.options.rules.port = 2525;
  bench.add("example.net", 120);
  const Found found = bench.look_up("Example.NET");
  ASSERT_TRUE(found);
  ASSERT_EQ(found->hosts.size(), 1U);
  EXPECT_EQ(found->hosts[0].name, "mx.example.net");
  ASSERT_EQ(found->hosts[0].addresses.size(), 2U);
  EXPECT_EQ(found->hosts[0].addresses[0].to_string(), "[2001:db8::9]:2525");
  EXPECT_EQ(found->hosts[0].addresses[1].to_string(), "192.0.2.9:2525");
  EXPECT_GT(found->until, bench.loop.now() + 119s);
  EXPECT_LE(found->until, bench.loop.now() + 120s);
}

TEST(MailExchangersTest, AllKindsOfDomains) {
  Bench bench;
  bench.dns.add_mx("null.example", 0, ".");
  bench.dns.add_address("null.example", "192.0.2.1");
  bench.dns.add_address("bare.example", "192.0.2.2");
  bench.dns.add_name("empty.example");
  bench.add("real.example");
  bench.dns.add_alias("alias.example", "real.example");
  bench.dns.add_mx("away.example", 10, "mx.gone.example");
  EXPECT_THAT(bench.first("null.example"), HasSubstr("556 null.example: "));
  EXPECT_EQ(bench.first("bare.example"), "bare.example");
  EXPECT_THAT(bench.first("empty.example"), HasSubstr("550 empty.example: it has neither"));
  EXPECT_THAT(bench.first("nobody.example"), HasSubstr("550 nobody.example: there is no such domain"));
  EXPECT_EQ(bench.first("alias.example"), "mx.real.example");
  EXPECT_THAT(bench.first("away.example"), HasSubstr("550 away.example: none of its mail exchangers"));
  EXPECT_EQ(bench.first("[192.0.2.7]"), "[192.0.2.7]");
  EXPECT_EQ(bench.first("[IPv6:2001:db8::7]"), "[IPv6:2001:db8::7]");
}

TEST(MailExchangersTest, WhatIsNoDomainIsNotAskedFor) {
  Bench bench;
  for (const std::string& domain : {std::string(), std::string("a..b"), std::string("192.0.2.1"), std::string("a b"),
                                    std::string("a\r\nb"), std::string("a\0b", 3), std::string("m\xC3\xBCller.example"),
                                    std::string("[x]"), std::string("[192.0.2.1"), std::string(300, 'a')}) {
    const Found found = bench.look_up(domain);
    ASSERT_FALSE(found);
    EXPECT_TRUE(found.error().permanent);
    EXPECT_EQ(found.error().code, 550);
    EXPECT_THAT(found.error().text, ::testing::Not(HasSubstr("\r")));
  }
  EXPECT_EQ(bench.platforms.world().faults().calls(sim::SimCall::query), 0U);
}

TEST(MailExchangersTest, OnesOwnNamesAreFoldedLikeTheOthers) {
  Bench bench;
  bench.options.rules.own_names = {"Relay.Example."};
  bench.dns.add_mx("example.net", 10, "relay.example");
  bench.dns.add_address("relay.example", "192.0.2.50");
  EXPECT_THAT(bench.first("example.net"), HasSubstr("554 example.net: "));
  EXPECT_EQ(bench.dns.asked("relay.example", DnsType::a), 0U);
}

// ------------------------------------------------------------------------------------------ one
// question for all

TEST(MailExchangersTest, ManyWhoWaitCostOneQuestion) {
  Bench bench;
  bench.add("example.net");
  std::vector<std::unique_ptr<Running<Found>>> all;
  for (int i = 0; i < 100; ++i) all.push_back(bench.start(i % 2 == 0 ? "example.net" : "EXAMPLE.net."));
  EXPECT_TRUE(bench.platforms.run_until([&] { return bench.exchangers().waiting() == 100; }));
  for (const auto& one : all) EXPECT_TRUE(one->wait());
  EXPECT_EQ(bench.dns.asked("example.net", DnsType::mx), 1U);
  EXPECT_EQ(bench.dns.asked("mx.example.net", DnsType::a), 1U);
  EXPECT_EQ(bench.dns.asked("mx.example.net", DnsType::aaaa), 1U);
  EXPECT_EQ(bench.exchangers().counters().shared, 99U);
  EXPECT_EQ(bench.exchangers().waiting(), 0U);
  EXPECT_TRUE(bench.look_up("example.net"));
  EXPECT_EQ(bench.exchangers().counters().kept, 1U);
  EXPECT_EQ(bench.dns.asked("example.net", DnsType::mx), 1U);
}

TEST(MailExchangersTest, AllWhoWaitHearOfAFailure) {
  Bench bench;
  bench.platforms.world().faults().add({.call = sim::SimCall::query, .count = 1});
  bench.add("example.net");
  std::vector<std::unique_ptr<Running<Found>>> all;
  for (int i = 0; i < 5; ++i) all.push_back(bench.start("example.net"));
  for (const auto& one : all) {
    const Found found = one->wait();
    ASSERT_FALSE(found);
    EXPECT_FALSE(found.error().permanent);
  }
  EXPECT_EQ(bench.exchangers().counters().failed, 5U);
}

TEST(MailExchangersTest, TiesAreInAnotherOrderEachTime) {
  Bench bench;
  for (const char* host : {"a", "b", "c"}) {
    bench.dns.add_mx("example.net", 10, host);
    bench.dns.add_address(host, "192.0.2.9");
  }
  std::set<std::string> firsts;
  for (int i = 0; i < 50; ++i) firsts.insert(bench.first("example.net"));
  EXPECT_EQ(firsts.size(), 3U);
  EXPECT_EQ(bench.dns.asked("example.net", DnsType::mx), 1U);
}

// ------------------------------------------------------------------------------------------ time

TEST(MailExchangersTest, AreAskedForAgainWhenTheirTimeIsOver) {
  Bench bench;
  bench.add("example.net", 120);
  bench.first("example.net");
  bench.run_for(100s);
  bench.first("example.net");
  EXPECT_EQ(bench.dns.asked("example.net", DnsType::mx), 1U);
  bench.run_for(21s);
  bench.dns.remove("example.net");
  bench.dns.add_mx("example.net", 1, "new.example");
  bench.dns.add_address("new.example", "192.0.2.77");
  EXPECT_EQ(bench.first("example.net"), "new.example");
}

TEST(MailExchangersTest, NothingThereIsKeptToo) {
  Bench bench;
  bench.first("nobody.example");
  bench.first("nobody.example");
  EXPECT_EQ(bench.dns.asked("nobody.example", DnsType::mx), 1U);
  bench.run_for(61s);  // SimDns::kNegativeTtl
  bench.add("nobody.example");
  EXPECT_EQ(bench.first("nobody.example"), "mx.nobody.example");
}

TEST(MailExchangersTest, AnAbsentNameServiceIsBridgedForAnHour) {
  Bench bench;
  bench.add("example.net", 60);
  bench.first("example.net");
  bench.dns.set_away(true);
  bench.run_for(61s);
  Found found = bench.look_up("example.net");
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->stale);
  const Instant before = bench.loop.now();
  EXPECT_TRUE(bench.look_up("example.net"));  // the name service is not waited for again so soon
  EXPECT_EQ(bench.loop.now(), before);
  EXPECT_EQ(bench.exchangers().counters().stale, 2U);
  bench.run_for(1h);
  found = bench.look_up("example.net");
  ASSERT_FALSE(found);
  EXPECT_FALSE(found.error().permanent);
  EXPECT_EQ(found.error().code, 451);
  bench.dns.set_away(false);
  bench.run_for(16s);
  EXPECT_EQ(bench.first("example.net"), "mx.example.net");
}

TEST(MailExchangersTest, MemoryIsBounded) {
  MailExchangersOptions options{.rules = sluice::testing::exchange_rules()};
  options.cache.entries_max = 50;
  Bench bench(1, options);
  for (int i = 0; i < 200; ++i) bench.first("n" + std::to_string(i) + ".example");
  EXPECT_EQ(bench.exchangers().kept(), 50U);
}

// ------------------------------------------------------------------------------------------
// aliases

// An authoritative server says where a name leads, and no more.
TEST(MailExchangersTest, GoOnWhereTheNameServerStopsOnTheWay) {
  Bench bench;
  bench.add("real.example");
  const auto stop = [&](const std::string& name, DnsType type, const std::string& target, std::uint32_t ttl_s) {
    io::DnsReply reply;
    reply.status = io::DnsStatus::no_data;
    reply.canonical = target;
    reply.canonical_ttl_s = ttl_s;
    bench.dns.say(name, type, reply);
  };
  stop("a.example", DnsType::mx, "b.example", 40);
  stop("b.example", DnsType::mx, "real.example", 90);
  const Found found = bench.look_up("a.example");
  ASSERT_TRUE(found) << found.error().text;
  EXPECT_EQ(found->hosts[0].name, "mx.real.example");
  EXPECT_LE(found->until, bench.loop.now() + 40s);
  stop("round.example", DnsType::mx, "trip.example", 300);
  stop("trip.example", DnsType::mx, "round.example", 300);
  EXPECT_THAT(bench.first("round.example"), HasSubstr("451 round.example: its CNAME records lead on and on"));
  EXPECT_LE(bench.dns.asked("round.example", DnsType::mx), 5U);
}

// ------------------------------------------------------------------------------------------ the
// end

TEST(MailExchangersTest, StoppingEndsAllWaits) {
  Bench bench;
  bench.add("example.net");
  bench.dns.set_away(true);
  std::vector<std::unique_ptr<Running<Found>>> all;
  for (const char* domain : {"example.net", "example.net", "other.example"}) all.push_back(bench.start(domain));
  EXPECT_TRUE(bench.platforms.run_until([&] { return bench.exchangers().waiting() == 3; }));
  const Instant before = bench.loop.now();
  bench.loop.abort_all();
  for (const auto& one : all) {
    const Found found = one->wait();
    ASSERT_FALSE(found);
    EXPECT_FALSE(found.error().permanent);
    EXPECT_THAT(found.error().text, HasSubstr("shutting down"));
  }
  EXPECT_LT(bench.loop.now() - before, 1s);
  EXPECT_THAT(bench.first("third.example"), HasSubstr("shutting down"));
  bench.made.reset();  // before the name service has answered
  bench.run_for(20s);
}

TEST(MailExchangersTest, StoppingAtAnyPointEndsAllWaits) {
  int stopped_early = 0;
  for (int after = 0; after < 60; ++after) {
    Bench bench(static_cast<std::uint64_t>(after) + 1);
    bench.add("example.net");
    std::vector<std::unique_ptr<Running<Found>>> all;
    for (int i = 0; i < 3; ++i) all.push_back(bench.start("example.net"));
    int turns = 0;
    const auto done = [&] { return std::ranges::all_of(all, [](const auto& one) { return one->done(); }); };
    EXPECT_TRUE(bench.platforms.run_until([&] { return turns++ == after || done(); }));
    stopped_early += done() ? 0 : 1;
    bench.loop.abort_all();
    for (const auto& one : all) {
      const Found found = one->wait();
      if (!found) EXPECT_FALSE(found.error().permanent);
    }
    EXPECT_EQ(bench.exchangers().waiting(), 0U);
  }
  EXPECT_GT(stopped_early, 3);
}

// Whatever question fails, the outcome is a good one or a temporary failure: never a refusal.
TEST(MailExchangersTest, AnyQuestionMayFail) {
  for (std::uint64_t failing = 0; failing < 8; ++failing) {
    for (const std::uint64_t count : {std::uint64_t{1}, sim::kSimForever}) {
      Bench bench(failing + 1);
      bench.add("example.net");
      bench.dns.add_mx("example.net", 20, "second.example.net");
      bench.dns.add_address("second.example.net", "192.0.2.10");
      bench.platforms.world().faults().add({.call = sim::SimCall::query, .after = failing, .count = count});
      const Found found = bench.look_up("example.net");
      if (!found) EXPECT_FALSE(found.error().permanent) << failing;
      if (failing >= 1 && count == 1) EXPECT_TRUE(found) << failing;
    }
  }
}

TEST(MailExchangersTest, ASeedReplaysExactly) {
  const auto trace = [](std::uint64_t seed) {
    Bench bench(seed);
    for (int i = 0; i < 20; ++i) bench.add("n" + std::to_string(i % 5) + ".example", 10);
    for (int i = 0; i < 20; ++i) bench.first("n" + std::to_string(i % 5) + ".example");
    return bench.platforms.world().trace_hash();
  };
  EXPECT_EQ(trace(3), trace(3));
}

}  // namespace
}  // namespace sluice::mx
