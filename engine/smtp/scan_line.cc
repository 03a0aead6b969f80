#include <bit>

#include "engine/smtp/ascii.h"
#include "engine/smtp/scan.h"
#include "engine/smtp/scan_block.h"

namespace sluice::smtp {
namespace {

// The first control character at or after `at`, or the size.
std::size_t find_control(std::string_view input, std::size_t at) {
#ifdef SLUICE_SCAN_SSE2
  while (input.size() - at >= 16) {
    const __m128i vector = scan_detail::load_16(input.data() + at);
    // Unsigned "at most 0x1f", or 0x7f.
    const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(vector, _mm_set1_epi8(0x1f)), vector);
    const __m128i found = _mm_or_si128(low, _mm_cmpeq_epi8(vector, _mm_set1_epi8(0x7f)));
    const auto bits = static_cast<std::uint32_t>(_mm_movemask_epi8(found));
    if (bits != 0) return at + static_cast<std::size_t>(std::countr_zero(bits));
    at += 16;
  }
#endif
  while (at < input.size() && !is_control(input[at])) ++at;
  return at;
}

}  // namespace

// RFC 5321 2.3.8: "Conforming implementations MUST NOT recognize or generate any other character or
// character sequence as a line terminator" than CRLF.
LineFind find_line(std::string_view input) {
  bool clean = true;
  for (std::size_t at = find_control(input, 0); at < input.size(); at = find_control(input, at + 1)) {
    if (input[at] == '\n') return {LineStatus::bare_lf, at, at + 1};
    if (input[at] == '\r') {
      if (at + 1 == input.size()) break;
      if (input[at + 1] != '\n') return {LineStatus::bare_cr, at, at + 1};
      return {clean ? LineStatus::line : LineStatus::unclean, at, at + 2};
    }
    clean &= input[at] == '\t';  // a blank: RFC 5321 4.1.1
  }
  return {};
}

}  // namespace sluice::smtp
