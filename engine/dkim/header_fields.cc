#include "engine/dkim/header_fields.h"

#include <algorithm>
#include <array>
#include <bit>

#include "engine/dkim/white_space.h"
#include "engine/smtp/ascii.h"

namespace sluice::dkim {
namespace {

constexpr std::size_t kFieldBlock = 64;

// Of the bytes of a block, the LFs that no blank follows (bit i is byte i).  Reads one byte behind it, too.
std::uint64_t line_feeds_before_no_blank(const char* block) {
  std::uint64_t found = 0;
#ifdef SLUICE_SCAN_SSE2
  using white_space_detail::equal;
  constexpr std::size_t kLane = 16;
  for (std::size_t i = 0; i < kFieldBlock; i += kLane) {
    const __m128i here = smtp::scan_detail::load_16(block + i);
    const __m128i next = smtp::scan_detail::load_16(block + i + 1);
    const __m128i ends = _mm_andnot_si128(_mm_or_si128(equal(next, ' '), equal(next, '\t')), equal(here, '\n'));
    found |= std::uint64_t{static_cast<std::uint32_t>(_mm_movemask_epi8(ends))} << i;
  }
#else
  for (std::size_t i = 0; i < kFieldBlock; ++i)
    found |= std::uint64_t{block[i] == '\n' && !smtp::is_blank(block[i + 1])} << i;
#endif
  return found;
}

// RFC 5322 2.2: "printable US-ASCII characters ... except colon".
constexpr bool is_name_byte(char c) { return c > ' ' && c < '\x7f' && c != ':'; }

// The size of the name that `field` begins with.  `end`: of the header, behind which nothing is read; before that a CR
// ends the field, and a name.
std::size_t name_size(std::string_view field, const char* end) {
  std::size_t size = 0;
#ifdef SLUICE_SCAN_SSE2
  using white_space_detail::equal;
  constexpr std::ptrdiff_t kLane = 16;
  for (; end - field.data() - static_cast<std::ptrdiff_t>(size) >= kLane; size += kLane) {
    const __m128i lane = smtp::scan_detail::load_16(field.data() + size);
    // Bytes of eight bits are negative here.
    const __m128i above = _mm_cmpgt_epi8(lane, _mm_set1_epi8(' '));
    const __m128i inside = _mm_andnot_si128(_mm_or_si128(equal(lane, ':'), equal(lane, '\x7f')), above);
    if (const auto mask = static_cast<std::uint32_t>(_mm_movemask_epi8(inside)); mask != 0xffff)
      return size + static_cast<std::size_t>(std::countr_one(mask));
  }
#endif
  while (size < field.size() && is_name_byte(field[size])) ++size;
  return size;
}

std::optional<HeaderField> read_field(std::string_view whole, const char* end) {
  if (whole.ends_with("\r\n")) whole.remove_suffix(2);
  const std::size_t size = name_size(whole, end);
  std::size_t colon = size;
  while (colon < whole.size() && smtp::is_blank(whole[colon])) ++colon;
  if (size == 0 || colon == whole.size() || whole[colon] != ':') return std::nullopt;
  return HeaderField{.name = whole.substr(0, size), .whole = whole, .colon = colon};
}

}  // namespace

void HeaderFieldReader::scan_block() {
  block_ = unscanned_;
  const auto left = static_cast<std::size_t>(end_ - block_);
  if (left > kFieldBlock) {
    line_ends_ = line_feeds_before_no_blank(block_);
    unscanned_ += kFieldBlock;
    return;
  }
  std::array<char, kFieldBlock + 1> rest{};
  std::copy(block_, end_, rest.data());
  line_ends_ = line_feeds_before_no_blank(rest.data());
  unscanned_ = end_;
}

// RFC 5322 2.2.3: a line that begins with white space continues the field before it.  A bare LF ends no line.
const char* HeaderFieldReader::find_field_end() {
  for (;;) {
    while (line_ends_ != 0) {
      const char* const line_feed = block_ + std::countr_zero(line_ends_);
      line_ends_ &= line_ends_ - 1;
      if (line_feed != begin_ && line_feed[-1] == '\r') return line_feed + 1;
    }
    if (unscanned_ == end_) return end_;
    scan_block();
  }
}

std::optional<HeaderField> HeaderFieldReader::next() {
  while (at_ != end_ && !std::string_view(at_, end_).starts_with("\r\n")) {
    const char* const begin = at_;
    at_ = find_field_end();
    if (auto field = read_field({begin, at_}, end_)) return field;
  }
  return std::nullopt;
}

}  // namespace sluice::dkim
