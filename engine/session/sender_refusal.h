// The reply to a sender that policy refuses: one place, so that a verdict has one class at MAIL and after the header.
// Pure; any thread.
#pragma once

#include <string_view>

#include "engine/smtp/reply.h"
#include "policy/sender.h"

namespace sluice::session {

// 451 4.7.1 for what may be lifted (the account or its customer is held), else 550 5.7.1, with the reason and, where it
// is not empty, the policy's address.  `decision` is a refusal.
[[nodiscard]] smtp::Reply sender_refusal(const policy::SenderDecision& decision, std::string_view policy_url);

}  // namespace sluice::session
