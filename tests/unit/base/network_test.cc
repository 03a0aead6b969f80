// Networks: what is taken as one, and which addresses are in it.
#include "engine/base/network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace sluice {
namespace {

using ::testing::HasSubstr;

Network network(std::string_view text) {
  const auto parsed = Network::parse(text);
  EXPECT_TRUE(parsed.has_value()) << text << ": " << (parsed ? "" : parsed.error());
  return parsed.value_or(Network());
}

bool contains(std::string_view text, std::string_view address) {
  const auto ip = parse_ip(address);
  EXPECT_TRUE(ip.has_value()) << address;
  return ip && network(text).contains(ip->span());
}

TEST(ParseIp, TakesWhatTheRfcWrites) {
  for (const std::string_view text : {"0.0.0.0", "192.0.2.1", "255.255.255.255"}) {
    ASSERT_TRUE(parse_ip(text)) << text;
    EXPECT_EQ(parse_ip(text)->size, 4) << text;
  }
  for (const std::string_view text : {"::", "::1", "1::", "2001:db8::1", "1:2:3:4:5:6:7:8", "::ffff:192.0.2.1",
                                      "1:2:3:4:5:6:192.0.2.1", "2001:DB8::A", "1:2:3:4:5:6:7::"}) {
    ASSERT_TRUE(parse_ip(text)) << text;
    EXPECT_EQ(parse_ip(text)->size, 16) << text;
  }
}

TEST(ParseIp, RefusesWhatIsNotAnAddress) {
  for (const std::string_view text : {"",
                                      ".",
                                      ":",
                                      ":::",
                                      "1.2.3",
                                      "1.2.3.4.5",
                                      "1.2.3.4.",
                                      ".1.2.3.4",
                                      "1..2.3",
                                      "256.1.1.1",
                                      "01.2.3.4",
                                      "1.2.3.+4",
                                      "1.2.3.-4",
                                      "1.2.3.4 ",
                                      " 1.2.3.4",
                                      "0x1.2.3.4",
                                      "1.2.3.1e1",
                                      "1:2:3:4:5:6:7",
                                      "1:2:3:4:5:6:7:8:9",
                                      "1::2::3",
                                      "1:2:3:4:5:6:7::8:9",
                                      "12345::",
                                      "g::",
                                      "[::1]",
                                      "::1%eth0",
                                      "1:",
                                      ":1",
                                      "1:2:3:4:5:6:7:",
                                      "::1.2.3",
                                      "1.2.3.4::",
                                      "1.2.3.4:1::",
                                      "1:2:3:4:5:6:7:1.2.3.4",
                                      "::-1",
                                      "1:2:3:4::5:6:7:8"}) {
    EXPECT_FALSE(parse_ip(text)) << text;
  }
}

TEST(Network, HoldsItsAddressesAndNoOthers) {
  EXPECT_TRUE(contains("192.0.2.0/24", "192.0.2.0"));
  EXPECT_TRUE(contains("192.0.2.0/24", "192.0.2.255"));
  EXPECT_FALSE(contains("192.0.2.0/24", "192.0.3.0"));
  EXPECT_FALSE(contains("192.0.2.0/24", "192.0.1.255"));
  EXPECT_TRUE(contains("192.0.2.128/25", "192.0.2.129"));
  EXPECT_FALSE(contains("192.0.2.128/25", "192.0.2.127"));
  EXPECT_TRUE(contains("192.0.2.7", "192.0.2.7"));
  EXPECT_FALSE(contains("192.0.2.7", "192.0.2.6"));
  EXPECT_TRUE(contains("0.0.0.0/0", "203.0.113.9"));
  EXPECT_TRUE(contains("2001:db8::/33", "2001:db8:7fff::1"));
  EXPECT_FALSE(contains("2001:db8::/33", "2001:db8:8000::1"));
  EXPECT_TRUE(contains("::1", "::1"));
}

TEST(Network, FamiliesAreApart) {
  EXPECT_FALSE(contains("0.0.0.0/0", "2001:db8::1"));
  EXPECT_FALSE(contains("::/0", "192.0.2.1"));
  EXPECT_FALSE(network("0.0.0.0/0").contains({}));
}

TEST(Network, MappedIpv4IsIpv4) {
  EXPECT_TRUE(contains("192.0.2.0/24", "::ffff:192.0.2.9"));
  EXPECT_FALSE(contains("::/0", "::ffff:192.0.2.9"));
  EXPECT_EQ(network("::ffff:192.0.2.0/120"), network("192.0.2.0/24"));
  EXPECT_EQ(network("::ffff:192.0.2.1").to_string(), "192.0.2.1");
}

TEST(Network, ErrorsSayWhatToWrite) {
  for (const auto& [text, error] : {
           std::pair{"farm", "is not an IP address"},
           std::pair{"", "is not an IP address"},
           std::pair{"10.0.0.0/33", "from 0 to 32"},
           std::pair{"10.0.0.0/", "from 0 to 32"},
           std::pair{"10.0.0.0/-1", "from 0 to 32"},
           std::pair{"10.0.0.0/08", "from 0 to 32"},
           std::pair{"::/129", "from 0 to 128"},
           std::pair{"192.0.2.1/24", "for the network write 192.0.2.0/24, for the one address 192.0.2.1"},
           std::pair{"2001:db8::1/32", "for the network write 2001:db8::/32"},
       }) {
    const auto parsed = Network::parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_THAT(parsed.error(), HasSubstr(error)) << text;
  }
}

TEST(Network, TextsAreAsRfc5952Writes) {
  for (const auto& [text, canonical] : {
           std::pair{"10.0.0.0/8", "10.0.0.0/8"},
           std::pair{"10.1.2.3/32", "10.1.2.3"},
           std::pair{"2001:0DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
           std::pair{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
           std::pair{"::/0", "::/0"},
           std::pair{"1:2:3:4:5:6:0:0/112", "1:2:3:4:5:6::/112"},
           std::pair{"0:0:3:4:5:6:7:8", "::3:4:5:6:7:8"},
       }) {
    EXPECT_EQ(network(text).to_string(), canonical);
  }
}

TEST(Network, CoversWhatLiesInIt) {
  EXPECT_TRUE(network("192.0.2.0/24").covers(network("192.0.2.0/24")));
  EXPECT_TRUE(network("192.0.2.0/24").covers(network("192.0.2.7")));
  EXPECT_FALSE(network("192.0.2.7").covers(network("192.0.2.0/24")));
  EXPECT_FALSE(network("192.0.2.0/24").covers(network("192.0.3.0/25")));
  EXPECT_FALSE(network("::/0").covers(network("192.0.2.7")));
}

}  // namespace
}  // namespace sluice
