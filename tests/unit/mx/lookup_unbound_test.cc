// MX hosts by real DNS: our client and our parser against a name server that others wrote.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "engine/io/real_dns.h"
#include "engine/mx/lookup.h"
#include "tests/support/awaited.h"
#include "tests/support/dns_wire.h"
#include "tests/support/fake_name_server.h"
#include "tests/support/mx_rules.h"
#include "tests/support/unbound.h"

namespace sluice::mx {
namespace {

using namespace std::chrono_literals;
using sluice::testing::DnsWire;
using sluice::testing::FakeNameServer;
using sluice::testing::PlatformKind;
using sluice::testing::Platforms;
using sluice::testing::Running;
using sluice::testing::Unbound;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using Found = MxLookup::Found;

// Everything under test. is said by unbound itself; silent.test it never answers, and for
// broken.test it asks a server that refuses, which it passes on as SERVFAIL.
std::string zones(const std::string& broken_server) {
  std::string all =
      "  local-zone: \"test.\" static\n  local-zone: \"silent.test.\" deny\n"
      "  local-zone: \"refused.test.\" refuse\n  local-zone: \"broken.test.\" transparent\n";
  const auto add = [&all](const std::string& record) { all += "  local-data: \"" + record + "\"\n"; };
  add("test. 600 IN SOA ns.test. admin.test. 1 2 3 4 45");
  for (const char* record : {"ties.test. 300 IN MX 10 a.test.", "ties.test. 300 IN MX 10 b.test.",
                             "ties.test. 300 IN MX 5 first.test.", "ties.test. 300 IN MX 20 last.test."})
    add(record);
  for (const char* record :
       {"a.test. 300 IN A 192.0.2.1", "b.test. 300 IN A 192.0.2.2", "b.test. 300 IN AAAA 2001:db8::2",
        "first.test. 120 IN A 192.0.2.3", "last.test. 300 IN A 192.0.2.4"})
    add(record);
  for (const char* record :
       {"null.test. 300 IN MX 0 .", "bare.test. 300 IN A 192.0.2.5", "bare.test. 300 IN AAAA 2001:db8::5",
        "empty.test. 300 IN TXT nothing", "six.test. 300 IN MX 10 six-mx.test.", "six-mx.test. 300 IN AAAA 2001:db8::6",
        "alias.test. 60 IN CNAME ties.test.", "round.test. 300 IN CNAME trip.test.",
        "trip.test. 300 IN CNAME round.test.", "self.test. 300 IN MX 10 a.test.", "self.test. 300 IN MX 20 us.test.",
        "self.test. 300 IN MX 30 b.test.", "loop.test. 300 IN MX 10 us.test.", "us.test. 300 IN A 192.0.2.99",
        "half.test. 300 IN MX 10 mx.broken.test.", "half.test. 300 IN MX 20 a.test.",
        "number.test. 300 IN MX 10 192.0.2.1."})
    add(record);
  for (int i = 0; i < 120; ++i) {
    const std::string host = "host-with-a-rather-long-name-" + std::to_string(i) + ".test.";
    add("large.test. 300 IN MX " + std::to_string(i) + " " + host);
    add(host + " 300 IN A 198.51.100." + std::to_string(i));
  }
  std::string place = broken_server;
  std::ranges::replace(place, ':', '@');
  return all + "stub-zone:\n  name: \"broken.test.\"\n  stub-addr: " + place + "\n";
}

class UnboundTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    refusing_ = std::make_unique<FakeNameServer>([](const FakeNameServer::Question& question) {
      return DnsWire(question.name, question.type, DnsWire::kAnswer | DnsWire::kRefused).bytes(question.id);
    });
    server_ = std::make_unique<Unbound>(zones(refusing_->address()));
  }
  static void TearDownTestSuite() {
    server_.reset();
    refusing_.reset();
  }
  void SetUp() override { ASSERT_NE(server_, nullptr) << "no name server: run tools/deps test"; }

