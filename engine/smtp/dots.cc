#include "engine/smtp/scan.h"
#include "engine/smtp/scan_block.h"

namespace sluice::smtp {
namespace {

using scan_detail::Place;

// The first dot in `input` at or behind `at` (not 0) that follows an LF; npos if there is none.
std::size_t find_dot_behind_lf(std::string_view input, std::size_t at) {
#ifdef SLUICE_SCAN_SSE2
  constexpr std::size_t kLane = 16;
  const auto lane = [&](std::size_t place) {
    return _mm_and_si128(_mm_cmpeq_epi8(scan_detail::load_16(input.data() + place), _mm_set1_epi8('.')),
                         _mm_cmpeq_epi8(scan_detail::load_16(input.data() + place - 1), _mm_set1_epi8('\n')));
  };
  for (; input.size() - at >= 4 * kLane; at += 4 * kLane) {
    const __m128i first = _mm_or_si128(lane(at), lane(at + kLane));
    const __m128i last = _mm_or_si128(lane(at + 2 * kLane), lane(at + 3 * kLane));
    if (_mm_movemask_epi8(_mm_or_si128(first, last)) != 0) break;
  }
#endif
  for (; at < input.size(); ++at) {
    at = input.find('.', at);
    if (at == std::string_view::npos || input[at - 1] == '\n') return at;
  }
  return std::string_view::npos;
}

// Goes on from `place` to the first line in `input` (not empty), behind its first byte, that begins with a dot, or to
// its end.  The bytes gone over.
std::size_t to_dotted_line(Place& place, std::string_view input) {
  // A line ends with CRLF; the CR may have been the byte before.
  const auto line_ends = [&](std::size_t lf) { return lf == 0 ? place == Place::after_cr : input[lf - 1] == '\r'; };
  for (std::size_t dot = 1; (dot = find_dot_behind_lf(input, dot)) != std::string_view::npos; ++dot) {
    if (!line_ends(dot - 1)) continue;
    place = Place::line_start;
    return dot;
  }
  if (input.back() == '\r')
    place = Place::after_cr;
  else
    place = input.back() == '\n' && line_ends(input.size() - 1) ? Place::line_start : Place::inside;
  return input.size();
}

}  // namespace

DotStuffer::Step DotStuffer::step(std::string_view input) {
  if (place_ == Place::line_start && !dot_done_ && input.starts_with('.')) {
    dot_done_ = true;
    return {0, true};
  }
  if (input.empty()) return {};
  const std::size_t at = to_dotted_line(place_, input);
  dot_done_ = at < input.size();
  return {at, dot_done_};
}

std::string_view DotStuffer::end() const {
  return place_ == Place::line_start ? std::string_view(".\r\n") : std::string_view("\r\n.\r\n");
}

DotUnstuffer::Step DotUnstuffer::step(std::string_view input) {
  if (place_ == Place::line_start && input.starts_with('.')) {
    place_ = Place::inside;
    return {0, 1};
  }
  if (input.empty()) return {};
  const std::size_t at = to_dotted_line(place_, input);
  if (at == input.size()) return {at, 0};
  place_ = Place::inside;
  return {at, 1};
}

}  // namespace sluice::smtp
