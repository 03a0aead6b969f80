#include "engine/core/generation.h"

#include "engine/relay/mailbox.h"
#include "engine/relay/through.h"

namespace sluice::core {

Generation::Generation(io::Loop& loop, std::shared_ptr<const Plan> plan, const Parts& parts)
    : loop_(loop),
      plan_(std::move(plan)),
      services_{loop, parts.authenticator, *this, parts.observer, parts.ids, parts.counters},
      directory_(plan_->config.tls.certificates),
      certificates_(directory_,
                    {.default_host = plan_->config.tls.default_host,
                     .hosts_max = plan_->config.tls.hosts_loaded_max},
                    loop.door().clock, [&log = parts.log](std::string_view host, std::string_view error) {
                      log.line(io::Level::error, "certificate")
                          .field("host", host)
                          .field("error", error);
                    }) {}

std::expected<std::unique_ptr<Generation>, std::string> Generation::make(
    io::Loop& loop, std::shared_ptr<const Plan> plan, const Parts& parts) {
  std::unique_ptr<Generation> made(new Generation(loop, std::move(plan), parts));
  const Config& config = made->plan_->config;
  for (const ListenerPlan& listener : made->plan_->listeners) {
    auto rules = std::make_shared<session::ListenerRules>(listener.rules);
    if (listener.uses_tls) {
      made->contexts_.push_back(std::make_unique<net::TlsContext>(
          net::TlsContextOptions{.listener = rules->name, .tickets = config.tls.tickets},
          made->certificates_, parts.tickets));
      rules->tls = made->contexts_.back().get();
    }
    made->rules_.push_back(std::move(rules));
  }
  for (const relay::Route& route : made->plan_->routes) {
    auto way = made->make_way(route, parts.resolver);
    if (!way) return std::unexpected("route " + route.name + ": " + way.error());
    made->ways_.push_back(*std::move(way));
  }
  return made;
}

std::expected<Generation::Way, std::string> Generation::make_way(const relay::Route& route,
                                                                 net::Resolver& resolver) {
  Way way;
  if (!route.maildir.empty()) return way;
  if (route.mx) return std::unexpected("mx = true is not to be had in this version");
  if (route.tls != relay::RouteTls::none) {
    auto context = net::TlsClientContext::make(
        {.verify = route.verify ? net::TlsVerify::required : net::TlsVerify::none,
         .ca_pem = route.ca_pem});
    if (!context) return std::unexpected(context.error());
    way.tls = *std::move(context);
  }
  way.pool = std::make_unique<relay::Pool>(loop_, resolver, route, plan_->config.server.hostname,
                                           way.tls.get());
  return way;
}

std::unique_ptr<message::Taker> Generation::make(const message::Submitter& /*submitter*/) {
  const relay::Route& route = plan_->routes.back();
  if (!route.maildir.empty()) return std::make_unique<relay::MailboxTaker>(loop_, route.maildir);
  return std::make_unique<relay::Through>(*ways_.back().pool);
}

relay::PoolCounters Generation::pool_counters() const {
  relay::PoolCounters sum;
  for (const Way& way : ways_) {
    if (way.pool == nullptr) continue;
    const relay::PoolCounters& counters = way.pool->counters();
    sum.opened += counters.opened;
    sum.reused += counters.reused;
    sum.failed += counters.failed;
    sum.waited += counters.waited;
    sum.refused += counters.refused;
  }
  return sum;
}

std::vector<relay::HostStatus> Generation::host_status() const {
  std::vector<relay::HostStatus> all;
  for (const Way& way : ways_) {
    if (way.pool == nullptr) continue;
    for (relay::HostStatus& host : way.pool->status()) all.push_back(std::move(host));
  }
  return all;
}

std::size_t Generation::waiting_for_pools() const {
  std::size_t waiting = 0;
  for (const Way& way : ways_) waiting += way.pool == nullptr ? 0 : way.pool->waiting();
  return waiting;
}

void Generation::stop_pools() {
  for (const Way& way : ways_)
    if (way.pool != nullptr) way.pool->stop();
}

Task<void> Generation::close() {
  for (const Way& way : ways_)
    if (way.pool != nullptr) co_await way.pool->close();
}

}  // namespace sluice::core
