// The part of Server that changes what runs: a new configuration, the log file, certificates.  Its parts do not depend
// on each other: what can be done is done, and what cannot is said.
#include <algorithm>

#include "engine/server/certificates_of.h"
#include "engine/server/plan_file.h"
#include "engine/server/server.h"

namespace sluice::server {

void emit_reload(event::Emitter& events, const Reloaded& done) {
  const std::string_view then =
      done.adopted ? "the rest of the configuration is in force" : "the old configuration stays";
  for (const std::string& error : done.errors)
    events.emit(event::Reload{.error = error, .then = then}, event::Severity::error);
  for (const std::string& warning : done.warnings)
    events.emit(event::Reload{.warning = warning}, event::Severity::warning);
  if (done.errors.empty()) events.emit(event::Reload{.then = "new sessions follow the new file"});
}

// Main thread or a worker.
Reloaded Server::reload() {
  const std::lock_guard lock(reloading_);
  service_.reloading();
  Reloaded done = reload_parts();
  service_.reloaded(done.errors.empty() ? std::string() : done.errors.front());
  return done;
}

Reloaded Server::reload_parts() {
  Reloaded done;
  auto plan = load_plan(config_file_);
  if (!plan) done.errors = plan.error();
  if (done.errors.empty())
    for (std::string& change : config::changes_that_need_restart(plan_->config, (*plan)->config))
      done.errors.push_back("needs a restart: " + change);
  if (done.errors.empty())
    if (auto fine = check_plan(**plan); !fine) done.errors = fine.error();
  if (done.errors.empty())
    if (auto fine = adopt_certificates((*plan)->config); !fine)
      done.errors.push_back("tls.default_host: " + fine.error());
  if (done.errors.empty())
    if (auto fine = set_log_privacy((*plan)->config); !fine) done.errors.push_back(fine.error());
  done.adopted = done.errors.empty();
  if (done.adopted) adopt(*std::move(plan));
  // Also where the configuration is at fault: the program that has renamed the log waits for this.
  if (auto opened = log_->reopen(plan_->config.log.file); !opened)
    done.errors.push_back("log.file: " + opened.error() + "; the log goes on where it was");
  if (std::string error = store_->last_error(); !error.empty())
    done.errors.push_back(plan_->config.store.key() + ": " + std::move(error) +
                          "; what is known of accounts stays until it can be read");
  for (const tls::CertificateFault& fault : certificate_faults(plan_->config, *clock_))
    done.warnings.push_back("tls.certificates: " + fault.fault);
  return done;
}

// Files that are open now stay so; what is left is shared out.
void Server::share_out_files() {
  const config::LimitsConfig& limits = plan_->config.limits;
  const auto cores_count = static_cast<std::uint32_t>(threads_.size());
  const FileLimits files =
      file_limits(files_max_, files_open_, cores_count, limits.sessions_per_core, limits.outgoing_per_core);
  for (Core* core : cores()) core->post([core, files] { core->set_file_limits(files); });
  if (!files.reduced) return;
  events_->emit(event::LimitReduced{
      .what = "open files",
      .is = files_max_,
      .wanted = files.wanted,
      .sessions_per_core = files.sessions_per_core,
      .outgoing_per_core = files.outgoing_per_core,
      .remedy = "raise it (ulimit -n, LimitNOFILE=), or lower limits.sessions_per_core and outgoing_per_core"});
}

void Server::adopt(std::shared_ptr<const Plan> plan) {
  plan_ = std::move(plan);
  set_log();
  shield_.set_limits(shield_limits(plan_->config), plan_->config.limits.ipv6_prefix);
  store_->set_scram_iterations(scram_iterations(plan_->config));
  for (auto& thread : threads_) {
    Core* core = thread->core;
    core->post([core, events = thread->events, adopted = plan_, certificates = certificates_] {
      if (auto done = core->adopt(adopted, certificates); !done)
        events->emit(event::Reload{.error = done.error()}, event::Severity::error);
    });
  }
  threads_.front()->core->post([this, alone = scram_alone_listeners(*plan_)]() mutable {
    if (store_watch_ != nullptr) store_watch_->set_scram_alone(std::move(alone));
  });
  domain_watch_->follow(plan_->upkeep, *dns_);
  share_out_files();
}

// Pairs that worked go on: the store stays, unless all certificates are elsewhere now.
std::expected<void, std::string> Server::adopt_certificates(const config::Config& config) {
  std::shared_ptr<tls::CertificateStore> next = certificates_;
  if (config.tls.certificates != plan_->config.tls.certificates)
    next = open_certificates(config.tls.certificates, *clock_, dispatcher_->open());
  if (auto fine = next->check_default(config.tls.default_host); !fine) return fine;
  next->set_options(certificate_options(config));
  certificates_ = std::move(next);
  return {};
}

// SIGUSR1.  What fails is in the log that goes on.
void Server::reopen_log() {
  if (log_->reopen(current_plan()->config.log.file))
    events_->emit(event::LogReopened{.file = current_plan()->config.log.file});
}

// Once, after the start: with thousands of hosts it takes a while, for which no client waits.
Task<void> Server::review_certificates() {
  Core& home = *threads_.front()->core;
  const auto faults = co_await io::run_on_worker<std::vector<tls::CertificateFault>>(
      home.loop(), [this] { return certificate_faults(current_plan()->config, *clock_); },
      "a look at all certificates");
  if (!faults) co_return;
  for (const tls::CertificateFault& fault : *faults)
    threads_.front()->events->emit(event::CertificateFault{.host = fault.host, .error = fault.fault},
                                   event::Severity::warning);
}

}  // namespace sluice::server
