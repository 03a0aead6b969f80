#include "engine/text/json_text.h"

#include "engine/text/escape.h"

namespace sluice::text {

std::string json_string(std::string_view text) { return "\"" + escaped_json(text) + "\""; }

void append_member(std::string& object, std::string_view key, std::string_view value) {
  if (!value.empty()) object.append(",").append(json_string(key)).append(":").append(json_string(value));
}

}  // namespace sluice::text
