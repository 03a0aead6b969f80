#include "engine/domain_upkeep/stoppable_dns.h"

#include <utility>

namespace sluice::domain_upkeep {
namespace {

io::DnsReply given_up() { return io::dns_failure("the relay stops"); }

}  // namespace

void StoppableDns::query(const std::string& name, io::DnsType type, CustomerShare share,
                         std::function<void(io::DnsReply)> on_reply) {
  std::uint64_t number = 0;
  {
    std::unique_lock lock(pending_->mutex);
    if (pending_->stopped) {
      lock.unlock();
      return on_reply(given_up());
    }
    number = ++pending_->last;
    pending_->waiting.emplace(number, std::move(on_reply));
  }
  dns_.query(name, type, share, [pending = pending_, number](io::DnsReply reply) {
    std::unique_lock lock(pending->mutex);
    auto waiting = pending->waiting.extract(number);
    lock.unlock();
    if (!waiting.empty()) waiting.mapped()(std::move(reply));
  });
}

void StoppableDns::stop() {
  std::unique_lock lock(pending_->mutex);
  pending_->stopped = true;
  const auto waiting = std::exchange(pending_->waiting, {});
  lock.unlock();
  for (const auto& [number, on_reply] : waiting) on_reply(given_up());
}

}  // namespace sluice::domain_upkeep
