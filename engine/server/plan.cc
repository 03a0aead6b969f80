#include "engine/server/plan.h"

#include <algorithm>
#include <limits>

#include "auth/backend/oauth.h"
#include "auth/backend/store_server.h"
#include "auth/sasl.h"
#include "engine/domain_keys/key_wrapper.h"
#include "engine/domain_keys/store_keys.h"
#include "engine/io/files.h"
#include "engine/io/real_platform.h"
#include "engine/server/notifier_options.h"
#include "engine/server/upkeep_plan.h"
#include "engine/signing/key_directory.h"
#include "engine/tls/client_authority.h"
#include "engine/tls/client_context.h"

namespace sluice::server {
namespace {

constexpr std::size_t kPasswordFileBytesMax = 4096;

std::shared_ptr<const auth::DomainList> domain_list(const std::vector<std::string>& domains) {
  return std::make_shared<const auth::DomainList>(domains);
}

// RFC 5802 section 6: a server that has channel binding offers the mechanism with it beside the one without.
bool has_mechanism(const config::Config& config, const config::ListenerConfig& listener,
                   const auth::Mechanism& mechanism) {
  // A device has no access token.
  if (mechanism.bearer && (!config.oauth || listener.device_only)) return false;
  const auto& names = listener.mechanisms;
  return std::ranges::find(names, mechanism.name) != names.end() ||
         (mechanism.binds_channel && config::has_scram(listener));
}

smtp::ServerProfile profile_of(const config::Config& config, const config::ListenerConfig& listener) {
  smtp::ServerProfile profile;
  profile.hostname = config.server.hostname;
  profile.policy_url = config.server.policy_url;
  profile.extensions.starttls = listener.tls == config::ListenerTls::starttls;
  // Where no client has to log in, none can.
  profile.extensions.auth = listener.auth != config::ListenerAuth::off && listener.require_auth;
  if (profile.extensions.auth)
    for (const auth::Mechanism& mechanism : auth::kMechanisms)
      if (has_mechanism(config, listener, mechanism)) profile.mechanisms.emplace_back(mechanism.name);
  profile.implicit_tls = listener.tls == config::ListenerTls::implicit;
  profile.require_tls = listener.require_tls;
  // A stranger sends nothing, whatever the listener says: who is not in `trusted` must log in.
  profile.require_auth = true;
  profile.auth_without_tls = listener.auth == config::ListenerAuth::clear;
  profile.message_bytes_max = config.limits.message_bytes;
  profile.chunk_discard_bytes_max = config.limits.message_bytes + smtp::kContentSurplusBytesMax;
  profile.recipients_max = config.limits.recipients_per_message;
  profile.recipients_outstanding_max = config.limits.recipients_per_message;
  profile.recipients_refused_max = config.limits.recipients_over;
  profile.errors_max = config.limits.bad_commands;
  profile.idle_commands_max = config.limits.idle_commands;
  profile.auth_failures_max = config.limits.auth_failures;
  return profile;
}

ListenerPlan listener_plan(const config::Config& config, const config::ListenerConfig& listener,
                           const std::shared_ptr<const policy::PolicyClasses>& classes) {
  ListenerPlan plan;
  plan.addresses = listener.addresses;
  plan.uses_tls = listener.tls != config::ListenerTls::none;
  session::ListenerRules& rules = plan.rules;
  rules.name = listener.addresses.front().to_string();
  rules.profile = profile_of(config, listener);
  rules.trusted_profile = rules.profile;
  rules.trusted_profile.require_auth = false;
  rules.trusted = listener.trusted;
  rules.trusted_rights = {.name = "trusted network",
                          .any_domain = listener.trusted_domains.empty(),
                          .domains = domain_list(listener.trusted_domains),
                          .listener = rules.name,
                          .policy_class = listener.trusted_class};
  rules.classes = classes;
  rules.proxy = listener.proxy;
  rules.login_names = config.login.names;
  rules.device_only = listener.device_only;
  rules.scram = config::has_scram(listener);
  if (config.oauth) rules.name_of_token = auth::name_of_token(*config.oauth);
  rules.client_certificates = !listener.client_ca.empty();
  rules.client_san = listener.client_san;
  for (const std::string& name : listener.backends) {
    // Without any [[backend]] there is the store alone, which is the first one.
    const auto found = std::ranges::find(config.backends, name, &auth::BackendOptions::name);
    rules.backends.push_back(config.backends.empty() ? std::uint8_t{0}
                                                     : static_cast<std::uint8_t>(found - config.backends.begin()));
  }
  rules.hide_client = listener.hide_client;
  rules.long_lines = listener.long_lines;
  rules.normalise_line_ends = listener.normalise_line_ends;
  rules.foreign_sender = listener.foreign_sender;
  rules.foreign_name = listener.foreign_name;
  rules.header_bytes_max = config.limits.header_bytes;
  rules.received_max = config.limits.received_fields;
  rules.greet_delay = listener.greet_delay;
  rules.idle_timeout = config.limits.idle;
  rules.command_timeout = config.limits.command;
  rules.data_timeout = config.limits.data;
  rules.data_bytes_per_s = config.limits.data_bytes_per_s;
  rules.handshake_timeout = config.limits.handshake;
  rules.unauthenticated_timeout = config.limits.unauthenticated;
  rules.reply_timeout = config.limits.reply;
  rules.refused_login_delay = config.shield.refused_after;
  return plan;
}

// With what the file that it names holds.
std::expected<void, std::string> read_client_ca(const config::ListenerConfig& listener, ListenerPlan& plan) {
  if (listener.client_ca.empty()) return {};
  const std::string what = "listener " + plan.rules.name + ": client_ca: ";
  auto pem = tls::read_ca_file(listener.client_ca);
  if (!pem) return std::unexpected(what + pem.error());
  if (const auto authority = tls::ClientAuthority::make(*pem); !authority)
    return std::unexpected(what + listener.client_ca + ": " + authority.error());
  plan.client_ca_pem = *std::move(pem);
  return {};
}

// With what the files that it names hold.
std::expected<route::Route, std::string> route_of(const config::RouteConfig& config) {
  route::Route route = config.route;
  if (checks_certificate(route)) {
    const std::string file = config.ca_file.empty() ? std::string(tls::kSystemCaFile) : config.ca_file;
    auto pem = tls::read_ca_file(file);
    if (!pem) return std::unexpected("route " + route.name + ": ca_file: " + pem.error());
    route.ca_pem = *std::move(pem);
  }
  if (!config.login.empty()) {
    auto secret = io::read_secret(config.password_file, kPasswordFileBytesMax);
    if (!secret) return std::unexpected("route " + route.name + ": password_file: " + secret.error());
    route.login = {.name = config.login, .secret = *std::move(secret)};
  }
  return route;
}

// With what the files that it names hold.
constexpr std::size_t kClusterKeyBytesMin = 32;
std::expected<policy::ClusterOptions, std::string> cluster_options(const config::Config& config) {
  const config::ClusterConfig& cluster = config.cluster;
  policy::ClusterOptions options{.servers = cluster.servers,
                                 .sentinel = cluster.sentinel,
                                 .tls = cluster.tls,
                                 .ca_pem = {},
                                 .server_name = cluster.server_name,
                                 .user = cluster.user,
                                 .password = {},
                                 .key = {},
                                 .prefix = cluster.prefix,
                                 .node = cluster.node.empty() ? config.server.hostname : cluster.node,
                                 .local_share = cluster.local_share,
                                 .timeout = cluster.timeout,
                                 .grace = cluster.grace};
  const bool local = std::ranges::all_of(cluster.servers, &policy::ClusterServer::is_path);
  if (options.tls && !(local && options.sentinel.empty())) {
    auto pem = tls::read_ca_file(cluster.ca_file.empty() ? std::string(tls::kSystemCaFile) : cluster.ca_file);
    if (!pem) return std::unexpected("cluster.ca_file: " + pem.error());
    options.ca_pem = *std::move(pem);
  } else {
    options.tls = false;
  }
  if (!cluster.key_file.empty()) {
    auto key = io::read_secret(cluster.key_file, kPasswordFileBytesMax);
    if (!key) return std::unexpected("cluster.key_file: " + key.error());
    options.key = *std::move(key);
    if (options.key.size() < kClusterKeyBytesMin)
      return std::unexpected("cluster.key_file: " + cluster.key_file + " has less than " +
                             std::to_string(kClusterKeyBytesMin) + " bytes: make one with openssl rand -base64 32");
  }
  if (cluster.password_file.empty()) return options;
  auto password = io::read_secret(cluster.password_file, kPasswordFileBytesMax);
  if (!password) return std::unexpected("cluster.password_file: " + password.error());
  options.password = *std::move(password);
  if (options.password.empty()) return std::unexpected("cluster.password_file: " + cluster.password_file + " is empty");
  return options;
}

void plan_routes(const config::Config& config, Plan& plan, std::vector<std::string>& errors) {
  std::vector<route::RouteConditions> conditions;
  for (const config::RouteConfig& route : config.routes) {
    conditions.push_back(route.conditions);
    if (auto made = route_of(route)) {
      made->retain_bytes_max = config.spool.memory_bytes;
      plan.routes.push_back(*std::move(made));
    } else {
      errors.push_back(made.error());
    }
  }
  const auto never_keeps = [](const route::Route& route) {
    return !route.maildir.empty() || (route.mode == route::RouteMode::through && !route.fallback);
  };
  // Of several routes, recipients of one message may need two.
  plan.needs_spool = plan.routes.size() != 1 || !never_keeps(plan.routes.front());
  std::optional<std::size_t> dsn_route;
  for (std::size_t i = 0; i < config.routes.size(); ++i)
    if (config.routes[i].route.name == config.reports.route) dsn_route = i;
  plan.route_table = std::make_shared<route::RouteTable>(conditions, config.server.hostname, dsn_route);
}

schedule::ThrottleOptions throttle_of(const config::QueueConfig& queue, std::uint32_t concurrency,
                                      std::uint32_t rate_per_s) {
  constexpr std::uint32_t kConcurrencyCeiling = std::numeric_limits<std::uint16_t>::max();
  schedule::ThrottleOptions throttle;
  throttle.concurrency_max = static_cast<std::uint16_t>(std::min(concurrency, kConcurrencyCeiling));
  throttle.concurrency_start = std::min(throttle.concurrency_start, throttle.concurrency_max);
  throttle.messages_per_second = rate_per_s;
  throttle.suspend_first = queue.suspend_first;
  throttle.suspend_max = std::max(queue.suspend_first, queue.suspend_max);
  return throttle;
}

}  // namespace

io::RealDnsOptions dns_options(const config::DnsConfig& config) {
  io::RealDnsOptions options{.servers = {}, .timeout = config.timeout, .tries = config.tries};
  for (const io::Address& server : config.servers) options.servers.push_back(server.to_string());
  return options;
}

std::uint32_t scram_iterations(const config::Config& config) {
  return config::has_scram(config) ? config.login.scram_iterations : 0;
}

std::vector<std::string> scram_alone_listeners(const Plan& plan) {
  std::vector<std::string> names;
  for (const ListenerPlan& listener : plan.listeners) {
    const smtp::ServerProfile& profile = listener.rules.profile;
    const auto of_keys = [](const std::string& name) { return auth::find_mechanism(name)->of_scram_keys; };
    if (profile.extensions.auth && std::ranges::all_of(profile.mechanisms, of_keys))
      names.push_back(listener.rules.name);
  }
  return names;
}

auth::ShieldLimits shield_limits(const config::Config& config) {
  const config::ShieldConfig& shield = config.shield;
  return {.enabled = shield.enabled,
          .address_failures = shield.address_failures,
          .network_failures = shield.network_failures,
          .account_failures = shield.account_failures,
          .overall_failures = shield.overall_failures,
          .window = shield.window,
          .slow = shield.slow,
          .entries = shield.entries,
          .trusted = shield.trusted};
}

relay::QueueOptions queue_options(const Plan& plan, std::uint32_t core) {
  const config::QueueConfig& queue = plan.config.queue;
  relay::QueueOptions options;
  for (const route::Route& route : plan.routes)
    options.schedule.throttles.emplace(route.name, throttle_of(queue, route.concurrency, route.rate_per_s));
  options.schedule.total_running_max = queue.running;
  options.schedule.seed = core + 1;
  options.curve = schedule::RetryCurve(queue.retry, queue.jitter_percent);
  options.expire = queue.expire;
  options.delay_dsn = queue.delay_report;
  options.dsn_budget.per_hour = plan.config.reports.per_customer_hour;
  options.hostname = plan.config.server.hostname;
  options.dsn_from = plan.config.reports.from;
  options.policy_url = plan.config.server.policy_url;
  return options;
}

spool::SpoolOptions spool_options(const config::SpoolConfig& config) {
  return {.log = {.directory = config.directory,
                  .segment_bytes = static_cast<std::uint32_t>(config.segment_bytes),
                  .synced = config.durability == config::SpoolDurability::synced},
          .free_bytes_min = config.free_bytes_min};
}

namespace {

auth::WhileFailing while_failing(const config::DomainKeysConfig& keys) {
  if (keys.check_every == Duration::zero()) return auth::WhileFailing::all_sign;
  return keys.failing == config::Failing::sign ? auth::WhileFailing::sign : auth::WhileFailing::keep_back;
}

// Files, which an operator has put there, go before the store.
std::expected<std::shared_ptr<dkim::KeySource>, std::string> key_source(const config::Config& config) {
  const config::DomainKeysConfig& keys = config.dkim.domain_keys;
  auto wrapper = domain_keys::KeyWrapper::configured(keys.wrapping_key_file);
  if (!wrapper) return std::unexpected(std::move(wrapper.error()));
  auto address = auth::store_address_of(config.store.accounts, config.store.server);
  if (!address) return std::unexpected(std::move(address.error()));
  return std::make_shared<domain_keys::FirstOfSources>(std::vector<std::shared_ptr<dkim::KeySource>>{
      std::make_shared<signing::KeyDirectory>(config.dkim.key_directory),
      std::make_shared<domain_keys::StoreKeys>(*std::move(address), *std::move(wrapper), io::make_real_clock(),
                                               while_failing(keys))});
}

// A listener on all addresses that has the port of a route by MX is there on all addresses of loopback, too.
bool loopback_is_ours(const config::Config& config) {
  for (const config::ListenerConfig& listener : config.listeners)
    for (const io::Address& address : listener.addresses)
      for (const config::RouteConfig& each : config.routes)
        if (mx::is_unspecified(address.ip_bytes()) && each.route.mx && each.route.port == address.port()) return true;
  return false;
}

}  // namespace

mx::MxRules mx_rules(const config::Config& config) {
  mx::MxRules rules;
  rules.own_names.push_back(io::fold_dns_name(config.server.hostname));
  for (const config::ListenerConfig& listener : config.listeners)
    for (const io::Address& address : listener.addresses)
      if (!mx::is_unspecified(address.ip_bytes())) rules.own_addresses.push_back(address);
  rules.unwanted = config.dns.unwanted;
  if (loopback_is_ours(config))
    for (const char* network : {"127.0.0.0/8", "::1/128"}) rules.unwanted.push_back(*Network::parse(network));
  return rules;
}

std::expected<std::shared_ptr<const Plan>, std::vector<std::string>> make_plan(config::Config config) {
  std::vector<std::string> errors;
  auto plan = std::make_shared<Plan>();
  plan->classes = std::make_shared<const policy::PolicyClasses>(config.policy.classes, config.policy.default_class,
                                                                config.policy.relay_limits);
  for (const config::ListenerConfig& listener : config.listeners) {
    ListenerPlan made = listener_plan(config, listener, plan->classes);
    for (const auto* profile : {&made.rules.profile, &made.rules.trusted_profile})
      if (const char* fault = smtp::profile_fault(*profile))
        errors.push_back("listener " + made.rules.name + ": " + fault);
    if (auto read = read_client_ca(listener, made); !read) errors.push_back(std::move(read.error()));
    plan->listeners.push_back(std::move(made));
  }
  plan_routes(config, *plan, errors);
  if (!config.cluster.servers.empty()) {
    if (auto cluster = cluster_options(config)) {
      plan->cluster = *std::move(cluster);
    } else {
      errors.push_back(std::move(cluster.error()));
    }
  }
  if (!config.policy.countries.empty()) {
    if (auto countries = io::CountryDatabase::open(config.policy.countries)) {
      plan->countries = *std::move(countries);
    } else {
      errors.push_back("policy.countries: " + countries.error() +
                       "; put a whole database of countries there, or leave the setting out");
    }
  }
  if (config.dkim.enabled) {
    if (auto source = key_source(config)) {
      plan->keys = std::make_shared<signing::KeyCache>(*std::move(source), config.dkim.rules, config.dkim.domains_kept);
    } else {
      errors.push_back(std::move(source.error()));
    }
  }
  if (auto upkeep = make_upkeep_plan(config)) {
    plan->upkeep = *std::move(upkeep);
  } else if (plan->keys != nullptr) {
    errors.push_back(std::move(upkeep.error()));
  }
  if (config.reports.from.empty()) config.reports.from = "MAILER-DAEMON@" + config.server.hostname;
  if (auto notify = notifier_options(config)) {
    plan->notify = *std::move(notify);
  } else {
    errors.push_back(std::move(notify.error()));
  }
  plan->config = std::move(config);
  if (!errors.empty()) return std::unexpected(std::move(errors));
  return plan;
}

std::expected<void, std::vector<std::string>> check_plan(const Plan& plan) {
  std::vector<std::string> errors;
  for (const route::Route& route : plan.routes) {
    if (route.tls == route::RouteTls::none || !route.maildir.empty()) continue;
    const auto context = tls::TlsClientContext::make(
        {.verify = checks_certificate(route) ? tls::TlsVerify::required : tls::TlsVerify::none,
         .ca_pem = route.ca_pem});
    if (!context) errors.push_back("route " + route.name + ": " + context.error());
  }
  if (plan.cluster && plan.cluster->tls) {
    const auto context =
        tls::TlsClientContext::make({.verify = tls::TlsVerify::required, .ca_pem = plan.cluster->ca_pem});
    if (!context) errors.push_back("cluster: ca_file: " + context.error());
  }
  if (!errors.empty()) return std::unexpected(std::move(errors));
  return {};
}

}  // namespace sluice::server
