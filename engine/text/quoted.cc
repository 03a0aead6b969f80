#include "engine/text/quoted.h"

#include <array>

#include "engine/base/cut_text.h"
#include "engine/text/escape.h"

namespace sluice::text {
namespace {

constexpr std::size_t kShownBytesMax = 60;

}  // namespace

std::string in_quotes(std::string_view text) {
  const std::string_view shown = cut_text(text, kShownBytesMax);
  std::array<char, kShownBytesMax * kEscapeExpansionMax> escaped;
  const std::size_t size = escape_json(shown, escaped).value_or(0);
  return "\"" + std::string(escaped.data(), size) + (shown.size() < text.size() ? "...\"" : "\"");
}

}  // namespace sluice::text
