#include "engine/text/did_you_mean.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace sluice::text {
namespace {

// Names that people misspell are shorter; longer ones are not looked at.
constexpr std::size_t kWordMax = 40;

char folded(char c) {
  if (c >= 'A' && c <= 'Z') return static_cast<char>(c - 'A' + 'a');
  return c == '-' ? '_' : c;
}

// Optimal string alignment, row by row.
std::size_t distance(std::string_view a, std::string_view b) {
  using Row = std::array<std::size_t, kWordMax + 1>;
  std::array<Row, 3> rows{};
  for (std::size_t j = 0; j <= b.size(); ++j) rows[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    Row& row = rows[i % 3];
    const Row& above = rows[(i - 1) % 3];
    const Row& above_that = rows[(i + 1) % 3];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = folded(a[i - 1]) == folded(b[j - 1]);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (same ? 0 : 1)});
      const bool swapped =
          i > 1 && j > 1 && folded(a[i - 1]) == folded(b[j - 2]) && folded(a[i - 2]) == folded(b[j - 1]);
      if (swapped) row[j] = std::min(row[j], above_that[j - 2] + 1);
    }
  }
  return rows[a.size() % 3][b.size()];
}

// "idle" for idle_s, "message" for message_bytes: a whole beginning, up to its unit.
bool is_beginning(std::string_view word, std::string_view known) {
  constexpr std::size_t kBeginningMin = 4;
  return word.size() >= kBeginningMin && known.size() > word.size() && known[word.size()] == '_' &&
         known.starts_with(word);
}

}  // namespace

std::string_view did_you_mean(std::string_view word, std::span<const std::string_view> known) {
  if (word.empty() || word.size() > kWordMax) return {};
  std::string_view nearest;
  std::size_t least = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const std::string_view candidate : known) {
    if (candidate.size() > kWordMax) continue;
    const std::size_t far = is_beginning(word, candidate) ? 1 : distance(word, candidate);
    const bool shorter = far == least && candidate.size() < nearest.size();
    if (far < least || shorter) {
      least = far;
      nearest = candidate;
    }
  }
  return nearest;
}

std::string or_meant(std::string_view word, std::span<const std::string_view> known) {
  const std::string_view meant = did_you_mean(word, known);
  return meant.empty() ? std::string() : std::string(", did you mean ").append(meant).append("?");
}

}  // namespace sluice::text
