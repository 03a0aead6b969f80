#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "engine/text/json_text.h"
#include "engine/text/table_text.h"
#include "tools/load/load_run.h"
#include "tools/load/numbers.h"
#include "tools/load/stamp.h"

namespace sluice::load {
namespace {

struct Quantile {
  std::string_view name;  // of JSON's key: NAME_us
  double share;
};
constexpr Quantile kQuantiles[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}};

double per_second(std::uint64_t count, Duration took) {
  return took > Duration::zero() ? static_cast<double>(count) / seconds(took) : 0;
}
std::uint64_t microseconds(Duration duration) { return static_cast<std::uint64_t>((duration.count() + 500) / 1000); }

std::vector<std::pair<std::string_view, const Histogram*>> measured(const LoadResult& result) {
  std::vector<std::pair<std::string_view, const Histogram*>> all;
  for (std::size_t i = 0; i < kStages; ++i)
    if (result.stages[i].count() > 0) all.emplace_back(kStageNames[i], &result.stages[i]);
  if (result.arrival.count() > 0) all.emplace_back("arrival", &result.arrival);
  return all;
}

text::Table stage_table(const LoadResult& result) {
  text::Table table{.names = {"us", "count", "p50", "p90", "p99", "p99.9", "max", "mean"}, .rows = {}};
  for (const auto& [name, histogram] : measured(result)) {
    std::vector<text::Cell> row = {name, histogram->count()};
    for (const Quantile& quantile : kQuantiles) row.emplace_back(microseconds(histogram->quantile(quantile.share)));
    row.emplace_back(microseconds(histogram->max()));
    row.emplace_back(microseconds(histogram->mean()));
    table.rows.push_back(std::move(row));
  }
  return table;
}

struct Fate {
  std::string_view name;
  std::uint64_t count;
  std::string_view meaning;
  const std::vector<std::uint64_t>* examples = nullptr;
};

std::vector<Fate> fates(const Account& account) {
  return {
      {"received", account.received, "different copies that the sink has", nullptr},
      {"lost", account.lost, "accepted, and never seen by the sink", &account.lost_examples},
      {"doubled", account.doubled, "arrivals that were one too many", &account.doubled_examples},
      {"changed", account.changed, "not what was sent", &account.changed_examples},
      {"refused_by_sink", account.refused_by_sink, "accepted, and then refused by the sink for good", nullptr},
      {"deferred_by_sink", account.deferred_by_sink, "accepted, and then refused by the sink for now", nullptr},
      {"denied", account.denied, "delivered, though the server said that it did not take them",
       &account.denied_examples},
      {"strays", account.strays, "for a recipient that is none of the run's", nullptr},
      {"unknown_arrived", account.unknown_arrived, "of unknown, those that the sink has", nullptr},
  };
}

std::string numbers_text(const std::vector<std::uint64_t>& numbers) {
  std::string text;
  for (const std::uint64_t number : numbers) {
    if (!text.empty()) text.append(", ");
    text.append(std::to_string(number));
  }
  return text;
}

}  // namespace

std::string load_results_text(const LoadResult& result, const LoadOptions& options) {
  const SenderCounters& counters = result.counters;
  std::string out = "run " + run_digits(result.run) + ", ";
  out.append(options.rate > 0 ? absl::StrFormat("open loop, %.6g messages a second due\n", options.rate)
                              : absl::StrFormat("closed loop, %d sessions\n", options.sessions));
  absl::StrAppendFormat(&out, "%d messages in %.3f s: %d accepted, %.1f a second, %.2f MB a second\n", result.messages,
                        seconds(result.took), counters.accepted, per_second(counters.accepted, result.took),
                        per_second(counters.bytes, result.took) / 1e6);
  absl::StrAppendFormat(&out, "%d connections, %d that failed; TLS: %d handshakes in full, %d resumed\n\n",
                        counters.connections, counters.connect_failures, counters.tls_full, counters.tls_resumed);
  out.append(text::as_text(stage_table(result))).append("\n");
  out.append("copies:");
  for (std::size_t i = 0; i < kOutcomes; ++i)
    if (result.account.by_outcome[i] > 0)
      absl::StrAppendFormat(&out, " %d %s", result.account.by_outcome[i], kOutcomeNames[i]);
  out.append("\n");
  for (const auto& [what, count] : result.errors)
    absl::StrAppendFormat(&out, "  %d times: %s\n", count, text::printable(what));
  if (result.account.settled) {
    absl::StrAppendFormat(&out, "at the sink, %.1f s later:\n", seconds(result.settling));
    for (const Fate& fate : fates(result.account)) {
      if (fate.count == 0 && fate.name != "received" && fate.examples == nullptr) continue;
      absl::StrAppendFormat(&out, "  %-17s %d%s%s\n", fate.name, fate.count, fate.count == 0 ? "" : "  ",
                            fate.count == 0 ? "" : fate.meaning);
      if (fate.examples != nullptr && !fate.examples->empty())
        absl::StrAppendFormat(&out, "  %17s messages %s\n", "", numbers_text(*fate.examples));
    }
  }
  if (result.account.unexpected > 0)
    absl::StrAppendFormat(&out, "%d copies were not accepted%s\n", result.account.unexpected,
                          result.account.settled ? ", and the sink has not refused them" : "");
  if (!result.ledger_fault.empty()) absl::StrAppendFormat(&out, "not settled: %s\n", result.ledger_fault);
  if (!result.gave_up.empty()) absl::StrAppendFormat(&out, "gave up: %s\n", text::printable(result.gave_up));
  return out.append(result.good() ? "good\n" : "NOT GOOD\n");
}

