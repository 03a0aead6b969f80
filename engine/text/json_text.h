// Strings as JSON writes them (RFC 8259 7).  Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace sluice::text {

// In quotes, escaped as in the log (escape.h): always UTF-8, whatever the text is.
std::string json_string(std::string_view text);
// Behind other members of an object: `,"key":"value"`.  An empty value has none.
void append_member(std::string& object, std::string_view key, std::string_view value);

}  // namespace sluice::text
