#include "policy/noticing/text_loops.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "policy/noticing/text_marks.h"

namespace sluice::noticing {
namespace {

// What is inlined here is compiled twice: for any machine, and for those with AVX2 and BMI (Haswell, Zen).

[[gnu::always_inline]] inline std::uint64_t brackets_of(const char* block) { return TextBlock(block).either('<', '>'); }

// Without a branch that cannot be foretold for each byte, tag or run.  A block is copied whole, and what follows is
// written over what was too much.
[[gnu::always_inline]] inline std::size_t keep_by_brackets(std::string_view& rest, char* out, std::size_t room,
                                                           bool& opened) {
  const char* const end = rest.data() + rest.size();
  const char* const last = end - 2 * kBlockBytes;  // behind it whole blocks cannot be copied from each byte
  char* to = out;
  const char* const full = out + room;
  const char* block = rest.data();
  const char* text = block;
  std::uint64_t brackets = brackets_of(block);
  const auto leave = [&](const char* at) __attribute__((always_inline)) {
    rest.remove_prefix(static_cast<std::size_t>(at - rest.data()));
    return static_cast<std::size_t>(to - out);
  };
  while (true) {
    if (brackets == 0) {
      if (text == block) return leave(text);
      std::memcpy(to, text, kBlockBytes);
      to += block + kBlockBytes - text;
      text = block += kBlockBytes;
      if (block > last || to >= full) return leave(text);
      brackets = brackets_of(block);
      continue;
    }
    const char* const bracket = block + std::countr_zero(brackets);
    brackets &= brackets - 1;
    if (*bracket != '<') [[unlikely]]
      continue;
    std::memcpy(to, text, kBlockBytes);
    to += bracket - text;
    const char* const tag = text = bracket + 1;
    if (!opens_tag(*tag)) [[unlikely]]
      continue;
    opened = true;
    if (may_hide(tag)) [[unlikely]]
      return leave(tag);
    do {
      while (brackets == 0) {
        block += kBlockBytes;
        if (block > last || to >= full || !is_short_tag(tag, block)) return leave(tag);
        brackets = brackets_of(block);
      }
      text = block + std::countr_zero(brackets) + 1;
      brackets &= brackets - 1;
    } while (text[-1] != '>');
    opened = false;
  }
}

[[gnu::always_inline]] inline void find_by_bits(const char* text, std::size_t size, bool& behind_blank,
                                                WordStarts& words) {
  std::uint16_t* to = words.at.data();
  Distances distances;
  for (std::size_t block = 0; block < size; block += kBlockBytes) {
    std::uint64_t starts = word_starts(TextBlock(text + block), behind_blank);
    distances.add(starts);
    for (; starts != 0; starts &= starts - 1)
      *to++ = static_cast<std::uint16_t>(block + static_cast<std::size_t>(std::countr_zero(starts)));
  }
  words.size = static_cast<std::size_t>(to - words.at.data());
  words.far_apart = distances.far_apart();
}

std::size_t decode(std::string_view run, char* out) {
  while (run.ends_with('=')) run.remove_suffix(1);
  const std::int8_t* const values = kBase64Values.data();
  const auto* at = reinterpret_cast<const unsigned char*>(run.data());
  std::int32_t wrong = 0;
  std::size_t size = 0;
  for (std::size_t left = run.size() / 4; left > 0; --left, at += 4, size += 3) {
    const std::int32_t three =
        values[at[0]] * (1 << 18) | values[at[1]] * (1 << 12) | values[at[2]] * (1 << 6) | values[at[3]];
    wrong |= three;  // below zero where one value is
    out[size] = static_cast<char>(three >> 16);
    out[size + 1] = static_cast<char>(three >> 8);
    out[size + 2] = static_cast<char>(three);
  }
  return wrong >= 0 ? size : 0;
}

std::size_t keep_text(std::string_view& rest, char* out, std::size_t room, bool& opened) {
  return keep_by_brackets(rest, out, room, opened);
}
void find_words(const char* text, std::size_t size, bool& behind_blank, WordStarts& words) {
  find_by_bits(text, size, behind_blank, words);
}
void add_words(const char* text, std::span<const std::uint16_t> starts, LeastInTurns& least) {
  add_all_words(text, starts, least);
}

#ifdef __x86_64__
#pragma clang attribute push(__attribute__((target("avx2,bmi,bmi2,lzcnt,popcnt"))), apply_to = function)
std::size_t keep_text_avx2(std::string_view& rest, char* out, std::size_t room, bool& opened) {
  return keep_by_brackets(rest, out, room, opened);
}
void find_words_avx2(const char* text, std::size_t size, bool& behind_blank, WordStarts& words) {
  find_by_bits(text, size, behind_blank, words);
}
void add_words_avx2(const char* text, std::span<const std::uint16_t> starts, LeastInTurns& least) {
  add_all_words(text, starts, least);
}
#pragma clang attribute pop
#endif

std::span<const TextLoops> make_all() {
  constexpr std::size_t kMost = 3;
  static std::array<TextLoops, kMost> all;
  std::size_t size = 0;
  if (const TextLoops fast = avx512_text_loops(); fast.keep_text != nullptr) all[size++] = fast;
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("lzcnt"))
    all[size++] = {
        .keep_text = keep_text_avx2, .find_words = find_words_avx2, .add_words = add_words_avx2, .decode = decode};
#endif
  all[size++] = {.keep_text = keep_text, .find_words = find_words, .add_words = add_words, .decode = decode};
  return std::span(all).first(size);
}

}  // namespace

// The fastest ones come first.
std::span<const TextLoops> all_text_loops() {
  static const std::span<const TextLoops> kAll = make_all();
  return kAll;
}

const TextLoops& text_loops() { return all_text_loops().front(); }

}  // namespace sluice::noticing
