// What a configuration means at run time: files read, secrets loaded, names made into values.  One plan is
// shared by all cores and never changes; a reload makes a new one.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "engine/core/config.h"
#include "engine/io/address.h"
#include "engine/relay/route.h"
#include "engine/relay/route_table.h"
#include "engine/session/services.h"

namespace sluice::core {

struct ListenerPlan {
  std::vector<io::Address> addresses;
  session::ListenerRules rules;  // without the TLS context, which each core makes for itself
  bool uses_tls = false;
  std::uint32_t sessions_per_address_max = 0;
};

struct Plan {
  Config config;
  std::vector<ListenerPlan> listeners;
  std::vector<relay::Route> routes;  // in the order of the configuration; the last takes the rest
  std::shared_ptr<const relay::RouteTable> route_table;  // gives a number into `routes`
};

// Reads the files that the configuration names, and fills in what follows from the host name, which is given; the errors are sentences that name them.
std::expected<std::shared_ptr<const Plan>, std::vector<std::string>> make_plan(Config config);

// Whether it would work: the default certificate and the trusted authorities can be loaded.  Reads files.
std::expected<void, std::vector<std::string>> check_plan(const Plan& plan, io::Clock& clock);

}  // namespace sluice::core
