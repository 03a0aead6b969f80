// A sketch of a message's text by which texts that differ in a few words are found to be the same, as those that
// spammers vary for each recipient: a changed or inserted word, name or number, other line breaks.  Pure.
// Owned by the reader of one message's content at a time; that thread only.
//
// A text is the set of its words, each with the bytes behind it up to eight.  The set is kept as the least hash of
// each of 32 classes of hashes, a byte of each (one permutation hashing: Li, Owen, Zhang, NIPS 2012): the share of
// equal bytes estimates the share of words that two texts have in common. Left out: HTML's tags, comments and style
// sheets, as all messages of a mail program share them; attachments. Text in base64 is decoded line by line.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "policy/noticing/text_filter.h"
#include "policy/noticing/text_loops.h"

namespace sluice::noticing {

// What comes after so many bytes of content is not looked at.
inline constexpr std::size_t kSketchedBytesMax = 16 * 1024;

struct TextSketch {
  std::array<std::uint8_t, kSketchClasses> bytes{};  // 0: no word in that class

  // Too few words to be told from other texts.
  [[nodiscard]] bool empty() const;
  // Share of words in common, 0 to 1.
  [[nodiscard]] float similarity(const TextSketch& other) const;
  [[nodiscard]] bool same_text(const TextSketch& other) const;
  friend bool operator==(const TextSketch&, const TextSketch&) = default;
};

class TextSketcher {
 public:
  explicit TextSketcher(const TextLoops& loops = text_loops()) : loops_(loops) { reset(); }
  // Ready for the next message.
  void reset();
  // Content behind the header, in pieces of any size, which change nothing.
  void feed(std::string_view piece);
  // The whole has been fed.
  [[nodiscard]] TextSketch finish();

 private:
  static constexpr std::size_t kBufferBytes = kWordBytesMax;
  // The longest run without blanks that is decoded: what is kept behind the words that are looked at.
  static constexpr std::size_t kRunBytesMax = 512;
  // Lines that are decoded, which costs more than all else.
  static constexpr std::uint8_t kDecodedRunsMax = 16;
  // What is read behind the last byte: the rest of a block, and of a word.  Or written by the filter.
  static constexpr std::size_t kSlackBytes = TextFilter::kSlackBytes;

  void look_at(std::size_t size);
  void add_long_word(std::size_t at);

  const TextLoops& loops_;
  TextFilter filter_;
  TextFilter decoded_filter_;
  bool behind_blank_ = true;
  std::uint8_t decoded_runs_ = 0;
  std::size_t fed_ = 0;
  std::size_t filled_ = 0;
  LeastInTurns least_;
  std::array<char, kBufferBytes + kSlackBytes> buffer_;
};

}  // namespace sluice::noticing
