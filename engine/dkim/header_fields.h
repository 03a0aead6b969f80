// The fields of a header (RFC 5322 2.2), one after the other, as a signer and a verifier of DKIM take it apart: a field
// begins where a line does that does not begin with a blank, and ends before the next one.  Lines that are no field are
// skipped.  Pure.  Any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace sluice::dkim {

struct HeaderField {
  std::string_view name;   // as written, without the blanks that obsolete syntax allows before the colon
  std::string_view whole;  // from the name to the end of its last line, without the CRLF there
  std::size_t colon = 0;   // its offset in `whole`
};

// `header`: literal, no dots stuffed.  Takes the next field off its front, with all that stands before it; nullopt at
// its end, and at the empty line.
std::optional<HeaderField> take_field(std::string_view& header);

}  // namespace sluice::dkim
