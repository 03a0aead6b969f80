// What the noticer is given: facts of one message before its final dot, and what became of a recipient.  Values.
#pragma once

#include <array>
#include <cstdint>

#include "policy/noticing/text_sketch.h"

namespace sluice::noticing {

// Two letters as a database of countries gives them (ISO 3166-1); zeros where none is known.
using CountryCode = std::array<char, 2>;

struct MessageFacts {
  std::uint32_t recipients = 0;  // that the session has accepted, each of them given to Noticer::recipient()
  std::uint32_t first_time = 0;  // of these, those of which that said that the account never wrote to them
  // Hash of the client's network (/24, /56); 0: not to be counted, as of webmail hosts.
  std::uint64_t network = 0;
  CountryCode country{};
  TextSketch text;
  bool list_unsubscribe = false;    // the header has the field (RFC 2369)
  std::uint32_t failed_logins = 0;  // at this account in the day before, from networks that never logged in
  // All recipients are in the customer's own domains: such mail is not counted, and goes on.
  bool inside = false;
};

enum class OutcomeKind : std::uint8_t {
  accepted,
  unknown,  // refused for good, since there is no such mailbox or domain
  spam,     // refused as spam, or for the reputation of sender or relay
  other,    // says nothing of the sender: full mailboxes, greylisting, connections that fail
};

struct Outcome {
  OutcomeKind kind = OutcomeKind::other;
  std::uint64_t recipient = 0;  // hash of the address, as in Noticer::recipient()
};

}  // namespace sluice::noticing
