// The simulated name service: what a test puts there, and how it fails.
#include <gtest/gtest.h>

#include <string>

#include "tests/sim/world.h"

namespace sluice::sim {
namespace {

using namespace std::chrono_literals;

struct Fixture {
  explicit Fixture(std::uint64_t seed = 1) : world(seed) {}
  io::DnsReply ask(const std::string& name, io::DnsType type) {
    std::optional<io::DnsReply> said;
    world.dns().query(name, type, kOwnShare, [&said](io::DnsReply reply) { said = std::move(reply); });
    EXPECT_FALSE(said) << "an answer takes its time";
    EXPECT_TRUE(world.run({&loop}, [&] { return said.has_value(); }));
    return *said;
  }
  SimWorld world;
  io::Loop loop{world.platform("192.0.2.1"), {.buffers = 2}};
};

TEST(SimDnsTest, AnswersAsTheTestSays) {
  Fixture fixture;
  SimDns& dns = fixture.world.dns();
  dns.add_mx("Example.net", 10, "MX.example.net.", 120);
  dns.add_address("mx.example.net", "192.0.2.9");
  dns.add_address("mx.example.net", "2001:db8::9");
  const io::DnsReply mx = fixture.ask("example.NET.", io::DnsType::mx);
  ASSERT_EQ(mx.records.size(), 1U);
  EXPECT_EQ(mx.records[0].name, "mx.example.net");
  EXPECT_EQ(mx.records[0].ttl_s, 120U);
  EXPECT_EQ(fixture.ask("mx.example.net", io::DnsType::a).records.at(0).address.ip(), "192.0.2.9");
  EXPECT_EQ(fixture.ask("mx.example.net", io::DnsType::aaaa).records.at(0).address.ip(), "2001:db8::9");
  EXPECT_EQ(fixture.ask("mx.example.net", io::DnsType::mx).status, io::DnsStatus::no_data);
  EXPECT_EQ(fixture.ask("other.example.net", io::DnsType::mx).status, io::DnsStatus::no_such_name);
  EXPECT_EQ(dns.asked("example.net", io::DnsType::mx), 1U);
}

TEST(SimDnsTest, FollowsAliases) {
  Fixture fixture;
  SimDns& dns = fixture.world.dns();
  dns.add_alias("a.example", "b.example", 50);
  dns.add_alias("b.example", "c.example", 40);
  dns.add_address("c.example", "192.0.2.3");
  const io::DnsReply reply = fixture.ask("a.example", io::DnsType::a);
  EXPECT_EQ(reply.canonical, "c.example");
  EXPECT_EQ(reply.aliases, (std::vector<std::string>{"b.example", "c.example"}));
  EXPECT_EQ(reply.records.at(0).ttl_s, 40U);
  dns.add_text("c.example", "v=spf1 -all");
  EXPECT_EQ(fixture.ask("a.example", io::DnsType::txt).records.at(0).text, "v=spf1 -all");
  dns.add_alias("c.example", "a.example");
  EXPECT_EQ(fixture.ask("a.example", io::DnsType::a).status, io::DnsStatus::failed);
}

TEST(SimDnsTest, FailsAsTheTestSays) {
  Fixture fixture;
  fixture.world.dns().add_name("a.example");
  fixture.world.dns().say("a.example", io::DnsType::mx, io::dns_failure("it is on fire"));
  EXPECT_EQ(fixture.ask("a.example", io::DnsType::mx).error, "it is on fire");
  EXPECT_EQ(fixture.ask("a.example", io::DnsType::a).status, io::DnsStatus::no_data);
  fixture.world.faults().add({.call = SimCall::query, .count = 1});
  EXPECT_EQ(fixture.ask("a.example", io::DnsType::a).status, io::DnsStatus::failed);
  EXPECT_EQ(fixture.ask("a.example", io::DnsType::a).status, io::DnsStatus::no_data);
  fixture.world.dns().set_away(true);
  const Instant before = fixture.world.now();
  EXPECT_EQ(fixture.ask("a.example", io::DnsType::a).status, io::DnsStatus::failed);
  EXPECT_EQ(fixture.world.now() - before, SimDns::kTimeOut);
  EXPECT_EQ(fixture.world.faults().calls(SimCall::query), 5U);
}

TEST(SimDnsTest, ASeedReplaysExactly) {
  const auto trace = [](std::uint64_t seed) {
    Fixture fixture(seed);
    fixture.world.dns().add_address("a.example", "192.0.2.3");
    for (int i = 0; i < 10; ++i) fixture.ask("a.example", io::DnsType::a);
    return fixture.world.trace_hash();
  };
  EXPECT_EQ(trace(7), trace(7));
  EXPECT_NE(trace(7), trace(8));
}

}  // namespace
}  // namespace sluice::sim
