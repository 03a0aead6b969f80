// What operators and owners are notified of, as a value: made of an event by the one table in notification.cc.
// Pure; any thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/time.h"
#include "engine/event/record.h"
#include "engine/notify/cause.h"

namespace sluice::notify {

// A key of the event with its value, one clean line (text::escaped_line).
struct Figure {
  std::string_view key;
  std::string value;
  bool for_owner = false;
};

struct Notification {
  std::string id;  // given by the notifier; the same for every recipient and every try
  WallMillis at = 0;
  event::Severity severity{};
  Cause cause{};
  std::string_view event;         // its name in the log
  std::string_view subject_kind;  // "account", "customer", "network", ...
  std::string subject_name;       // clean, as a figure; may be empty
  std::string owner;              // the account whose mailbox is notified, too, as in the event; empty: none
  std::vector<Figure> figures;    // in the event's order
  std::string json;               // the event as the log's line in JSON has it, without its newline

  // "account alice@example.com"
  [[nodiscard]] std::string subject() const {
    return subject_name.empty() ? std::string(subject_kind) : std::string(subject_kind) + " " + subject_name;
  }
};

// Nothing where nobody is notified of such an event.
[[nodiscard]] std::optional<Notification> notification_of(const event::Event& event);
// For sluicectl notify test.
[[nodiscard]] Notification test_notification(WallMillis now);
// For tests: of which there are notifications.
[[nodiscard]] std::span<const event::Kind> notified_kinds();
// No event below this severity is one.
inline constexpr event::Severity kNotifiedLeast = event::Severity::info;

// What an operator can do; empty: nothing that can be said in general.
[[nodiscard]] std::string advice_for_operator(const Notification& notification);
[[nodiscard]] std::string_view advice_for_owner(const Notification& notification);

}  // namespace sluice::notify