std::string load_results_json(const LoadResult& result, const LoadOptions& options) {
  const SenderCounters& counters = result.counters;
  std::string out = "{\"run\":" + text::json_string(run_digits(result.run));
  absl::StrAppendFormat(&out, ",\"loop\":\"%s\",\"rate\":%.6g,\"sessions\":%d", options.rate > 0 ? "open" : "closed",
                        options.rate, options.sessions);
  absl::StrAppendFormat(&out, ",\"messages\":%d,\"seconds\":%.6f,\"accepted_messages\":%d,\"per_second\":%.3f",
                        result.messages, seconds(result.took), counters.accepted,
                        per_second(counters.accepted, result.took));
  absl::StrAppendFormat(&out, ",\"bytes\":%d,\"connections\":%d,\"connect_failures\":%d,\"tls_full\":%d",
                        counters.bytes, counters.connections, counters.connect_failures, counters.tls_full);
  absl::StrAppendFormat(&out, ",\"tls_resumed\":%d,\"stages\":{", counters.tls_resumed);
  std::string_view comma;
  for (const auto& [name, histogram] : measured(result)) {
    absl::StrAppendFormat(&out, "%s\"%s\":{\"count\":%d", std::exchange(comma, ","), name, histogram->count());
    for (const Quantile& quantile : kQuantiles)
      absl::StrAppendFormat(&out, ",\"%s_us\":%d", quantile.name, microseconds(histogram->quantile(quantile.share)));
    absl::StrAppendFormat(&out, ",\"max_us\":%d,\"mean_us\":%d}", microseconds(histogram->max()),
                          microseconds(histogram->mean()));
  }
  out.append("},\"copies\":{");
  for (std::size_t i = 0; i < kOutcomes; ++i)
    absl::StrAppendFormat(&out, "%s\"%s\":%d", i == 0 ? "" : ",", kOutcomeNames[i], result.account.by_outcome[i]);
  absl::StrAppendFormat(&out, "},\"unexpected\":%d,\"settled\":%s", result.account.unexpected,
                        result.account.settled ? "true" : "false");
  if (result.account.settled) {
    absl::StrAppendFormat(&out, ",\"settling_seconds\":%.6f,\"sink\":{", seconds(result.settling));
    comma = "";
    for (const Fate& fate : fates(result.account))
      absl::StrAppendFormat(&out, "%s\"%s\":%d", std::exchange(comma, ","), fate.name, fate.count);
    absl::StrAppendFormat(&out, "},\"lost_messages\":[%s]", numbers_text(result.account.lost_examples));
  }
  out.append(",\"errors\":{");
  comma = "";
  for (const auto& [what, count] : result.errors)
    absl::StrAppendFormat(&out, "%s%s:%d", std::exchange(comma, ","), text::json_string(what), count);
  out.append("},\"gave_up\":").append(text::json_string(result.gave_up));
  out.append(",\"ledger_fault\":").append(text::json_string(result.ledger_fault));
  return out.append(result.good() ? ",\"good\":true}\n" : ",\"good\":false}\n");
}

}  // namespace sluice::load
