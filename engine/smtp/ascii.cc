#include "engine/smtp/ascii.h"

#include <cstdint>

#include "engine/base/check.h"

namespace sluice::smtp {
namespace {

constexpr std::uint32_t byte(char c) { return static_cast<unsigned char>(c); }

struct Sequence {
  std::size_t size = 0;  // 0: not UTF-8
  std::uint32_t code_point = 0;
};

// RFC 3629 3 and 4: 1 to 4 bytes, no more of them than needed, no surrogates, nothing over
// U+10FFFF.
Sequence decode(std::string_view text) {
  if (text.empty()) return {};
  const std::uint32_t first = byte(text[0]);
  if (first < 0x80) return {1, first};
  const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < size) return {};
  std::uint32_t code_point = first & (0x7fU >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(text[i]) & 0xc0U) != 0x80U) return {};
    code_point = (code_point << 6U) | (byte(text[i]) & 0x3fU);
  }
  if (size == 3 && (code_point < 0x800 || (code_point >= 0xd800 && code_point <= 0xdfff))) return {};
  if (size == 4 && (code_point < 0x10000 || code_point > 0x10ffff)) return {};
  return {size, code_point};
}

}  // namespace

std::string to_lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = to_lower(c);
  return lower;
}

bool has_eight_bit(std::string_view text) {
  for (const char c : text) {
    if (is_eight_bit(c)) return true;
  }
  return false;
}

std::size_t utf8_sequence(std::string_view text) { return decode(text).size; }

char32_t utf8_character(std::string_view text) {
  const Sequence sequence = decode(text);
  CHECK(sequence.size > 0);
  return sequence.code_point;
}

bool is_clean_utf8(std::string_view text) {
  while (!text.empty()) {
    const Sequence sequence = decode(text);
    if (sequence.size == 0) return false;
    if (sequence.code_point >= 0x80 && sequence.code_point < 0xa0) return false;
    if (sequence.code_point == 0x2028 || sequence.code_point == 0x2029) return false;
    text.remove_prefix(sequence.size);
  }
  return true;
}

}  // namespace sluice::smtp
