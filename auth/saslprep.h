// SASLprep (RFC 4013), by which names and passwords are compared whatever keyboard they were typed on.  Pure; any
// thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice::auth {

// libidn's stringprep has the whole profile, of Unicode 3.2, as RFC 3454 says: mapping, NFKC, prohibited characters and
// the rule of right-to-left text.  Code points that Unicode 3.2 did not know stay as they are (they count as of a
// "query"), so that a password with a newer letter is one.  Nothing where the text has what is prohibited, or is no
// UTF-8.
[[nodiscard]] std::optional<std::string> saslprep(std::string_view text);

// As a password is hashed: what cannot be prepared is taken as it is, as other servers and clients do; else its owner
// could never log in.
[[nodiscard]] std::string saslprep_or_same(std::string_view text);

}  // namespace sluice::auth