  Found look_up(const std::string& domain) {
    auto& all = *mx_hosts();
    return Running<Found>(platforms_, loop_, [&all, domain] { return all.look_up(domain); }).wait();
  }
  MxLookup* mx_hosts() {
    if (!mx_hosts_) {
      io::RealDnsOptions chosen;
      chosen.servers = {server_->address()};
      chosen.timeout = timeout_;
      dns_ = *io::make_real_dns(chosen);
      mx_hosts_ = std::make_unique<MxLookup>(loop_, *dns_, loop_.platform().random, options_);
    }
    return mx_hosts_.get();
  }
  // Without the order of ties: "5 first.test 192.0.2.3:25, 10 ...".
  std::string text(const std::string& domain) {
    const Found found = look_up(domain);
    if (!found) {
      const MxFailure& failure = found.error();
      return std::string(failure.permanent ? "permanent " : "temporary ") + std::to_string(failure.code) + " " +
             std::to_string(failure.enhanced[0]) + "." + std::to_string(failure.enhanced[1]) + "." +
             std::to_string(failure.enhanced[2]);
    }
    std::vector<std::string> hosts;
    for (const MxHost& host : found->hosts) {
      hosts.push_back(std::to_string(host.preference + 100) + " " + host.name);
      for (const io::Address& address : host.addresses) hosts.back() += " " + address.to_string();
    }
    EXPECT_TRUE(std::ranges::is_sorted(found->hosts, {}, &MxHost::preference));
    std::ranges::sort(hosts);
    std::string all;
    for (const std::string& host : hosts) all += (all.empty() ? "" : ", ") + host.substr(1);
    return all;
  }
  void TearDown() override {
    mx_hosts_.reset();
    dns_.reset();
  }

  static inline std::unique_ptr<FakeNameServer> refusing_;
  static inline std::unique_ptr<Unbound> server_;
  Duration timeout_ = 10s;
  MxLookupOptions options_{.rules = sluice::testing::mx_rules()};
  Platforms platforms_{PlatformKind::real};
  io::Loop& loop_ = platforms_.add_loop("127.0.0.1");
  std::unique_ptr<io::Dns> dns_;
  std::unique_ptr<MxLookup> mx_hosts_;
};

constexpr const char* kTies =
    "05 first.test 192.0.2.3:25, 10 a.test 192.0.2.1:25, 10 b.test [2001:db8::2]:25 192.0.2.2:25, "
    "20 last.test 192.0.2.4:25";

TEST_F(UnboundTest, SaysWhichHostsTakeTheMailOfADomain) {
  EXPECT_EQ(text("ties.test"), kTies);
  EXPECT_EQ(text("TIES.test."), kTies);
  EXPECT_EQ(mx_hosts()->counters().kept, 1U);
  std::set<std::string> seconds;
  for (int i = 0; i < 40; ++i) seconds.insert(look_up("ties.test")->hosts.at(1).name);
  EXPECT_EQ(seconds.size(), 2U);
  const Instant until = look_up("ties.test")->until;
  EXPECT_GT(until, loop_.now() + 60s);
  EXPECT_LE(until, loop_.now() + 120s);  // first.test's
}

TEST_F(UnboundTest, SaysThatADomainTakesNoMail) { EXPECT_EQ(text("null.test"), "permanent 556 5.1.10"); }

TEST_F(UnboundTest, SaysThatADomainHasAnAddressOnly) {
  EXPECT_EQ(text("bare.test"), "00 bare.test [2001:db8::5]:25 192.0.2.5:25");
}

TEST_F(UnboundTest, SaysThatThereIsNothing) {
  EXPECT_EQ(text("nobody.test"), "permanent 550 5.1.2");
  EXPECT_EQ(text("empty.test"), "permanent 550 5.1.2");
  EXPECT_EQ(text("number.test"), "permanent 550 5.4.4");
}

