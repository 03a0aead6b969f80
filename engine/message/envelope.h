// What a message is sent with (RFC 5598: the envelope), as values.  Mailboxes are kept as the client wrote
// them, without brackets: local parts are never changed.
// Owned by the session's transaction and lent to its sink.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/smtp/parameters.h"

namespace sluice::message {

struct Recipient {
  std::string forward_path;  // "user@example.com", or "Postmaster"
  smtp::Notify notify;       // RFC 3461
  std::string orcpt;         // RFC 3461, "type;xtext" as given; empty: absent
};

inline constexpr std::size_t kMessageIdBytesMax = 250;

// What of a message is not ASCII, as its bytes tell: by this, and not by what a client declared, it is decided what a
// next hop has to be able to do (RFC 6152, RFC 6531).
struct ContentFacts {
  bool header_eight_bit = false;  // from the beginning of the body on: MessageSink::begin()
  bool eight_bit = false;         // in the header or in the body, as far as it has come
  bool whole = false;             // all of it has come: what is not there will not be
  friend bool operator==(const ContentFacts&, const ContentFacts&) = default;
};

// A message with more recipients is taken, and ranks behind smaller ones wherever it waits for others.
inline constexpr std::size_t kSmallRecipientsMax = 50;

struct Envelope {
  std::string id;            // queue id; unique for this relay
  std::string reverse_path;  // empty: the null reverse-path
  smtp::Body body = smtp::Body::unstated;
  bool smtputf8 = false;
  std::optional<std::uint64_t> size;  // RFC 1870, as the client declared it
  smtp::Ret ret = smtp::Ret::unstated;
  std::string envid;                  // RFC 3461, xtext as given; empty: absent
  std::vector<Recipient> recipients;  // those that were offered, in order
  // The header's Message-ID field, as it is there and cut to kMessageIdBytesMax, for the log; known once the header is.
  std::string message_id;
  // In lower case, as A-labels; empty: there is not one author.  For who takes the message from its client: known once
  // the header is, and not kept with it.
  std::string author_domain;
  ContentFacts content;  // kept true by the caller that feeds the content
  // Not empty: the message goes nowhere before an operator has reviewed it, and this says why.  May be set until
  // MessageSink::commit().
  std::string hold_reason;

  [[nodiscard]] bool large() const { return recipients.size() > kSmallRecipientsMax; }
};

// What an event says of the recipients.
inline constexpr std::size_t kAddressListBytesMax = 1024;

// "a@example.com, b@example.net": all recipients, in as many lists as it takes so that each is of at most `bytes_max`
// bytes and no address is cut (a longer address is a list of its own).
[[nodiscard]] inline std::vector<std::string> address_lists(const Envelope& envelope, std::size_t bytes_max) {
  constexpr std::string_view kSeparator = ", ";
  std::vector<std::string> lists;
  for (const Recipient& recipient : envelope.recipients) {
    const std::string& address = recipient.forward_path;
    if (lists.empty() || lists.back().size() + kSeparator.size() + address.size() > bytes_max)
      lists.push_back(address);
    else
      lists.back().append(kSeparator).append(address);
  }
  return lists;
}

// How the body's bytes are written.
enum class BodyForm : std::uint8_t {
  dot_stuffed,  // as DATA carries them: lines that begin with a dot have one more; without the end line
  literal,      // as BDAT carries them
};

}  // namespace sluice::message
