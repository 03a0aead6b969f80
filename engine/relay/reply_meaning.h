// What a next hop's refusal is about, from its code and the command that it answers: the one table of that.
// Pure.  Any thread.
#pragma once

#include <cstdint>

#include "engine/smtp/client.h"

namespace sluice::relay {

enum class Meaning : std::uint8_t {
  answer,   // the command's own: about the recipient at RCPT, about the message elsewhere
  session,  // about the dialog, which did not get where it should be: nothing is known of message or recipient, and the
            // connection is of no further use
  parameter,  // of a parameter of the command, which the next hop offered and does not know
  extension,  // the next hop offered the command, and does not know it
};

// `command` is Expect::chunk for any BDAT, Expect::message for what ends DATA.
[[nodiscard]] Meaning meaning_of(smtp::Expect command, const smtp::ParsedReply& reply);

// A 4xx that is about the recipients alone, as of a mailbox that is full: the next hop itself is as it should be.
[[nodiscard]] bool is_of_recipient(smtp::Expect command, const smtp::ParsedReply& reply);

}  // namespace sluice::relay
