// One core's running form of a plan: certificates, TLS contexts, listener rules, a pool for each route.  A
// reload makes a new generation; sessions of the old one go on with it, and it ends after them.
// One core's; that core's thread only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/core/plan.h"
#include "engine/io/log.h"
#include "engine/message/taker.h"
#include "engine/net/certificates_directory.h"
#include "engine/net/resolver.h"
#include "engine/net/tls_client_context.h"
#include "engine/net/tls_context.h"
#include "engine/net/tls_tickets.h"
#include "engine/relay/pool.h"

namespace sluice::core {

class Generation final : public message::TakerFactory {
 public:
  // What the core lends.
  struct Parts {
    net::Resolver& resolver;
    net::TicketKeys& tickets;
    io::Log& log;
    auth::Authenticator& authenticator;
    session::Observer& observer;
    session::IdSource& ids;
    session::SessionCounters& counters;
  };
  // The error is a sentence.  What is lent outlives the generation.
  static std::expected<std::unique_ptr<Generation>, std::string> make(
      io::Loop& loop, std::shared_ptr<const Plan> plan, const Parts& parts);

  [[nodiscard]] const Plan& plan() const { return *plan_; }
  [[nodiscard]] std::shared_ptr<const session::ListenerRules> rules(std::size_t listener) const {
    return rules_.at(listener);
  }
  std::unique_ptr<message::Taker> make(const message::Submitter& submitter) override;
  // What its sessions are given.
  session::Services& services() { return services_; }
  // Of all routes together.
  [[nodiscard]] relay::PoolCounters pool_counters() const;
  [[nodiscard]] std::vector<relay::HostStatus> host_status() const;
  [[nodiscard]] std::size_t waiting_for_pools() const;
  void stop_pools();
  Task<void> close();

  std::size_t sessions = 0;  // that live by it

 private:
  Generation(io::Loop& loop, std::shared_ptr<const Plan> plan, const Parts& parts);

  // Where the mail of one route goes.
  struct Way {
    std::unique_ptr<net::TlsClientContext> tls;
    std::unique_ptr<relay::Pool> pool;  // null where there are no hosts to ask
  };
  std::expected<Way, std::string> make_way(const relay::Route& route, net::Resolver& resolver);

  io::Loop& loop_;
  std::shared_ptr<const Plan> plan_;
  session::Services services_;
  net::CertificateDirectory directory_;
  net::CertificateStore certificates_;
  std::vector<std::unique_ptr<net::TlsContext>> contexts_;
  std::vector<std::shared_ptr<const session::ListenerRules>> rules_;
  std::vector<Way> ways_;  // as in Plan::routes
};

}  // namespace sluice::core
