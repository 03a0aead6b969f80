#include "tools/import_postfix/document.h"

#include <algorithm>
#include <cstddef>

#include "engine/base/cut_text.h"
#include "engine/text/escape.h"
#include "tools/import_postfix/logical_lines.h"
#include "tools/import_postfix/lookup_table.h"

namespace sluice::import_postfix {
namespace {

constexpr std::size_t kShownBytesMax = 1000;  // of one comment
constexpr std::size_t kLineBytes = 110;
constexpr std::size_t kDecisionsMax = 1000;

std::string shown_key(std::string_view place, std::string_view name) {
  return std::string(place).append(" ").append(name);
}

std::string quoted_value(std::string_view value) { return "\"" + text::escaped_json(value) + "\""; }

}  // namespace

bool is_writable(std::string_view value) { return !text::escaped_json(value).contains("\\ufffd"); }

std::string comment(std::string_view text) {
  const std::string_view cut = cut_text(text, kShownBytesMax);
  const std::string escaped = text::escaped_line(cut) + (cut.size() < text.size() ? " ..." : "");
  std::string lines;
  std::string line = text.starts_with("  ") ? "#  " : "#";
  for (const std::string& word : words_of(escaped, Commas::stay)) {
    if (line.size() > 3 && line.size() + word.size() > kLineBytes) {
      lines.append(line).append("\n");
      line = "#  ";
    }
    line.append(" ").append(word);
  }
  return lines.append(line).append("\n");
}

std::string shown_setting(std::string_view name, std::string_view raw) {
  const bool secret = name.contains("password") || name.contains("passwd") || name.contains("secret");
  const bool tables = raw.contains("static:") || raw.contains("inline:");
  std::string shown = std::string(name) + " = ";
  return shown += tables ? shown_tables(raw) : secret && !raw.contains(":/") ? "..." : std::string(raw);
}

void Document::section(std::string_view header) { body_.append("\n").append(header).append("\n"); }

void Document::from(const Setting& setting) {
  from(setting.place, shown_setting(setting.name, setting.raw));
  mark_shown(setting.place, setting.name);
  if (!setting.error.empty())
    decide(setting.place + ": " + setting.name + " " + setting.error + ": it is taken for empty");
}

void Document::from(std::string_view place, std::string_view what) {
  body_ += comment(std::string(place).append(": ").append(what));
}

void Document::note(std::string_view text) { body_ += comment(text); }

void Document::decide(std::string_view text) {
  const bool fresh = decided_.emplace(text).second;
  if (fresh && decided_.size() <= kDecisionsMax) decisions_.emplace_back(text);
  if (fresh && decided_.size() == kDecisionsMax + 1)
    decisions_.emplace_back("more than " + std::to_string(kDecisionsMax) +
                            " of these: the rest stands in comments alone");
  note(text);
}

void Document::text(std::string_view key, std::string_view value) { raw(key, quoted_value(value)); }
void Document::number(std::string_view key, std::uint64_t value) { raw(key, std::to_string(value)); }
void Document::boolean(std::string_view key, bool value) { raw(key, value ? "true" : "false"); }

void Document::list(std::string_view key, const std::vector<std::string>& values) {
  std::string toml;
  for (const std::string& value : values) toml.append(toml.empty() ? "" : ", ").append(quoted_value(value));
  raw(key, "[" + toml + "]");
}

void Document::numbers(std::string_view key, const std::vector<std::uint64_t>& values) {
  std::string toml;
  for (const std::uint64_t value : values) toml.append(toml.empty() ? "" : ", ").append(std::to_string(value));
  raw(key, "[" + toml + "]");
}

void Document::raw(std::string_view key, std::string_view toml) {
  body_.append(key).append(" = ").append(toml).append("\n");
}

bool Document::has_shown(const Parameter& parameter) const {
  return shown_.contains(shown_key(parameter.place, parameter.name));
}

void Document::mark_shown(std::string_view place, std::string_view name) { shown_.insert(shown_key(place, name)); }

}  // namespace sluice::import_postfix
