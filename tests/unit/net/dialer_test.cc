// Which of a host's addresses a connection is opened to, and what the others cost.
#include "engine/net/dialer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include "engine/net/listener.h"
#include "tests/support/awaited.h"

namespace sluice::net {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

constexpr const char* kIpv6 = "2001:db8::9";
constexpr const char* kIpv4 = "192.0.2.9";
constexpr const char* kOther = "192.0.2.10";

class Lab {
 public:
  Lab() {
    for (const char* ip : {kIpv6, kIpv4, kOther}) {
      io::Loop& host = platforms.add_loop(ip);
      hosts.push_back(std::make_unique<Host>(host, platforms.address(ip, 25)));
    }
  }
  ~Lab() {
    for (const auto& host : hosts) sluice::testing::await_done(platforms, host->loop, [&] { return host->close(); });
  }
  io::Address address(const char* ip) { return *io::Address::from_ip(ip, 25); }
  // The IP address that was connected to, or the errno.
  std::string dial(const std::vector<const char*>& ips) {
    std::vector<io::Address> addresses;
    for (const char* ip : ips) addresses.push_back(address(ip));
    return sluice::testing::await<std::string>(platforms, loop,
                                               [this, addresses] { return dial_and_close(addresses); });
  }
  // The IP addresses in the order in which they are tried.
  std::vector<std::string> order(const std::vector<const char*>& ips) {
    std::vector<io::Address> addresses;
    for (const char* ip : ips) addresses.push_back(address(ip));
    std::vector<std::string> ordered;
    for (const io::Address& each : dialer.order(addresses)) ordered.push_back(each.ip());
    return ordered;
  }
  void set_reachable(const char* ip, bool reachable) { platforms.world().set_reachable(ip, reachable); }
  std::uint64_t connects() { return platforms.world().faults().calls(sim::SimCall::connect); }

  sluice::testing::Platforms platforms{sluice::testing::PlatformKind::simulated};
  io::Loop& loop = platforms.add_loop("192.0.2.1");
  Dialer dialer{loop};

