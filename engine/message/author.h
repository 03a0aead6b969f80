// The author of a message, by its From field: RFC 5322 3.6.2 and 3.4, read so that a doubt is a
// refusal.  What a customer may send as is decided on this answer, so it must be what every mail
// reader would show.
// Values and pure functions.  Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::message {

class HeaderScan;

enum class AuthorFault : std::uint8_t {
  none,
  missing,             // no From field
  several_fields,      // two or more From fields
  space_before_colon,  // "From :"
  too_long,            // the value was cut
  empty,               // no address in it
  syntax,              // not a mailbox-list
  control,             // a control character
  bad_folding,         // a CR or LF that is no folding, or a folded line with nothing on it
  group,               // "friends: a@b, c@d;"
  source_route,        // "<@a,@b:c@d>"
  no_domain,           // "root"
  bad_domain,          // not a host name and not an address literal
  encoded_word,        // "=?...?=" where an address must be, or across the field's parts
  eight_bit,           // not ASCII in the address, and SMTPUTF8 was not asked for (or not UTF-8)
  address_too_long,    // RFC 5321 4.5.3.1: 64 for the local part, 255 for the domain
  ambiguous,           // "a@b (<c@d>)", "<"a@b"@c>": readers differ on what the address is
  nested_too_deep,     // comments in comments
  too_many,            // more mailboxes than `mailboxes_max`
  several_mailboxes,   // only from `judge_author`: more than one author
};

// A few plain words for the 550 5.7.1 reply, for instance "more than one From field".
std::string_view author_fault_text(AuthorFault fault);

struct Mailbox {
  std::string local_part;   // its meaning: unquoted, unescaped, case kept
  std::string domain;       // ASCII lower-cased, no comments
  bool is_literal = false;  // the domain is an address literal, for instance "[192.0.2.1]"

  // local-part "@" domain, quoted again where it must be.
  std::string address() const;
  friend bool operator==(const Mailbox&, const Mailbox&) = default;
};

// An address that readers find in a display name or in a comment.
struct NamedDomain {
  std::string domain;     // as it is written there, encoded words decoded
  bool unquoted = false;  // outside of quotes, comments and encoded words: some readers take it for the author
  friend bool operator==(const NamedDomain&, const NamedDomain&) = default;
};

inline constexpr std::size_t kNamedDomainsMax = 32;  // of one field

struct AuthorOptions {
  bool smtputf8 = false;  // RFC 6531: the client asked for it in MAIL
  std::size_t mailboxes_max = 16;
  std::size_t comment_depth_max = 8;
};

struct AuthorVerdict {
  AuthorFault fault = AuthorFault::missing;
  std::vector<Mailbox> mailboxes;  // in order; after a fault those before it
  // Of all display names and comments.  Where there are any, the author may write so only where the submitter may send
  // as all of them, or a setting allows it; never where one is unquoted and is another's.
  std::vector<NamedDomain> in_names;
  bool loose_name = false;  // the display name has "@", "[" or "]" outside of quotes
  std::uint64_t steps = 0;  // bytes looked at: linear in the value's size

  bool ok() const { return fault == AuthorFault::none; }
  // The one author, or null.
  const Mailbox* single() const { return ok() && mailboxes.size() == 1 ? &mailboxes.front() : nullptr; }
};

// Parses the raw value of one From field (folding allowed).
//
// Real programs leave quotes out: 'ann@b.example <ann@b.example>', 'Ann [Sales] <ann@b.example>'.  Such a display name
// is taken where the field is that name and one address in angle brackets, and nothing else: a comma, a semicolon, a
// colon or another angle bracket, from which a reader could make another author, is refused as ever.
AuthorVerdict parse_author(std::string_view from_value, const AuthorOptions& options);

// The whole rule for submission: exactly one From field with exactly one mailbox.  Only of a
// complete scan.
AuthorVerdict judge_author(const HeaderScan& scan, const AuthorOptions& options);

}  // namespace sluice::message
