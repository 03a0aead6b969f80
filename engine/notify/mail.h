// Mail about notifications, by a server of its own (notify.server): never by the relay's queue, which may be what is in
// difficulty.  Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/time.h"
#include "engine/notify/cause.h"
#include "engine/notify/outbox.h"
#include "engine/notify/outcome.h"

namespace sluice::notify {

enum class MailTls : std::uint8_t {
  none,
  starttls,  // required, and the certificate checked
  implicit,  // likewise
};

struct MailOptions {
  std::string server;  // "mail.example.net:25", "[2001:db8::1]:25"
  MailTls tls = MailTls::starttls;
  std::string ca_file;                 // empty: the system's authorities
  std::string from;                    // in the header; the reverse-path is null, so that no bounce comes back
  std::vector<std::string> operators;  // addresses
  bool owner = false;                  // owners get mail, too
  Causes causes;                       // of what the operator gets
  std::string host;                    // server.hostname
};

// Blocks for kMailTimeout at most.  A reply of 5xx is not tried again.
inline constexpr Duration kMailTimeout = std::chrono::seconds(30);
[[nodiscard]] Outcome send_mail(const MailOptions& mail, const OutboxItem& item, const std::atomic<bool>& give_up);

}  // namespace sluice::notify
