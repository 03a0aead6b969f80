// Which destination a recipient's copy goes to, and how the pools of many destinations are gone over.
#include "engine/relay/router.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "tests/unit/relay/queue_fixture.h"

namespace sluice::relay {
namespace {

// Each spelling of a domain had a pool of its own, with all its connections.
TEST(Router, ARecipientsDomainIsOneDestinationInAllItsSpellings) {
  const std::vector<route::RouteConditions> conditions(1);
  const route::RouteTable table(conditions, "mx.example.net", std::nullopt);
  route::Route route;
  route.name = "out";
  route.mx = true;
  const message::Envelope envelope;
  for (const char* path : {"x@Gmail.Example", "x@gmail.example", "X@GMAIL.EXAMPLE"}) {
    const auto route_at = [&](std::size_t) -> const route::Route& { return route; };
    const Destination found = find_destination(table, route_at, "mx.example.net", {.forward_path = path}, envelope, {});
    EXPECT_EQ(found.domain, "gmail.example") << path;
    EXPECT_EQ(found.key, "out/gmail.example") << path;
  }
}

// A scrape went over all of them at once, on the core.
TEST(Router, ManyPoolsAreGoneOverInBoundedSteps) {
  QueueFixture of;
  route::Route by_mx;
  by_mx.name = "out";
  by_mx.mx = true;
  by_mx.tls = route::RouteTls::none;
  of.routes = {{.route = by_mx, .conditions = {}}};
  of.start();
  sim::SimDns& dns = of.fixture.platforms.world().dns();
  constexpr std::size_t kDomains = 25;
  for (std::size_t i = 0; i < kDomains; ++i) {
    const std::string domain = "d" + std::to_string(i) + ".example";
    dns.add_mx(domain, 10, "mx." + domain);
    dns.add_address("mx." + domain, "192.0.2.200");
    testing::await_done(of.fixture.platforms, of.fixture.loop, [&]() -> Task<void> {
      struct Steps {
        static Task<void> go(Router& router, std::string path) {
          const message::Recipient recipient{.forward_path = std::move(path)};
          auto lease = co_await router.lease(router.destination_of(recipient, {}, {}));
          EXPECT_TRUE(lease.has_value());
        }
      };
      return Steps::go(of.router(), "x@" + domain);
    });
  }
  Router::HostWalk walk;
  std::size_t steps = 0;
  std::uint64_t before = 0;
  for (; !walk.over; ++steps) {
    of.router().go_on(walk, 10);
    std::uint64_t hosts = 0;
    for (const Router::RouteHosts& row : walk.rows) hosts += row.totals.hosts;
    EXPECT_LE(hosts - before, 10U);
    before = hosts;
  }
  EXPECT_EQ(steps, 3U);
  ASSERT_EQ(walk.rows.size(), 2U);
  EXPECT_EQ(walk.rows[0].route, "out");
  EXPECT_EQ(walk.rows[0].totals.hosts, kDomains);
  EXPECT_EQ(walk.rows[1].route, "farm");
  EXPECT_EQ(walk.rows[1].totals.hosts, 1U);
}

}  // namespace
}  // namespace sluice::relay
