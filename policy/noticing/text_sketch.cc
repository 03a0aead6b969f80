#include "policy/noticing/text_sketch.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

namespace sluice::noticing {
namespace {

constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();
// With fewer classes in use, two short texts are the same by chance.
constexpr std::size_t kClassesLeast = 4;
// Texts that have less in common are different ones.  Two that were varied from one have some 0.4 in common where three
// of ten words vary; those that were written for themselves, less than 0.1, or 0.2 with the same signature.
constexpr float kSameText = 0.375F;

// A run without blanks that is as long may be a line of base64 (RFC 2045 6.8: up to 76).
constexpr std::size_t kEncodedBytesLeast = 56;

std::uint64_t blanks_of(const TextBlock& block) { return block.at_most(' '); }

// Where words begin among 64 bytes: behind a blank or control, and at each character of more than one byte, as scripts
// without blanks have them.  `behind_blank`: the byte in front of these was blank, and then that of the last.
std::uint64_t word_starts(const TextBlock& block, bool& behind_blank) {
  const std::uint64_t blanks = blanks_of(block);
  const std::uint64_t starts = ~blanks & (blanks << 1 | (behind_blank ? 1U : 0U));
  behind_blank = (blanks >> (kBlockBytes - 1)) != 0;
  return starts | block.at_least(0xC0);
}

// Up to the first blank, at most `most`.  Whole blocks are read.
std::size_t run_size(const char* at, std::size_t most) {
  for (std::size_t size = 0; size < most; size += kBlockBytes) {
    const std::uint64_t blanks = blanks_of(TextBlock(at + size));
    if (blanks != 0) return std::min(most, size + static_cast<std::size_t>(std::countr_zero(blanks)));
  }
  return most;
}

void add_word(const char* at, std::array<std::uint32_t, kSketchClasses>& least) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  word ^= word >> 32;
  word *= 0x9E3779B97F4A7C15U;
  const auto value = static_cast<std::uint32_t>(word >> 27);
  std::uint32_t& kept = least[word >> 59];
  kept = std::min(kept, value);
}
static_assert(kSketchClasses == 1 << (64 - 59));

// Calls visit(offset) for each word that begins within the first `size` bytes, which is a multiple of a block's.
template <typename Visit>
void each_word(const char* text, std::size_t size, bool& behind_blank, Visit visit) {
  for (std::size_t block = 0; block < size; block += kBlockBytes) {
    std::uint64_t starts = word_starts(TextBlock(text + block), behind_blank);
    for (; starts != 0; starts &= starts - 1) visit(block + static_cast<std::size_t>(std::countr_zero(starts)));
  }
}

std::size_t whole_blocks(std::size_t size) { return (size + kBlockBytes - 1) / kBlockBytes * kBlockBytes; }

constexpr std::array<std::int8_t, 256> make_base64_values() {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  std::int8_t next = 0;
  for (const char c : std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"))
    values[static_cast<unsigned char>(c)] = next++;
  return values;
}
constexpr auto kBase64Values = make_base64_values();

bool is_text(std::string_view bytes) {
  bool control = false;
  for (const char c : bytes) control |= static_cast<unsigned char>(c) < ' ' && c != '\t' && c != '\r' && c != '\n';
  return !control;
}

// Returns how many bytes it has written, at most three quarters of `run`; 0 where it is no base64 of a text.
std::size_t decode_text(std::string_view run, char* out) {
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
  return wrong >= 0 && is_text({out, size}) ? size : 0;
}

}  // namespace

// ------------------------------------------------------------------------------------------ comparing

bool TextSketch::empty() const {
  return kSketchClasses - static_cast<std::size_t>(std::ranges::count(bytes, 0)) < kClassesLeast;
}

float TextSketch::similarity(const TextSketch& other) const {
  std::size_t used = 0;
  std::size_t equal = 0;
  for (std::size_t i = 0; i < kSketchClasses; ++i) {
    used += (bytes[i] | other.bytes[i]) != 0 ? 1 : 0;
    equal += bytes[i] != 0 && bytes[i] == other.bytes[i] ? 1 : 0;
  }
  return used == 0 ? 0 : static_cast<float>(equal) / static_cast<float>(used);
}

bool TextSketch::same_text(const TextSketch& other) const {
  return !empty() && !other.empty() && similarity(other) >= kSameText;
}

// ------------------------------------------------------------------------------------------ sketching

void TextSketcher::reset() {
  filter_ = {};
  decoded_filter_ = {};
  decoded_runs_ = 0;
  fed_ = 0;
  filled_ = 0;
  behind_blank_ = true;
  least_.fill(kNone);
}

void TextSketcher::feed(std::string_view piece) {
  piece = piece.substr(0, kSketchedBytesMax - fed_);
  fed_ += piece.size();
  while (!piece.empty()) {
    filled_ += filter_.keep(piece, buffer_.data() + filled_, kBufferBytes - filled_);
    if (filled_ < kBufferBytes) return;
    constexpr std::size_t kLookedAt = kBufferBytes - kRunBytesMax;
    look_at(kLookedAt);
    filled_ -= kLookedAt;
    std::memmove(buffer_.data(), buffer_.data() + kLookedAt, filled_);
  }
}

// Words that begin within the first `size` bytes; `filled_` of the buffer hold text, and blanks follow.
void TextSketcher::look_at(std::size_t size) {
  constexpr std::size_t kNoWord = std::numeric_limits<std::size_t>::max();
  std::size_t last = kNoWord;
  // A word is known for a long one when the next begins.
  each_word(buffer_.data(), size, behind_blank_, [&](std::size_t at) {
    if (last != kNoWord) [[likely]] {
      if (at - last < kEncodedBytesLeast) [[likely]] {
        add_word(buffer_.data() + last, least_);
      } else {
        add_long_word(last);
      }
    }
    last = at;
  });
  if (last != kNoWord) add_long_word(last);
}

void TextSketcher::add_long_word(std::size_t at) {
  const char* const begin = buffer_.data() + at;
  const std::string_view run(begin, run_size(begin, std::min(filled_ - at, kRunBytesMax)));
  if (run.size() < kEncodedBytesLeast) return add_word(run.data(), least_);
  if (decoded_runs_ == kDecodedRunsMax) return;
  ++decoded_runs_;
  std::array<char, kRunBytesMax> decoded;
  std::string_view rest(decoded.data(), decode_text(run, decoded.data()));
  std::array<char, kRunBytesMax + kSlackBytes> text;
  const std::size_t size = decoded_filter_.keep(rest, text.data(), kRunBytesMax);
  std::fill_n(text.data() + size, kSlackBytes, ' ');
  bool behind_blank = true;
  each_word(text.data(), whole_blocks(size), behind_blank,
            [&](std::size_t word) { add_word(text.data() + word, least_); });
}

TextSketch TextSketcher::finish() {
  std::fill_n(buffer_.data() + filled_, kSlackBytes, ' ');
  look_at(whole_blocks(filled_));
  TextSketch sketch;
  // A byte of the hash that says nothing of how small it is; 0 is for no word.
  for (std::size_t i = 0; i < kSketchClasses; ++i)
    sketch.bytes[i] = least_[i] == kNone ? 0 : static_cast<std::uint8_t>(1 + (least_[i] * 0x9E3779B1U >> 24) % 255);
  return sketch;
}

}  // namespace sluice::noticing
