// The part of Server that notifies operators and owners.
#include "engine/io/real_platform.h"
#include "engine/server/server.h"

namespace sluice::server {

void Server::open_notifier() {
  if (!plan_->notify->any()) return;
  notifier_random_ = io::make_real_random();
  notifier_ = std::make_unique<notify::Notifier>(*plan_->notify, *clock_, *notifier_random_, *dispatcher_);
}

// On a worker.
std::vector<notify::Notifier::Tested> Server::test_notifications() {
  if (notifier_ == nullptr) return {};
  return notifier_->test();
}

}  // namespace sluice::server
