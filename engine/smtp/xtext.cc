#include <cstdint>

#include "engine/smtp/ascii.h"
#include "engine/smtp/parameters.h"

namespace sluice::smtp {
namespace {

// xchar = any ASCII CHAR between "!" (33) and "~" (126) inclusive, except for "+" and "=".
bool is_xchar(char c) { return c >= '!' && c <= '~' && c != '+' && c != '='; }

// The byte that hexchar stands for at the start of `text`, or -1.  RFC 3461 4 requires upper case.
int hexchar(std::string_view text) {
  if (text.size() < 3 || text[0] != '+') return -1;
  for (std::size_t i = 1; i < 3; ++i) {
    if (!is_digit(text[i]) && !(text[i] >= 'A' && text[i] <= 'F')) return -1;
  }
  return hex_value(text[1]) * 16 + hex_value(text[2]);
}

// Calls `sink` with each byte.  False when `text` is no xtext, or hides a NUL, a CR or an LF: what
// decodes them later must not be led to end a line.
template <typename Sink>
bool walk(std::string_view text, Sink sink) {
  while (!text.empty()) {
    if (is_xchar(text[0])) {
      sink(text[0]);
      text.remove_prefix(1);
      continue;
    }
    const int byte = hexchar(text);
    if (byte < 0 || byte == '\0' || byte == '\r' || byte == '\n') return false;
    sink(static_cast<char>(byte));
    text.remove_prefix(3);
  }
  return true;
}

// RFC 6533 3 EmbeddedUnicodeChar: "\x{" HEXPOINT "}" at the start of `text`; its size, or 0.
std::size_t embedded_character(std::string_view text) {
  constexpr std::string_view kStart = "\\x{";
  constexpr std::size_t kDigitsMax = 6;
  if (!text.starts_with(kStart)) return 0;
  const std::string_view digits = text.substr(kStart.size(), text.substr(kStart.size()).find('}'));
  if (digits.size() < 2 || digits.size() > kDigitsMax || kStart.size() + digits.size() == text.size()) return 0;
  std::uint32_t code = 0;
  for (const char c : digits) {
    if (hex_value(c) < 0) return 0;
    code = code * 16 + static_cast<std::uint32_t>(hex_value(c));
  }
  // In as few digits as it takes; of ASCII only what cannot stand there itself.
  if (digits.size() > 2 && digits[0] == '0') return 0;
  const bool special = code == ' ' || code == '+' || code == '=' || code == '\\';
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  const bool separator = code == 0x2028 || code == 0x2029;
  if ((code < 0xa0 && !special) || surrogate || separator || code > 0x10ffff) return 0;
  return kStart.size() + digits.size() + 1;
}

}  // namespace

bool is_utf8_addr(std::string_view text, bool smtputf8) {
  while (!text.empty()) {
    std::size_t size = 1;
    if (text[0] == '\\') {
      size = embedded_character(text);
    } else if (is_eight_bit(text[0])) {
      size = smtputf8 ? utf8_sequence(text) : 0;
      if (!is_clean_utf8(text.substr(0, size))) size = 0;
    } else if (text[0] == '+') {
      const int byte = hexchar(text);
      size = byte >= ' ' && byte <= '~' && byte != '\\' ? 3 : 0;
    } else if (!is_xchar(text[0])) {
      size = 0;
    }
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

std::optional<std::string> decode_xtext(std::string_view text) {
  std::string decoded;
  if (!walk(text, [&decoded](char c) { decoded.push_back(c); })) return std::nullopt;
  return decoded;
}

bool is_xtext(std::string_view text) {
  return walk(text, [](char) {});
}

std::string encode_xtext(std::string_view bytes) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : bytes) {
    if (is_xchar(c)) {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.push_back('+');
    out.push_back(kHex[byte >> 4U]);
    out.push_back(kHex[byte & 0x0fU]);
  }
  return out;
}

}  // namespace sluice::smtp
