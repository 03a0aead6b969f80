#include "engine/text/escape.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "engine/base/unicode.h"

namespace sluice::text {
namespace {

constexpr char32_t kReplacement = 0xfffd;

bool is_plain(unsigned char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; }

// The size of what is plain at its begin.  Eight bytes at a time: nearly all that a log line has is plain.
std::size_t plain_size(std::string_view value) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kHighs = 0x8080808080808080;
  const auto has = [](std::uint64_t word, char c) {
    const std::uint64_t other = word ^ (kOnes * static_cast<unsigned char>(c));
    return (other - kOnes) & ~other & kHighs;
  };
  std::size_t size = 0;
  for (std::uint64_t word = 0; size + sizeof word <= value.size(); size += sizeof word) {
    std::memcpy(&word, value.data() + size, sizeof word);
    const std::uint64_t control = (word - kOnes * 0x20) & ~word & kHighs;
    if (((word & kHighs) | control | has(word, 0x7f) | has(word, '"') | has(word, '\\')) != 0) break;
  }
  while (size < value.size() && is_plain(static_cast<unsigned char>(value[size]))) ++size;
  return size;
}

bool is_continuation(unsigned char c) { return (c & 0xc0U) == 0x80; }

struct Character {
  char32_t code = kReplacement;
  std::size_t size = 1;
  bool valid = false;
};

// RFC 3629: nothing overlong, no surrogates, nothing above U+10FFFF.
Character decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {.code = lead, .size = 1, .valid = true};
  const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < size) return {};
  char32_t code = lead & (0x7fU >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if (!is_continuation(byte(i))) return {};
    code = (code << 6U) | (byte(i) & 0x3fU);
  }
  constexpr std::array<char32_t, 5> kFirst{0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  if (code < kFirst[size] || code > 0x10ffff || surrogate) return {};
  return {.code = code, .size = size, .valid = true};
}

char short_escape(char32_t code) {
  switch (code) {
    case '"':
      return '"';
    case '\\':
      return '\\';
    case '\n':
      return 'n';
    case '\r':
      return 'r';
    case '\t':
      return 't';
    default:
      return '\0';
  }
}

// The escape for a code of at most U+FFFF; its size.
std::size_t write_escape(char32_t code, std::span<char, kEscapeExpansionMax> out) {
  out[0] = '\\';
  if (const char letter = short_escape(code); letter != '\0') {
    out[1] = letter;
    return 2;
  }
  constexpr std::string_view kDigits = "0123456789abcdef";
  out[1] = 'u';
  for (unsigned i = 0; i < 4; ++i) out[2 + i] = kDigits[(code >> (12 - 4 * i)) & 0xfU];
  return kEscapeExpansionMax;
}

}  // namespace

std::optional<std::size_t> escape_json(std::string_view value, std::span<char> out) {
  std::size_t written = 0;
  const auto append = [&](const char* bytes, std::size_t size) {
    if (size > out.size() - written) return false;
    std::memcpy(out.data() + written, bytes, size);
    written += size;
    return true;
  };
  while (!value.empty()) {
    if (const std::size_t plain = plain_size(value); plain > 0) {
      if (!append(value.data(), plain)) return std::nullopt;
      value.remove_prefix(plain);
      continue;
    }
    const Character character = decode(value);
    const bool as_it_is = character.valid && character.code >= 0x80 && !is_misleading(character.code);
    std::array<char, kEscapeExpansionMax> escape;
    const bool fits =
        as_it_is ? append(value.data(), character.size) : append(escape.data(), write_escape(character.code, escape));
    if (!fits) return std::nullopt;
    value.remove_prefix(character.size);
  }
  return written;
}

std::string escaped_json(std::string_view value) {
  std::string escaped(value.size() * kEscapeExpansionMax, '\0');
  escaped.resize(escape_json(value, escaped).value_or(0));
  return escaped;
}

std::string escaped_line(std::string_view value) {
  std::string escaped;
  for (;;) {
    const std::size_t size = value.find_first_of("\"\\");
    escaped += escaped_json(value.substr(0, size));
    if (size == std::string_view::npos) return escaped;
    escaped += value[size];
    value.remove_prefix(size + 1);
  }
}

std::string with_question_marks(std::string_view value) {
  std::string shown;
  while (!value.empty()) {
    const Character character = decode(value);
    const bool acts = character.code < ' ' || is_misleading(character.code);
    if (character.valid && !acts)
      shown += value.substr(0, character.size);
    else
      shown += '?';
    value.remove_prefix(character.size);
  }
  return shown;
}

std::size_t characters_in(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return !is_continuation(static_cast<unsigned char>(c)); }));
}

bool is_bare_logfmt(std::string_view value) {
  const auto bare = [](char c) { return c > ' ' && c < 0x7f && c != '"' && c != '=' && c != '\\'; };
  return !value.empty() && std::ranges::all_of(value, bare);
}

}  // namespace sluice::text
