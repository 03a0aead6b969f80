// How many recipients one message may have. A value, set by configuration, read by the session: it
// is what EHLO advertises as LIMITS RCPTMAX (RFC 9422), and RCPT past it gets 452 4.5.3.
#pragma once

#include <cstdint>

namespace sluice::policy {

struct RecipientLimit {
  std::uint32_t per_message_max = 50;

  // Whether one more may be taken by a message that has `taken` already.
  [[nodiscard]] constexpr bool admits(std::uint32_t taken) const { return taken < per_message_max; }
};

}  // namespace sluice::policy
