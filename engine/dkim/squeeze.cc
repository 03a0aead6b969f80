#include "engine/dkim/squeeze.h"

#include <algorithm>

#include "engine/dkim/white_space.h"
#include "engine/smtp/ascii.h"

#ifdef __x86_64__
#include <immintrin.h>

#include <bit>
#include <cstdint>
#include <cstring>
#endif

namespace sluice::dkim {
namespace {

bool at_fold(const char* at, const char* end) {
  return end - at > 2 && at[0] == '\r' && at[1] == '\n' && smtp::is_blank(at[2]);
}

// Behind the blanks and folds that begin at `at`.
const char* past_white_space(const char* at, const char* end) {
  for (;;) {
    if (at != end && smtp::is_blank(*at))
      ++at;
    else if (at_fold(at, end))
      at += 2;
    else
      return at;
  }
}

#ifdef __x86_64__

constexpr std::size_t kSqueezeLane = 64;
static_assert(kSqueezeBytesMin == kSqueezeLane + 2);

#pragma clang attribute push(__attribute__((target("avx512bw,avx512vbmi2,bmi,popcnt"))), apply_to = function)

[[gnu::always_inline]] inline __m512i lane_at(const char* at) {
  __m512i lane;
  std::memcpy(&lane, at, sizeof lane);
  return lane;
}

[[gnu::always_inline]] inline std::uint64_t equal_in(__m512i lane, char c) {
  return _mm512_cmpeq_epi8_mask(lane, _mm512_set1_epi8(c));
}

Squeezed squeeze_avx512(const char* at, const char* end, SqueezeBuffer& out) {
  std::size_t size = 0;
  while (static_cast<std::size_t>(end - at) >= kSqueezeBytesMin && out.size() - size >= kSqueezeLane) {
    const __m512i lane = lane_at(at);
    const __m512i next = lane_at(at + 1);
    const std::uint64_t tabs = equal_in(lane, '\t');
    const std::uint64_t before_blank = equal_in(next, ' ') | equal_in(next, '\t');
    const std::uint64_t before_line_end = equal_in(next, '\r') & equal_in(lane_at(at + 2), '\n');
    std::uint64_t kept = ~((equal_in(lane, ' ') | tabs) & (before_blank | before_line_end));
    // Its LF may be the first byte of the next lane.
    const bool cr_is_last = at[kSqueezeLane - 1] == '\r';
    if (cr_is_last) kept &= ~(std::uint64_t{1} << (kSqueezeLane - 1));
    // To a register first: to memory, byte by byte, it takes 50 times as long on Zen 4.
    const __m512i spaces = _mm512_mask_mov_epi8(lane, tabs, _mm512_set1_epi8(' '));
    const __m512i squeezed = _mm512_maskz_compress_epi8(kept, spaces);
    std::memcpy(out.data() + size, &squeezed, sizeof squeezed);
    size += static_cast<std::size_t>(std::popcount(kept));
    at += kSqueezeLane - (cr_is_last ? 1 : 0);
  }
  return {.at = at, .size = size};
}

// The first `count` bits, of which there is one.
constexpr std::uint64_t first_bits(std::size_t count) { return ~std::uint64_t{0} >> (kSqueezeLane - count); }

// Of a run of blanks and folds the last byte stays, which is a blank.  Of a lane that is not the last one, what is
// decided by bytes behind it is left to the next lane, which begins at the same place whatever is found, so that the
// CPU need not wait to load it.
char* squeeze_field_avx512(const char* at, const char* end, char* out) {
  constexpr std::size_t kDecided = kSqueezeLane - 3;
  char* const begin = out;
  at = past_white_space(at, end);
  std::uint64_t divided = 0;  // the first byte of a lane is the LF of a fold
  while (at != end) {
    const auto left = static_cast<std::size_t>(end - at);
    const bool last = left <= kSqueezeLane;
    const __m512i lane = _mm512_maskz_loadu_epi8(first_bits(last ? left : kSqueezeLane), at);
    const std::uint64_t tabs = equal_in(lane, '\t');
    const std::uint64_t blanks = tabs | equal_in(lane, ' ');
    const std::uint64_t folds = equal_in(lane, '\r') & (equal_in(lane, '\n') >> 1U) & (blanks >> 2U);
    const std::size_t size = last ? left : kDecided;
    const std::uint64_t gone = divided | folds | (folds << 1U) | (blanks & ((blanks | folds) >> 1U));
    divided = (folds >> (kDecided - 1)) & 1U;
    const std::uint64_t kept = ~gone & first_bits(size);
    const __m512i spaces = _mm512_mask_mov_epi8(lane, tabs, _mm512_set1_epi8(' '));
    const __m512i squeezed = _mm512_maskz_compress_epi8(kept, spaces);
    std::memcpy(out, &squeezed, sizeof squeezed);
    out += std::popcount(kept);
    at += size;
  }
  return out != begin && out[-1] == ' ' ? out - 1 : out;
}

#pragma clang attribute pop

#endif

}  // namespace

Squeeze squeeze_of_this_machine() {
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vbmi2")) return squeeze_avx512;
#endif
  return nullptr;
}

SqueezeField squeeze_field_of_this_machine() {
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vbmi2")) return squeeze_field_avx512;
#endif
  return squeeze_field_by_changes;
}

char* squeeze_field_by_changes(const char* at, const char* end, char* out) {
  const char* begin = past_white_space(at, end);
  at = begin;
  while ((at = find_change<true>(at, end)) != end) {
    const char* const past = past_white_space(at, end);
    if (past == at) {  // a bare CR
      ++at;
      continue;
    }
    out = std::copy(begin, at, out);
    if (past != end) *out++ = ' ';
    begin = at = past;
  }
  return std::copy(begin, end, out);
}

}  // namespace sluice::dkim
