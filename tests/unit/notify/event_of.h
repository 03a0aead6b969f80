// Notifications of events, as the event thread would make them.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "engine/event/record.h"
#include "engine/notify/notification.h"

namespace sluice::notify {

template <typename T>
std::optional<Notification> notification_from(const T& event, WallMillis at = 1'795'915'425'678) {
  const auto values = event::values_of(event);
  std::vector<char> record(event::record_bytes(values));
  event::write_record(record, {.at = at, .kind = T::kKind, .severity = T::kSeverity}, values);
  std::array<event::Value, event::kKeysMax> read;
  return notification_of(event::read_record(record, read));
}

// A limit of this account is reached.
inline std::shared_ptr<const Notification> limit_reached(const std::string& account, std::uint64_t used = 500) {
  auto made = notification_from(event::SubmissionLimitReached{.subject = "account",
                                                              .name = account,
                                                              .quantity = "recipients",
                                                              .window = "day",
                                                              .limit = 500,
                                                              .used = used,
                                                              .effect = "refuse",
                                                              .account = account,
                                                              .customer = "acme"});
  made->id = "msg_1";
  return std::make_shared<const Notification>(*std::move(made));
}

}  // namespace sluice::notify
