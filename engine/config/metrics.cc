// [metrics]: where monitoring asks.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/config/sections.h"

namespace sluice::config {
namespace {

constexpr std::size_t kMetricsSocketsMax = 8;
constexpr std::string_view kMetricsListenAllowed =
    "IP:PORT, such as \"127.0.0.1:9465\" or \"[::1]:9465\", or the path of a UNIX socket";

std::expected<std::string, std::string> check_metrics_listen(std::string_view text) {
  if (text.starts_with('/')) return kSocketPathRule.check(text);
  if (const auto address = parse_listen_address(text)) return address->to_string();
  return std::unexpected("is neither a path nor an address with a port");
}

// Whether others than this machine can reach it.
bool is_open(const std::string& listen) {
  return !listen.starts_with('/') && !io::Address::parse(listen).value_or(io::Address()).is_loopback();
}

}  // namespace

void read_metrics(const ConfigNode* table, ConfigDiagnostics& diagnostics, MetricsConfig& metrics) {
  ConfigSection section(table, "metrics", "metrics", diagnostics);
  section.about(
      "Where Prometheus and the like ask by HTTP, without a password: /metrics (OpenMetrics 1.0 where Accept asks for "
      "it), /healthz (a core that does nothing any more is not healthy) and /readyz (a start and a drain are not "
      "ready). Addresses, or paths of UNIX sockets for server.user and its group. Without any there is none of it.",
      Change::restart);
  section.example(R"(["127.0.0.1:9465"])");
  section.list("listen", metrics.listen, kMetricsListenAllowed, check_metrics_listen);
  section.about(
      "Networks from which it may be asked besides loopback addresses. An address of `listen` that is no loopback "
      "address needs them.",
      Change::restart);
  section.example(R"(["192.0.2.0/24"])");
  section.list("allow", metrics.allow, kNetworkAllowed, Network::parse);
  if (metrics.listen.size() > kMetricsSocketsMax)
    section.error("listen", "has too many elements", absl::StrCat("up to ", kMetricsSocketsMax));
  for (auto at = metrics.listen.begin(); at != metrics.listen.end(); ++at)
    if (std::find(metrics.listen.begin(), at, *at) != at) section.error("listen", *at + " is there twice", "each once");
  const auto open = std::ranges::find_if(metrics.listen, is_open);
  if (open != metrics.listen.end() && metrics.allow.empty() && !section.has("allow"))
    section.error("listen", *open + " can be reached from elsewhere, and nobody there may ask",
                  "loopback addresses, or networks in allow");
  if (metrics.listen.empty() && !metrics.allow.empty())
    section.error("allow", "means nothing without listen", "an address in listen, or no such key");
}

}  // namespace sluice::config
