// What a MIME entity's header says of its body (RFC 2045), and how it is rewritten when the body's encoding changes.
// Pure.  Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::message {

enum class MimeKind : std::uint8_t {
  text,       // text/*, and what has no type
  multipart,  // with a boundary
  message,    // message/rfc822: a message of its own
  other,
};

enum class TransferEncoding : std::uint8_t { identity, eight_bit, quoted_printable, base64 };

struct MimeHeader {
  MimeKind kind = MimeKind::text;
  // Of the part.  `identity` is 7bit, none, and what is no known encoding; `eight_bit` is binary, too.
  TransferEncoding encoding = TransferEncoding::identity;
  bool has_type = false;
  bool has_version = false;
  bool is_digest = false;  // multipart/digest: its parts are messages unless they say otherwise
  std::string boundary;    // of a multipart
};

// `header`: whole lines, with or without the empty one.  Of a field that is there twice the first counts.
[[nodiscard]] MimeHeader read_mime_header(std::string_view header, bool in_digest);

struct MimeHeaderChange {
  std::string_view encoding;      // the new Content-Transfer-Encoding; empty: as it was
  std::string_view add_type;      // a Content-Type to add; empty: none
  bool add_version = false;       // MIME-Version
  bool encode_eight_bit = false;  // words with bytes over 127 become encoded words (RFC 2047)
};

// Appends `header`, changed; fields that are added come last, before the empty line, if there is one.
void append_mime_header(std::string_view header, const MimeHeaderChange& change, std::string& out);

}  // namespace sluice::message
