#include "engine/message/name_address.h"

#include <algorithm>
#include <array>

#include "engine/message/encoded_word.h"
#include "engine/smtp/ascii.h"
#include "engine/smtp/limits.h"

namespace sluice::message {
namespace {

constexpr std::size_t kCharsetShownMax = 40;

struct Stand {
  std::string_view from;
  std::string_view as;
};
// What is shown like an "@", a dot or a blank; and what is not shown at all.
constexpr auto kStands = std::to_array<Stand>({
    {"\xef\xbc\xa0", "@"},  // U+FF20
    {"\xef\xb9\xab", "@"},  // U+FE6B
    {"\xe3\x80\x82", "."},  // U+3002
    {"\xef\xbc\x8e", "."},  // U+FF0E
    {"\xef\xbd\xa1", "."},  // U+FF61
    {"\xe2\x80\xa4", "."},  // U+2024
    {"\xef\xb9\x92", "."},  // U+FE52
    {"\xd9\xa0", "."},      // U+0660, and others that Unicode's table of confusable characters has for a dot (UTS 39)
    {"\xdb\x94", "."},      // U+06D4
    {"\xdb\xb0", "."},      // U+06F0
    {"\xdc\x81", "."},      // U+0701
    {"\xdc\x82", "."},      // U+0702
    {"\xea\x93\xb8", "."},  // U+A4F8
    {"\xea\x98\x8e", "."},  // U+A60E
    {"\xf0\x90\xa9\x90", "."},  // U+10A50
    {"\xf0\x9d\x85\xad", "."},  // U+1D16D
    {"\xc2\xa0", " "},         {"\xe3\x80\x80", " "}, {"\xe2\x80\xaf", " "},
    {"\xe2\x81\x9f", " "},     {"\xc2\xad", ""},      {"\xcd\x8f", ""},  // U+034F
    {"\xe1\xa0\x8e", ""},                                                // U+180E
    {"\xef\xbb\xbf", ""},
});

// U+2000 to U+200A are blanks; U+200B to U+200F, U+202A to U+202E, U+2060 to U+206F are not shown.
std::string_view stands_for(std::string_view piece) {
  for (const Stand& stand : kStands)
    if (piece == stand.from) return stand.as;
  if (piece.size() != 3 || piece[0] != '\xe2') return piece;
  const auto last = static_cast<unsigned char>(piece[2]);
  if (piece[1] == '\x80' && last <= 0x8a) return " ";
  if (piece[1] == '\x80' && (last <= 0x8f || (last >= 0xaa && last <= 0xae))) return "";
  if (piece[1] == '\x81' && last >= 0xa0 && last <= 0xaf) return "";
  return piece;
}

bool is_domain_byte(char c) { return smtp::is_alnum(c) || c == '.' || c == '-' || c == '_' || smtp::is_eight_bit(c); }

// The domain at the start of `text`; empty if there is none of two labels.
std::string_view leading_domain(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t end = text.substr(0, smtp::kDomainBytesMax).find(']');
    return text.substr(0, end == std::string_view::npos ? 0 : end + 1);
  }
  const auto* const past = std::ranges::find_if_not(text, is_domain_byte);
  text = text.substr(0, static_cast<std::size_t>(past - text.begin()));
  while (text.ends_with('.')) text.remove_suffix(1);
  return text.contains('.') && !text.starts_with('.') ? text : std::string_view();
}

// Behind an "@".  Readers pass over what is written around addresses, and leave a comment out.
std::string_view domain_behind(std::string_view text) {
  constexpr std::string_view kAround = " \"'`<([";
  constexpr std::size_t kCommentsMax = 8;
  const auto skip = [&text](std::string_view all) {
    text.remove_prefix(std::min(text.find_first_not_of(all), text.size()));
  };
  skip(" ");
  std::string_view domain = leading_domain(text);
  for (std::size_t i = 0; domain.empty() && i < kCommentsMax && text.starts_with('('); ++i) {
    const std::size_t end = text.substr(0, smtp::kDomainBytesMax).find(')');
    if (end == std::string_view::npos) break;
    const std::string_view inside = text.substr(1, end - 1);
    text.remove_prefix(end + 1);
    skip(" ");
    domain = leading_domain(text);
    if (domain.empty()) domain = leading_domain(inside);
  }
  if (!domain.empty()) return domain;
  skip(kAround);
  return leading_domain(text);
}

}  // namespace

std::string as_seen(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::string_view piece = text.substr(0, std::max<std::size_t>(smtp::utf8_sequence(text), 1));
    text.remove_prefix(piece.size());
    if (piece.size() > 1) {
      out += stands_for(piece);
    } else if (piece[0] == '\r' || piece[0] == '\n' || piece[0] == '\t') {
      out += ' ';
    } else if (!smtp::is_control(piece[0])) {
      out += piece;
    }
  }
  return out;
}

bool is_reordered(std::string_view text) {
  for (std::size_t at = text.find('\xe2'); at != std::string_view::npos; at = text.find('\xe2', at + 1)) {
    const std::string_view piece = text.substr(at, 3);
    if (piece >= "\xe2\x80\xaa" && piece <= "\xe2\x80\xae") return true;
    if (piece >= "\xe2\x81\xa6" && piece <= "\xe2\x81\xa9") return true;
  }
  return false;
}

std::vector<std::string> domains_in_name(std::string_view text) {
  std::vector<std::string> domains;
  if (!text.contains('@') && !text.contains("=?") && !smtp::has_eight_bit(text)) return domains;
  const ReadableWords words = readable_words(text);
  if (!words.unreadable.empty()) domains.push_back("=?" + words.unreadable.substr(0, kCharsetShownMax) + "?=");
  const std::string seen = as_seen(words.text);
  if (seen.contains('@') && is_reordered(words.text)) domains.emplace_back("(reversed)");
  for (std::size_t at = seen.find('@'); at != std::string::npos; at = seen.find('@', at + 1)) {
    const std::string_view before = std::string_view(seen).substr(0, at);
    const std::size_t last = before.find_last_not_of(" \"'(<[");
    if (last == std::string_view::npos) continue;  // nothing before it
    const std::string_view domain = domain_behind(std::string_view(seen).substr(at + 1));
    if (!domain.empty()) domains.emplace_back(domain);
  }
  return domains;
}

}  // namespace sluice::message
