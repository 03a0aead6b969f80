// What marks words and tags among a text's bytes: what all loops over a text agree on (text_loops.h).  Pure.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "engine/base/ascii.h"
#include "policy/noticing/text_block.h"
#include "policy/noticing/text_loops.h"

namespace sluice::noticing {

// A tag that is longer ends there: a lone "<" hides no more than that.
inline constexpr std::size_t kTagBytesMax = 1000;
inline constexpr std::size_t kTagNameBytes = sizeof(std::uint64_t);

// A tag that began at `tag` does not reach its bound within a block from `block` on.
inline bool is_short_tag(const char* tag, const char* block) {
  return block <= tag + kTagBytesMax - kTagNameBytes - kBlockBytes;
}

// A name as its first letters are gathered: each in front of the last.
constexpr std::uint64_t packed_name(std::string_view name) {
  std::uint64_t value = 0;
  for (const char c : name) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

// The byte behind a "<".
inline bool opens_tag(char c) {
  const char small = to_lower(c);
  return (small >= 'a' && small <= 'z') || c == '/' || c == '!' || c == '?';
}

// Whether a tag may be that of style or script; others that begin so are among those.
inline bool may_hide(const char* tag) {
  std::uint64_t name = 0;
  std::memcpy(&name, tag, sizeof name);
  const auto begins = [name](std::uint64_t wanted, unsigned letters) {
    constexpr std::uint64_t kLowerCase = 0x2020202020202020U;
    return ((name | kLowerCase) << (64 - 8 * letters)) == std::byteswap(wanted);
  };
  return begins(packed_name("style"), 5) || begins(packed_name("script"), 6);
}

// Where words begin among 64 bytes: behind a blank or control, and at each character of more than one byte, as scripts
// without blanks have them.
[[gnu::always_inline]] inline std::uint64_t word_starts(const TextBlock& block, bool& behind_blank) {
  const std::uint64_t blanks = block.at_most(' ');
  const std::uint64_t starts = ~blanks & (blanks << 1 | (behind_blank ? 1U : 0U));
  behind_blank = (blanks >> (kBlockBytes - 1)) != 0;
  return starts | block.at_least(0xC0);
}

// Whether two words that follow each other may begin kEncodedBytesLeast apart: from the starts of each block, in order.
class Distances {
 public:
  [[gnu::always_inline]] void add(std::uint64_t starts) {
    // Two words that begin in a block are near each other where one begins between its first and last eight bytes.
    constexpr std::uint64_t kBetween = ~std::uint64_t{0} << 8 >> 16 << 8;
    static_assert(kBlockBytes - kEncodedBytesLeast == 8 && std::popcount(kBetween) == 48);
    const int apart = std::countl_zero(before_) + 1 + std::countr_zero(starts);
    far_apart_ |= (starts & kBetween) == 0 || apart >= static_cast<int>(kEncodedBytesLeast);
    before_ = starts;
  }
  [[nodiscard]] bool far_apart() const { return far_apart_; }

 private:
  std::uint64_t before_ = std::uint64_t{1} << (kBlockBytes - 1);
  bool far_apart_ = false;
};

// A word is eight bytes, with what is behind it where it is shorter.
[[gnu::always_inline]] inline void add_word(const char* at, LeastHashes& least) {
  constexpr unsigned kClassBits = 5;
  constexpr unsigned kValueBits = 32;
  static_assert(kSketchClasses == 1 << kClassBits);
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  word ^= word >> 32;
  word *= 0x9E3779B97F4A7C15U;
  const auto value = static_cast<std::uint32_t>(word >> (64 - kClassBits - kValueBits));
  std::uint32_t& kept = least.data()[word >> (64 - kClassBits)];
  kept = value < kept ? value : kept;
}

// Those of a loop's words take turns: that one waits for what the last one of its class has written is then rare.
[[gnu::always_inline]] inline void add_all_words(const char* text, std::span<const std::uint16_t> starts,
                                                 LeastInTurns& least) {
  const std::uint16_t* at = starts.data();
  const std::uint16_t* const end = at + starts.size();
  for (; at + kTurns <= end; at += kTurns) {
    for (std::size_t turn = 0; turn < kTurns; ++turn) add_word(text + at[turn], least[turn]);
  }
  for (; at < end; ++at) add_word(text + *at, least[0]);
}

// The six bits of each character; -1 of those that are none of base64.
constexpr std::array<std::int8_t, 256> make_base64_values() {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  std::int8_t next = 0;
  for (const char c : std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"))
    values[static_cast<unsigned char>(c)] = next++;
  return values;
}
alignas(kBlockBytes) inline constexpr auto kBase64Values = make_base64_values();

}  // namespace sluice::noticing
