// Figures in texts for people: put in from the constants that the program goes by, so that the two cannot part.
// Pure; any thread.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace sluice::text {

struct Figure {
  std::string_view name;
  std::string value;
};

// `text` with each "$(name)" in it replaced.  Every name in it is one of `figures`.
[[nodiscard]] std::string with_figures(std::string_view text, std::initializer_list<Figure> figures);

// "8 MiB" where it is a whole number of such, else "65537".  `bytes` is not negative.
[[nodiscard]] std::string bytes_text(std::int64_t bytes);

}  // namespace sluice::text
