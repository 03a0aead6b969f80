// The loops over a text with masks of 64 bytes: no branch for a tag or a word.
#include "policy/noticing/text_loops.h"

#ifdef __x86_64__
#include <immintrin.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "policy/noticing/text_marks.h"
#endif

namespace sluice::noticing {

#ifdef __x86_64__
namespace {

// Bit i: how many of the bits up to i are set, its lowest bit.
[[gnu::always_inline]] inline std::uint64_t parity_up_to_each(std::uint64_t bits) {
  for (unsigned by = 1; by < 64; by *= 2) bits ^= bits << by;
  return bits;
}

// The brackets of a block that open and close tags.
struct Brackets {
  std::uint64_t opening = 0;
  std::uint64_t inside = 0;  // the byte is behind a "<", up to the ">"
  bool open = false;         // the last tag goes on in the next block
};

// `opening`, `closing`: what would open a tag outside of one, and what would close one inside.  Those that come where
// they mean nothing are taken out one by one, the first of them first: all that is in front of it was right.
[[gnu::always_inline]] inline Brackets paired(std::uint64_t opening, std::uint64_t closing, bool open) {
  while (true) {
    const std::uint64_t up_to_each = parity_up_to_each(opening | closing) ^ (open ? ~std::uint64_t{0} : 0);
    const std::uint64_t inside = up_to_each << 1 | (open ? 1U : 0U);
    const std::uint64_t wrong = (opening & inside) | (closing & ~inside);
    if (wrong == 0) [[likely]]
      return {.opening = opening, .inside = inside, .open = up_to_each >> 63 != 0};
    const std::uint64_t first = wrong & -wrong;
    opening &= ~first;
    closing &= ~first;
  }
}

#pragma clang attribute push(__attribute__((target("avx512bw,avx512vbmi,avx512vbmi2,bmi,bmi2,lzcnt,popcnt"))), \
                             apply_to = function)

[[gnu::always_inline]] inline std::size_t write_kept(const char* block, std::uint64_t kept, char* to) {
  __m512i bytes;
  std::memcpy(&bytes, block, sizeof bytes);
  bytes = _mm512_maskz_compress_epi8(kept, bytes);
  std::memcpy(to, &bytes, sizeof bytes);
  return static_cast<std::size_t>(std::popcount(kept));
}

std::size_t keep_text_avx512(std::string_view& rest, char* out, std::size_t room, bool& opened) {
  const char* const last = rest.data() + rest.size() - 2 * kBlockBytes;  // bytes behind a block are looked at, too
  char* to = out;
  const char* const full = out + room;
  const char* block = rest.data();
  const char* tag = nullptr;
  bool open = false;
  for (; block <= last && to < full; block += kBlockBytes) {
    const TextBlock bytes(block);
    const std::uint64_t less = bytes.equal('<');
    const std::uint64_t greater = bytes.equal('>');
    if (open && !is_short_tag(tag, block)) break;
    if ((less | greater) == 0) {
      if (open) continue;
      std::memcpy(to, block, kBlockBytes);
      to += kBlockBytes;
      continue;
    }
    const TextBlock next(block + 1);
    const std::uint64_t opens = next.letter() | next.equal('/') | next.equal('!') | next.equal('?');
    const Brackets brackets = paired(less & opens, greater, open);
    std::uint64_t kept = ~brackets.inside & ~less;
    std::uint64_t hiding = brackets.opening & next.letter('s');
    for (; hiding != 0; hiding &= hiding - 1) {
      const char* const begin = block + std::countr_zero(hiding) + 1;
      if (!may_hide(begin)) continue;
      kept &= (hiding & -hiding) - 1;
      to += write_kept(block, kept, to);
      opened = true;
      rest.remove_prefix(static_cast<std::size_t>(begin - rest.data()));
      return static_cast<std::size_t>(to - out);
    }
    to += write_kept(block, kept, to);
    open = brackets.open;
    if (brackets.opening != 0) tag = block + kBlockBytes - std::countl_zero(brackets.opening);
  }
  opened = open;
  rest.remove_prefix(static_cast<std::size_t>((open ? tag : block) - rest.data()));
  return static_cast<std::size_t>(to - out);
}

void find_words_avx512(const char* text, std::size_t size, bool& behind_blank, WordStarts& words) {
  alignas(kBlockBytes) static constexpr auto kOffsets = [] {
    std::array<std::uint8_t, kBlockBytes> offsets{};
    for (std::size_t i = 0; i < offsets.size(); ++i) offsets[i] = static_cast<std::uint8_t>(i);
    return offsets;
  }();
  const __m512i all_offsets = _mm512_load_si512(kOffsets.data());
  std::uint16_t* to = words.at.data();
  Distances distances;
  for (std::size_t block = 0; block < size; block += kBlockBytes) {
    const std::uint64_t starts = word_starts(TextBlock(text + block), behind_blank);
    distances.add(starts);
    // Sixteen at a time, which are all that there are in most languages.
    const int found = std::popcount(starts);
    const __m512i offsets = _mm512_maskz_compress_epi8(starts, all_offsets);
    const __m256i first = _mm256_set1_epi16(static_cast<short>(block));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to),
                        _mm256_add_epi16(first, _mm256_cvtepu8_epi16(_mm512_castsi512_si128(offsets))));
    if (found > 16) [[unlikely]] {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + 16),
                          _mm256_add_epi16(first, _mm256_cvtepu8_epi16(_mm512_extracti32x4_epi32(offsets, 1))));
      const __m512i step = _mm512_set1_epi16(static_cast<short>(block));
      if (found > 32)
        _mm512_storeu_si512(to + 32,
                            _mm512_add_epi16(step, _mm512_cvtepu8_epi16(_mm512_extracti64x4_epi64(offsets, 1))));
    }
    to += found;
  }
  words.size = static_cast<std::size_t>(to - words.at.data());
  words.far_apart = distances.far_apart();
}

