// Addresses of no stranger's mail host: what an MX record or an address literal may not make the relay connect to.
#include "engine/mx/special_purpose.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "engine/mx/selection.h"

namespace sluice::mx {
namespace {

std::string embedded(const char* text) {
  const auto inner = embedded_ipv4(parse_ip(text)->span());
  if (!inner) return "none";
  std::string joined;
  for (const std::uint8_t byte : *inner) joined += (joined.empty() ? "" : ".") + std::to_string(byte);
  return joined;
}

bool special(const char* text) { return in_networks(parse_ip(text)->span(), special_purpose_networks()); }

const MxFailure* refused(const std::string& literal, const MxRules& rules = {}) {
  static std::optional<MxAnswer> last;
  last = mx_literal(literal, rules);
  return last && !last->found ? &last->found.error() : nullptr;
}

TEST(SpecialPurposeTest, EachFormOfEmbeddedIpv4IsFound) {
  EXPECT_EQ(embedded("::ffff:192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(embedded("::127.0.0.1"), "127.0.0.1");
  EXPECT_EQ(embedded("64:ff9b::127.0.0.1"), "127.0.0.1");
  EXPECT_EQ(embedded("64:ff9b:1:7f00:0:100::"), "127.0.0.1");
  EXPECT_EQ(embedded("2002:7f00:1::1"), "127.0.0.1");
  EXPECT_EQ(embedded("2001::80ff:fffe"), "127.0.0.1");  // Teredo: inverted
  EXPECT_EQ(embedded("2600::5efe:7f00:1"), "127.0.0.1");
  EXPECT_EQ(embedded("2600::1"), "none");
  EXPECT_EQ(embedded("127.0.0.1"), "none");
}

TEST(SpecialPurposeTest, NoSpecialRangeIsPublic) {
  for (const char* ip : {"0.0.0.0",
                         "0.1.2.3",
                         "10.1.2.3",
                         "100.64.0.1",
                         "127.0.0.1",
                         "127.255.255.255",
                         "169.254.169.254",
                         "172.16.0.1",
                         "172.31.255.255",
                         "192.0.0.8",
                         "192.0.2.1",
                         "192.88.99.1",
                         "192.168.1.1",
                         "198.18.0.1",
                         "198.19.255.255",
                         "198.51.100.1",
                         "203.0.113.1",
                         "224.0.0.1",
                         "239.1.1.1",
                         "240.0.0.1",
                         "255.255.255.255",
                         "::",
                         "::1",
                         "::127.0.0.1",
                         "::8.8.8.8",
                         "::ffff:10.0.0.1",
                         "64:ff9b::10.0.0.1",
                         "64:ff9b:1::1",
                         "100::1",
                         "2001::1",
                         "2001:db8::1",
                         "2002:a00:1::1",
                         "3fff::1",
                         "fc00::1",
                         "fd12:3456::1",
                         "fe80::1",
                         "febf::1",
                         "fec0::1",
                         "ff02::1"})
    EXPECT_TRUE(special(ip)) << ip;
  for (const char* ip : {"1.1.1.1", "9.255.255.255", "11.0.0.1", "100.63.255.255", "100.128.0.1", "126.0.0.1",
                         "128.0.0.1", "172.15.255.255", "172.32.0.1", "192.0.1.1", "192.169.0.1", "198.17.0.1",
                         "198.20.0.1", "223.255.255.255", "2001:4860::1", "2600::1", "2a00::1", "::ffff:8.8.8.8"})
    EXPECT_FALSE(special(ip)) << ip;
}

TEST(SpecialPurposeTest, AddressLiteralsOfSpecialRangesAreRefused) {
  for (const char* literal : {"[IPv6:::127.0.0.1]", "[IPv6:64:ff9b::127.0.0.1]", "[IPv6:fe80::1]", "[IPv6:fd00::1]",
                              "[IPv6:2001:db8::1]", "[IPv6:::ffff:127.0.0.1]", "[127.0.0.1]", "[10.0.0.1]",
                              "[169.254.169.254]", "[192.0.2.1]", "[IPv6:2002:7f00:1::1]"}) {
    const MxFailure* why = refused(literal);
    ASSERT_NE(why, nullptr) << literal;
    EXPECT_TRUE(why->permanent);
    EXPECT_EQ(why->code, 550);
    EXPECT_EQ(why->enhanced, (std::array<std::uint16_t, 3>{5, 1, 2})) << literal;
  }
  EXPECT_EQ(refused("[8.8.8.8]"), nullptr);
  EXPECT_EQ(refused("[IPv6:2600::1]"), nullptr);
}

TEST(SpecialPurposeTest, Ipv4RulesHoldForWhatIsEmbeddedWhereTheOuterRangeIsAllowed) {
  MxRules rules;
  rules.unwanted = {*Network::parse("10.0.0.0/8")};
  EXPECT_NE(refused("[IPv6:64:ff9b::10.0.0.1]", rules), nullptr);
  EXPECT_NE(refused("[IPv6:::10.0.0.1]", rules), nullptr);
  EXPECT_NE(refused("[IPv6:2002:a00:1::1]", rules), nullptr);
  EXPECT_EQ(refused("[IPv6:64:ff9b::11.0.0.1]", rules), nullptr);
}

TEST(SpecialPurposeTest, TheUnspecifiedAddressIsThisRelayWhateverIsAllowed) {
  MxRules rules;
  rules.unwanted.clear();
  for (const char* literal : {"[0.0.0.0]", "[IPv6:::]", "[IPv6:::ffff:0.0.0.0]", "[IPv6:64:ff9b::]"}) {
    const MxFailure* why = refused(literal, rules);
    ASSERT_NE(why, nullptr) << literal;
    EXPECT_EQ(why->code, 554) << literal;
    EXPECT_EQ(why->enhanced, (std::array<std::uint16_t, 3>{5, 4, 6}));
  }
  rules.own_addresses = {*io::Address::from_ip("198.51.100.7", 25)};
  EXPECT_NE(refused("[IPv6:64:ff9b::198.51.100.7]", rules), nullptr);
  // RFC 5321 5.1: hosts of the same and of higher preference go with this relay.
  MxSelection choice("example", rules);
  io::DnsReply mx;
  mx.status = io::DnsStatus::ok;
  mx.records = {{.preference = 10, .name = "a", .address = {}, .ttl_s = 60}};
  choice.take_mx_hosts(mx);
  io::DnsReply address;
  address.status = io::DnsStatus::ok;
  address.records = {{.name = {}, .address = *io::Address::from_ip("0.0.0.0", 0), .ttl_s = 60}};
  choice.take_addresses(0, address);
  const MxAnswer answer = choice.result();
  ASSERT_FALSE(answer.found);
  EXPECT_EQ(answer.found.error().code, 554);
}

}  // namespace
}  // namespace sluice::mx
