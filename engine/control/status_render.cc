#include "engine/control/status.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "engine/base/check.h"
#include "engine/text/json_text.h"
#include "engine/text/table_text.h"

namespace sluice::control {
namespace {

text::Table pools_table(std::span<const CoreStatus> cores) {
  text::Table table{{"core", "destination", "host", "live", "idle", "failures", "last_error"}, {}};
  for (const CoreStatus& core : cores)
    for (const HostStatus& host : core.hosts)
      table.rows.push_back({std::uint64_t{core.index}, host.destination, host.host, std::uint64_t{host.live},
                            std::uint64_t{host.idle}, std::uint64_t{host.failures}, host.last_error});
  return table;
}

std::string counters(std::span<const CoreStatus> cores) {
  if (cores.empty()) return "{\n}\n";
  std::string out = "{";
  for (std::size_t i = 0; i < cores.front().counters.size(); ++i) {
    const std::string& name = cores.front().counters[i].name;
    std::uint64_t total = 0;
    for (const CoreStatus& core : cores) {
      CHECK(core.counters[i].name == name);
      total += core.counters[i].value;
    }
    out += (out.size() > 1 ? ",\n " : "\n ") + text::json_string(name) + ": " + std::to_string(total);
  }
  return out + "\n}\n";
}

// Those of one name behind each other.
text::Table core_counters_table(std::span<const CoreStatus> cores) {
  text::Table table{{"core", "name", "value"}, {}};
  if (cores.empty()) return table;
  for (std::size_t i = 0; i < cores.front().counters.size(); ++i)
    for (const CoreStatus& core : cores)
      table.rows.push_back({std::uint64_t{core.index}, core.counters[i].name, core.counters[i].value});
  return table;
}

text::Table status_table(std::span<const CoreStatus> cores) {
  text::Table table{{"core", "state", "sessions", "deliveries", "taken", "deferred", "refused", "next_hop_live",
                     "next_hop_idle", "waiting", "queued", "spool"},
                    {}};
  for (const CoreStatus& core : cores) {
    std::uint64_t live = 0;
    std::uint64_t idle = 0;
    for (const HostStatus& host : core.hosts) {
      live += host.live;
      idle += host.idle;
    }
    table.rows.push_back({std::uint64_t{core.index}, core.draining ? "draining" : "running",
                          std::uint64_t{core.sessions_live}, core.deliveries, core.taken, core.deferred, core.refused,
                          live, idle, core.waiting, core.queued, core.spool});
  }
  return table;
}

}  // namespace

std::string render_status(StatusView view, std::span<const CoreStatus> cores) {
  switch (view) {
    case StatusView::counters:
      return counters(cores);
    case StatusView::core_counters:
      return text::as_json(core_counters_table(cores));
    case StatusView::pools:
      return text::as_json(pools_table(cores));
    case StatusView::status:
      break;
  }
  return text::as_json(status_table(cores));
}

}  // namespace sluice::control
