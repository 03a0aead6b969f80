// The part of the exposition that chooses its format.
#include <algorithm>
#include <optional>

#include "engine/metrics/exposition.h"

namespace sluice::metrics {
namespace {

constexpr int kWeightOne = 1000;  // thousandths, as qvalue has three places

bool same(std::string_view one, std::string_view other) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::equal(one, other, {}, lower, lower);
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t";
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

// Up to the next `separator` that is in no quoted string, which is taken off `rest`.
std::string_view take_part(std::string_view& rest, char separator) {
  bool quoted = false;
  std::size_t at = 0;
  for (; at < rest.size() && (quoted || rest[at] != separator); ++at) {
    if (rest[at] == '"') quoted = !quoted;
    if (quoted && rest[at] == '\\') ++at;
  }
  at = std::min(at, rest.size());
  const std::string_view part = rest.substr(0, at);
  rest.remove_prefix(std::min(at + 1, rest.size()));
  return trimmed(part);
}

// RFC 9110 section 12.4.2: ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] )
std::optional<int> weight_of(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return std::nullopt;
  if (text.size() > 1 && text[1] != '.') return std::nullopt;
  int weight = (text[0] - '0') * kWeightOne;
  int place = kWeightOne / 10;
  for (const char digit : text.substr(std::min<std::size_t>(text.size(), 2))) {
    if (digit < '0' || digit > '9') return std::nullopt;
    weight += (digit - '0') * place;
    place /= 10;
  }
  if (weight > kWeightOne) return std::nullopt;
  return weight;
}

struct MediaRange {
  std::string_view type;
  std::string_view version;  // empty: any
  int weight = kWeightOne;
};

std::optional<MediaRange> media_range(std::string_view element) {
  MediaRange range{.type = take_part(element, ';'), .version = {}};
  while (!element.empty()) {
    std::string_view value = take_part(element, ';');
    const std::string_view name = take_part(value, '=');
    if (same(name, "q")) {
      const auto weight = weight_of(trimmed(value));
      if (!weight) return std::nullopt;
      range.weight = *weight;
    } else if (same(name, "version")) {
      range.version = trimmed(value);
      if (range.version.size() >= 2 && range.version.front() == '"' && range.version.back() == '"')
        range.version = range.version.substr(1, range.version.size() - 2);
    }
  }
  return range;
}

}  // namespace

Format format_for(std::string_view accept) {
  int open_metrics = 0;
  int text = 0;
  while (!accept.empty()) {
    const auto range = media_range(take_part(accept, ','));
    if (!range) continue;
    if (same(range->type, "application/openmetrics-text")) {
      if (range->version.empty() || range->version == "1.0.0") open_metrics = std::max(open_metrics, range->weight);
    } else if (same(range->type, "text/plain") && (range->version.empty() || range->version == "0.0.4")) {
      text = std::max(text, range->weight);
    }
  }
  return open_metrics > 0 && open_metrics >= text ? Format::open_metrics : Format::classic;
}

}  // namespace sluice::metrics
