// What the two readings of a mailbox-list share: the bytes of words, and going over a run of them.
// For mailbox_list.cc and loose_name.cc alone.
#pragma once

#include <algorithm>
#include <string_view>

#include "engine/message/mailbox_list.h"
#include "engine/smtp/ascii.h"

namespace sluice::message {

// RFC 5322 3.2.3 atext, RFC 6532 3.2 UTF8-non-ascii, and the dot: an address has it only between
// atoms, and display names have it anywhere ("John Q. Public", RFC 5322 4.1 obs-phrase).
inline bool is_atom_or_dot(char c) {
  return smtp::is_alnum(c) || smtp::is_eight_bit(c) || std::string_view("!#$%&'*+-/=?^_`{|}~.").contains(c);
}

template <typename Accept>
std::string_view MailboxListParser::run_of(Accept accept) {
  const std::string_view rest = text_.substr(at_);
  const auto* const past = std::find_if_not(rest.begin(), rest.end(), accept);
  const auto size = static_cast<std::size_t>(past - rest.begin());
  verdict_.steps += size + 1;
  at_ += size;
  return rest.substr(0, size);
}

}  // namespace sluice::message
