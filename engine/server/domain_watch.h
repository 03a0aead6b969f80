// The relay's own work on its customers' domains (domain_upkeep/upkeep.h), beside the cores: a thread that says whose
// turn it is at a bounded pace and keeps the zone, and a few that do the work on a domain each, wait for the DNS
// and make keys; all of them at a low priority.  No mail waits for any of them.
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "auth/store/domain_state_admin.h"
#include "engine/domain_upkeep/kept_zone.h"
#include "engine/domain_upkeep/stoppable_dns.h"
#include "engine/domain_upkeep/upkeep.h"
#include "engine/event/dispatcher.h"
#include "engine/io/platform.h"
#include "engine/metrics/family.h"
#include "engine/server/upkeep_plan.h"

namespace sluice::server {

class DomainWatch {
 public:
  // Both outlive it.  `events`: its own.
  DomainWatch(io::Clock& clock, event::Emitter& events) : clock_(clock), events_(events) {}
  ~DomainWatch() { stop(); }
  DomainWatch(const DomainWatch&) = delete;
  DomainWatch& operator=(const DomainWatch&) = delete;

  // Goes by this plan from now on; null: does nothing.  `dns` outlives stop(), and is the same at each call.  Any
  // thread.
  void follow(std::shared_ptr<const UpkeepPlan> plan, io::Dns& dns);
  // Ends soon: what is asked of the DNS is given up.  Nothing is followed behind it.  Any thread.
  void stop();
  // Any thread.
  [[nodiscard]] std::vector<metrics::Family> families();

 private:
  // A plan with what is done by it.  Domains that are in work when another one comes are finished by the old one.
  struct Work {
    std::shared_ptr<const UpkeepPlan> plan;
    std::unique_ptr<domain_upkeep::Upkeep> upkeep;
  };
  void run();
  [[nodiscard]] Instant turn(const std::shared_ptr<Work>& work);
  void read_counts(const Work& work, Instant now);
  void start_one(const std::shared_ptr<Work>& work, Instant now);
  void work_on_one(Work& work);
  [[nodiscard]] Instant keep_zone(const UpkeepPlan& plan, Instant now);
  void tell(const domain_upkeep::News& news);
  void tell_zone(const domain_upkeep::ZoneRules& zone, const std::string& fault);
  void tell_fault(const domain_upkeep::News& news);

  io::Clock& clock_;
  std::mutex starting_;  // over the next ones
  std::unique_ptr<domain_upkeep::StoppableDns> dns_;
  std::unique_ptr<io::Workers> workers_;  // null: there has been nothing to do yet

  // The first thread's.
  Instant counts_due_;
  Instant zone_due_;
  domain_upkeep::KeptZone zone_;
  std::string zone_fault_;  // empty: it is published

  std::mutex mutex_;  // over the next ones
  std::condition_variable woken_;
  bool stopping_ = false;
  std::shared_ptr<Work> work_;
  std::size_t running_ = 0;
  Instant start_due_;  // of the next domain
  std::optional<auth::DomainStateAdmin::Counts> counts_;
  bool zone_fails_ = false;
  static constexpr std::size_t kVerdicts = 3;
  std::array<std::uint64_t, kVerdicts> checks_{};

  std::mutex telling_;  // over the next ones
  event::Emitter& events_;
  std::string last_fault_;
};

}  // namespace sluice::server
