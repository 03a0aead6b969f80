// Leaves out of a text what is markup: HTML's tags and comments, and what is inside style and script.  Works on pieces
// of any size.  Pure; one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "policy/noticing/text_block.h"
#include "policy/noticing/text_loops.h"

namespace sluice::noticing {

class TextFilter {
 public:
  // What keep() may write behind `room` bytes.
  static constexpr std::size_t kSlackBytes = 2 * kBlockBytes;

  explicit TextFilter(const TextLoops& loops = text_loops()) : loops_(&loops) {}

  // Writes the text at the front of `rest` to `out`, and takes it and the markup about it from `rest`, until there is
  // no more or `room` bytes are written; a block more where the last one is text.  Returns how many were written.
  // `out` has kSlackBytes behind `room`, and is no part of `rest`.
  [[nodiscard]] std::size_t keep(std::string_view& rest, char* out, std::size_t room);

 private:
  enum class At : std::uint8_t { text, opened, tag };
  std::size_t keep_run(std::string_view& rest, char* out, std::size_t room);
  void skip(std::string_view& rest);
  void skip_name(std::string_view& rest);
  void end_tag();

  const TextLoops* loops_;
  At at_ = At::text;
  bool hidden_ = false;       // within style or script
  std::uint16_t length_ = 0;  // of the tag at hand
  std::uint64_t name_ = 0;    // its first letters
};

}  // namespace sluice::noticing
