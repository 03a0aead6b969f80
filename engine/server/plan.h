// What a configuration means at run time: files read, secrets loaded, names made into values.  One plan is
// shared by all cores and never changes; a reload makes a new one.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "auth/shield.h"
#include "engine/config/config.h"
#include "engine/io/address.h"
#include "engine/io/country_database.h"
#include "engine/io/real_dns.h"
#include "engine/mx/selection.h"
#include "engine/relay/queue.h"
#include "engine/route/route.h"
#include "engine/route/table.h"
#include "engine/session/listener_rules.h"
#include "engine/signing/key_cache.h"
#include "engine/spool/spool.h"
#include "policy/classes.h"
#include "policy/cluster/options.h"

namespace sluice::notify {
struct NotifierOptions;
}

namespace sluice::server {

struct UpkeepPlan;  // upkeep_plan.h

struct ListenerPlan {
  std::vector<io::Address> addresses;
  session::ListenerRules rules;  // without the TLS context, which each core makes for itself
  bool uses_tls = false;
  std::string client_ca_pem;  // empty: no client is asked for a certificate
};

struct Plan {
  config::Config config;
  std::vector<ListenerPlan> listeners;
  std::vector<route::Route> routes;                       // in the order of the configuration; the last takes the rest
  std::shared_ptr<const route::RouteTable> route_table;   // gives a number into `routes`
  std::shared_ptr<const policy::PolicyClasses> classes;   // never null
  std::shared_ptr<const notify::NotifierOptions> notify;  // never null
  std::shared_ptr<const io::CountryDatabase> countries;   // null: countries are not counted
  std::optional<policy::ClusterOptions> cluster;          // none: limits are this relay's own
  std::shared_ptr<signing::KeyCache> keys;                // null: no mail is signed
  std::shared_ptr<const UpkeepPlan> upkeep;               // null: nothing is done for domains
  bool needs_spool = true;                                // false: whatever happens to a message, its client hears it
};

// Of the keys that passwords get; 0: they get none.
[[nodiscard]] std::uint32_t scram_iterations(const config::Config& config);
// When logins are refused and slowed.
[[nodiscard]] auth::ShieldLimits shield_limits(const config::Config& config);
// The names of listeners at which clients can log in by SCRAM and by nothing else: by nothing, while accounts that may
// log in have no keys for it.
[[nodiscard]] std::vector<std::string> scram_alone_listeners(const Plan& plan);
inline constexpr std::string_view kScramAloneRemedy =
    "set their passwords (sluicectl account password), or have \"PLAIN\" in listener.mechanisms, too, until each has "
    "logged in by it once: both make keys";
[[nodiscard]] io::RealDnsOptions dns_options(const config::DnsConfig& config);
// How a core's queue and its spool are to work.
[[nodiscard]] relay::QueueOptions queue_options(const Plan& plan, std::uint32_t core);
[[nodiscard]] spool::SpoolOptions spool_options(const config::SpoolConfig& config);
// What is never an MX host of others: ourselves, and where no mail goes.  Without the machine's addresses,
// which change while it runs.
[[nodiscard]] mx::MxRules mx_rules(const config::Config& config);

// Reads the files that the configuration names, and fills in what follows from the host name, which is given; the
// errors are sentences that name them.
std::expected<std::shared_ptr<const Plan>, std::vector<std::string>> make_plan(config::Config config);

// Whether it would work: the authorities that routes trust can be loaded.
std::expected<void, std::vector<std::string>> check_plan(const Plan& plan);

}  // namespace sluice::server
