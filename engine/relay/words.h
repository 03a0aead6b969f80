// A next hop's words as they are kept: bounded, cleaned.  Pure.  Any thread.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "engine/base/cut_text.h"
#include "engine/message/delivery.h"
#include "engine/smtp/reply.h"

namespace sluice::relay {

// Less than kWordsBytesMax; lines stay parted by `separator`.  What is longer ends in "...".
inline std::string bounded_words(std::string_view text, char separator = '\n') {
  constexpr std::size_t kMost = message::kWordsBytesMax - 1;
  constexpr std::size_t kBeyond = 16;  // more than a character becomes: that there is more is seen by it
  std::string words;
  while (words.size() <= kMost) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    smtp::append_clean_text(text.substr(0, end), kMost + kBeyond - words.size(), smtp::Charset::utf8, words);
    if (end == text.size()) break;
    words.push_back(separator);
    text.remove_prefix(end + 1);
  }
  return cut_with_mark(words, kMost);
}

}  // namespace sluice::relay
