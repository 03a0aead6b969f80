// Where relaxed canonicalization changes something (RFC 6376 3.4.2 and 3.4.4), sixty-four bytes at a time: most text
// has single spaces between words, which stay, so that long runs pass unchanged and are hashed where they are. SSE2,
// which every x86-64 has; plain C++ elsewhere.  Pure functions, for the canonicalizers only.  Any thread.
#pragma once

#include <cstddef>

#include "engine/smtp/ascii.h"

#if defined(__SSE2__)
#define SLUICE_DKIM_SSE2 1
#include <emmintrin.h>

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

#ifdef SLUICE_DKIM_SSE2

namespace white_space_detail {

inline __m128i load(const char* bytes) {
  __m128i vector;
  __builtin_memcpy(&vector, bytes, sizeof(vector));
  return vector;
}

inline __m128i equal(__m128i vector, char c) { return _mm_cmpeq_epi8(vector, _mm_set1_epi8(c)); }

// Of sixteen bytes, those that may change; reads one byte behind them.  A space before a tab is left to the caller.
template <bool kFolds>
__m128i changes(const char* bytes) {
  const __m128i here = load(bytes);
  const __m128i next = load(bytes + 1);
  const __m128i space = _mm_and_si128(equal(here, ' '), _mm_or_si128(equal(next, ' '), equal(next, '\r')));
  const __m128i other = kFolds ? _mm_or_si128(equal(here, '\t'), equal(here, '\r')) : equal(here, '\t');
  return _mm_or_si128(space, other);
}

}  // namespace white_space_detail

#endif

// The first byte in [at, end) that may change; `end` if there is none.
template <bool kFolds>
const char* find_change(const char* at, const char* end) {
#ifdef SLUICE_DKIM_SSE2
  using white_space_detail::changes;
  constexpr std::ptrdiff_t kLane = 16;
  constexpr std::ptrdiff_t kBlock = 4 * kLane;
  const char* const begin = at;
  while (end - at > kBlock) {
    const __m128i first = _mm_or_si128(changes<kFolds>(at), changes<kFolds>(at + kLane));
    const __m128i last = _mm_or_si128(changes<kFolds>(at + 2 * kLane), changes<kFolds>(at + 3 * kLane));
    if (_mm_movemask_epi8(_mm_or_si128(first, last)) != 0) break;
    at += kBlock;
  }
  while (end - at > kLane) {
    const auto mask = static_cast<std::uint32_t>(_mm_movemask_epi8(changes<kFolds>(at)));
    if (mask != 0) {
      at += std::countr_zero(mask);
      return *at == '\t' && at != begin && at[-1] == ' ' ? at - 1 : at;
    }
    at += kLane;
  }
  if (at != begin && at[-1] == ' ' && at != end && *at == '\t') return at - 1;
#endif
  while (at != end && !may_change<kFolds>(at, end)) ++at;
  return at;
}

}  // namespace sluice::dkim
