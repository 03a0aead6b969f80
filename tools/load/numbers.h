// Numbers in texts that programs write for each other.  Pure; any thread.
#pragma once

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/time.h"

namespace sluice::load {

// Takes what is before the first `end` off `text`, and `end` with it; all of it where there is none.
inline std::string_view take_until(std::string_view& text, char end) {
  const std::string_view taken = text.substr(0, text.find(end));
  text.remove_prefix(std::min(text.size(), taken.size() + 1));
  return taken;
}

// The whole of `text`, digits alone.
inline std::optional<std::uint64_t> parse_number(std::string_view text, int base = 10) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

// `digits` hexadecimal digits.
inline void append_hex(std::uint64_t value, unsigned digits, std::string& out) {
  while (digits-- > 0) out.push_back("0123456789abcdef"[(value >> (4 * digits)) & 0xf]);
}

inline double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

// Numbers without any pattern, from one that has one (splitmix64).
inline std::uint64_t mix(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15U;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31);
}

}  // namespace sluice::load
