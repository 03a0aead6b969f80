#include "engine/dsn/lines.h"

#include <algorithm>

#include "engine/message/date.h"
#include "engine/smtp/ascii.h"
#include "engine/smtp/parameters.h"
#include "engine/smtp/path.h"

namespace sluice::dsn::detail {
namespace {

constexpr std::size_t kLineBytesWanted = 78;
constexpr std::size_t kQuotedLineBytesMax = 76;
constexpr std::string_view kHex = "0123456789ABCDEF";

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// Marks that turn the direction of what is written around them: U+200E, U+200F, U+202A to U+202E,
// U+2066 to U+2069.  With them an address can be made to look like another one.
bool turns_direction(std::string_view piece) {
  if (piece.size() != 3 || piece[0] != '\xe2') return false;
  const auto last = static_cast<unsigned char>(piece[2]);
  if (piece[1] == '\x80') return last == 0x8e || last == 0x8f || (last >= 0xaa && last <= 0xae);
  return piece[1] == '\x81' && last >= 0xa6 && last <= 0xa9;
}

// The first character of `text`, or "?" in its place; taken off it.
std::string_view take_character(std::string_view& text, Charset charset) {
  const std::size_t size = smtp::utf8_sequence(text);
  const std::string_view piece = text.substr(0, std::max<std::size_t>(size, 1));
  text.remove_prefix(piece.size());
  const bool clean =
      size == 1 ? !smtp::is_control(piece[0])
                : size > 1 && charset == Charset::utf8 && smtp::is_clean_utf8(piece) && !turns_direction(piece);
  return clean ? piece : std::string_view("?");
}

// RFC 6533 3: EmbeddedUnicodeChar = "\x{" HEXPOINT "}", at least two digits: nothing below a space
// comes here.
void append_embedded(std::string& out, std::string_view sequence) {
  auto code_point = static_cast<std::uint32_t>(static_cast<unsigned char>(sequence[0]));
  if (sequence.size() > 1) code_point &= 0x7fU >> sequence.size();
  for (const char c : sequence.substr(1)) code_point = code_point << 6U | (static_cast<unsigned char>(c) & 0x3fU);
  std::string digits;
  for (; code_point != 0; code_point >>= 4U) digits.insert(digits.begin(), kHex[code_point & 0xfU]);
  out += "\\x{" + digits + "}";
}

// Clean UTF-8 in ASCII.  `specials` are those of xtext and the backslash.
std::string embedded(std::string_view address, bool specials) {
  std::string out;
  while (!address.empty()) {
    const std::string_view piece = address.substr(0, smtp::utf8_sequence(address));
    address.remove_prefix(piece.size());
    const bool special = specials && std::string_view("+=\\ ").contains(piece[0]);
    if (piece.size() > 1 || special)
      append_embedded(out, piece);
    else
      out += piece;
  }
  return out;
}

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

}  // namespace

std::string clean_words(std::string_view text, std::size_t bytes_max, Charset charset) {
  std::string out;
  bool space = false;
  while (!text.empty()) {
    if (is_space(text[0])) {
      space = !out.empty();
      text.remove_prefix(1);
      continue;
    }
    const std::string_view piece = take_character(text, charset);
    if (out.size() + (space ? 1 : 0) + piece.size() > bytes_max) break;
    if (space) out += ' ';
    space = false;
    out += piece;
  }
  return out;
}

std::string clean_address(std::string_view address, Charset charset) {
  std::string out;
  while (!address.empty()) {
    const std::string_view piece = take_character(address, charset);
    if (out.size() + piece.size() > kAddressShownMax) break;
    out += piece;
  }
  return out;
}

// RFC 5322 2.2.3: a line is folded before white space, and none but white space is no line.
void append_wrapped(std::string& out, std::string_view first, std::string_view rest, std::string_view words) {
  std::size_t line = out.size();
  out += first;
  bool at_start = true;
  while (!words.empty()) {
    const std::string_view word = words.substr(0, words.find(' '));
    words.remove_prefix(std::min(word.size() + 1, words.size()));
    if (word.empty()) continue;
    if (!at_start && out.size() - line + 1 + word.size() > kLineBytesWanted) {
      out += "\r\n";
      line = out.size();
      out += rest;
      at_start = true;
    }
    if (!at_start) out += ' ';
    at_start = false;
    out += word;
  }
  out += "\r\n";
}

void append_folded(std::string& out, std::string_view name, std::string_view words) {
  append_wrapped(out, std::string(name) + ": ", " ", words);
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += ": ";
  out += value;
  out += "\r\n";
}

void append_quoted_printable(std::string& out, std::string_view text) {
  std::size_t line = out.size();
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i).starts_with("\r\n")) {
      out += "\r\n";
      line = out.size();
      ++i;
      continue;
    }
    const char c = text[i];
    // "Bytes with values of 9 and 32 ... MUST NOT be so represented at the end of an encoded
    // line".
    const bool at_end = i + 1 == text.size() || text.substr(i + 1).starts_with("\r\n");
    const bool plain = c == ' ' || c == '\t' ? !at_end : c > ' ' && c <= '~' && c != '=';
    if (out.size() - line + (plain ? 1 : 3) > kQuotedLineBytesMax - 1) {
      out += "=\r\n";
      line = out.size();
    }
    if (plain) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '=';
    out += kHex[byte >> 4U];
    out += kHex[byte & 0xfU];
  }
}

