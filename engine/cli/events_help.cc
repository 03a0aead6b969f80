#include "engine/cli/events_help.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "engine/event/rows.h"
#include "engine/text/json_text.h"

namespace sluice::cli {
namespace {

constexpr std::string_view kHead = R"(Every line of the log is an event: its time (RFC 3339, UTC), its level, its name,
and its keys in this order. The level is the usual one. Optional keys are left out
where there is nothing to say, and counts are numbers. A text has at most 1024
bytes; one that was cut ends in "...". A line that has no room for all of its keys
ends in truncated=true.
)";

std::string padded(std::string_view text, std::size_t width) {
  return std::string(text) + std::string(width - std::min(width, text.size()), ' ');
}

std::string json_member(std::string_view name, std::string_view value) {
  return text::json_string(name) + ":" + text::json_string(value);
}

}  // namespace

std::string events_text() {
  constexpr std::size_t kTypeWidth = 14;
  std::string page(kHead);
  for (const event::Row& row : event::rows()) {
    page += "\n" + std::string(row.name) + " (" + std::string(severity_text(row.severity)) + ")\n  " +
            std::string(row.meaning) + "\n";
    std::size_t width = 0;
    for (const event::Key& key : row.keys) width = std::max(width, key.name.size());
    for (const event::Key& key : row.keys)
      page += "    " + padded(key.name, width) + "  " + padded(key.type, kTypeWidth) + "  " + std::string(key.meaning) +
              "\n";
  }
  return page;
}

std::string events_json() {
  std::string page;
  for (const event::Row& row : event::rows()) {
    page += (page.empty() ? "[{" : ",\n{") + json_member("event", row.name) + "," +
            json_member("severity", severity_text(row.severity)) + "," + json_member("meaning", row.meaning) +
            ",\"keys\":[";
    for (const event::Key& key : row.keys)
      page += (&key == row.keys.data() ? "{" : ",{") + json_member("key", key.name) + "," +
              json_member("type", key.type) + "," + json_member("meaning", key.meaning) + "}";
    page += "]}";
  }
  return page + "]\n";
}

}  // namespace sluice::cli