 private:
  struct Host {
    Host(io::Loop& of, const io::Address& address)
        : loop(of),
          listener(of, of.platform().sockets.listen(address, {}).value(), [this](int socket) { loop.close(socket); }) {
      listener.start();
    }
    Task<void> close() { return listener.close(); }
    io::Loop& loop;
    Listener listener;
  };
  Task<std::string> dial_and_close(std::vector<io::Address> addresses) {
    auto dialed = co_await dialer.connect(std::move(addresses), 30s);
    if (!dialed) co_return std::to_string(dialed.error());
    co_await dialed->connection->close();
    co_return dialed->address.ip();
  }
  std::vector<std::unique_ptr<Host>> hosts;
};

TEST(DialerTest, TheFirstAddressIsTakenWhereItAnswers) {
  Lab lab;
  EXPECT_EQ(lab.dial({kIpv6, kIpv4}), kIpv6);
  EXPECT_EQ(lab.connects(), 1U);
}

TEST(DialerTest, ABlackHoleCostsAQuarterOfASecondOnceAndNothingLater) {
  Lab lab;
  lab.set_reachable(kIpv6, false);
  const Instant before = lab.loop.now();
  EXPECT_EQ(lab.dial({kIpv6, kIpv4}), kIpv4);
  EXPECT_LT(lab.loop.now() - before, 1s);
  EXPECT_EQ(lab.connects(), 2U);
  EXPECT_EQ(lab.dial({kIpv6, kIpv4}), kIpv4);
  EXPECT_EQ(lab.connects(), 3U) << "the black hole was asked again";
  EXPECT_THAT(lab.order({kIpv6, kIpv4}), ElementsAre(kIpv4, kIpv6));
}

TEST(DialerTest, AnAddressThatWasAvoidedComesBackLater) {
  Lab lab;
  lab.set_reachable(kIpv6, false);
  lab.dial({kIpv6, kIpv4});
  lab.set_reachable(kIpv6, true);
  ASSERT_TRUE(lab.platforms.run_for(Dialer::kAvoid + 1s));
  EXPECT_EQ(lab.dial({kIpv6, kIpv4}), kIpv6);
}

TEST(DialerTest, ARefusedConnectionGoesOnAtOnce) {
  Lab lab;
  lab.platforms.world().faults().add({.call = sim::SimCall::connect, .count = 1, .error = ECONNREFUSED, .host = {}});
  const Instant before = lab.loop.now();
  EXPECT_EQ(lab.dial({kIpv6, kIpv4}), kIpv4);
  EXPECT_LT(lab.loop.now() - before, Dialer::kAttemptDelay);
}

TEST(DialerTest, WhereAllFailTheErrorIsTheLastOnesAndNothingIsRemembered) {
  Lab lab;
  lab.platforms.world().faults().add({.call = sim::SimCall::connect, .count = 3, .error = ECONNREFUSED, .host = {}});
  EXPECT_EQ(lab.dial({kIpv6, kIpv4, kOther}), std::to_string(ECONNREFUSED));
  EXPECT_EQ(lab.dial({kIpv6, kIpv4, kOther}), kIpv6);
}

TEST(DialerTest, AllBlackHolesEndAtTheTimeout) {
  Lab lab;
  for (const char* ip : {kIpv6, kIpv4, kOther}) lab.set_reachable(ip, false);
  EXPECT_EQ(lab.dial({kIpv6, kIpv4, kOther}), std::to_string(ETIMEDOUT));
  EXPECT_EQ(lab.connects(), 3U);
}

// Each of the callers had a socket for each address: sixteen times what it was counted for.
TEST(DialerTest, ManyCallersHaveFewMoreSocketsThanTheyAre) {
  Lab lab;
  constexpr std::size_t kCallers = 20;
  std::vector<const char*> ips = {kIpv6, kIpv4, kOther, "192.0.2.11", "192.0.2.12", "2001:db8::a", "2001:db8::b"};
  for (const char* ip : ips) lab.set_reachable(ip, false);
  std::vector<io::Address> addresses;
  for (const char* ip : ips) addresses.push_back(lab.address(ip));
  TaskSet tasks;
  const std::size_t before = lab.platforms.world().descriptors_open("192.0.2.1");
  std::size_t most = 0;
  std::size_t failed = 0;
  const auto call = [](Lab& of, std::vector<io::Address> to, std::size_t& count) -> Task<void> {
    if (!co_await of.dialer.connect(std::move(to), 5s)) ++count;
  };
  lab.loop.post([&] {
    for (std::size_t i = 0; i < kCallers; ++i) tasks.add(call(lab, addresses, failed));
  });
  while (failed < kCallers) {
    ASSERT_TRUE(lab.platforms.run_for(50ms));
    most = std::max(most, lab.platforms.world().descriptors_open("192.0.2.1") - before);
  }
  EXPECT_GT(most, kCallers);
  EXPECT_LE(most, kCallers + Dialer::kBesideMax);
  // Nothing stays counted.
  for (const char* ip : {kIpv4, kOther}) lab.set_reachable(ip, true);
  EXPECT_EQ(lab.dial({kIpv6, kIpv4}), kIpv4);
}

TEST(DialerTest, FamiliesTakeTurns) {
  Lab lab;
  EXPECT_THAT(lab.order({"2001:db8::1", "2001:db8::2", "192.0.2.3", "192.0.2.4"}),
              ElementsAre("2001:db8::1", "192.0.2.3", "2001:db8::2", "192.0.2.4"));
  EXPECT_THAT(lab.order({"192.0.2.3", "192.0.2.4", "2001:db8::1"}),
              ElementsAre("192.0.2.3", "2001:db8::1", "192.0.2.4"));
}

}  // namespace
}  // namespace sluice::net
