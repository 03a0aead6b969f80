// The replies to a sender that policy refuses, and to a header that readers would not agree on: one place, so that a
// verdict has one class at MAIL and after the header.  And how all refusals of the policy name the page where it
// stands. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "engine/message/author.h"
#include "engine/message/header_scan.h"
#include "engine/smtp/reply.h"
#include "policy/sender.h"

namespace sluice::session {

// "TEXT; see URL".  `policy_url`: may be empty.
[[nodiscard]] std::string with_policy_url(std::string text, std::string_view policy_url);

// 550 5.7.1 with the reason and, where it is not empty, the policy's address.  `decision` is a refusal.
[[nodiscard]] smtp::Reply sender_refusal(const policy::SenderDecision& decision, std::string_view policy_url);

// Of a message whose From field has that fault.
[[nodiscard]] policy::SenderDecision no_author(message::AuthorFault fault, std::string_view id);
// 550 5.6.0 with the fault.
[[nodiscard]] smtp::Reply malformed_header(message::HeaderFault fault);

}  // namespace sluice::session
