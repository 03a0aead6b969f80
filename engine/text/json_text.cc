#include "engine/text/json_text.h"

#include "engine/text/escape.h"

namespace sluice::text {

std::string json_string(std::string_view text) { return "\"" + escaped_json(text) + "\""; }

}  // namespace sluice::text
