// The names of the addresses that mail is sent from.
#include "engine/sender_dns/address_names.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "engine/sender_dns/spf_macro.h"
#include "tests/support/zone_source.h"

namespace sluice::sender_dns {
namespace {

class AddressNamesTest : public ::testing::Test {
 protected:
  static std::string reverse(std::string_view ip) { return reverse_name(*parse_ip(ip)); }
  void name(std::string_view ip, std::string_view host) { zone_.add_name(reverse(ip), host); }
  AddressNames check(std::initializer_list<std::string_view> ips) {
    std::vector<IpBytes> addresses;
    for (const std::string_view ip : ips) addresses.push_back(*parse_ip(ip));
    return check_address_names(addresses, zone_);
  }

  testing::ZoneSource zone_;
};

TEST_F(AddressNamesTest, OfNoAddressNothingIsKnown) { EXPECT_EQ(check({}).all, Answer::unknown); }

TEST_F(AddressNamesTest, ANameHasToLeadBackToItsAddress) {
  name("192.0.2.1", "out.isp.example");
  EXPECT_EQ(check({"192.0.2.1"}).all, Answer::no);
  zone_.add_address("out.isp.example", "192.0.2.2");
  EXPECT_EQ(check({"192.0.2.1"}).all, Answer::no);
  zone_.add_address("out.isp.example", "192.0.2.1");
  const AddressNames names = check({"192.0.2.1"});
  EXPECT_EQ(names.all, Answer::yes);
  EXPECT_EQ(names.without, "");
}

TEST_F(AddressNamesTest, OneNameOfSeveralIsEnoughAndTenAreAsked) {
  for (int i = 0; i < 10; ++i) name("2001:db8::1", "host" + std::to_string(i) + ".isp.example");
  zone_.add_address("host9.isp.example", "2001:db8::1");
  EXPECT_EQ(check({"2001:db8::1"}).all, Answer::yes);
  for (int i = 0; i < 11; ++i) name("2001:db8::2", "other" + std::to_string(i) + ".isp.example");
  zone_.add_address("other10.isp.example", "2001:db8::2");
  EXPECT_EQ(check({"2001:db8::2"}).all, Answer::no);
}

TEST_F(AddressNamesTest, TheFirstAddressWithoutANameIsTold) {
  name("192.0.2.1", "out.isp.example");
  zone_.add_address("out.isp.example", "192.0.2.1");
  const AddressNames names = check({"192.0.2.1", "192.0.2.2", "192.0.2.3"});
  EXPECT_EQ(names.all, Answer::no);
  EXPECT_EQ(names.without, "192.0.2.2");
  const auto& asked = zone_.asked();
  EXPECT_EQ(std::ranges::count(asked, reverse("192.0.2.3"), &testing::ZoneSource::Question::name), 0);
}

TEST_F(AddressNamesTest, WhereTheDnsFailsNothingIsKnownButWhatAnotherAddressLacks) {
  zone_.fail(reverse("192.0.2.1"));
  EXPECT_EQ(check({"192.0.2.1"}).all, Answer::unknown);
  EXPECT_EQ(check({"192.0.2.1"}).without, "");
  name("192.0.2.2", "silent.isp.example");
  zone_.fail("silent.isp.example");
  EXPECT_EQ(check({"192.0.2.2"}).all, Answer::unknown);
  name("192.0.2.2", "out.isp.example");
  zone_.add_address("out.isp.example", "192.0.2.2");
  EXPECT_EQ(check({"192.0.2.2"}).all, Answer::yes);
  EXPECT_EQ(check({"192.0.2.1", "192.0.2.2"}).all, Answer::unknown);
  const AddressNames names = check({"192.0.2.1", "192.0.2.9"});
  EXPECT_EQ(names.all, Answer::no);
  EXPECT_EQ(names.without, "192.0.2.9");
}

}  // namespace
}  // namespace sluice::sender_dns
