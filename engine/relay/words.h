// A next hop's words as they are kept: bounded, cleaned.  Pure.  Any thread.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "engine/message/delivery.h"
#include "engine/smtp/reply.h"

namespace sluice::relay {

// At most kWordsBytesMax; lines stay parted by `separator`.
inline std::string bounded_words(std::string_view text, char separator = '\n') {
  std::string words;
  while (words.size() + 1 < message::kWordsBytesMax) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    smtp::append_clean_text(text.substr(0, end), message::kWordsBytesMax - words.size() - 1, smtp::Charset::utf8,
                            words);
    if (end == text.size()) break;
    words.push_back(separator);
    text.remove_prefix(end + 1);
  }
  return words;
}

}  // namespace sluice::relay
