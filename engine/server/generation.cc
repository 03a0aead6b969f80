#include "engine/server/generation.h"

namespace sluice::server {

Generation::Generation(io::Loop& loop, std::shared_ptr<const Plan> plan, const Parts& parts)
    : loop_(loop),
      plan_(std::move(plan)),
      limits_(parts.budget, plan_->classes,
              [&observer = parts.limits_observer](const policy::LimitNotice& notice) { observer.limit(notice); }),
      services_{.loop = loop,
                .authenticator = parts.authenticator,
                .sinks = *this,
                .observer = parts.observer,
                .ids = parts.ids,
                .counters = parts.counters,
                .admission = parts.admission,
                .limits = &limits_,
                .watch = &parts.watch,
                .countries = plan_->countries.get()},
      spool_(parts.spool),
      queue_(parts.queue),
      message_memory_(parts.message_memory),
      certificates_(parts.certificates) {}

std::expected<std::unique_ptr<Generation>, std::string> Generation::make(io::Loop& loop,
                                                                         std::shared_ptr<const Plan> plan,
                                                                         const Parts& parts) {
  std::unique_ptr<Generation> made(new Generation(loop, std::move(plan), parts));
  const config::Config& config = made->plan_->config;
  for (const ListenerPlan& listener : made->plan_->listeners) {
    auto rules = std::make_shared<session::ListenerRules>(listener.rules);
    if (listener.uses_tls) {
      made->contexts_.push_back(
          std::make_unique<tls::TlsContext>(tls::TlsContextOptions{.listener = rules->name,
                                                                   .tickets = config.tls.tickets,
                                                                   .channel_binding = rules->scram,
                                                                   .min_version = config.tls.min_version,
                                                                   .client_ca_pem = listener.client_ca_pem},
                                            *made->certificates_, parts.tickets));
      rules->tls = made->contexts_.back().get();
    }
    made->rules_.push_back(std::move(rules));
  }
  if (auto done = made->make_router(parts); !done) return std::unexpected(done.error());
  return made;
}

std::expected<void, std::string> Generation::make_router(const Parts& parts) {
  std::vector<relay::Router::ConfiguredRoute> routes;
  for (const route::Route& route : plan_->routes) {
    relay::Router::ConfiguredRoute configured{.route = route};
    if (route.tls != route::RouteTls::none && route.maildir.empty()) {
      auto context = tls::TlsClientContext::make(
          {.verify = checks_certificate(route) ? tls::TlsVerify::required : tls::TlsVerify::none,
           .ca_pem = route.ca_pem,
           .min_version = route.tls_min_version});
      if (!context) return std::unexpected("route " + route.name + ": " + context.error());
      client_contexts_.push_back(*std::move(context));
      configured.tls = client_contexts_.back().get();
    }
    routes.push_back(configured);
  }
  if (plan_->keys != nullptr)
    signer_ = std::make_unique<signing::Signer>(
        signing::Signer::Parts{
            .loop = loop_,
            .workers = parts.signing_threads,
            .keys = plan_->keys,
            .counters = parts.signing_counters,
            .not_signed = [&observer =
                               parts.limits_observer](const signing::NotSigned& what) { observer.not_signed(what); },
            .broken_before = [&observer = parts.limits_observer](
                                 const signing::BrokenBefore& what) { observer.broken_before(what); }},
        plan_->config.dkim.rules);
  mx::MxRules rules = mx_rules(plan_->config);
  rules.machine_addresses = parts.machine_addresses;
  router_ = std::make_unique<relay::Router>(relay::Router::Parts{.loop = loop_,
                                                                 .resolver = parts.resolver,
                                                                 .dns = parts.dns,
                                                                 .dialer = parts.dialer,
                                                                 .budget = parts.outgoing,
                                                                 .memory = parts.host_memory,
                                                                 .counters = parts.hop_counters,
                                                                 .signer = signer_.get(),
                                                                 .rules = std::move(rules)},
                                            *plan_->route_table, routes, plan_->config.server.hostname);
  return {};
}

Task<void> Generation::close() {
  co_await router_->close();
  for (const auto& context : contexts_) co_await context->close();
}

std::unique_ptr<message::MessageSink> Generation::make(const message::Submitter& submitter) {
  return std::make_unique<relay::Incoming>(relay::Incoming::Parts{.loop = loop_,
                                                                  .router = *router_,
                                                                  .spool = spool_,
                                                                  .queue = queue_,
                                                                  .memory = message_memory_,
                                                                  .may_keep = may_keep()},
                                           submitter);
}

bool Generation::may_keep() const { return spool_.accepting() || !plan_->needs_spool; }

// Nothing is accepted that could not be kept if the next hop failed, unless the operator wants it to be tried: then the
// next hop decides before the client gets 250.
const smtp::StandardReply* Generation::refusal() const {
  const bool tried = plan_->config.spool.when_full == config::SpoolWhenFull::cut_through;
  return may_keep() || tried ? nullptr : &smtp::replies::kNoSpace;
}

}  // namespace sluice::server
