// A mail about a notification (RFC 5322, RFC 3834), and to which addresses mail may go.  Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/time.h"
#include "engine/notify/mail_ledger.h"

namespace sluice::notify {

struct MailFrame {
  std::string host;             // server.hostname
  std::string from;             // an address
  std::vector<std::string> to;  // addresses
  WallMillis now = 0;
  std::uint64_t random = 0;  // unguessable
};

// The whole message, lines ended by CRLF, in ASCII, of at most 998 bytes each.
[[nodiscard]] std::string mail_text(const DueMail& mail, const MailFrame& frame);

// The mailbox that an account is, its domain in A-labels; nothing where mail cannot go there as it is.
[[nodiscard]] std::optional<std::string> mailbox_of(std::string_view account);

}  // namespace sluice::notify
