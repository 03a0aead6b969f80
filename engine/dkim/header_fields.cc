#include "engine/dkim/header_fields.h"

#include <algorithm>
#include <cstring>

#include "engine/smtp/ascii.h"

namespace sluice::dkim {
namespace {

// The size of the line at the start of `text`, its CRLF included.  A bare LF ends none.
std::size_t line_size(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const auto* found = static_cast<const char*>(std::memchr(text.data() + at, '\n', text.size() - at));
    if (found == nullptr) break;
    at = static_cast<std::size_t>(found - text.data()) + 1;
    if (at >= 2 && text[at - 2] == '\r') return at;
  }
  return text.size();
}

std::optional<HeaderField> read_field(std::string_view whole) {
  if (whole.ends_with("\r\n")) whole.remove_suffix(2);
  const std::size_t colon = whole.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const std::string_view name = smtp::without_trailing_blanks(whole.substr(0, colon));
  // RFC 5322 2.2: "printable US-ASCII characters".
  if (name.empty() || !std::ranges::all_of(name, [](char c) { return c > ' ' && c < '\x7f'; })) return std::nullopt;
  return HeaderField{.name = name, .whole = whole, .colon = colon};
}

}  // namespace

std::optional<HeaderField> take_field(std::string_view& header) {
  while (!header.empty() && !header.starts_with("\r\n")) {
    std::size_t size = line_size(header);
    // RFC 5322 2.2.3: a line that begins with white space continues the field before it.
    while (size < header.size() && smtp::is_blank(header[size])) size += line_size(header.substr(size));
    const auto field = read_field(header.substr(0, size));
    header.remove_prefix(size);
    if (field) return field;
  }
  return std::nullopt;
}

}  // namespace sluice::dkim
