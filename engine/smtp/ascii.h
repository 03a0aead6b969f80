// ASCII without a locale, and the check that bytes are UTF-8.  Pure functions.  Any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "engine/base/ascii.h"

namespace sluice::smtp {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_alnum(char c) { return is_digit(c) || is_alpha(c); }
constexpr bool is_control(char c) { return (c >= 0 && c < 0x20) || c == 0x7f; }
// RFC 5321 4.1.1: white space in a command; clients send HT as well as SP.
constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }
// Folding white space (RFC 5322 2.2.3) with the line ends in it.
constexpr bool is_folding_space(char c) { return is_blank(c) || c == '\r' || c == '\n'; }
constexpr bool is_eight_bit(char c) { return (static_cast<unsigned char>(c) & 0x80U) != 0; }
using sluice::to_lower;
constexpr char to_upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c; }

// The value of a hexadecimal digit, or -1.
constexpr int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  const char lower = to_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

constexpr bool equals_ignore_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (to_lower(a[i]) != to_lower(b[i])) return false;
  }
  return true;
}

constexpr bool starts_with_ignore_case(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && equals_ignore_case(text.substr(0, prefix.size()), prefix);
}

// Where the first blank of `text` is, or its size.
constexpr std::size_t find_blank(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size() && !is_blank(text[at])) ++at;
  return at;
}
// `text` without the blanks that it begins with; that it ends with.
constexpr std::string_view without_leading_blanks(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  return text;
}
constexpr std::string_view without_trailing_blanks(std::string_view text) {
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string to_lower(std::string_view text);
bool has_eight_bit(std::string_view text);

// The size of the UTF-8 sequence (RFC 3629: shortest form, no surrogates, up to U+10FFFF) at the
// start of `text`; 0 if there is none.
std::size_t utf8_sequence(std::string_view text);
// The character at the start of `text`, which is UTF-8 there.
char32_t utf8_character(std::string_view text);
// All of `text` is UTF-8, and none of it a C1 control character or a line or paragraph separator.
bool is_clean_utf8(std::string_view text);

}  // namespace sluice::smtp
