// A next hop's words as they are kept: bounded, cleaned.  Pure.  Any thread.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "engine/message/delivery.h"
#include "engine/smtp/reply.h"

namespace sluice::relay {

// Less than kWordsBytesMax; lines stay parted by `separator`.  What is longer ends in "...".
inline std::string bounded_words(std::string_view text, char separator = '\n') {
  constexpr std::size_t kMost = message::kWordsBytesMax - 1;
  constexpr std::size_t kBeyond = 16;  // more than a character becomes: that there is more is seen by it
  constexpr std::string_view kCutMark = "...";
  std::string words;
  while (words.size() <= kMost) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    smtp::append_clean_text(text.substr(0, end), kMost + kBeyond - words.size(), smtp::Charset::utf8, words);
    if (end == text.size()) break;
    words.push_back(separator);
    text.remove_prefix(end + 1);
  }
  if (words.size() <= kMost) return words;
  std::size_t kept = kMost - kCutMark.size();
  constexpr unsigned char kContinuation = 0x80;
  constexpr unsigned char kContinuationMask = 0xc0;
  while (kept > 0 && (static_cast<unsigned char>(words[kept]) & kContinuationMask) == kContinuation) --kept;
  words.resize(kept);
  return words.append(kCutMark);
}

}  // namespace sluice::relay
