// What counts as one client address.
#include "engine/base/client_block.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

std::string block(std::string_view ip, unsigned ipv6_bits = kIpv6BlockBitsDefault) {
  return client_block(parse_ip(ip)->span(), ipv6_bits).to_string();
}

TEST(ClientBlockTest, AnIpv4AddressIsOneAndIpv6CountsByItsPrefix) {
  EXPECT_EQ(block("192.0.2.77"), "192.0.2.77");
  EXPECT_EQ(block("::ffff:192.0.2.77"), "192.0.2.77");
  EXPECT_EQ(block("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
  EXPECT_EQ(block("2001:db8:1:2:3:4:5:6", 56), "2001:db8:1::/56");
  EXPECT_EQ(block("2001:db8:1:2:3:4:5:6", 128), "2001:db8:1:2:3:4:5:6");
  EXPECT_EQ(client_block({}, 64).to_string(), "0.0.0.0");
}

// All of IPv4 behind a translator was one client.
TEST(ClientBlockTest, ATranslatedAddressIsThatOfIpv4) {
  EXPECT_EQ(block("64:ff9b::c000:24d"), "192.0.2.77");
  EXPECT_EQ(block("64:ff9b:1::c000:24d"), "64:ff9b:1::/64");
}

TEST(ClientBlockTest, CountsUpToAMaximumAndForgetsWhatIsGone) {
  CountByBlock counts;
  const Network one = client_block(parse_ip("192.0.2.1")->span(), 64);
  const Network two = client_block(parse_ip("192.0.2.2")->span(), 64);
  EXPECT_FALSE(counts.admit(one, 0));
  EXPECT_TRUE(counts.admit(one, 2));
  EXPECT_TRUE(counts.admit(one, 2));
  EXPECT_FALSE(counts.admit(one, 2));
  EXPECT_TRUE(counts.admit(two, 2));
  EXPECT_EQ(counts.blocks(), 2U);
  counts.release(one);
  counts.release(one);
  EXPECT_EQ(counts.blocks(), 1U);
  EXPECT_TRUE(counts.admit(one, 1));
}

TEST(ClientBlockTest, HasANetworkAroundIt) {
  EXPECT_EQ(client_network(parse_ip("192.0.2.7")->span(), 24, 56).to_string(), "192.0.2.0/24");
  EXPECT_EQ(client_network(parse_ip("2001:db8:0:7ff::1")->span(), 24, 56).to_string(), "2001:db8:0:700::/56");
  EXPECT_EQ(client_network(parse_ip("64:ff9b::192.0.2.7")->span(), 24, 56).to_string(), "192.0.2.0/24");
}

}  // namespace
}  // namespace sluice
