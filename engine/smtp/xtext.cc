#include "engine/smtp/ascii.h"
#include "engine/smtp/parameters.h"

namespace sluice::smtp {
namespace {

// xchar = any ASCII CHAR between "!" (33) and "~" (126) inclusive, except for "+" and "=".
bool is_xchar(char c) { return c >= '!' && c <= '~' && c != '+' && c != '='; }

// The octet that hexchar stands for at the start of `text`, or -1.  RFC 3461 4 wants upper case.
int hexchar(std::string_view text) {
  if (text.size() < 3 || text[0] != '+') return -1;
  for (std::size_t i = 1; i < 3; ++i) {
    if (!is_digit(text[i]) && !(text[i] >= 'A' && text[i] <= 'F')) return -1;
  }
  return hex_value(text[1]) * 16 + hex_value(text[2]);
}

// Calls `sink` with each octet.  False when `text` is no xtext, or hides a NUL, a CR or an LF: what
// decodes them later must not be led to end a line.
template <typename Sink>
bool walk(std::string_view text, Sink sink) {
  while (!text.empty()) {
    if (is_xchar(text[0])) {
      sink(text[0]);
      text.remove_prefix(1);
      continue;
    }
    const int octet = hexchar(text);
    if (octet < 0 || octet == '\0' || octet == '\r' || octet == '\n') return false;
    sink(static_cast<char>(octet));
    text.remove_prefix(3);
  }
  return true;
}

}  // namespace

std::optional<std::string> decode_xtext(std::string_view text) {
  std::string decoded;
  if (!walk(text, [&decoded](char c) { decoded.push_back(c); })) return std::nullopt;
  return decoded;
}

bool is_xtext(std::string_view text) {
  return walk(text, [](char) {});
}

std::string encode_xtext(std::string_view octets) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : octets) {
    if (is_xchar(c)) {
      out.push_back(c);
      continue;
    }
    const auto octet = static_cast<unsigned char>(c);
    out.push_back('+');
    out.push_back(kHex[octet >> 4U]);
    out.push_back(kHex[octet & 0x0fU]);
  }
  return out;
}

}  // namespace sluice::smtp
