// Leaves out of a text what is markup: HTML's tags and comments, and what is inside style and script.  Works on pieces
// of any size.  Pure; one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::noticing {

class TextFilter {
 public:
  // The next run of text at the front of `rest`, which loses it and the markup behind it.  Empty: there is none left.
  [[nodiscard]] std::string_view next(std::string_view& rest);

 private:
  // A tag that is longer ends there: a lone "<" hides no more than that.
  static constexpr std::size_t kTagBytesMax = 1000;

  enum class At : std::uint8_t { text, opened, tag };
  void skip(std::string_view& rest);
  void skip_name(std::string_view& rest);
  void end_tag();

  At at_ = At::text;
  bool hidden_ = false;       // within style or script
  std::uint16_t length_ = 0;  // of the tag at hand
  std::uint64_t name_ = 0;    // its first letters
};

}  // namespace sluice::noticing
