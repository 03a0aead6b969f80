// What a next hop's reply to a recipient or a message says of its sender: that there is no such recipient, or that it
// takes us for a sender of spam.  Pure.
#pragma once

#include <string_view>

#include "policy/noticing/message_facts.h"

namespace sluice::noticing {

// `code`: of three digits.  `text`: all lines of the reply, its enhanced code
// (RFC 3463) in front.
[[nodiscard]] OutcomeKind outcome_of_reply(int code, std::string_view text);

}  // namespace sluice::noticing
