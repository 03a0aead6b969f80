// Addresses in what people read beside an address: display names and comments.
// Pure.  Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice::message {

// The domains of what a reader takes for addresses in `text`, as they are written there, encoded words decoded first:
// something, an "@" with or without blanks around it, and a domain of two labels or more, or an address literal.  In
// whatever letters: full-width ones, and with invisible characters in between, are found, too.  "Sales@work" is none.
// Linear.
std::vector<std::string> domains_in_name(std::string_view text);

}  // namespace sluice::message
