#include "engine/sender_dns/spf_macro.h"

#include <algorithm>
#include <array>
#include <vector>

#include "engine/base/ascii.h"
#include "engine/io/address.h"

namespace sluice::sender_dns {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return to_lower(c) >= 'a' && to_lower(c) <= 'z'; }

constexpr std::string_view kDelimiters = ".-+,/_=";

// "%{" letter transformers delimiters "}"
struct Macro {
  char letter = 0;
  bool escaped = false;  // written as a capital
  unsigned parts = 0;    // 0: all
  bool reversed = false;
  std::string_view delimiters;
};

// Takes one off the front of `text`, which begins behind "%{".  nullopt: it is none.
std::optional<Macro> take_macro(std::string_view& text, SpfMacroUse use) {
  const std::string_view letters = use == SpfMacroUse::explanation ? "slodiphcrtv" : "slodiphv";
  const std::size_t end = text.find('}');
  if (end == std::string_view::npos || end == 0) return std::nullopt;
  std::string_view inside = text.substr(0, end);
  text.remove_prefix(end + 1);
  Macro macro{.letter = to_lower(inside.front())};
  macro.escaped = macro.letter != inside.front();
  inside.remove_prefix(1);
  if (letters.find(macro.letter) == std::string_view::npos) return std::nullopt;
  const std::size_t digits = static_cast<std::size_t>(std::ranges::find_if_not(inside, is_digit) - inside.begin());
  if (digits != 0) {
    // No value has more than 128 parts.
    constexpr unsigned kPartsMax = 128;
    for (const char c : inside.substr(0, digits))
      macro.parts = std::min(kPartsMax, macro.parts * 10 + static_cast<unsigned>(c - '0'));
    if (macro.parts == 0) return std::nullopt;  // 7.1: "The DIGIT transformer ... MUST be nonzero"
    inside.remove_prefix(digits);
  }
  if (!inside.empty() && to_lower(inside.front()) == 'r') {
    macro.reversed = true;
    inside.remove_prefix(1);
  }
  if (inside.find_first_not_of(kDelimiters) != std::string_view::npos) return std::nullopt;
  macro.delimiters = inside;
  return macro;
}

std::string nibbles(const IpBytes& ip) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : ip.span()) {
    for (const unsigned nibble : {unsigned{byte} >> 4U, byte & 0xFU}) {
      if (!text.empty()) text += '.';
      text += kHex[nibble];
    }
  }
  return text;
}

std::string address_text(const IpBytes& ip) { return io::Address::from_bytes(ip.span(), 0).ip(); }

std::string value_of(char letter, const SpfMacroValues& values) {
  switch (letter) {
    case 's':
      return values.local_part + "@" + values.sender_domain;
    case 'l':
      return values.local_part;
    case 'o':
      return values.sender_domain;
    case 'd':
      return values.domain;
    case 'i':
      return values.ip.size == 4 ? address_text(values.ip) : nibbles(values.ip);
    case 'p':
      return values.validated ? values.validated() : "unknown";
    case 'v':
      return values.ip.size == 4 ? "in-addr" : "ip6";
    case 'h':
      return values.helo;
    case 'c':
      return address_text(values.ip);
    case 'r':
      return values.receiver;
    default:  // 't'
      return std::to_string(values.now_s);
  }
}

std::vector<std::string_view> split(std::string_view text, std::string_view delimiters) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t at = text.find_first_of(delimiters);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

// 7.3: the value is split at the delimiters, reversed, cut to its right-hand parts, and joined by dots.
std::string transformed(const Macro& macro, const std::string& value) {
  if (macro.parts == 0 && !macro.reversed && macro.delimiters.empty()) return value;
  std::vector<std::string_view> parts = split(value, macro.delimiters.empty() ? "." : macro.delimiters);
  if (macro.reversed) std::ranges::reverse(parts);
  const std::size_t skipped = macro.parts == 0 || macro.parts >= parts.size() ? 0 : parts.size() - macro.parts;
  std::string text;
  for (std::size_t at = skipped; at < parts.size(); ++at) {
    if (at != skipped) text += '.';
    text += parts[at];
  }
  return text;
}

