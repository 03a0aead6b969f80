#include "engine/core/quoted.h"

#include <array>

#include "engine/io/log_escape.h"

namespace sluice::core {
namespace {

constexpr std::size_t kShownBytesMax = 60;

}  // namespace

std::string in_quotes(std::string_view text) {
  const std::string_view shown = io::cut_value(text, kShownBytesMax);
  std::array<char, kShownBytesMax * io::kEscapeExpansionMax> escaped;
  const std::size_t size = io::escape_json(shown, escaped).value_or(0);
  return "\"" + std::string(escaped.data(), size) + (shown.size() < text.size() ? "...\"" : "\"");
}

}  // namespace sluice::core
