// Checks that a text's sketch is the same whatever the pieces that the text comes in, that it is the same text as
// itself, that nothing behind the bound changes it, and that the filter of markup loses no byte of what it keeps.
// Input: two bytes of the pieces' sizes, then content.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/check.h"
#include "policy/noticing/reply_words.h"
#include "policy/noticing/text_filter.h"
#include "policy/noticing/text_sketch.h"

namespace {

using sluice::noticing::kSketchedBytesMax;
using sluice::noticing::TextFilter;
using sluice::noticing::TextSketch;
using sluice::noticing::TextSketcher;

TextSketch sketched(std::string_view content, std::size_t first, std::size_t later) {
  TextSketcher sketcher;
  for (std::size_t size = first; !content.empty(); size = later) {
    const std::string_view piece = content.substr(0, size);
    // A copy of its own, so that a read behind its end is seen.
    sketcher.feed(std::string(piece));
    content.remove_prefix(piece.size());
  }
  return sketcher.finish();
}

std::string filtered(std::string_view content, std::size_t size) {
  TextFilter filter;
  std::string kept;
  for (; !content.empty(); content.remove_prefix(std::min(size, content.size()))) {
    std::string_view rest = content.substr(0, size);
    const char* const end = rest.data() + rest.size();
    for (std::string_view run = filter.next(rest); !run.empty(); run = filter.next(rest)) {
      CHECK(run.data() + run.size() <= end);
      kept += run;
    }
    CHECK(rest.empty());
  }
  return kept;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view content(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::size_t first = 1 + data[0];
  const std::size_t later = 1 + data[1] * 7UZ;
  const TextSketch whole = sketched(content, content.size() + 1, 1);
  CHECK(sketched(content, first, later) == whole);
  CHECK(whole.empty() || whole.same_text(whole));
  const std::string kept = filtered(content, content.size() + 1);
  CHECK(filtered(content, later) == kept);
  CHECK(kept.size() <= content.size());
  static_cast<void>(sluice::noticing::outcome_of_reply(550, content));
  if (data[0] % 16 != 0) return 0;
  std::string longer(content);
  longer.resize(std::max(longer.size(), kSketchedBytesMax), ' ');
  const TextSketch bounded = sketched(longer, first, later);
  CHECK(sketched(longer + "some more words behind it", first, later) == bounded);
  return 0;
}
