#include "engine/server/certificate_watch.h"

#include <algorithm>
#include <utility>

#include "engine/tls/certificates_directory.h"
#include "engine/tls/host_review.h"

namespace sluice::server {

void CertificateWatch::look(const std::string& directory, Instant now, WallMillis wall) {
  if (!looking_ && now < next_) return;
  tls::CertificateDirectory source(directory);
  if (!std::exchange(looking_, true)) {
    left_ = source.list();
    pass_.clear();
  }
  for (std::size_t i = 0; i < kHostsAtOnce && !left_.empty(); ++i, left_.pop_back())
    for (const tls::PairReview& pair : tls::review_host(source, left_.back(), wall, /*days=*/0).pairs) {
      if (!pair.loaded) continue;
      const auto [at, first] = pass_.emplace(left_.back(), pair.expires);
      at->second = std::min(at->second, pair.expires);
    }
  if (!left_.empty()) return;
  found_ = std::move(pass_);
  looking_ = false;
  next_ = later(now, kAgain);
}

metrics::Family CertificateWatch::family() const {
  std::vector<std::pair<std::int64_t, std::string_view>> soonest;
  for (const auto& [host, expires] : found_) soonest.emplace_back(expires, host);
  std::ranges::sort(soonest);
  soonest.resize(std::min(soonest.size(), kShown));
  metrics::Family family{.name = "sluice_certificate_expiry_timestamp_seconds",
                         .kind = metrics::Kind::gauge,
                         .help = "When a host's certificate expires, since 1970: those that do so soonest.",
                         .samples = {},
                         .histograms = {}};
  for (const auto& [expires, host] : soonest)
    family.samples.push_back(
        {.labels = {{.name = "host", .value = std::string(host)}}, .value = static_cast<double>(expires)});
  return family;
}

}  // namespace sluice::server
