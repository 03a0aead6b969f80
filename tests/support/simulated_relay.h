// The relay as Server runs it, on a simulated host: server::Core on simulated platforms, made from a plan, with a spool
// that open_spool() reads at each start.  Of Server only threads, signals, the log and the control socket are missing.
// It can be reloaded, drained, killed and started again, while the test's other hosts go on.
// What it logs goes to the file in the environment's SLUICE_LOG ("-": standard error), where a seed is looked into.
// Owned by one test, its Platforms outlive it; the test's thread only, between turns.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/event/dispatcher.h"
#include "engine/log/log.h"
#include "engine/log/sink.h"
#include "engine/server/core.h"
#include "engine/server/plan.h"
#include "engine/server/spool_start.h"
#include "tests/support/sessions.h"

namespace sluice::testing {

// Knows ann@example.com of customer acme, whose password is "right".
class Accounts final : public auth::AccountStore {
 public:
  [[nodiscard]] std::string_view kind() const override { return "test"; }
  [[nodiscard]] auth::StoreResult<std::optional<auth::StoredPassword>> find(const auth::Name& name) override;
  [[nodiscard]] Matched match(const auth::StoredPassword* password, const auth::Secret& secret) override;
  [[nodiscard]] auth::Answer admit(const auth::StoredPassword& password, const std::string& renewed) override;
  [[nodiscard]] auth::Answer identify(const auth::Claim& /*claim*/) override { return auth::Answer::wrong(); }

  bool suspended = false;          // the account, from now on
  std::uint64_t known_change = 0;  // of who logs in from now on
};

// The plan of this configuration, but with segments of the spool as small as they may be; a failure of the test and
// null where there is none.
std::shared_ptr<const server::Plan> plan_of(const std::string& text);

class SimulatedRelay {
 public:
  enum class Loss : std::uint8_t { process, power };

  // On kRelayHost.
  explicit SimulatedRelay(Platforms& platforms, std::size_t cores = 1);
  ~SimulatedRelay();
  SimulatedRelay(const SimulatedRelay&) = delete;
  SimulatedRelay& operator=(const SimulatedRelay&) = delete;

  // Binds, reads the spool and begins, as Server::start().  The error is a sentence.
  std::expected<void, std::string> start(const std::shared_ptr<const server::Plan>& plan);
  [[nodiscard]] bool running() const { return life_ != nullptr; }

  // As Server::reload() once the plan is found to be fine: on each core in one of its next turns.
  void reload(const std::shared_ptr<const server::Plan>& plan);
  [[nodiscard]] std::size_t reloads_failed() const { return reloads_failed_; }
  // As StoreWatch does after a change of the accounts.
  void forget_credentials(std::uint64_t upto = 0);
  void set_machine_addresses(const std::vector<std::string>& ips);

  // Tells all cores to stop, as the signal does.
  void drain(Duration timeout);
  [[nodiscard]] bool draining() const { return draining_; }
  // All cores have served their last session, and take no new plan.
  [[nodiscard]] bool drained() const { return drained_ == cores_; }
  [[nodiscard]] bool settled() const;
  // Waits until they are settled, and takes them down: what was left over on all of them.
  server::CoreLeftOver end();
  // Kills it, then takes it down, which takes a few seconds of the others' time.
  void lose(Loss how);

  [[nodiscard]] io::Address address() const { return platforms_.address(kRelayHost, 587); }
  [[nodiscard]] std::size_t cores() const { return cores_; }
  server::Core& core(std::size_t number = 0);
  [[nodiscard]] std::uint64_t messages();                      // in the spools of all cores
  [[nodiscard]] std::uint64_t counter(std::string_view name);  // the sum over all cores

  Accounts accounts;
  // What the limits' journal says, over starts and kills; empty: nothing was written yet.
  std::string budget_journal;

 private:
  struct Life;

  void on_each(const std::function<void(server::Core&)>& act);
  void core_drained();
  static Task<void> outlast_control(AsyncEvent& closed);
  void restore_budgets(Life& life);
  void add_core(Life& life, const io::Platform& platform, const std::shared_ptr<const server::Plan>& plan);

  Platforms& platforms_;
  const std::vector<auth::ConfiguredBackend> backends_ = auth::store_alone();
  std::size_t cores_;
  io::Platform first_platform_;  // for what needs a clock
  event::Dispatcher dispatcher_;
  std::unique_ptr<log::LogSink> log_sink_;
  std::unique_ptr<log::Log> log_;        // null: none
  std::vector<event::Emitter*> events_;  // one a core
  OneCertificate source_;
  std::shared_ptr<tls::CertificateStore> certificates_;
  std::unique_ptr<Life> life_;
  bool draining_ = false;
  std::size_t drained_ = 0;
  std::size_t reloads_failed_ = 0;
};

}  // namespace sluice::testing
