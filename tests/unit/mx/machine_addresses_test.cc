// A machine gets and loses machine_with while it runs: where mail goes is chosen by those that it has.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "engine/mx/lookup.h"
#include "tests/support/awaited.h"
#include "tests/support/mx_rules.h"

namespace sluice::mx {
namespace {

using sluice::testing::PlatformKind;
using sluice::testing::Platforms;
using sluice::testing::Running;
using ::testing::HasSubstr;
using Found = MxLookup::Found;

MachineAddresses machine_with(const std::vector<std::string>& texts) {
  std::vector<io::Address> all;
  for (const std::string& text : texts) all.push_back(*io::Address::from_ip(text, 0));
  return std::make_shared<const std::vector<io::Address>>(std::move(all));
}

class MachineAddressesTest : public ::testing::Test {
 protected:
  MachineAddressesTest() {
    dns().add_mx("example.net", 10, "mx.example.net", 300);
    dns().add_address("mx.example.net", "192.0.2.9", 300);
  }
  std::unique_ptr<Running<Found>> start(const std::string& domain) {
    return std::make_unique<Running<Found>>(platforms_, loop_, [this, domain] { return mx_hosts_.look_up(domain); });
  }
  // The first host's name, or the code and what is wrong.
  static std::string text(const Found& found) {
    return found ? found->hosts.at(0).name : std::to_string(found.error().code) + " " + found.error().text;
  }
  std::string look_up(const std::string& domain) { return text(start(domain)->wait()); }
  sim::SimDns& dns() { return platforms_.world().dns(); }

  Platforms platforms_{PlatformKind::simulated, 1};
  io::Loop& loop_ = platforms_.add_loop("192.0.2.1");
  MxLookup mx_hosts_{loop_, dns(), loop_.platform().random, {.rules = sluice::testing::mx_rules()}};
};

// It was connected to until the next start, or the next reload.
TEST_F(MachineAddressesTest, AnAddressThatComesLaterIsOurOwn) {
  EXPECT_EQ(look_up("example.net"), "mx.example.net");
  mx_hosts_.set_machine_addresses(machine_with({"127.0.0.1", "192.0.2.9"}));
  EXPECT_THAT(look_up("example.net"), HasSubstr("554 example.net: its MX host is this relay"));
  EXPECT_THAT(look_up("[192.0.2.9]"), HasSubstr("554 "));
  EXPECT_THAT(look_up("[IPv6:64:ff9b::192.0.2.9]"), HasSubstr("554 ")) << "embedded in another one";
}

TEST_F(MachineAddressesTest, AnAddressThatGoesIsAnotherMachinesAgain) {
  mx_hosts_.set_machine_addresses(machine_with({"192.0.2.9"}));
  EXPECT_THAT(look_up("example.net"), HasSubstr("554 "));
  mx_hosts_.set_machine_addresses(machine_with({"127.0.0.1"}));
  EXPECT_EQ(look_up("example.net"), "mx.example.net");
  EXPECT_EQ(look_up("[192.0.2.9]"), "[192.0.2.9]");
}

// The machine_with of the host had come before, and were kept as another machine's.
TEST_F(MachineAddressesTest, AChangeDuringAQuestionHoldsForItsAnswer) {
  dns().add_address("mx.example.net", "2001:db8::9", 300);
  const auto asked = start("example.net");
  ASSERT_TRUE(platforms_.run_until([&] { return dns().asked("mx.example.net", io::DnsType::a) == 1; }));
  mx_hosts_.set_machine_addresses(machine_with({"192.0.2.9"}));
  EXPECT_THAT(text(asked->wait()), HasSubstr("554 "));
  EXPECT_EQ(dns().asked("example.net", io::DnsType::mx), 2U);
}

TEST_F(MachineAddressesTest, ChangesWithoutEndDoNotKeepAQuestionForEver) {
  const auto asked = start("example.net");
  std::size_t changes = 0;
  ASSERT_TRUE(platforms_.run_until([&] {
    if (dns().asked("mx.example.net", io::DnsType::a) > changes) {
      ++changes;
      mx_hosts_.set_machine_addresses(machine_with({"198.51.100." + std::to_string(changes)}));
    }
    return asked->done();
  }));
  EXPECT_EQ(changes, 3U);
}

}  // namespace
}  // namespace sluice::mx
