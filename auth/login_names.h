// How a login name is rewritten before anybody is asked about it, so that the spellings of one mailbox are one name for
// back ends, the shield, the cache and limits.  Immutable; any thread.
#pragma once

#include <string>

#include "auth/secret.h"

namespace sluice::auth {

struct LoginNameRules {
  std::string default_domain;   // put behind a name without "@"; empty: such names stay as they are
  bool percent_as_at = false;   // "tim%example.com", as old programs write it that take no "@" in a name
  bool lower_case = false;      // ASCII letters
  bool drop_plus_tags = false;  // "tim+shop@example.com" is tim@example.com
  bool operator==(const LoginNameRules&) const = default;
};

// Whatever the rules, first of all: as SASLprep (RFC 4616 2) has it, and without blanks at its ends and beside its last
// "@".  Directories and databases take no notice of these, and who knows a password must not have a limit, or be free
// of a suspension, for each way of writing the name.  Then, in this order: percent, default domain, plus tag, case.  A
// name that would be none any more (empty in front of its "@", too long) stays as it is.
[[nodiscard]] Name rewritten(const Name& name, const LoginNameRules& rules);

}  // namespace sluice::auth
