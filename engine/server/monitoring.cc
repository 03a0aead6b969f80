#include "engine/server/monitoring.h"

#include <algorithm>
#include <utility>

#include "engine/base/version.h"
#include "engine/io/process_usage.h"

namespace sluice::server {
namespace {

using metrics::Family;
using metrics::Kind;

constexpr Duration kAnswerMax = std::chrono::milliseconds(250);  // of all cores together
constexpr Duration kRenderedFor = std::chrono::seconds(1);

constexpr std::string_view kIndex = "Sluice: /metrics /healthz /readyz\n";

metrics::HttpAnswer answer_of(unsigned status, std::string_view text) {
  return {.status = status, .body = std::make_shared<const std::string>(text)};
}

Family gauge(std::string_view name, std::string_view help, double value) {
  return {
      .name = name, .kind = Kind::gauge, .help = help, .samples = {{.labels = {}, .value = value}}, .histograms = {}};
}

}  // namespace

Monitoring::Monitoring(Sources sources, io::Clock& clock)
    : sources_(std::move(sources)), clock_(clock), started_(clock.wall()) {}

std::expected<void, std::string> Monitoring::start(const std::vector<int>& sockets, std::vector<Network> allow) {
  server_ = std::make_unique<metrics::HttpServer>(
      sockets, std::move(allow), clock_,
      metrics::HttpHandlers{
          .answer = [this](std::string_view path, std::string_view accept) { return answer(path, accept); },
          .tick = [this] { tick(); }});
  return server_->start();
}

void Monitoring::set_cores(Probes cores) {
  {
    const std::lock_guard lock(mutex_);
    probes_ = std::make_shared<const Probes>(std::move(cores));
  }
  auto before = Phase::starting;
  phase_.compare_exchange_strong(before, Phase::ready);
}

void Monitoring::begin_drain() { phase_.store(Phase::draining); }

void Monitoring::leave_cores() {
  for (const auto& probe : *probes()) probe->leave();
}

void Monitoring::stop() {
  if (server_ != nullptr) server_->stop();
}

std::shared_ptr<const Monitoring::Probes> Monitoring::probes() const {
  const std::lock_guard lock(mutex_);
  return probes_;
}

void Monitoring::tick() {
  if (sources_.step) sources_.step();
  for (const auto& probe : *probes()) probe->beat();
}

std::string Monitoring::stuck(Instant now) const {
  std::string lines;
  const auto cores = probes();
  for (std::size_t i = 0; i < cores->size(); ++i)
    if (const Duration behind = (*cores)[i]->behind(now); behind >= kCoreStuckAfter)
      lines += "core " + std::to_string(i) + " has made no turn for " +
               std::to_string(behind / std::chrono::seconds(1)) + " s\n";
  return lines;
}

metrics::HttpAnswer Monitoring::answer(std::string_view path, std::string_view accept) {
  if (path == "/metrics") {
    const metrics::Format format = metrics::format_for(accept);
    return {.status = 200, .content_type = metrics::content_type(format), .body = render(format)};
  }
  const bool ready = path == "/readyz";
  if (!ready && path != "/healthz") return path == "/" ? answer_of(200, kIndex) : answer_of(404, kIndex);
  if (const std::string fault = stuck(clock_.now()); !fault.empty()) return answer_of(503, fault);
  if (!ready) return answer_of(200, "healthy\n");
  switch (phase_.load()) {
    case Phase::starting:
      return answer_of(503, "starting\n");
    case Phase::draining:
      return answer_of(503, "draining\n");
    case Phase::ready:
      break;
  }
  return answer_of(200, "ready\n");
}

std::shared_ptr<const std::string> Monitoring::render(metrics::Format format) {
  Rendered& rendered = rendered_[static_cast<std::size_t>(format)];
  const Instant now = clock_.now();
  if (rendered.text == nullptr || now - rendered.at >= kRenderedFor)
    rendered = {.text = std::make_shared<const std::string>(metrics::expose(collect(), format)), .at = now};
  return rendered.text;
}

std::vector<Family> Monitoring::collect() {
  const auto probes = this->probes();
  for (const auto& probe : *probes) probe->ask();
  const Instant until = clock_.now() + kAnswerMax;
  std::vector<CoreMetrics> cores;
  Family behind{.name = "sluice_core_unanswered_seconds",
                .kind = Kind::gauge,
                .help = "For how long the core has owed a turn; it is stuck from 10 on.",
                .samples = {},
                .histograms = {}};
  Family delays{.name = "sluice_core_turn_delay_seconds",
                .kind = Kind::histogram,
                .help = "How long a message to the core, one a second, waited for its turn.",
                .samples = {},
                .histograms = {}};
  for (const auto& probe : *probes) {
    const Instant now = clock_.now();
    const std::vector<metrics::Label> label{{.name = "core", .value = std::to_string(behind.samples.size())}};
    behind.samples.push_back({.labels = label, .value = metrics::seconds_of(probe->behind(now))});
    delays.histograms.push_back({.labels = label, .value = probe->delays()});
    if (const auto metrics = probe->wait(std::max(until - now, Duration::zero()))) cores.push_back(*metrics);
  }
  // Sums of some of the cores would go down and up again.
  if (cores.size() < probes->size()) cores.clear();
  std::vector<Family> families = families_of(cores);
  families.push_back(std::move(behind));
  families.push_back(std::move(delays));
  for (Family& family : process_families()) families.push_back(std::move(family));
  if (sources_.more)
    for (Family& family : sources_.more()) families.push_back(std::move(family));
  return families;
}

std::vector<Family> Monitoring::process_families() const {
  constexpr double kMillisecondsInSecond = 1000;
  const io::ProcessUsage usage = io::process_usage();
  const Phase phase = phase_.load();
  std::vector<Family> families{
      {.name = "sluice_build_info",
       .kind = Kind::gauge,
       .help = "1, with the version of the relay.",
       .samples = {{.labels = {{.name = "version", .value = std::string(kProgramVersion)}}, .value = 1}},
       .histograms = {}},
      gauge("sluice_cores", "Cores that relay mail.", static_cast<double>(probes()->size())),
      gauge("sluice_ready", "1: the relay takes sessions; 0: it starts or drains.", phase == Phase::ready ? 1 : 0),
      gauge("sluice_draining", "1: the relay is being stopped.", phase == Phase::draining ? 1 : 0),
      {.name = "process_cpu_seconds",
       .kind = Kind::counter,
       .help = "Time of CPUs that the process has used.",
       .samples = {{.labels = {}, .value = usage.cpu_seconds}},
       .histograms = {}},
      gauge("process_start_time_seconds", "When the process started, since 1970.",
            static_cast<double>(started_) / kMillisecondsInSecond),
      gauge("process_resident_memory_bytes", "Memory of the process that is resident.",
            static_cast<double>(usage.resident_bytes)),
      gauge("process_virtual_memory_bytes", "Address space of the process.", static_cast<double>(usage.virtual_bytes)),
      gauge("process_open_fds", "File descriptors that are open.", static_cast<double>(usage.open_files)),
      gauge("process_max_fds", "File descriptors that may be open.", static_cast<double>(usage.files_max)),
  };
  if (const auto free = sources_.spool_free_bytes ? sources_.spool_free_bytes() : std::nullopt)
    families.push_back(gauge("sluice_spool_filesystem_free_bytes",
                             "What is left for the relay on the file system of the spool.",
                             static_cast<double>(*free)));
  return families;
}

}  // namespace sluice::server
