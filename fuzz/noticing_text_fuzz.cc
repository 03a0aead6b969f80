// Checks that a text's sketch is that of the naive reference, whatever the pieces that the text comes in, that it is
// the same text as itself, that nothing behind the bound changes it, and that the filter of markup keeps what the naive
// one keeps, and writes no byte where it may not. Input: two bytes of the pieces' sizes (the first is of the room,
// too), then content.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "engine/base/check.h"
#include "policy/noticing/reply_words.h"
#include "policy/noticing/text_filter.h"
#include "policy/noticing/text_loops.h"
#include "policy/noticing/text_sketch.h"
#include "tests/unit/noticing/naive_sketch.h"

namespace {

using sluice::noticing::all_text_loops;
using sluice::noticing::kBlockBytes;
using sluice::noticing::kSketchedBytesMax;
using sluice::noticing::naive_sketch;
using sluice::noticing::naive_text;
using sluice::noticing::text_loops;
using sluice::noticing::TextFilter;
using sluice::noticing::TextLoops;
using sluice::noticing::TextSketch;
using sluice::noticing::TextSketcher;

TextSketch sketched(const TextLoops& loops, std::string_view content, std::size_t first, std::size_t later) {
  TextSketcher sketcher(loops);
  for (std::size_t size = first; !content.empty(); size = later) {
    const std::string_view piece = content.substr(0, size);
    // A copy of its own, so that a read behind its end is seen.
    sketcher.feed(std::string(piece));
    content.remove_prefix(piece.size());
  }
  return sketcher.finish();
}

std::string filtered(const TextLoops& loops, std::string_view content, std::size_t size, std::size_t room) {
  TextFilter filter(loops);
  std::string kept;
  const auto out = std::make_unique<char[]>(room + TextFilter::kSlackBytes);
  for (; !content.empty(); content.remove_prefix(std::min(size, content.size()))) {
    const std::string piece(content.substr(0, size));
    for (std::string_view rest = piece; !rest.empty();) {
      const std::size_t written = filter.keep(rest, out.get(), room);
      CHECK(written <= room + kBlockBytes);
      kept.append(out.get(), written);
    }
  }
  return kept;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view content(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::size_t first = 1 + data[0];
  const std::size_t later = 1 + data[1] * 7UZ;
  const TextSketch whole = naive_sketch(content);
  const std::string kept = naive_text(content);
  for (const TextLoops& loops : all_text_loops()) {
    CHECK(sketched(loops, content, content.size() + 1, 1) == whole);
    CHECK(sketched(loops, content, first, later) == whole);
    CHECK(filtered(loops, content, content.size() + 1, first) == kept);
    CHECK(filtered(loops, content, later, first) == kept);
  }
  CHECK(whole.empty() || whole.same_text(whole));
  static_cast<void>(sluice::noticing::outcome_of_reply(550, content));
  if (data[0] % 16 != 0) return 0;
  std::string longer(content);
  longer.resize(std::max(longer.size(), kSketchedBytesMax), ' ');
  const TextLoops& loops = text_loops();
  const TextSketch bounded = sketched(loops, longer, first, later);
  CHECK(sketched(loops, longer + "some more words behind it", first, later) == bounded);
  return 0;
}
