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
  const relay::Route& route = made->plan_->route;
  if (route.tls != relay::RouteTls::none) {
    auto context = net::TlsClientContext::make(
        {.verify = route.verify ? net::TlsVerify::required : net::TlsVerify::none,
         .ca_pem = route.ca_pem});
    if (!context) return std::unexpected("route " + route.name + ": " + context.error());
    made->client_context_ = *std::move(context);
  }
  made->pool_ = std::make_unique<relay::Pool>(loop, parts.resolver, route, config.server.hostname,
                                              made->client_context_.get());
  return made;
}

std::unique_ptr<message::Taker> Generation::make(const message::Submitter& /*submitter*/) {
  if (!plan_->maildir.empty()) return std::make_unique<relay::MailboxTaker>(loop_, plan_->maildir);
  return std::make_unique<relay::Through>(*pool_);
}

}  // namespace sluice::core