// RFC 3986 2.1, 2.3.
std::string percent_escaped(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string escaped;
  for (const char c : text) {
    if (is_letter(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~') {
      escaped += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    escaped += '%';
    escaped += kHex[byte >> 4U];
    escaped += kHex[byte & 0xFU];
  }
  return escaped;
}

// Calls back with each piece: literally `text`, or a macro.  False where it is no macro-string.
template <typename OnText, typename OnMacro>
bool walk(std::string_view text, SpfMacroUse use, OnText on_text, OnMacro on_macro) {
  while (!text.empty()) {
    const std::size_t percent = text.find('%');
    if (percent != 0) {
      if (!on_text(text.substr(0, percent))) return false;
      text.remove_prefix(std::min(percent, text.size()));
      continue;
    }
    if (text.size() < 2) return false;
    const char next = text[1];
    text.remove_prefix(2);
    if (next == '{') {
      const auto macro = take_macro(text, use);
      if (!macro || !on_macro(*macro)) return false;
    } else if (next == '%' || next == '_' || next == '-') {
      if (!on_text(next == '%' ? "%" : next == '_' ? " " : "%20")) return false;
    } else {
      return false;
    }
  }
  return true;
}

// Where the last macro of a macro-string ends; 0: it has none.
std::size_t end_of_last_macro(std::string_view text) {
  std::size_t end = 0;
  for (std::size_t at = text.find('%'); at < text.size(); at = text.find('%', end))
    end = text[at + 1] == '{' ? text.find('}', at) + 1 : at + 2;
  return end;
}

// toplabel: letters, digits and hyphens, none at its ends, and not digits alone.
bool is_top_label(std::string_view label) {
  if (label.empty() || label.starts_with('-') || label.ends_with('-')) return false;
  if (std::ranges::all_of(label, is_digit)) return false;
  return std::ranges::all_of(label, [](char c) { return is_letter(c) || is_digit(c) || c == '-'; });
}

}  // namespace

bool is_macro_string(std::string_view text, SpfMacroUse use) {
  // macro-literal is visible; an explanation has blanks between macro-strings, too.
  const auto literal = [use](std::string_view piece) {
    return std::ranges::all_of(
        piece, [use](char c) { return (c > ' ' && c < 0x7F) || (c == ' ' && use == SpfMacroUse::explanation); });
  };
  // "%_" stands for a blank, which is none in `text`.
  if (!literal(text)) return false;
  return walk(text, use, [](std::string_view) { return true; }, [](const Macro&) { return true; });
}

bool is_domain_spec(std::string_view text) {
  if (text.empty() || !is_macro_string(text, SpfMacroUse::domain)) return false;
  if (end_of_last_macro(text) == text.size()) return true;
  std::string_view end = text.substr(end_of_last_macro(text));
  if (end.ends_with('.')) end.remove_suffix(1);
  const std::size_t dot = end.rfind('.');
  return dot != std::string_view::npos && is_top_label(end.substr(dot + 1));
}

std::optional<std::string> expand_macros(std::string_view text, const SpfMacroValues& values) {
  std::string expanded;
  const auto append = [&](std::string_view piece) {
    expanded += piece;
    return expanded.size() <= kSpfExpandedBytesMax;
  };
  const auto append_macro = [&](const Macro& macro) {
    const std::string value = transformed(macro, value_of(macro.letter, values));
    return append(macro.escaped ? percent_escaped(value) : value);
  };
  if (!walk(text, SpfMacroUse::explanation, append, append_macro)) return std::nullopt;
  return expanded;
}

std::string expand_domain_spec(std::string_view text, const SpfMacroValues& values) {
  constexpr std::size_t kNameBytesMax = 253;
  std::string name = expand_macros(text, values).value_or("");
  if (name.ends_with('.')) name.pop_back();
  while (name.size() > kNameBytesMax) {
    const std::size_t dot = name.find('.');
    if (dot == std::string::npos) break;
    name.erase(0, dot + 1);
  }
  return name;
}

std::string reverse_name(const IpBytes& ip) {
  const std::string forward = ip.size == 4 ? address_text(ip) : nibbles(ip);
  std::vector<std::string_view> parts = split(forward, ".");
  std::ranges::reverse(parts);
  std::string name;
  for (const std::string_view part : parts) (name += part) += '.';
  return name + (ip.size == 4 ? "in-addr" : "ip6") + ".arpa";
}

}  // namespace sluice::sender_dns
