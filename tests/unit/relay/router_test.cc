// Which destination a recipient's copy goes to.
#include "engine/relay/router.h"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

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

}  // namespace
}  // namespace sluice::relay
