// The loops over all bytes of a text, which are most of what noticing costs: markup is left out, words are found,
// base64 is decoded.  Once for any machine, and once for those with the byte permutations of AVX-512 (VBMI2: Ice Lake,
// Zen 4).  Pure; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "policy/noticing/text_block.h"

namespace sluice::noticing {

// How much text is looked at for words at once.
inline constexpr std::size_t kWordBytesMax = 2048;
// A run without blanks that is as long may be a line of base64 (RFC 2045 6.8: up to 76).
inline constexpr std::size_t kEncodedBytesLeast = 56;

// Where words begin, in order.
struct WordStarts {
  std::size_t size = 0;
  bool far_apart = false;  // there may be two that follow each other by kEncodedBytesLeast
  std::array<std::uint16_t, kWordBytesMax + kBlockBytes> at;
};

// The least hash of each class of hashes (text_sketch.h); kept several times over, with the least of these in the end.
inline constexpr std::size_t kSketchClasses = 32;
using LeastHashes = std::array<std::uint32_t, kSketchClasses>;
inline constexpr std::size_t kTurns = 4;
using LeastInTurns = std::array<LeastHashes, kTurns>;

struct TextLoops {
  // TextFilter::keep() for nearly all texts, a block at a time.  Begins outside tags, with two blocks at least, and
  // ends at a tag of style or script, or at one that does not end within the piece, or at the last two blocks of the
  // piece. `opened`: `rest` is then behind the "<" of a tag.  Returns how many bytes it has written.
  std::size_t (*keep_text)(std::string_view& rest, char* out, std::size_t room, bool& opened) = nullptr;
  // Of the words that begin within the first `size` bytes, at most kWordBytesMax and a multiple of a block's.
  // `behind_blank`: the byte in front of these was blank, and then that of the last.
  void (*find_words)(const char* text, std::size_t size, bool& behind_blank, WordStarts& words) = nullptr;
  // Words that begin at these offsets of the text.  A word's eight bytes are read, whatever they are.
  void (*add_words)(const char* text, std::span<const std::uint16_t> starts, LeastInTurns& least) = nullptr;
  // Of base64, each four characters; what is less than four, and "=", at the end is not looked at.  A block behind what
  // it writes may be written to.  Returns how many bytes there are; 0 where it is no base64.
  std::size_t (*decode)(std::string_view run, char* out) = nullptr;
};

// The fastest ones that this machine can run.
[[nodiscard]] const TextLoops& text_loops();
// For tests: all that this machine can run.
[[nodiscard]] std::span<const TextLoops> all_text_loops();

// Without functions where this machine cannot run them.
[[nodiscard]] TextLoops avx512_text_loops();

}  // namespace sluice::noticing
