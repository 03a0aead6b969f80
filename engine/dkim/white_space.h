// Where relaxed canonicalization changes something (RFC 6376 3.4.2 and 3.4.4), sixty-four bytes at a time: most text
// has single spaces between words, which stay, so that long runs pass unchanged and are hashed where they are. SSE2,
// which every x86-64 has; plain C++ elsewhere.  Pure functions, for the canonicalizers only.  Any thread.
#pragma once

#include <cstddef>

#include "engine/smtp/ascii.h"
#include "engine/smtp/scan_block.h"

#ifdef SLUICE_SCAN_SSE2
#include <bit>
#include <cstdint>
#endif

namespace sluice::dkim {

// A tab becomes a space; of several blanks one stays, and none before a line end.  A folded header loses its line ends,
// too (`kFolds`).  A space that is the last byte of all counts: what comes next decides.
template <bool kFolds>
constexpr bool may_change(const char* at, const char* end) {
  if (*at == '\t' || (kFolds && *at == '\r')) return true;
  return *at == ' ' && (end - at == 1 || smtp::is_blank(at[1]) || at[1] == '\r');
}

#ifdef SLUICE_SCAN_SSE2

namespace white_space_detail {

inline __m128i equal(__m128i vector, char c) { return _mm_cmpeq_epi8(vector, _mm_set1_epi8(c)); }

// Of sixteen bytes, those that may change; reads one byte behind them.  A space before a tab is left to the caller.
template <bool kFolds>
__m128i changes(const char* bytes) {
  const __m128i here = smtp::scan_detail::load_16(bytes);
  const __m128i next = smtp::scan_detail::load_16(bytes + 1);
  const __m128i space = _mm_and_si128(equal(here, ' '), _mm_or_si128(equal(next, ' '), equal(next, '\r')));
  const __m128i other = kFolds ? _mm_or_si128(equal(here, '\t'), equal(here, '\r')) : equal(here, '\t');
  return _mm_or_si128(space, other);
}

}  // namespace white_space_detail

#endif

// The first byte in [at, end) that may change; `end` if there is none.
template <bool kFolds>
const char* find_change(const char* at, const char* end) {
#ifdef SLUICE_SCAN_SSE2
  using white_space_detail::changes;
  constexpr std::ptrdiff_t kLane = 16;
  const char* const begin = at;
  const auto found = [begin](const char* lane, std::uint32_t mask) {
    const char* const first = lane + std::countr_zero(mask);
    return *first == '\t' && first != begin && first[-1] == ' ' ? first - 1 : first;
  };
  // Where one is, the next one is often near.
  for (std::ptrdiff_t lanes = 0; lanes < 8 && end - at > kLane; ++lanes, at += kLane)
    if (const auto mask = static_cast<std::uint32_t>(_mm_movemask_epi8(changes<kFolds>(at))); mask != 0)
      return found(at, mask);
  for (; end - at > 4 * kLane; at += 4 * kLane) {
    const __m128i first = _mm_or_si128(changes<kFolds>(at), changes<kFolds>(at + kLane));
    const __m128i last = _mm_or_si128(changes<kFolds>(at + 2 * kLane), changes<kFolds>(at + 3 * kLane));
    if (_mm_movemask_epi8(_mm_or_si128(first, last)) != 0) break;
  }
  for (; end - at > kLane; at += kLane)
    if (const auto mask = static_cast<std::uint32_t>(_mm_movemask_epi8(changes<kFolds>(at))); mask != 0)
      return found(at, mask);
  if (end - begin > kLane && at != end) {
    // The rest, with bytes before it that are known to stay; the last byte has none behind it.
    const char* const last = end - kLane - 1;
    if (const auto mask = static_cast<std::uint32_t>(_mm_movemask_epi8(changes<kFolds>(last))); mask != 0)
      return found(last, mask);
    at = end - 1;
    if (!may_change<kFolds>(at, end)) return end;
    return *at == '\t' && at[-1] == ' ' ? at - 1 : at;
  }
#endif
  while (at != end && !may_change<kFolds>(at, end)) ++at;
  return at;
}

// Behind the blanks that begin at `at`.
inline const char* past_blanks(const char* at, const char* end) {
#ifdef SLUICE_SCAN_SSE2
  // Without a branch for each: how long an indentation is, no CPU foresees.
  constexpr std::ptrdiff_t kLane = 16;
  for (; end - at >= kLane; at += kLane) {
    const __m128i lane = smtp::scan_detail::load_16(at);
    const __m128i blank = _mm_or_si128(white_space_detail::equal(lane, ' '), white_space_detail::equal(lane, '\t'));
    const auto mask = static_cast<std::uint32_t>(_mm_movemask_epi8(blank));
    if (mask != 0xffff) return at + std::countr_one(mask);
  }
#endif
  while (at != end && smtp::is_blank(*at)) ++at;
  return at;
}

}  // namespace sluice::dkim
