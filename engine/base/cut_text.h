// Texts that are longer than what there is room for.  Pure.  Any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sluice {

// What stands at the end of a text that was cut.
inline constexpr std::string_view kCutMark = "...";

// The first bytes of `text`, at most `bytes_max`, no character of UTF-8 cut in two.
[[nodiscard]] constexpr std::string_view cut_text(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  constexpr std::size_t kContinuationsMax = 3;
  const auto continues = [text](std::size_t at) { return (static_cast<unsigned char>(text[at]) & 0xc0U) == 0x80U; };
  std::size_t size = bytes_max;
  while (size > 0 && bytes_max - size < kContinuationsMax && continues(size)) --size;
  return text.substr(0, size);
}

// As it is, or the beginning and kCutMark in `bytes_max` bytes, which are more than the mark's.
[[nodiscard]] inline std::string cut_with_mark(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return std::string(text);
  return std::string(cut_text(text, bytes_max - kCutMark.size())).append(kCutMark);
}

}  // namespace sluice
