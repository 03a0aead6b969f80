#include "engine/dkim/header_fields.h"

#include "engine/dkim/white_space.h"
#include "engine/smtp/ascii.h"

namespace sluice::dkim {
namespace {

// The first LF at or behind `at` that no blank follows; npos if there is none.
std::size_t find_last_line_feed(std::string_view text, std::size_t at) {
#ifdef SLUICE_SCAN_SSE2
  constexpr std::size_t kLane = 16;
  for (; text.size() - at > kLane; at += kLane) {
    const __m128i here = smtp::scan_detail::load_16(text.data() + at);
    const __m128i next = smtp::scan_detail::load_16(text.data() + at + 1);
    const __m128i blank = _mm_or_si128(white_space_detail::equal(next, ' '), white_space_detail::equal(next, '\t'));
    const __m128i ends = _mm_andnot_si128(blank, white_space_detail::equal(here, '\n'));
    if (const auto mask = static_cast<std::uint32_t>(_mm_movemask_epi8(ends)); mask != 0)
      return at + static_cast<std::size_t>(std::countr_zero(mask));
  }
#endif
  for (; at < text.size(); ++at)
    if (text[at] == '\n' && (at + 1 == text.size() || !smtp::is_blank(text[at + 1]))) return at;
  return std::string_view::npos;
}

// The size of the field at the start of `text`, with its line ends.  RFC 5322 2.2.3: a line that begins with white
// space continues the field before it.  A bare LF ends no line.
std::size_t field_size(std::string_view text) {
  std::size_t at = 0;
  while ((at = find_last_line_feed(text, at)) != std::string_view::npos) {
    ++at;
    if (at >= 2 && text[at - 2] == '\r') return at;
  }
  return text.size();
}

// RFC 5322 2.2: "printable US-ASCII characters ... except colon".
constexpr bool is_name_byte(char c) { return c > ' ' && c < '\x7f' && c != ':'; }

std::optional<HeaderField> read_field(std::string_view whole) {
  if (whole.ends_with("\r\n")) whole.remove_suffix(2);
  std::size_t name_size = 0;
  while (name_size < whole.size() && is_name_byte(whole[name_size])) ++name_size;
  std::size_t colon = name_size;
  while (colon < whole.size() && smtp::is_blank(whole[colon])) ++colon;
  if (name_size == 0 || colon == whole.size() || whole[colon] != ':') return std::nullopt;
  return HeaderField{.name = whole.substr(0, name_size), .whole = whole, .colon = colon};
}

}  // namespace

std::optional<HeaderField> take_field(std::string_view& header) {
  while (!header.empty() && !header.starts_with("\r\n")) {
    const std::size_t size = field_size(header);
    const auto field = read_field(header.substr(0, size));
    header.remove_prefix(size);
    if (field) return field;
  }
  return std::nullopt;
}

}  // namespace sluice::dkim
