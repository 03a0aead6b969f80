// The part of Server that opens the log and what its lines are forwarded to, and says what it keeps of addresses.
#include "engine/event/log_key.h"
#include "engine/io/real_platform.h"
#include "engine/server/server.h"

namespace sluice::server {

std::expected<void, std::string> Server::open_log() {
  const config::LogConfig& log = plan_->config.log;
  auto sink = log::open_log_file(log.file);
  if (!sink) return std::unexpected("log.file: " + sink.error());
  sink_ = *std::move(sink);
  dispatcher_ = std::make_unique<event::Dispatcher>(event::DispatcherOptions(), *clock_);
  if (auto fine = set_log_privacy(plan_->config); !fine) return fine;
  log_ = std::make_unique<log::Log>(log::LogOptions{.format = log.format, .level = log.level}, *clock_, *sink_,
                                    *dispatcher_);
  if (!log.syslog.empty())
    forwarders_.push_back(log::forward_to_syslog(
        {.place = log.syslog, .ca_file = log.syslog_ca_file, .host = plan_->config.server.hostname}, log.format,
        log.level, *clock_, *dispatcher_));
  if (!log.journal.empty())
    forwarders_.push_back(log::forward_to_journal(log.journal, log.format, log.level, *clock_, *dispatcher_));
  return {};
}

// The error is a sentence; then all is as before.
std::expected<void, std::string> Server::set_log_privacy(const config::Config& config) {
  event::PrivacyOptions options{.clients = config.log.client_addresses, .recipients = config.log.recipients};
  if (options.clients == event::AddressForm::hash || options.recipients == event::AddressForm::hash) {
    const auto random = io::make_real_random();
    const auto key = event::log_key(config.server.state_dir, *random);
    if (!key) return std::unexpected("log: " + key.error());
    options.key = *key;
  }
  dispatcher_->set_privacy(options);
  return {};
}

void Server::set_log() {
  const config::LogConfig& log = plan_->config.log;
  log_->set(log.format, log.level);
  for (const auto& forwarder : forwarders_) forwarder->set(log.format, log.level);
}

}  // namespace sluice::server
