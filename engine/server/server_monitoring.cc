// The part of Server that answers monitoring.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "engine/config/rules.h"
#include "engine/io/local_socket.h"
#include "engine/server/server.h"

namespace sluice::server {

// While the relay is root, where it began as root.  One process listens there: no port is shared.
std::expected<void, std::vector<std::string>> Server::bind_monitoring() {
  const config::ServerConfig& server = plan_->config.server;
  constexpr int kBacklog = 64;
  std::vector<std::string> errors;
  for (const std::string& listen : plan_->config.metrics.listen) {
    if (const auto address = io::Address::parse(listen)) {
      if (const auto socket = sockets_->listen(*address, {.reuse_port = false, .backlog = kBacklog})) {
        monitoring_sockets_.push_back(*socket);
      } else {
        errors.push_back("metrics.listen: cannot listen on " + listen + ": " + std::strerror(socket.error()));
      }
      continue;
    }
    const std::string directory = listen.substr(0, listen.rfind('/'));
    auto made = io::make_directory_for(directory, server.user, server.group);
    if (made && !server.group.empty()) made = io::give_directory_to_group(directory, server.user, server.group);
    const auto socket = made ? io::listen_local(listen) : std::unexpected(made.error());
    if (socket) monitoring_sockets_.push_back(*socket);
    if (socket) made = io::give_file_to(listen, server.user, server.group);
    if (!socket || !made) errors.push_back("metrics.listen: " + (socket ? made.error() : socket.error()));
  }
  if (!errors.empty()) return std::unexpected(std::move(errors));
  return {};
}

// Before the event thread starts; answers from here on, so that a start that takes long can be seen.
std::expected<void, std::vector<std::string>> Server::open_monitoring() {
  if (monitoring_sockets_.empty()) return {};
  event_metrics_ = std::make_unique<metrics::EventMetrics>();
  dispatcher_->add(*event_metrics_, metrics::EventMetrics::kLeast);
  monitoring_ = std::make_unique<Monitoring>(
      Monitoring::Sources{
          .more = [this] { return event_families(); },
          .step = [this] { look_at_certificates(); },
          .spool_free_bytes = [this, directory = plan_->config.spool.directory]() -> std::optional<std::uint64_t> {
            const auto free = disk_->free_bytes(directory);
            return free ? std::optional(*free) : std::nullopt;
          }},
      *clock_);
  if (auto started = monitoring_->start(std::exchange(monitoring_sockets_, {}), plan_->config.metrics.allow); !started)
    return std::unexpected(std::vector<std::string>{"metrics.listen: " + started.error()});
  return {};
}

std::vector<metrics::Family> Server::event_families() {
  std::vector<metrics::Family> families = event_metrics_->families();
  families.push_back(certificate_watch_.family());
  std::ranges::move(domain_watch_->families(), std::back_inserter(families));
  families.push_back({.name = "sluice_shield_entries",
                      .kind = metrics::Kind::gauge,
                      .help = "Addresses, networks, accounts and pairs of them that the shield knows of.",
                      .samples = {{.labels = {}, .value = static_cast<double>(shield_.size())}},
                      .histograms = {}});
  families.push_back({.name = "sluice_log_lines_dropped",
                      .kind = metrics::Kind::counter,
                      .help = "Lines of the log that could not be written.",
                      .samples = {{.labels = {}, .value = static_cast<double>(log_->dropped())}},
                      .histograms = {}});
  return families;
}

void Server::look_at_certificates() {
  const auto plan = current_plan();
  if (std::ranges::any_of(plan->listeners, &ListenerPlan::uses_tls))
    certificate_watch_.look(plan->config.tls.certificates, clock_->now(), clock_->wall());
}

void Server::monitor_cores() {
  if (monitoring_ == nullptr) return;
  std::vector<std::unique_ptr<CoreProbe>> probes;
  for (Core* core : cores())
    probes.push_back(
        std::make_unique<CoreProbe>([core](std::function<void()> message) { core->post(std::move(message)); },
                                    [core] { return core->metrics(); }, [core] { core->look_for_metrics(); }, *clock_));
  monitoring_->set_cores(std::move(probes));
}

}  // namespace sluice::server
