#include "engine/config/example.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "engine/config/documentation.h"
#include "engine/text/figures.h"

namespace sluice::config {
namespace {

constexpr std::size_t kLineCharacters = 100;

constexpr std::string_view kFileHeading = R"(# Sluice: the configuration.
#
# A line that begins with "#key =" shows a default, or an example where there is none: take the "#" away to change it.
# Only one thing has to be said: where mail goes on to (the hosts of [[route]]).
# Behind each number is what it may be.
# Check a change with `sluice check`, then bring it into force with `sluicectl reload`.
# Sessions that are open go on under the rules that they began with.
)";

// As comments, one for each line of `text`.
std::string commented(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    result.append(line.empty() ? "#" : "# ").append(line).append("\n");
  }
  return result;
}

// One paragraph, in lines.
std::string wrapped(std::string_view text) {
  std::string result;
  while (text.size() > kLineCharacters) {
    const std::size_t space = text.rfind(' ', kLineCharacters);
    const std::size_t end = space == std::string_view::npos ? text.find(' ') : space;
    if (end == std::string_view::npos) break;
    result.append(text.substr(0, end)).append("\n");
    text.remove_prefix(end + 1);
  }
  return result.append(text);
}

std::string range_text(std::string_view key, const ConfigRange& range) {
  const bool of_bytes = key.ends_with("_bytes") || key.contains("_bytes_");
  return of_bytes ? text::bytes_text(range.min) + " to " + text::bytes_text(range.max)
                  : std::to_string(range.min) + " to " + std::to_string(range.max);
}

std::string lines_of(const DocumentedKey& key) {
  std::string text;
  if (!key.about.empty())
    text = "\n" + commented(wrapped(key.about + (key.change == Change::restart ? " Needs a restart." : "")));
  if (key.shown == Shown::as_comment) text += "#";
  text.append(key.name).append(" = ").append(key.example.empty() ? std::string_view(key.value) : key.example);
  if (key.range) text += "  # " + range_text(key.name, *key.range);
  return text + "\n";
}

std::string lines_of(const DocumentedTable& table) {
  std::string text = "\n" + commented(table.heading);
  if (!table.heading.empty() && table.form == TableForm::listed) text += "#\n";
  // A table of a list stands in the file only where a key of it has to be set.
  const bool in_force = std::ranges::find(table.keys, Shown::in_force, &DocumentedKey::shown) != table.keys.end();
  const bool listed = table.form == TableForm::listed;
  if (listed && !in_force) text += "#";
  text += (listed ? "[[" : "[") + table.name + (listed ? "]]\n" : "]\n");
  std::string keys;
  for (const DocumentedKey& key : table.keys) keys += lines_of(key);
  return text + keys.substr(keys.starts_with('\n') ? 1 : 0);
}

std::string make_example() {
  std::string text(kFileHeading);
  // A table within a list, such as a host of a route, is described with the list.
  for (const DocumentedTable& table : documentation())
    if (!table.name.contains('.')) text += lines_of(table);
  return text;
}

}  // namespace

const std::string kExampleConfig = make_example();

}  // namespace sluice::config
