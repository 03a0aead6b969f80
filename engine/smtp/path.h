// Reverse-paths and forward-paths: RFC 5321 4.1.2 and 4.1.3, RFC 6531 3.3.
// What is parsed are views into the caller's bytes.  Pure functions.  Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::smtp {

enum class PathFault : std::uint8_t {
  none,
  syntax,           // not what the grammar says
  control,          // a control character, in quotes or not
  local_too_long,   // over kLocalPartBytesMax
  domain_too_long,  // over kDomainBytesMax, or a label over kLabelBytesMax
  path_too_long,    // over kPathBytesMax
  bad_domain,
  bad_literal,  // not an IPv4, IPv6 or general address literal
  eight_bit,    // not ASCII, and SMTPUTF8 was not asked for
  bad_utf8,
};

// local-part "@" ( domain / address-literal ), as it was written.
struct Mailbox {
  std::string_view local_part;  // with its quotes, if it has any; case kept
  std::string_view domain;      // with its brackets, if it is a literal; empty for <Postmaster>
  bool quoted = false;
  bool literal = false;
  bool eight_bit = false;  // something in it is not ASCII

  [[nodiscard]] bool empty() const { return local_part.empty(); }
  // As it was written.
  [[nodiscard]] std::string text() const;
  // For tests: domain as domain_key() gives it, local part quoted only where it must be: equal texts are one mailbox,
  // if case of the local part is kept apart (RFC 5321 2.4).
  [[nodiscard]] std::string canonical() const;
  // The local part's meaning: quotes and backslashes gone.
  [[nodiscard]] std::string local_unquoted() const;
};

// What stands between "<" and ">".  RFC 5321 4.1.1.3: "Receiving systems MUST recognize source
// route syntax but SHOULD strip off the source route specification".
struct Path {
  Mailbox mailbox;  // empty for <>
  bool had_route = false;

  [[nodiscard]] bool null() const { return mailbox.empty(); }
};

enum class PathKind : std::uint8_t {
  reverse,  // <> is allowed
  forward,  // <Postmaster> is allowed, in any case
};

struct PathParse {
  PathFault fault = PathFault::none;
  Path path;
  std::size_t size = 0;  // bytes of the input, with "<" and ">"
};

// The path at the start of `input`, which begins with "<".
PathParse parse_path(std::string_view input, PathKind kind, bool utf8_allowed);
// Likewise, but without its brackets: up to the first blank.  No "<", ">" or "," can be in it, quoted or not, no blank
// and no source route; and the null reverse-path has brackets.  `size` is without them.
PathParse parse_bare_path(std::string_view input, PathKind kind, bool utf8_allowed);
// A mailbox without brackets, all of `text`.
PathFault parse_mailbox(std::string_view text, bool utf8_allowed, Mailbox& mailbox);

// RFC 5321 4.1.2 Domain: labels of letters, digits and hyphens (underscores too, as they occur), or
// U-labels.  No final dot.
PathFault check_domain(std::string_view domain, bool utf8_allowed);
// RFC 5321 4.1.3: "[192.0.2.1]", "[IPv6:2001:db8::1]", "[tag:text]".
bool is_address_literal(std::string_view text);

// The same domain: letters in any case, in U-labels or in A-labels, one final dot ignored.
bool same_domain(std::string_view a, std::string_view b);

}  // namespace sluice::smtp
