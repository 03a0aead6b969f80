// Addresses in what people read beside an address: display names and comments.
// Pure.  Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice::message {

// `text` as it is shown: what looks like an "@", a dot or a blank is one, what is not shown is gone.
[[nodiscard]] std::string as_seen(std::string_view text);

// U+202A to U+202E or U+2066 to U+2069 is in `text`: what stands behind it is shown in another order (UAX 9).
[[nodiscard]] bool is_reordered(std::string_view text);

// The domains of what a reader takes for addresses in `text`, as they are written there, encoded words decoded first:
// something, an "@" with or without blanks around it, and a domain of two labels or more, or an address literal.  In
// whatever letters: full-width ones, and with invisible characters in between, are found, too.  "Sales@work" is none.
// What cannot be read as readers show it counts as one, of no domain that there is: "=?cp037?=" for an encoded word in
// a charset that is not known, "(reversed)" for an "@" among letters whose order is changed (UAX 9). Linear.
std::vector<std::string> domains_in_name(std::string_view text);

}  // namespace sluice::message
