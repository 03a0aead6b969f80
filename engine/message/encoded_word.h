// Encoded words (RFC 2047): what a mail reader shows for them.  Decoded generously, as readers do, because the result
// only serves to look for what must not be there.
// Pure.  Any thread.
#pragma once

#include <string>
#include <string_view>

namespace sluice::message {

// `text` with its encoded words decoded, wherever they stand, and white space between two of them gone (RFC 2047 6.2).
// What is ASCII in their charset is ASCII in the result; of other characters only that they are none is certain: those
// of UTF-8 stay, those of the double-byte charsets of East Asia, of UTF-16 and of UTF-32 become one byte over 127, but
// for "@" and "." in double width, which become these.  In UTF-7, the letters that hide an "@" are found, too.
struct ReadableWords {
  std::string text;
  // The charset of a word of which it is not known what readers show: one that is not known here (in EBCDIC, no letter
  // is where ASCII has it), or base64 that goes on behind its end.  Empty: there is none.
  std::string unreadable;
};
[[nodiscard]] ReadableWords readable_words(std::string_view text);

// False: to a reader that looks for encoded words before it looks for quotes, comments and angle brackets, the field
// has other parts than by RFC 5322, where those come first: `=?utf-8?q?"?= <a@b.example> ("?= <c@d.example> (z)`.
// `field`: the value of an address field, folded or not.  Linear.
[[nodiscard]] bool encoded_words_are_whole(std::string_view field);

}  // namespace sluice::message
