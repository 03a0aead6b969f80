// What monitoring costs: an event for the event thread, where deliveries go to so many destinations; a scrape for the
// monitoring thread behind them, of 16 cores with 100,000 sessions and 20 routes; and what of it a core does, which
// grows with neither sessions nor destinations.
#include <benchmark/benchmark.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/event/record.h"
#include "engine/metrics/event_metrics.h"
#include "engine/metrics/exposition.h"
#include "engine/server/core_metrics.h"

namespace {

using namespace sluice;
using namespace sluice::metrics;

// Deliveries to each of `destinations` in turn.
class Deliveries {
 public:
  explicit Deliveries(std::size_t destinations) {
    for (std::size_t i = 0; i < destinations; ++i) names_.push_back("out/d" + std::to_string(i) + ".example");
  }
  void take() {
    const std::string& name = names_[next_++ % names_.size()];
    const event::Delivery event{.verdict = "relayed",
                                .code = 250,
                                .by = "queue",
                                .destination = name,
                                .next_hop = name,
                                .next_hop_tls = "TLSv1.3",
                                .taken = 1,
                                .ms = std::chrono::milliseconds(next_ % 3000)};
    const auto values = event::values_of(event);
    record_.resize(event::record_bytes(values));
    event::write_record(record_, {.at = kTurnOverMillis, .kind = event.kKind, .severity = event.kSeverity}, values);
    metrics_.take(event::read_record(record_, read_));
  }
  EventMetrics& metrics() { return metrics_; }

 private:
  std::vector<std::string> names_;
  std::size_t next_ = 0;
  std::vector<char> record_;
  std::array<event::Value, event::kKeysMax> read_;
  EventMetrics metrics_;
};

void delivery_event(benchmark::State& state) {
  Deliveries deliveries(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) deliveries.take();
}

// What cores answer, each with 100,000 / kCores sessions and something of all that is counted.
std::vector<server::CoreMetrics> answers_of_cores() {
  constexpr std::size_t kCores = 16;
  constexpr std::size_t kRoutes = 20;
  constexpr std::uint32_t kSessions = 100'000;
  server::CoreMetrics core;
  core.counters.sessions_live = kSessions / kCores;
  core.counters.limits.add(policy::Subject::account, {});
  core.counters.sessions.tls.add({.version = "TLSv1.3", .group = "x25519"});
  core.counters.hops.tls.add({.version = "TLSv1.3", .group = "x25519"});
  core.backends = {{.name = "store", .took = {}}, {.name = "ldap", .took = {}}};
  for (std::size_t i = 0; i < kRoutes; ++i)
    core.routes.push_back({.route = "route" + std::to_string(i), .totals = {.hosts = 2500, .live = 100}});
  return std::vector<server::CoreMetrics>(kCores, core);
}

void scrape(benchmark::State& state) {
  const auto destinations = static_cast<std::size_t>(state.range(0));
  Deliveries deliveries(destinations);
  for (std::size_t i = 0; i < destinations; ++i) deliveries.take();
  const std::vector<server::CoreMetrics> cores = answers_of_cores();
  std::size_t bytes = 0;
  for (auto _ : state) {
    std::vector<Family> families = deliveries.metrics().families();
    for (Family& family : server::families_of(cores)) families.push_back(std::move(family));
    bytes = expose(families, Format::open_metrics).size();
  }
  state.counters["bytes"] = static_cast<double>(bytes);
}

// What a core does for one: it hands out a copy.
void core_answer(benchmark::State& state) {
  const server::CoreMetrics core = answers_of_cores().front();
  for (auto _ : state) benchmark::DoNotOptimize(std::make_shared<const server::CoreMetrics>(core));
}

BENCHMARK(delivery_event)->Arg(10)->Arg(50'000);
BENCHMARK(core_answer);
BENCHMARK(scrape)->Arg(10)->Arg(50'000)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
