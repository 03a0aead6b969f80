#include "engine/server/decision_log.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "engine/event/value_text.h"

namespace sluice::server {
namespace {

bool decides(const event::Event& event) {
  const auto* const verdict = event.values.size() > 1 ? std::get_if<std::string_view>(&event.values[1]) : nullptr;
  return control::decides(event.row.name, verdict == nullptr ? std::string_view() : *verdict);
}

}  // namespace

std::size_t DecisionLog::bytes_of(const control::DecidedEvent& event) {
  constexpr std::size_t kOverhead = 200;
  std::size_t bytes = kOverhead + event.id.size();
  for (const auto& [key, value] : event.values) bytes += sizeof(event.values[0]) + value.size();
  return bytes;
}

void DecisionLog::take(const event::Event& event) {
  if (!decides(event)) return;
  control::DecidedEvent kept{.at = event.at, .event = event.row.name};
  for (std::size_t i = 0; i < event.values.size(); ++i) {
    std::string value = event::value_text(event.values[i], event::MillisText::whole);
    if (value.empty()) continue;
    if (event.row.keys[i].name == "id") {
      kept.id = std::move(value);
    } else {
      kept.values.emplace_back(event.row.keys[i].name, std::move(value));
    }
  }
  if (kept.id.empty()) return;
  const std::lock_guard lock(mutex_);
  bytes_ += bytes_of(kept);
  events_.push_back(std::move(kept));
  for (; bytes_ > kBytesMax; events_.pop_front()) bytes_ -= bytes_of(events_.front());
}

std::vector<control::DecidedEvent> DecisionLog::find(std::string_view id) {
  std::vector<control::DecidedEvent> found;
  const std::lock_guard lock(mutex_);
  std::ranges::copy_if(events_, std::back_inserter(found),
                       [id](const control::DecidedEvent& event) { return event.id == id; });
  return found;
}

std::vector<control::DecidedEvent> DecisionLog::last(std::size_t most, const Wanted& wanted) {
  std::vector<control::DecidedEvent> found;
  const std::lock_guard lock(mutex_);
  for (auto event = events_.rbegin(); event != events_.rend() && found.size() < most; ++event)
    if (wanted(event->value("account"), event->value("customer"))) found.push_back(*event);
  return found;
}

}  // namespace sluice::server
