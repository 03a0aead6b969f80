#include "engine/text/figures.h"

#include <algorithm>
#include <array>

#include "engine/base/check.h"

namespace sluice::text {

std::string with_figures(std::string_view text, std::initializer_list<Figure> figures) {
  constexpr std::string_view kBegin = "$(";
  std::string result;
  for (;;) {
    const std::size_t begin = text.find(kBegin);
    result += text.substr(0, begin);
    if (begin == std::string_view::npos) return result;
    text.remove_prefix(begin + kBegin.size());
    const std::size_t end = text.find(')');
    CHECK(end != std::string_view::npos);
    const auto* const figure = std::ranges::find(figures, text.substr(0, end), &Figure::name);
    CHECK(figure != figures.end());
    result += figure->value;
    text.remove_prefix(end + 1);
  }
}

std::string bytes_text(std::int64_t bytes) {
  constexpr std::array<std::string_view, 4> kUnits{" KiB", " MiB", " GiB", " TiB"};
  constexpr std::int64_t kStep = 1024;
  std::string_view unit;
  for (const std::string_view larger : kUnits) {
    if (bytes == 0 || bytes % kStep != 0) break;
    bytes /= kStep;
    unit = larger;
  }
  return std::to_string(bytes) + std::string(unit);
}

}  // namespace sluice::text