void add_words_bmi2(const char* text, std::span<const std::uint16_t> starts, LeastInTurns& least) {
  add_all_words(text, starts, least);
}

// Mula, Lemire, "Base64 encoding and decoding at almost the speed of a memory copy", 2019.
std::size_t decode_avx512(std::string_view run, char* out) {
  while (run.ends_with('=')) run.remove_suffix(1);
  // The bytes of 24 bits in each 32, the highest one first.
  alignas(kBlockBytes) static constexpr auto kOrder = [] {
    std::array<std::uint8_t, kBlockBytes> order{};
    for (std::size_t i = 0; i < kBlockBytes / 4 * 3; ++i) order[i] = static_cast<std::uint8_t>(i / 3 * 4 + 2 - i % 3);
    return order;
  }();
  const __m512i order = _mm512_load_si512(kOrder.data());
  const __m512i values_low = _mm512_load_si512(kBase64Values.data());
  const __m512i values_high = _mm512_load_si512(kBase64Values.data() + kBlockBytes);
  __m512i wrong = _mm512_setzero_si512();
  std::size_t size = 0;
  for (std::string_view left = run.substr(0, run.size() / 4 * 4); !left.empty();
       left = left.substr(std::min(left.size(), kBlockBytes))) {
    const std::size_t characters = std::min(left.size(), kBlockBytes);
    const __mmask64 there = ~std::uint64_t{0} >> (kBlockBytes - characters);
    const __m512i text = _mm512_mask_loadu_epi8(_mm512_set1_epi8('A'), there, left.data());
    const __m512i values = _mm512_permutex2var_epi8(values_low, text, values_high);
    wrong = _mm512_or_si512(wrong, _mm512_or_si512(text, values));
    const __m512i twelves = _mm512_maddubs_epi16(values, _mm512_set1_epi16(0x0140));
    const __m512i bits = _mm512_madd_epi16(twelves, _mm512_set1_epi32(0x0001'1000));
    _mm512_storeu_si512(out + size, _mm512_permutexvar_epi8(order, bits));
    size += characters / 4 * 3;
  }
  return _mm512_movepi8_mask(wrong) == 0 ? size : 0;
}

#pragma clang attribute pop

}  // namespace

TextLoops avx512_text_loops() {
  if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vbmi") &&
      __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("lzcnt"))
    return {.keep_text = keep_text_avx512,
            .find_words = find_words_avx512,
            .add_words = add_words_bmi2,
            .decode = decode_avx512};
  return {};
}
#else
TextLoops avx512_text_loops() { return {}; }
#endif

}  // namespace sluice::noticing
