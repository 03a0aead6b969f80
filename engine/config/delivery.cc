#include <algorithm>

#include "engine/config/sections.h"
#include "engine/text/figures.h"
#include "engine/text/quoted.h"

namespace sluice::config {
namespace {

constexpr std::int64_t kGigabyte = std::int64_t{1} << 30;

}  // namespace

void read_spool(const ConfigNode* table, const ServerConfig& server, ConfigDiagnostics& diagnostics,
                SpoolConfig& spool) {
  using Durability = ConfigSection::Choice<SpoolDurability>;
  using WhenFull = ConfigSection::Choice<SpoolWhenFull>;
  constexpr std::int64_t kFreeBytesCeiling = std::int64_t{1} << 50;
  constexpr std::int64_t kMemoryBytesMin = 64 * 1024;
  constexpr std::int64_t kMemoryPerCoreMin = std::int64_t{1} << 20;
  constexpr std::int64_t kMemoryPerCoreMax = std::int64_t{1} << 40;
  ConfigSection section(table, "spool", "spool", diagnostics);
  section.heading("Where messages are kept that are still to be delivered.");
  section.about("Default: \"spool\" in server.state_dir.", Change::restart);
  spool.directory = server.state_dir + "/spool";
  section.text("directory", spool.directory, kPathRule);
  section.about(
      "\"synced\": on the disk before a client gets 250. \"unsynced\": faster on slow disks, and a power loss or a "
      "crash of the machine loses mail that was answered 250, without a trace.",
      Change::restart);
  section.choice("durability", spool.durability,
                 {Durability{"synced", SpoolDurability::synced}, Durability{"unsynced", SpoolDurability::unsynced}});
  section.about(
      text::with_figures(
          "The size of its files, a multiple of $(block). Each core has two at least: one is kept in reserve, "
          "so that a spool that is full can be emptied with no other space.",
          {{"block", text::bytes_text(spool::kBlockBytes)}}),
      Change::restart);
  section.integer("segment_bytes", spool.segment_bytes, spool::kSegmentBytesSetMin, spool::kSegmentBytesMax);
  section.about("With less than this free on its disk, the spool takes no new messages until there is more.",
                Change::restart);
  section.integer("free_bytes_min", spool.free_bytes_min, 0, kFreeBytesCeiling);
  section.about(
      "What becomes of new messages while the spool takes none, for this or because its disk is full: \"refuse\": MAIL "
      "gets 452; \"cut_through\": where a route has mode \"through\", they are passed on without the spool behind "
      "them, "
      "as with fallback = false: the next hop's answer to each recipient is the client's. All other recipients get "
      "452.");
  section.choice("when_full", spool.when_full,
                 {WhenFull{"refuse", SpoolWhenFull::refuse}, WhenFull{"cut_through", SpoolWhenFull::cut_through}});
  section.about(
      "What one message under way may hold in memory, until the next hop has taken it; beyond, it is written to the "
      "spool, unsynced.",
      Change::restart);
  section.integer("memory_bytes", spool.memory_bytes, kMemoryBytesMin, kGigabyte);
  section.about(text::with_figures(
      "What all messages that come in on one core may hold in memory together, beside $(own) that each has. "
      "Customers share it by weight (class.weight): one may have all of it, and another that comes later its part "
      "nevertheless. Of what is beyond, each message is written to the spool as it comes, unsynced.",
      {{"own", text::bytes_text(route::kMessageMemoryStep)}}));
  section.integer("memory_per_core_bytes", spool.memory_per_core_bytes, kMemoryPerCoreMin, kMemoryPerCoreMax);
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
  section.heading("When messages in the spool are tried again, and when no more.");
  section.about("Seconds to wait after each try that failed; the last one repeats.");
  section.seconds_list("retry_s", queue.retry, 1, kDayS, kRetriesMax);
  section.about("Make each wait so much longer or shorter, by chance, so that messages do not come in crowds.");
  section.integer("jitter_percent", queue.jitter_percent, 0, kJitterPercentMax);
  section.about("After this time a message goes back to its sender.");
  section.seconds("expire_s", queue.expire, kExpireMinS, kExpireMaxS);
  section.about("After this time the sender is sent a DSN that it is late (0: never), if RFC 3461 NOTIFY lets us.");
  section.seconds("delay_report_s", queue.delay_report, 0, kExpireMaxS);
  section.about("Deliveries at one time, from each core.");
  section.integer("running", queue.running, 1, kRunningMax);
  section.about("How long a destination is left alone when it fails: at first; at most, each time twice as long.");
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
  section.heading("Delivery status notifications: what became of senders' mail (RFC 3464).");
  section.about("The address that they are from. Default: MAILER-DAEMON at server.hostname.");
  section.example("\"postmaster@relay.example.net\"");
  section.text("from", reports.from, kMailboxRule);
  section.about("The most that the senders of one customer get in an hour.");
  section.integer("per_customer_hour", reports.per_customer_hour, 1, kReportsMax);
  section.about(
      "Which [[route]] they take, by its name, whatever conditions it has: a way back to your customers that does not "
      "depend on how their own mail leaves. They are kept and tried again like other mail. Default: the route of other "
      "mail of that customer that has the sender \"<>\".");
  section.example("\"default\"");
  section.text("route", reports.route, kNameRule);
  const auto named = [&](const RouteConfig& config) { return config.route.name == reports.route; };
  if (!reports.route.empty() && std::ranges::none_of(routes, named))
    section.error("route", text::in_quotes(reports.route) + " is no route", "the name of a [[route]]");
}

void read_dns(const ConfigNode* table, ConfigDiagnostics& diagnostics, DnsConfig& dns) {
  constexpr std::int64_t kTimeoutMsMin = 100;
  constexpr std::int64_t kTimeoutMsMax = 60'000;
  constexpr std::int64_t kTriesMax = 5;
  constexpr std::size_t kServersMax = 16;
  ConfigSection section(table, "dns", "dns", diagnostics);
  section.heading("For MX records and the addresses of next hops.");
  section.about("\"IP\" or \"IP:PORT\". Default: those of /etc/resolv.conf.", Change::restart);
  section.example(R"(["192.0.2.53:53"])");
  section.list("servers", dns.servers, kDnsServerAllowed, parse_dns_server);
  section.about("How long to wait for a server's answer, and how often to ask.", Change::restart);
  section.milliseconds("timeout_ms", dns.timeout, kTimeoutMsMin, kTimeoutMsMax);
  section.integer("tries", dns.tries, 1, kTriesMax);
  std::vector<Network> unwanted;
  section.about(
      "Networks to which no mail goes, whatever a recipient's domain or an address literal names; an IPv4 address that "
      "is embedded in an IPv6 one counts too. Default: all special-purpose ranges of IANA: loopback, private, "
      "link-local, unique-local, shared, documentation, translated, multicast. A list of your own replaces all of "
      "them, "
      "so that hosts of your own private network can be reached. 0.0.0.0, :: and the addresses of this machine, as "
      "they "
      "are at the moment, are always this relay itself.");
  section.example(R"(["127.0.0.0/8", "::1", "169.254.0.0/16", "fe80::/10"])");
  section.list("unwanted", unwanted, kNetworkAllowed, Network::parse);
  if (section.has("unwanted")) dns.unwanted = std::move(unwanted);
  if (dns.servers.size() > kServersMax) {
    section.error("servers", std::to_string(dns.servers.size()) + " are too many",
                  "up to " + std::to_string(kServersMax));
  }
}

}  // namespace sluice::config
