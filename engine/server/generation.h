// One core's running form of a plan: TLS contexts, listener rules, routes with their connections.  A
// reload makes a new generation; sessions and deliveries of the old one go on with it, and it ends after them.
// One core's; that core's thread only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/base/check.h"
#include "engine/message/message_sink.h"
#include "engine/net/resolver.h"
#include "engine/relay/incoming.h"
#include "engine/server/event_observer.h"
#include "engine/server/plan.h"
#include "engine/session/services.h"
#include "engine/tls/certificates.h"
#include "engine/tls/client_context.h"
#include "engine/tls/context.h"
#include "engine/tls/tickets.h"
#include "policy/budget/core_limits.h"

namespace sluice::server {

class Generation final : public message::MessageSinkFactory {
 public:
  // What the core lends.
  struct Parts {
    net::Resolver& resolver;
    net::Dialer& dialer;
    hop::ConnectionBudget& outgoing;
    hop::HostMemory& host_memory;
    hop::HopCounters& hop_counters;
    signing::SigningCounters& signing_counters;
    io::Workers& signing_threads;
    io::Dns& dns;
    tls::TicketKeys& tickets;
    std::shared_ptr<tls::CertificateStore> certificates;
    auth::Authenticator& authenticator;
    session::Observer& observer;
    EventObserver& limits_observer;
    policy::CoreBudget& budget;
    noticing::AccountWatch& watch;
    session::IdSource& ids;
    session::SessionCounters& counters;
    session::Admission& admission;
    spool::Spool& spool;
    relay::Queue& queue;
    relay::MemoryBudget& message_memory;
    mx::MachineAddresses machine_addresses;
  };
  // The error is a sentence.  What is lent outlives the generation.
  static std::expected<std::unique_ptr<Generation>, std::string> make(io::Loop& loop, std::shared_ptr<const Plan> plan,
                                                                      const Parts& parts);

  ~Generation() override { CHECK(sessions == 0); }
  Generation(const Generation&) = delete;
  Generation& operator=(const Generation&) = delete;

  [[nodiscard]] const Plan& plan() const { return *plan_; }
  [[nodiscard]] std::shared_ptr<const session::ListenerRules> rules(std::size_t listener) const {
    return rules_.at(listener);
  }
  std::unique_ptr<message::MessageSink> make(const message::Submitter& submitter) override;
  [[nodiscard]] const smtp::StandardReply* refusal() const override;
  // What its sessions are given.
  session::Services& services() { return services_; }
  [[nodiscard]] relay::Router& router() { return *router_; }
  // No session and no delivery goes by it any more.
  [[nodiscard]] bool unused() const { return sessions == 0 && router_->leases() == 0; }
  Task<void> close();

  std::size_t sessions = 0;  // that live by it

 private:
  // Whether what a next hop does not take could be kept, where that is wanted.
  [[nodiscard]] bool may_keep() const;
  Generation(io::Loop& loop, std::shared_ptr<const Plan> plan, const Parts& parts);
  std::expected<void, std::string> make_router(const Parts& parts);

  io::Loop& loop_;
  std::shared_ptr<const Plan> plan_;
  policy::CoreLimits limits_;
  session::Services services_;
  spool::Spool& spool_;
  relay::Queue& queue_;
  relay::MemoryBudget& message_memory_;
  std::shared_ptr<tls::CertificateStore> certificates_;  // all cores'
  std::vector<std::unique_ptr<tls::TlsContext>> contexts_;
  std::vector<std::shared_ptr<const session::ListenerRules>> rules_;
  std::vector<std::unique_ptr<tls::TlsClientContext>> client_contexts_;
  std::unique_ptr<signing::Signer> signer_;  // null: no mail is signed
  std::unique_ptr<relay::Router> router_;
};

}  // namespace sluice::server
