// What a process tells the other relays of its cluster, and does for them.
#include "engine/server/server.h"
#include "policy/cluster/share_message.h"

namespace sluice::server {

// Relays that share their shields compare wrong secrets.
std::array<std::byte, auth::kCacheKeyBytes> cluster_cache_key(const policy::ClusterOptions& options) {
  return policy::share_keys(options.key).secrets;
}

void Server::join_cluster(Core& home, const policy::ClusterOptions& options) {
  home.join_cluster(options, shield_, [this](const std::string& account, const std::string& reasons) {
    control_->hold_noticed(account, reasons);
  });
}

// A thief's mail that was accepted before it was noticed goes no further.
void Server::hold_queued(const noticing::Notice& notice) {
  Core* const home = threads_.front()->core;
  if (home == nullptr) return;  // not all cores run yet, and nothing is queued of a message that came just now
  home->post([this, home, account = notice.account, step = notice.taken, lasts = notice.lasts,
              reasons = noticing::reasons_text(notice.verdict)] {
    if (control_ != nullptr) control_->hold_noticed(account, reasons);
    home->publish_step(account, step, lasts, reasons);
  });
}

// On the core that serves the control socket.
bool Server::release_noticed(const std::string& account) {
  threads_.front()->core->publish_step(account, noticing::Step::pass, Duration::zero(), "");
  return watch_->release(account);
}

}  // namespace sluice::server