TEST_F(UnboundTest, SaysThatItFails) {
  const Found broken = look_up("broken.test");
  ASSERT_FALSE(broken);
  // And did not time out.  The first is said where c-ares keeps the answer to itself, the second where it shows it.
  EXPECT_THAT(broken.error().text,
              AnyOf(HasSubstr("they failed (SERVFAIL)"), HasSubstr("the name server failed (SERVFAIL)")));
  EXPECT_GT(refusing_->asked(), 0U);
  EXPECT_EQ(text("broken.test"), "temporary 451 4.4.3");
  EXPECT_EQ(text("refused.test"), "temporary 451 4.4.3");
  EXPECT_EQ(text("round.test"), "temporary 451 4.4.3");
  EXPECT_EQ(text("half.test"), "20 a.test 192.0.2.1:25");
  EXPECT_LE(look_up("half.test")->until, loop_.now() + 30s);
}

TEST_F(UnboundTest, SaysNothing) {
  timeout_ = 300ms;
  const Instant before = loop_.now();
  EXPECT_EQ(text("silent.test"), "temporary 451 4.4.3");
  EXPECT_GE(loop_.now() - before, 600ms);
}

TEST_F(UnboundTest, SaysMoreThanFitsIntoAPacket) {
  const Found found = look_up("large.test");
  ASSERT_TRUE(found) << found.error().text;
  ASSERT_EQ(found->hosts.size(), 20U);
  EXPECT_EQ(found->hosts[0].name, "host-with-a-rather-long-name-0.test");
  EXPECT_EQ(found->hosts[19].addresses.at(0).to_string(), "198.51.100.19:25");
}

TEST_F(UnboundTest, SaysWhereANameLeads) { EXPECT_EQ(text("alias.test"), kTies); }

TEST_F(UnboundTest, SaysThatItIsWe) {
  options_.rules.own_addresses = {*io::Address::from_ip("192.0.2.99", 25)};
  EXPECT_EQ(text("self.test"), "10 a.test 192.0.2.1:25");
  EXPECT_EQ(text("loop.test"), "permanent 554 5.4.6");
}

TEST_F(UnboundTest, SaysThatItIsWeByName) {
  options_.rules.own_names = {"us.test"};
  EXPECT_EQ(text("self.test"), "10 a.test 192.0.2.1:25");
  EXPECT_EQ(text("loop.test"), "permanent 554 5.4.6");
}

TEST_F(UnboundTest, SaysIpv6Only) {
  options_.rules.port = 2525;
  EXPECT_EQ(text("six.test"), "10 six-mx.test [2001:db8::6]:2525");
}

TEST_F(UnboundTest, IsAskedByManyAtOnce) {
  auto& all = *mx_hosts();
  std::vector<std::unique_ptr<Running<Found>>> running;
  for (int i = 0; i < 100; ++i) {
    const std::string domain = i % 2 == 0 ? "ties.test" : "host-with-a-rather-long-name-" + std::to_string(i) + ".test";
    running.push_back(
        std::make_unique<Running<Found>>(platforms_, loop_, [&all, domain] { return all.look_up(domain); }));
  }
  for (const auto& one : running) EXPECT_TRUE(one->wait());
}

// The whole way back when the core stops: no answer is waited for, and a late one finds no caller.
TEST_F(UnboundTest, IsLeftWhenTheCoreStops) {
  auto& all = *mx_hosts();
  Running<Found> waiting(platforms_, loop_, [&all] { return all.look_up("silent.test"); });
  EXPECT_TRUE(platforms_.run_until([&] { return all.waiting() == 1; }));
  const Instant before = loop_.now();
  loop_.abort_all();
  EXPECT_FALSE(waiting.wait());
  EXPECT_LT(loop_.now() - before, 5s);
  mx_hosts_.reset();
}

}  // namespace
}  // namespace sluice::mx
