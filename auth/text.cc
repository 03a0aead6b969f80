#include "auth/text.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "engine/base/domain_name.h"
#include "engine/base/unicode.h"

namespace sluice::auth {
namespace {

struct CodePoint {
  std::uint32_t value = 0;
  std::size_t bytes = 0;  // 0: not well-formed
};

std::uint32_t byte(std::string_view text, std::size_t at) { return static_cast<unsigned char>(text[at]); }

// RFC 3629 section 4. `text` is not empty.
CodePoint first_code_point(std::string_view text) {
  const std::uint32_t lead = byte(text, 0);
  if (lead < 0x80) return {lead, 1};
  std::size_t bytes = 0;
  std::uint32_t least = 0;  // anything below is an overlong form
  if (lead >= 0xC2 && lead <= 0xDF) {
    bytes = 2;
    least = 0x80;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    bytes = 3;
    least = 0x800;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    bytes = 4;
    least = 0x10000;
  } else {
    return {};
  }
  std::uint32_t value = lead & (0x7FU >> bytes);
  if (text.size() < bytes) return {};
  for (std::size_t i = 1; i < bytes; ++i) {
    const std::uint32_t next = byte(text, i);
    if ((next & 0xC0) != 0x80) return {};
    value = value << 6 | (next & 0x3F);
  }
  const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  if (value < least || surrogate || value > 0x10FFFF) return {};
  return {value, bytes};
}

bool is_control(std::uint32_t value) {
  return value < 0x20 || (value >= 0x7F && value <= 0x9F) || value == 0x2028 || value == 0x2029;
}

// Well-formed UTF-8 in which no character is `unwanted`.
template <typename Unwanted>
bool has_none(std::string_view text, Unwanted unwanted) {
  while (!text.empty()) {
    const CodePoint point = first_code_point(text);
    if (point.bytes == 0 || unwanted(point.value)) return false;
    text.remove_prefix(point.bytes);
  }
  return true;
}

}  // namespace

bool is_clean_text(std::string_view text) { return has_none(text, is_control); }

bool shows_as_it_is(std::string_view text) {
  return has_none(text, [](std::uint32_t value) { return is_control(value) || is_misleading(value); });
}

std::string ascii_lower(std::string_view text) {
  std::string lowered(text);
  std::ranges::transform(lowered, lowered.begin(), lower);
  return lowered;
}

std::string login_key(std::string_view name) {
  const std::size_t at = name.rfind('@');
  if (at == std::string_view::npos) return ascii_lower(name);
  return ascii_lower(name.substr(0, at + 1)) + domain_key(name.substr(at + 1));
}

std::string_view login_domain(std::string_view key) {
  const std::size_t at = key.rfind('@');
  return at == std::string_view::npos ? std::string_view() : key.substr(at + 1);
}

void append_escaped(std::string& text, char mark, char byte) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  const auto value = static_cast<unsigned char>(byte);
  text += mark;
  text += kDigits[value >> 4U];
  text += kDigits[value & 0xFU];
}

std::string hex_escaped(std::string_view text, std::string_view plain, char mark) {
  constexpr std::size_t kEscapeBytes = 3;
  std::string result;
  result.reserve(kEscapeBytes * text.size());
  for (const char c : text) {
    const bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (alnum || plain.contains(c)) {
      result += c;
    } else {
      append_escaped(result, mark, c);
    }
  }
  return result;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) { return std::ranges::equal(a, b, {}, lower, lower); }

}  // namespace sluice::auth
