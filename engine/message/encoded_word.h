// Encoded words (RFC 2047): what a mail reader shows for them.  Decoded generously, as readers do, because the result
// only serves to look for what must not be there.
// Pure.  Any thread.
#pragma once

#include <string>
#include <string_view>

namespace sluice::message {

// `text` with its encoded words decoded, wherever they stand, and white space between two of them gone (RFC 2047 6.2).
// What is ASCII in their charset is ASCII in the result; of other characters only that they are none is certain: those of
// UTF-8 stay, those of the double-byte charsets of East Asia, of UTF-16 and of UTF-32 become one byte over 127, but for "@"
// and "." in double width, which become these.  In UTF-7, the letters that hide an "@" are found, too.
std::string readable_words(std::string_view text);

}  // namespace sluice::message
