// What monitoring costs, none of it on a core: an event for the event thread, where deliveries go to so many
// destinations; a scrape for the monitoring thread behind them, with as many families beside it as 16 cores and 20
// routes have.
#include <benchmark/benchmark.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/event/record.h"
#include "engine/metrics/event_metrics.h"
#include "engine/metrics/exposition.h"

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

// As server/core_metrics.cc makes them: about 100 series, of each core a dozen more and a histogram, of each route
// four.
std::vector<Family> families_of_cores() {
  constexpr std::size_t kCores = 16;
  constexpr std::size_t kRoutes = 20;
  Family sums{.name = "sluice_sum", .kind = Kind::counter, .help = "Sums.", .samples = {}, .histograms = {}};
  for (std::size_t i = 0; i < 100 + 12 * kCores + 4 * kRoutes; ++i)
    sums.samples.push_back({.labels = {{.name = "of", .value = std::to_string(i)}}, .value = 1e6});
  Family delays{.name = "sluice_delay", .kind = Kind::histogram, .help = "Delays.", .samples = {}, .histograms = {}};
  for (std::size_t i = 0; i < kCores; ++i)
    delays.histograms.push_back(
        {.labels = {{.name = "core", .value = std::to_string(i)}}, .value = Histogram(kStageSeconds)});
  return {sums, delays};
}

void scrape(benchmark::State& state) {
  const auto destinations = static_cast<std::size_t>(state.range(0));
  Deliveries deliveries(destinations);
  for (std::size_t i = 0; i < destinations; ++i) deliveries.take();
  const std::vector<Family> cores = families_of_cores();
  std::size_t bytes = 0;
  for (auto _ : state) {
    std::vector<Family> families = deliveries.metrics().families();
    families.insert(families.end(), cores.begin(), cores.end());
    bytes = expose(families, Format::open_metrics).size();
  }
  state.counters["bytes"] = static_cast<double>(bytes);
}

BENCHMARK(delivery_event)->Arg(10)->Arg(50'000);
BENCHMARK(scrape)->Arg(10)->Arg(50'000)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
