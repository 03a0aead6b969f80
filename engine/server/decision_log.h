// The events that decided about messages, for sluicectl explain: refusals, what was held and noticed, limits.  As many
// of the last ones as kBytesMax holds, some 30,000; the log has those before.  take() and turn() on the event thread,
// find() on any; a lock for the time of one event.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "engine/control/explain_request.h"
#include "engine/event/consumer.h"
#include "engine/event/dispatcher.h"

namespace sluice::server {

class DecisionLog final : public event::Consumer {
 public:
  static constexpr event::Severity kLeast = event::Severity::info;
  static constexpr std::size_t kBytesMax = 16 * 1024 * 1024;

  void take(const event::Event& event) override;
  event::Rest turn(event::Emitter& /*own*/) override { return {}; }

  // The oldest first.  Looks at all: for a worker.
  [[nodiscard]] std::vector<control::DecidedEvent> find(std::string_view id);
  // The last ones of accounts that `wanted(account, customer)` says, at most so many; the newest first.  Likewise.
  using Wanted = std::function<bool(std::string_view account, std::string_view customer)>;
  [[nodiscard]] std::vector<control::DecidedEvent> last(std::size_t most, const Wanted& wanted);

 private:
  static std::size_t bytes_of(const control::DecidedEvent& event);

  std::mutex mutex_;
  std::deque<control::DecidedEvent> events_;
  std::size_t bytes_ = 0;
};

}  // namespace sluice::server
