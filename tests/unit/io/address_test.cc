#include "engine/io/address.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "engine/io/interfaces.h"

namespace sluice::io {
namespace {

using namespace std::string_view_literals;

std::string shown(std::string_view text) {
  const auto address = Address::parse(text);
  return address ? address->to_string() : "refused";
}

TEST(AddressTest, ReadsWhatItWrites) {
  EXPECT_EQ(shown("192.0.2.1:25"), "192.0.2.1:25");
  EXPECT_EQ(shown("[2001:db8::1]:465"), "[2001:db8::1]:465");
  EXPECT_EQ(shown("[::1]:0"), "[::1]:0");
  EXPECT_EQ(shown("0.0.0.0:65535"), "0.0.0.0:65535");
}

TEST(AddressTest, WritesAMappedAddressAsWhatItMeans) {
  const auto address = Address::from_ip("::ffff:192.0.2.1", 25);
  ASSERT_TRUE(address);
  EXPECT_EQ(address->ip(), "192.0.2.1");
  EXPECT_EQ(address->ip_bytes().size(), 4U);
  EXPECT_EQ(address->to_string(), "192.0.2.1:25");
  EXPECT_EQ(address->family(), AF_INET6);
}

TEST(AddressTest, RefusesWhatIsNone) {
  for (const std::string_view text : {"",
                                      ":",
                                      "25",
                                      ":25",
                                      "192.0.2.1",
                                      "192.0.2.1:",
                                      "192.0.2.1:65536",
                                      "192.0.2.1:-1",
                                      "192.0.2.1:+25",
                                      "192.0.2.1:25 ",
                                      " 192.0.2.1:25",
                                      "192.0.2.1:0x19",
                                      "192.0.2.256:25",
                                      "192.0.2:25",
                                      "192.0.2.1.1:25",
                                      "[192.0.2.1]:25",
                                      "2001:db8::1:25",
                                      "[2001:db8::1]",
                                      "[2001:db8::1]25",
                                      "[2001:db8::1",
                                      "[]:25",
                                      "[2001:db8::1%eth0]:25",
                                      "localhost:25",
                                      "192.0.2.01:25x",
                                      "[[::1]]:25"})
    EXPECT_EQ(shown(text), "refused") << text;
}

// What followed a NUL was not looked at: a text from a PROXY header would have passed for another address.
TEST(AddressTest, ATextWithANulWasTakenForWhatStoodBeforeIt) {
  EXPECT_FALSE(Address::from_ip("127.0.0.1\0.example"sv, 25));
  EXPECT_FALSE(Address::from_ip("::1\0"sv, 25));
  EXPECT_FALSE(Address::from_ip("\0"sv, 25));
  EXPECT_EQ(shown("127.0.0.1\0:25"sv), "refused");
}

TEST(AddressTest, TakesBytesAsTheProxyProtocolCarriesThem) {
  const std::array<std::uint8_t, 4> v4{192, 0, 2, 1};
  EXPECT_EQ(Address::from_bytes(v4, 25).to_string(), "192.0.2.1:25");
  const auto v6 = Address::from_ip("2001:db8::1", 0);
  EXPECT_EQ(Address::from_bytes(v6->ip_bytes(), 25).to_string(), "[2001:db8::1]:25");
  const std::array<std::uint8_t, 5> neither{};
  EXPECT_TRUE(Address::from_bytes(neither, 25).empty());
}

TEST(AddressTest, TheEmptyAddressIsNone) {
  const Address none;
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(none.port(), 0);
  EXPECT_TRUE(none.ip_bytes().empty());
  EXPECT_EQ(none.ip(), "unknown");
}

TEST(AddressTest, KeepsTheKernelsForm) {
  const auto address = Address::parse("[2001:db8::7]:2525");
  const Address copy = Address::from_sockaddr(address->data(), address->size());
  EXPECT_EQ(copy.to_string(), "[2001:db8::7]:2525");
  sockaddr_un path{};
  path.sun_family = AF_UNIX;
  EXPECT_TRUE(Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&path), sizeof path).empty());
  const Address v4 = *Address::parse("192.0.2.1:25");
  EXPECT_EQ(v4.size(), sizeof(sockaddr_in));
}

TEST(MachineTest, KnowsItsAddresses) {
  const std::vector<Address> all = machine_addresses();
  EXPECT_TRUE(std::ranges::any_of(all, [](const Address& address) { return address.ip() == "127.0.0.1"; }));
  for (const Address& address : all) EXPECT_EQ(address.port(), 0);
}

}  // namespace
}  // namespace sluice::io
