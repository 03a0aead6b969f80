// What a message is sent with (RFC 5598: the envelope), as values.  Mailboxes are kept as the client wrote
// them, without brackets: local parts are never changed.
// Owned by the session's transaction and lent to its taker.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/smtp/parameters.h"

namespace sluice::message {

struct Recipient {
  std::string forward_path;  // "user@example.com", or "Postmaster"
  smtp::Notify notify;       // RFC 3461
  std::string orcpt;         // RFC 3461, "type;xtext" as given; empty: absent
};

inline constexpr std::size_t kMessageIdBytesMax = 250;

struct Envelope {
  std::string id;            // queue id; unique for this relay
  std::string reverse_path;  // empty: the null reverse-path
  smtp::Body body = smtp::Body::unstated;
  bool smtputf8 = false;
  std::optional<std::uint64_t> size;  // RFC 1870, as the client declared it
  smtp::Ret ret = smtp::Ret::unstated;
  std::string envid;                  // RFC 3461, xtext as given; empty: absent
  std::vector<Recipient> recipients;  // those that were offered, in order
};

// How the body's bytes are written.
enum class BodyForm : std::uint8_t {
  dot_stuffed,  // as DATA carries them: lines that begin with a dot have one more; without the end line
  literal,      // as BDAT carries them
};

}  // namespace sluice::message