std::string typed_address(std::string_view address, Charset charset) {
  const std::string clean = clean_address(address, Charset::utf8);
  if (!smtp::has_eight_bit(clean)) return "rfc822; " + clean;
  return "utf-8; " + (charset == Charset::utf8 ? clean : embedded(clean, true));
}

// RFC 3464 2.3.1: the address as the sender gave it, in the form of its type.  What xtext hides
// that is not printable stays in xtext.  RFC 6533 3: for the type utf-8, SMTP carries it in the
// form that a DSN needs.
std::string typed_orcpt(std::string_view orcpt, Charset charset) {
  const std::size_t semicolon = orcpt.find(';');
  if (semicolon == 0 || semicolon == std::string_view::npos) return {};
  const std::string_view type = orcpt.substr(0, semicolon);
  const std::string_view address = orcpt.substr(semicolon + 1);
  if (address.empty() || !std::ranges::all_of(type, [](char c) { return smtp::is_alnum(c) || c == '-'; })) {
    return {};
  }
  const std::string prefix = std::string(type.substr(0, 64)) + "; ";
  if (smtp::equals_ignore_case(type, "utf-8")) {
    const std::string clean = clean_address(address, Charset::utf8);
    return prefix + (charset == Charset::utf8 ? clean : embedded(clean, false));
  }
  const auto decoded = smtp::decode_xtext(address);
  return prefix + clean_address(decoded && is_printable(*decoded) ? *decoded : address, Charset::ascii);
}

std::string embedded_unicode(std::string_view text) { return embedded(text, /*specials=*/false); }

std::string host_of(std::string_view next_hop) {
  std::string_view host = next_hop;
  const std::size_t colon = host.rfind(':');
  if (colon != std::string_view::npos && std::ranges::all_of(host.substr(colon + 1), smtp::is_digit)) {
    host = host.substr(0, colon);
  }
  if (host.starts_with('[') && host.ends_with(']')) {
    std::string literal = "[IPv6:" + std::string(host.substr(1));
    if (!smtp::is_address_literal(literal)) literal.clear();
    return literal;
  }
  if (host.ends_with('.')) host.remove_suffix(1);
  std::string literal = "[" + std::string(host) + "]";
  if (!host.contains(':') && smtp::is_address_literal(literal)) return literal;
  return smtp::check_domain(host, false) == smtp::PathFault::none ? std::string(host) : std::string();
}

std::string date_text(WallMillis time) {
  std::string text;
  message::append_date_time(text, time / 1000);
  return text;
}

}  // namespace sluice::dsn::detail
