#include "policy/noticing/text_sketch.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <span>

#include "policy/noticing/text_marks.h"

namespace sluice::noticing {
namespace {

constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();
// With fewer classes in use, two short texts are the same by chance.
constexpr int kClassesLeast = 4;
// Texts that have less in common are different ones.  Two that were varied from one have some 0.4 in common where three
// of ten words vary; those that were written for themselves, less than 0.1, or 0.2 with the same signature.
constexpr float kSameText = 0.375F;

using Classes = unsigned char __attribute__((ext_vector_type(kSketchClasses)));
using ClassBits = bool __attribute__((ext_vector_type(kSketchClasses)));
using SketchBytes = std::array<std::uint8_t, kSketchClasses>;

// Those with a word, a bit each.
std::uint32_t classes_in(const SketchBytes& bytes) {
  Classes classes;
  std::memcpy(&classes, bytes.data(), sizeof classes);
  return std::bit_cast<std::uint32_t>(__builtin_convertvector(classes != 0, ClassBits));
}

// Of those with a word.
int equal_classes(const SketchBytes& one, const SketchBytes& other) {
  Classes classes;
  Classes others;
  std::memcpy(&classes, one.data(), sizeof classes);
  std::memcpy(&others, other.data(), sizeof others);
  const auto equal = std::bit_cast<std::uint32_t>(__builtin_convertvector(classes == others, ClassBits));
  return std::popcount(equal & classes_in(one));
}

// Up to the first blank, at most `most`.  Whole blocks are read.
std::size_t run_size(const char* at, std::size_t most) {
  for (std::size_t size = 0; size < most; size += kBlockBytes) {
    const std::uint64_t blanks = TextBlock(at + size).at_most(' ');
    if (blanks != 0) return std::min(most, size + static_cast<std::size_t>(std::countr_zero(blanks)));
  }
  return most;
}

std::size_t whole_blocks(std::size_t size) { return (size + kBlockBytes - 1) / kBlockBytes * kBlockBytes; }

bool is_text(std::string_view bytes) {
  bool control = false;
  for (const char c : bytes) control |= static_cast<unsigned char>(c) < ' ' && c != '\t' && c != '\r' && c != '\n';
  return !control;
}

}  // namespace

// ------------------------------------------------------------------------------------------ comparing

bool TextSketch::empty() const { return std::popcount(classes_in(bytes)) < kClassesLeast; }

float TextSketch::similarity(const TextSketch& other) const {
  const std::uint32_t either = classes_in(bytes) | classes_in(other.bytes);
  if (either == 0) return 0;
  return static_cast<float>(equal_classes(bytes, other.bytes)) / static_cast<float>(std::popcount(either));
}

bool TextSketch::same_text(const TextSketch& other) const {
  return !empty() && !other.empty() && similarity(other) >= kSameText;
}

// ------------------------------------------------------------------------------------------ sketching

void TextSketcher::reset() {
  filter_ = TextFilter(loops_);
  decoded_filter_ = filter_;
  decoded_runs_ = 0;
  fed_ = 0;
  filled_ = 0;
  behind_blank_ = true;
  for (LeastHashes& each : least_) each.fill(kNone);
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
  WordStarts words;
  loops_.find_words(buffer_.data(), size, behind_blank_, words);
  if (words.size == 0) return;
  const std::span<const std::uint16_t> starts = std::span(words.at).first(words.size);
  // A long word is known when the next begins.
  if (!words.far_apart) {
    loops_.add_words(buffer_.data(), starts.first(starts.size() - 1), least_);
  } else {
    for (std::size_t i = 0; i + 1 < starts.size(); ++i) {
      if (starts[i] + kEncodedBytesLeast > starts[i + 1]) [[likely]] {
        add_word(buffer_.data() + starts[i], least_.front());
      } else {
        add_long_word(starts[i]);
      }
    }
  }
  add_long_word(starts.back());
}

void TextSketcher::add_long_word(std::size_t at) {
  const char* const begin = buffer_.data() + at;
  const std::string_view run(begin, run_size(begin, std::min(filled_ - at, kRunBytesMax)));
  if (run.size() < kEncodedBytesLeast) return add_word(run.data(), least_.front());
  if (decoded_runs_ == kDecodedRunsMax) return;
  ++decoded_runs_;
  std::array<char, kRunBytesMax + kBlockBytes> decoded;
  std::string_view rest(decoded.data(), loops_.decode(run, decoded.data()));
  if (!is_text(rest)) return;
  std::array<char, kRunBytesMax + kSlackBytes> text;
  const std::size_t size = decoded_filter_.keep(rest, text.data(), kRunBytesMax);
  std::fill_n(text.data() + size, kSlackBytes, ' ');
  bool behind_blank = true;
  WordStarts words;
  loops_.find_words(text.data(), whole_blocks(size), behind_blank, words);
  for (const std::uint16_t word : std::span(words.at).first(words.size))
    add_word(text.data() + word, least_[word % kTurns]);
}

TextSketch TextSketcher::finish() {
  std::fill_n(buffer_.data() + filled_, kSlackBytes, ' ');
  look_at(whole_blocks(filled_));
  TextSketch sketch;
  // A byte of the hash that says nothing of how small it is; 0 is for no word.
  for (std::size_t i = 0; i < kSketchClasses; ++i) {
    std::uint32_t least = kNone;
    for (const LeastHashes& each : least_) least = std::min(least, each[i]);
    sketch.bytes[i] = least == kNone ? 0 : static_cast<std::uint8_t>(1 + (least * 0x9E3779B1U >> 24) % 255);
  }
  return sketch;
}

}  // namespace sluice::noticing
