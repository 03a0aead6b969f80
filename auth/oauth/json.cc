#include "auth/oauth/json.h"

#include <algorithm>
#include <cmath>

namespace sluice::auth {
namespace {

constexpr WallMillis kMillisInSecond = 1000;
constexpr std::int64_t kDateMaxS = 253'402'300'799;  // the end of the year 9999

std::string_view text_of(const json_t* value) { return {json_string_value(value), json_string_length(value)}; }

}  // namespace

std::expected<JsonRef, std::string> parse_json_object(std::string_view text) {
  json_error_t error{};
  JsonRef json(json_loadb(text.data(), text.size(), JSON_REJECT_DUPLICATES, &error));
  if (json == nullptr)
    return std::unexpected(json_error_code(&error) == json_error_duplicate_key ? "has a name twice" : "is no JSON");
  if (!json_is_object(json.get())) return std::unexpected("is no JSON object");
  return json;
}

const json_t* json_member(const json_t* object, const std::string& name) {
  return json_object_get(object, name.c_str());
}

std::optional<std::string_view> json_string(const json_t* object, const std::string& name) {
  const json_t* const value = json_member(object, name);
  if (!json_is_string(value)) return std::nullopt;
  return text_of(value);
}

std::optional<WallMillis> json_date(const json_t* value) {
  if (json_is_integer(value))
    return std::clamp<std::int64_t>(json_integer_value(value), -kDateMaxS, kDateMaxS) * kMillisInSecond;
  if (!json_is_real(value)) return std::nullopt;
  const double seconds = json_real_value(value);
  if (!std::isfinite(seconds)) return std::nullopt;
  constexpr auto kMax = static_cast<double>(kDateMaxS);
  return static_cast<WallMillis>(std::clamp(seconds, -kMax, kMax) * static_cast<double>(kMillisInSecond));
}

std::string shown_text(std::string_view text) {
  constexpr std::size_t kBytesMax = 100;
  std::string shown;
  for (const char c : text.substr(0, kBytesMax)) shown += c >= ' ' && c <= '~' ? c : '?';
  if (text.size() > kBytesMax) shown += "...";
  return "\"" + shown + "\"";
}

}  // namespace sluice::auth
