// Finds where the header of a message ends, whose content comes in pieces that may be cut anywhere.
// A value of one message.  One thread at a time.
#pragma once

#include <cstddef>
#include <string_view>

namespace sluice::message {

class HeaderEnd {
 public:
  // The next bytes of the content: how many of them are the header's, with its empty line.
  std::size_t take(std::string_view bytes) {
    std::size_t at = 0;
    while (!passed() && at < bytes.size()) {
      if (matched_ == 0) at = bytes.find(kEnd.front(), at);
      if (at == std::string_view::npos) return bytes.size();
      const char c = bytes[at++];
      if (c == kEnd[matched_]) {
        ++matched_;
      } else {
        matched_ = c == kEnd.front() ? 1 : 0;
      }
    }
    return at;
  }
  [[nodiscard]] bool passed() const { return matched_ == kEnd.size(); }

 private:
  static constexpr std::string_view kEnd = "\r\n\r\n";

  std::size_t matched_ = 2;  // of kEnd: a message without any field begins with its empty line
};

}  // namespace sluice::message
