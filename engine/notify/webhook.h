// A webhook: each notification goes to a URL as JSON, signed (signature.h).  Thread-safe.
//
//   {"id":"msg_...","type":"limit_reached","timestamp":"2026-11-29T01:23:45.678Z","host":"relay.example.net",
//    "subject":"account alice@example.com","severity":"warning","data":{...}}       data: the event, as the log has it
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>

#include "engine/base/time.h"
#include "engine/io/platform.h"
#include "engine/notify/cause.h"
#include "engine/notify/notification.h"
#include "engine/notify/outbox.h"
#include "engine/notify/outcome.h"
#include "engine/notify/signature.h"

namespace sluice::notify {

struct WebhookOptions {
  std::string name;  // "webhook[1] https://hooks.example.net"
  std::string url;   // https, or http to a loopback address
  std::string ca_file;
  std::shared_ptr<const WebhookSecret> secret;
  Causes causes;
  Duration timeout = std::chrono::seconds(10);
  std::size_t queue = 1000;
};

[[nodiscard]] std::string webhook_body(const Notification& notification, std::string_view host);

// Sends it, and tells what came of it: delivered by a status of 2xx; 408, 429, 3xx and 5xx are tried again, other 4xx
// are not.  Blocks for WebhookOptions::timeout at most.
[[nodiscard]] Outcome post_to_webhook(const WebhookOptions& webhook, const OutboxItem& item, WallMillis now,
                                      const std::atomic<bool>& give_up);

}  // namespace sluice::notify
