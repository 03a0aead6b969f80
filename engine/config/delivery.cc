#include <algorithm>

#include "engine/config/sections.h"
#include "engine/text/quoted.h"

namespace sluice::config {
namespace {

constexpr std::int64_t kHourS = 3600;
constexpr std::int64_t kDayS = 24 * kHourS;
constexpr std::int64_t kGigabyte = std::int64_t{1} << 30;

}  // namespace

void read_spool(const ConfigNode* table, const ServerConfig& server, ConfigDiagnostics& diagnostics,
                SpoolConfig& spool) {
  using Durability = ConfigSection::Choice<SpoolDurability>;
  using WhenFull = ConfigSection::Choice<SpoolWhenFull>;
  constexpr std::int64_t kFreeBytesCeiling = std::int64_t{1} << 50;
  constexpr std::int64_t kMemoryBytesMin = 64 * 1024;
  ConfigSection section(table, "spool", "spool", diagnostics);
  spool.directory = server.state_dir + "/spool";
  section.text("directory", spool.directory, kPathRule);
  section.choice("durability", spool.durability,
                 {Durability{"synced", SpoolDurability::synced}, Durability{"unsynced", SpoolDurability::unsynced}});
  section.integer("segment_bytes", spool.segment_bytes, spool::kSegmentBytesSetMin, spool::kSegmentBytesMax);
  section.integer("free_bytes_min", spool.free_bytes_min, 0, kFreeBytesCeiling);
  section.choice("when_full", spool.when_full,
                 {WhenFull{"refuse", SpoolWhenFull::refuse}, WhenFull{"cut_through", SpoolWhenFull::cut_through}});
  section.integer("memory_bytes", spool.memory_bytes, kMemoryBytesMin, kGigabyte);
  if (spool.segment_bytes % spool::kBlockBytes != 0) {
    section.error("segment_bytes", std::to_string(spool.segment_bytes) + " is not whole blocks",
                  "a multiple of " + std::to_string(spool::kBlockBytes));
  }
}

void read_queue(const ConfigNode* table, ConfigDiagnostics& diagnostics, QueueConfig& queue) {
  constexpr std::size_t kRetriesMax = 100;
  constexpr std::int64_t kExpireMinS = 5;
  constexpr std::int64_t kExpireMaxS = 30 * kDayS;
  constexpr std::int64_t kJitterPercentMax = 50;
  constexpr std::int64_t kRunningMax = 100'000;
  ConfigSection section(table, "queue", "queue", diagnostics);
  section.seconds_list("retry_s", queue.retry, 1, kDayS, kRetriesMax);
  section.integer("jitter_percent", queue.jitter_percent, 0, kJitterPercentMax);
  section.seconds("expire_s", queue.expire, kExpireMinS, kExpireMaxS);
  section.seconds("delay_report_s", queue.delay_report, 0, kExpireMaxS);
  section.integer("running", queue.running, 1, kRunningMax);
  section.seconds("suspend_first_s", queue.suspend_first, 1, kDayS);
  section.seconds("suspend_max_s", queue.suspend_max, 1, kDayS);
  if (section.has("delay_report_s") && queue.delay_report >= queue.expire) {
    section.error("delay_report_s", "is never reached: a message expires before", "less than expire_s, or 0 for none");
  }
  if (queue.suspend_first > queue.suspend_max) {
    const bool first = section.has("suspend_first_s");
    section.error(first ? "suspend_first_s" : "suspend_max_s", "suspend_first_s is more than suspend_max_s",
                  "suspend_first_s up to suspend_max_s");
  }
}

void read_reports(const ConfigNode* table, const std::vector<RouteConfig>& routes, ConfigDiagnostics& diagnostics,
                  ReportsConfig& reports) {
  constexpr std::int64_t kReportsMax = 1'000'000;
  ConfigSection section(table, "reports", "reports", diagnostics);
  section.text("from", reports.from, kMailboxRule);
  section.integer("per_customer_hour", reports.per_customer_hour, 1, kReportsMax);
  section.text("route", reports.route, kNameRule);
  if (!reports.route.empty() && std::ranges::find(routes, reports.route, &RouteConfig::name) == routes.end())
    section.error("route", text::in_quotes(reports.route) + " is no route", "the name of a [[route]]");
}

void read_dns(const ConfigNode* table, ConfigDiagnostics& diagnostics, DnsConfig& dns) {
  constexpr std::int64_t kTimeoutMsMin = 100;
  constexpr std::int64_t kTimeoutMsMax = 60'000;
  constexpr std::int64_t kTriesMax = 5;
  constexpr std::size_t kServersMax = 16;
  ConfigSection section(table, "dns", "dns", diagnostics);
  section.list("servers", dns.servers, kDnsServerAllowed, parse_dns_server);
  section.milliseconds("timeout_ms", dns.timeout, kTimeoutMsMin, kTimeoutMsMax);
  section.integer("tries", dns.tries, 1, kTriesMax);
  std::vector<Network> unwanted;
  section.list("unwanted", unwanted, kNetworkAllowed, Network::parse);
  if (section.has("unwanted")) dns.unwanted = std::move(unwanted);
  if (dns.servers.size() > kServersMax) {
    section.error("servers", std::to_string(dns.servers.size()) + " are too many",
                  "up to " + std::to_string(kServersMax));
  }
}

}  // namespace sluice::config
