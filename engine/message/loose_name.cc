// Display names that real programs write without quotes: "ann@b.example <ann@b.example>", "Ann [Sales]
// <ann@b.example>". Read only where the strict grammar finds none, and only as the whole field: a name, one address in
// angle brackets.
#include <utility>

#include "engine/message/mailbox_text.h"
#include "engine/smtp/path.h"

namespace sluice::message {

AuthorVerdict MailboxListParser::run_with_loose_name() {
  verdict_.fault = AuthorFault::none;
  verdict_.loose_name = true;
  const bool read = loose_name() && angle_address() && white_space_and_comments();
  if (read && !ended()) fail(AuthorFault::syntax);
  if (verdict_.ok()) note_names();
  if (verdict_.ok()) verdict_.mailboxes.push_back(std::move(mailbox_));
  return std::move(verdict_);
}

// Up to the "<".  What could part two authors (",", ";", ":") or begin another address (">", a backslash) is no atom,
// and so refused.
bool MailboxListParser::loose_name() {
  bool bracket = false;  // "[" was not followed by its "]" yet
  while (white_space_and_comments()) {
    if (ended()) return fail(AuthorFault::syntax);
    const char c = look();
    if (c == '<') return !bracket || fail(AuthorFault::syntax);
    Words words;
    if (c == '[' || c == ']') {
      // One that has no other is a place where readers part.
      if (bracket != (c == ']')) return fail(AuthorFault::syntax);
      bracket = !bracket;
      show({&c, 1});
      ++at_;
    } else if (c == '@') {
      if (!address_in_loose_name()) return false;
    } else if (!word(words)) {
      return false;
    }
  }
  return false;
}

// "@" and a domain that is one without doubt.  What stands before it does not matter: any address of one's own domains
// may be written.
bool MailboxListParser::address_in_loose_name() {
  show("@");
  ++at_;
  if (!white_space_and_comments()) return false;
  const std::string_view domain = run_of(is_atom_or_dot);
  show(domain);
  const bool parted = !ended() && std::string_view(" \t\r]<").contains(look());
  if (!parted || smtp::check_domain(domain, /*utf8_allowed=*/true) != smtp::PathFault::none)
    return fail(AuthorFault::syntax);
  if (verdict_.in_names.size() == kNamedDomainsMax) return fail(AuthorFault::too_many);
  verdict_.in_names.push_back({.domain = std::string(domain), .unquoted = true});
  return true;
}

}  // namespace sluice::message
