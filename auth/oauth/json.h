// JSON of others, read strictly by libjansson: UTF-8, no name twice in one object, no NUL in a string, nothing behind
// the value.  Values; one thread at a time.
#pragma once

#include <jansson.h>

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/time.h"

namespace sluice::auth {

struct JsonRelease {
  void operator()(json_t* json) const { json_decref(json); }
};
using JsonRef = std::unique_ptr<json_t, JsonRelease>;

// The error is a phrase without anything of the text.
[[nodiscard]] std::expected<JsonRef, std::string> parse_json_object(std::string_view text);

// Null: it has no such member.
[[nodiscard]] const json_t* json_member(const json_t* object, const std::string& name);
// Nothing where the member is missing or no string.
[[nodiscard]] std::optional<std::string_view> json_string(const json_t* object, const std::string& name);
// NumericDate (RFC 7519 2), a number of seconds, perhaps with a fraction; in milliseconds.  One that is too far away to
// be counted is the farthest that is.
[[nodiscard]] std::optional<WallMillis> json_date(const json_t* value);

// Text of a stranger, for the operator's log: bounded, and its control characters replaced.
[[nodiscard]] std::string shown_text(std::string_view text);

}  // namespace sluice::auth
