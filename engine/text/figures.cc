#include "engine/text/figures.h"

#include <algorithm>

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

}  // namespace sluice::text
