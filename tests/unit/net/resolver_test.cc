// Where the hosts of routes are: no search list for a name with a dot, one name service for all, and the last answer
// while that fails.
#include "engine/net/resolver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/support/awaited.h"

namespace sluice::net {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class ResolverLab {
 public:
  Resolver::Found look_up(const std::string& host) {
    return sluice::testing::await<Resolver::Found>(platforms, loop, [&] { return resolver.look_up(host, 25); });
  }
  std::string text(const std::string& host) {
    const auto found = look_up(host);
    if (!found) return "failed: " + found.error();
    std::string all;
    for (const io::Address& address : *found) all += (all.empty() ? "" : " ") + address.to_string();
    return all;
  }
  sluice::testing::Platforms platforms{sluice::testing::PlatformKind::simulated};
  io::Loop& loop = platforms.add_loop("192.0.2.1");
  sim::SimDns& dns = platforms.world().dns();
  Resolver resolver{loop, platforms.world().names(), dns};
};

TEST(ResolverTest, ANameWithADotIsAskedOfTheConfiguredNameService) {
  ResolverLab lab;
  lab.dns.add_address("mx.farm.example", "192.0.2.9");
  lab.dns.add_address("mx.farm.example", "2001:db8::9");
  EXPECT_EQ(lab.text("mx.farm.example"), "[2001:db8::9]:25 192.0.2.9:25");
  EXPECT_EQ(lab.platforms.world().faults().calls(sim::SimCall::look_up), 0U)
      << "the system's resolver has a search list";
}

TEST(ResolverTest, TheHostsFileComesFirst) {
  ResolverLab lab;
  lab.dns.add_address("mx.farm.example", "192.0.2.9");
  lab.platforms.world().names().add("mx.farm.example", "192.0.2.77");
  EXPECT_EQ(lab.text("mx.farm.example"), "192.0.2.77:25");
  EXPECT_EQ(lab.dns.asked("mx.farm.example", io::DnsType::a), 0U);
}

TEST(ResolverTest, ANameWithoutADotIsTheSystems) {
  ResolverLab lab;
  lab.platforms.world().names().add("farm", "192.0.2.77");
  EXPECT_EQ(lab.text("farm"), "192.0.2.77:25");
  EXPECT_EQ(lab.platforms.world().faults().calls(sim::SimCall::look_up), 1U);
}

TEST(ResolverTest, AliasesAreFollowed) {
  ResolverLab lab;
  lab.dns.add_alias("mx.farm.example", "host.example");
  lab.dns.add_address("host.example", "192.0.2.9");
  EXPECT_EQ(lab.text("mx.farm.example"), "192.0.2.9:25");
}

TEST(ResolverTest, AnAnswerIsKeptForItsTimeAndNoLonger) {
  ResolverLab lab;
  lab.dns.add_address("mx.farm.example", "192.0.2.9", 20);
  lab.text("mx.farm.example");
  ASSERT_TRUE(lab.platforms.run_for(19s));
  lab.text("mx.farm.example");
  EXPECT_EQ(lab.dns.asked("mx.farm.example", io::DnsType::a), 1U);
  ASSERT_TRUE(lab.platforms.run_for(2s));
  lab.text("mx.farm.example");
  EXPECT_EQ(lab.dns.asked("mx.farm.example", io::DnsType::a), 2U);
}

TEST(ResolverTest, ANameThatIsGoneForAMomentKeepsItsLastAddresses) {
  ResolverLab lab;
  lab.dns.add_address("mx.farm.example", "192.0.2.9", 10);
  lab.text("mx.farm.example");
  lab.dns.remove("mx.farm.example");
  ASSERT_TRUE(lab.platforms.run_for(60s));
  EXPECT_EQ(lab.text("mx.farm.example"), "192.0.2.9:25");
}

TEST(ResolverTest, ANameThatWasNeverThereFailsWithItsReason) {
  ResolverLab lab;
  EXPECT_THAT(lab.text("nowhere.example"), HasSubstr("no address for nowhere.example: no such name"));
  lab.dns.add_name("empty.example");
  EXPECT_THAT(lab.text("empty.example"), HasSubstr("it has none in DNS"));
  lab.dns.set_away(true);
  EXPECT_THAT(lab.text("other.example"), HasSubstr("no address for other.example: "));
}

TEST(HostsFileTest, IsReadLineByLine) {
  const std::string text =
      "# comment\n127.0.0.1 localhost\n192.0.2.1\tMX.farm.example  mx # mx.other.example\r\n"
      "bad mx.farm.example\n2001:db8::1 mx.farm.example\n 192.0.2.3 last.example";
  const auto found = [&](const char* host) {
    std::string all;
    for (const io::Address& address : io::find_in_hosts(text, host, 25)) all += address.to_string() + " ";
    return all;
  };
  EXPECT_EQ(found("mx.farm.example"), "192.0.2.1:25 [2001:db8::1]:25 ");
  EXPECT_EQ(found("mx.farm.example."), "192.0.2.1:25 [2001:db8::1]:25 ");
  EXPECT_EQ(found("mx"), "192.0.2.1:25 ");
  EXPECT_EQ(found("mx.other.example"), "");
  EXPECT_EQ(found("last.example"), "192.0.2.3:25 ");
  EXPECT_EQ(found(""), "");
}

}  // namespace
}  // namespace sluice::net
