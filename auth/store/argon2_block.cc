#include "auth/store/argon2_block.h"

#include <algorithm>

namespace sluice::auth {
namespace {

using Words = Argon2Words;
using Words16 = std::array<Words, kArgon2BlockWords / 8>;

// Everything down to compress() is inlined into functions that each are compiled for other vectors: how a vector would
// be handed to a function does not matter.
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wpsabi"

[[gnu::always_inline]] inline Words turned_right(Words words, unsigned bits) {
  return words >> bits | words << (64 - bits);
}

[[gnu::always_inline]] inline Words sum(Words x, Words y) {
  constexpr std::uint64_t kLowHalf = 0xFFFFFFFFU;
  return x + y + 2 * ((x & kLowHalf) * (y & kLowHalf));
}

// RFC 9106 3.6, GB, for eight at once.
[[gnu::always_inline]] inline void mix(Words& a, Words& b, Words& c, Words& d) {
  a = sum(a, b);
  d = turned_right(d ^ a, 32);
  c = sum(c, d);
  b = turned_right(b ^ c, 24);
  a = sum(a, b);
  d = turned_right(d ^ a, 16);
  c = sum(c, d);
  b = turned_right(b ^ c, 63);
}

// The permutation P of two groups of sixteen words: the lower halves of the four vectors have the rows of one group,
// the upper halves those of the other.  First the columns, then the diagonals, for which rows are turned.
[[gnu::always_inline]] inline void permute(Words& a, Words& b, Words& c, Words& d) {
  mix(a, b, c, d);
  b = __builtin_shufflevector(b, b, 1, 2, 3, 0, 5, 6, 7, 4);
  c = __builtin_shufflevector(c, c, 2, 3, 0, 1, 6, 7, 4, 5);
  d = __builtin_shufflevector(d, d, 3, 0, 1, 2, 7, 4, 5, 6);
  mix(a, b, c, d);
  b = __builtin_shufflevector(b, b, 3, 0, 1, 2, 7, 4, 5, 6);
  c = __builtin_shufflevector(c, c, 2, 3, 0, 1, 6, 7, 4, 5);
  d = __builtin_shufflevector(d, d, 1, 2, 3, 0, 5, 6, 7, 4);
}

[[gnu::always_inline]] inline Words lower_halves(Words x, Words y) {
  return __builtin_shufflevector(x, y, 0, 1, 2, 3, 8, 9, 10, 11);
}
[[gnu::always_inline]] inline Words upper_halves(Words x, Words y) {
  return __builtin_shufflevector(x, y, 4, 5, 6, 7, 12, 13, 14, 15);
}

// Sixteen words in a row of the block are a group: the rows `row` and `row` + 1.
[[gnu::always_inline]] inline void permute_rows(Words16& w, std::size_t row) {
  Words& first = w[2 * row];
  Words& second = w[2 * row + 1];
  Words& third = w[2 * row + 2];
  Words& fourth = w[2 * row + 3];
  Words a = lower_halves(first, third);
  Words b = upper_halves(first, third);
  Words c = lower_halves(second, fourth);
  Words d = upper_halves(second, fourth);
  permute(a, b, c, d);
  first = lower_halves(a, b);
  third = upper_halves(a, b);
  second = lower_halves(c, d);
  fourth = upper_halves(c, d);
}

[[gnu::always_inline]] inline Words left_pairs(Words x, Words y) {
  return __builtin_shufflevector(x, y, 0, 1, 8, 9, 2, 3, 10, 11);
}
[[gnu::always_inline]] inline Words right_pairs(Words x, Words y) {
  return __builtin_shufflevector(x, y, 4, 5, 12, 13, 6, 7, 14, 15);
}
[[gnu::always_inline]] inline Words upper_row(Words x, Words y) {
  return __builtin_shufflevector(x, y, 0, 1, 4, 5, 8, 9, 12, 13);
}
[[gnu::always_inline]] inline Words lower_row(Words x, Words y) {
  return __builtin_shufflevector(x, y, 2, 3, 6, 7, 10, 11, 14, 15);
}

// Two words of each of the eight rows are a group: four of the eight columns of pairs, those in one half of the rows.
[[gnu::always_inline]] inline void permute_columns(Words16& w, std::size_t half) {
  std::array<Words, 4> left;
  std::array<Words, 4> right;
  for (std::size_t i = 0; i < 4; ++i) {
    left[i] = left_pairs(w[4 * i + half], w[4 * i + 2 + half]);
    right[i] = right_pairs(w[4 * i + half], w[4 * i + 2 + half]);
  }
  permute(left[0], left[1], left[2], left[3]);
  permute(right[0], right[1], right[2], right[3]);
  for (std::size_t i = 0; i < 4; ++i) {
    w[4 * i + half] = upper_row(left[i], right[i]);
    w[4 * i + 2 + half] = lower_row(left[i], right[i]);
  }
}

[[gnu::always_inline]] inline void compress(const Argon2Block& previous, const Argon2Block& reference,
                                            Argon2Block& next, Argon2Next how) {
  Words16 w;
  for (std::size_t i = 0; i < w.size(); ++i) w[i] = previous.words[i] ^ reference.words[i];
  if (how == Argon2Next::combined) {
    for (std::size_t i = 0; i < w.size(); ++i) next.words[i] ^= w[i];
  } else {
    next.words = w;
  }
  for (std::size_t row = 0; row < 8; row += 2) permute_rows(w, row);
  for (std::size_t half = 0; half < 2; ++half) permute_columns(w, half);
  for (std::size_t i = 0; i < w.size(); ++i) next.words[i] ^= w[i];
}

#pragma clang diagnostic pop

void compress_anywhere(const Argon2Block& previous, const Argon2Block& reference, Argon2Block& next, Argon2Next how) {
  compress(previous, reference, next, how);
}

#ifdef __x86_64__
[[gnu::target("avx2")]] void compress_avx2(const Argon2Block& previous, const Argon2Block& reference, Argon2Block& next,
                                           Argon2Next how) {
  compress(previous, reference, next, how);
}

[[gnu::target("avx512f")]] void compress_avx512(const Argon2Block& previous, const Argon2Block& reference,
                                                Argon2Block& next, Argon2Next how) {
  compress(previous, reference, next, how);
}
#endif

}  // namespace

// The fastest one comes first.
std::array<Argon2Compress, 3> all_argon2_compress() {
  std::array<Argon2Compress, 3> all{};
  std::size_t size = 0;
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx512f")) all[size++] = compress_avx512;
  if (__builtin_cpu_supports("avx2")) all[size++] = compress_avx2;
#endif
  all[size] = compress_anywhere;
  return all;
}

Argon2Compress argon2_compress() { return all_argon2_compress().front(); }

}  // namespace sluice::auth
