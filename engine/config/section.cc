#include "engine/config/section.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "engine/text/did_you_mean.h"
#include "engine/text/quoted.h"

namespace sluice::config {
namespace {

std::string join(const std::vector<std::string_view>& words) {
  std::string text;
  for (const std::string_view word : words) text.append(text.empty() ? "" : ", ").append(word);
  return text;
}

std::string range_text(std::int64_t min, std::int64_t max) {
  return "a whole number from " + std::to_string(min) + " to " + std::to_string(max);
}

bool before(const ConfigError& a, const ConfigError& b) {
  return std::tie(a.line, a.column, a.key, a.problem) < std::tie(b.line, b.column, b.key, b.problem);
}

}  // namespace

std::string ConfigError::to_string() const {
  std::string text = file + ":" + std::to_string(line) + ":" + std::to_string(column) + ": ";
  if (!key.empty()) text += key + ": ";
  text += problem;
  if (!allowed.empty()) text += "; allowed: " + allowed;
  return text;
}

void ConfigDiagnostics::error(ConfigPlace place, std::string key, std::string problem, std::string_view allowed) {
  errors_.push_back({.file = file_,
                     .line = place.line,
                     .column = place.column,
                     .key = std::move(key),
                     .problem = std::move(problem),
                     .allowed = std::string(allowed)});
}

void ConfigDiagnostics::know(std::string_view section, std::string_view name) {
  const auto same = [&](const Key& key) { return key.section == section && key.name == name; };
  if (std::ranges::none_of(keys_, same)) keys_.push_back({.section = std::string(section), .name = name, .range = {}});
}

void ConfigDiagnostics::bound(std::string_view section, std::string_view name, ConfigRange range) {
  for (Key& key : keys_)
    if (key.section == section && key.name == name) key.range = range;
}

void ConfigDiagnostics::unknown(ConfigPlace place, std::string_view section, std::string_view path,
                                std::string_view name) {
  unknown_.push_back(
      {.place = place, .section = std::string(section), .path = std::string(path), .name = std::string(name)});
}

void ConfigDiagnostics::judge(const Unknown& unknown) {
  std::vector<std::string_view> here;
  std::string_view elsewhere;
  for (const Key& key : keys_) {
    if (key.section == unknown.section)
      here.push_back(key.name);
    else if (key.name == unknown.name && elsewhere.empty())
      elsewhere = key.section;
  }
  std::string problem = unknown.section.empty() ? "there is no such section" : "there is no such key";
  if (const std::string_view meant = text::did_you_mean(unknown.name, here); !meant.empty()) {
    problem.append("; did you mean ").append(meant).append("?");
  } else if (!elsewhere.empty()) {
    problem.append(" here; it belongs to ").append(elsewhere);
  }
  // A key may be any text at all.
  const std::string shown = text::in_quotes(unknown.name);
  const std::string path = (unknown.path.empty() ? "" : unknown.path + ".") + shown.substr(1, shown.size() - 2);
  error(unknown.place, path, std::move(problem), join(here));
}

std::vector<ConfigError> ConfigDiagnostics::take_errors() {
  for (const Unknown& unknown : unknown_) judge(unknown);
  std::ranges::sort(errors_, before);
  return std::move(errors_);
}

ConfigSection::~ConfigSection() {
  if (table_ == nullptr) return;
  for (const ConfigMember& member : table_->table) {
    if (std::ranges::find(known_, member.key) == known_.end()) {
      diagnostics_.unknown(member.place, section_, path_, member.key);
    }
  }
}

std::string ConfigSection::path_of(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

const ConfigMember* ConfigSection::member(std::string_view key) const {
  if (table_ == nullptr) return nullptr;
  const auto found = std::ranges::find(table_->table, key, &ConfigMember::key);
  return found == table_->table.end() ? nullptr : &*found;
}

const ConfigNode* ConfigSection::find(std::string_view key, ConfigNode::Kind kind, std::string_view allowed) {
  expect(key);
  const ConfigMember* found = member(key);
  if (found == nullptr) return nullptr;
  if (found->value.kind == kind) return &found->value;
  diagnostics_.error(found->value.place, path_of(key), "is " + std::string(kind_text(found->value.kind)), allowed);
  return nullptr;
}

void ConfigSection::expect(std::string_view key) {
  known_.push_back(key);
  diagnostics_.know(section_, key);
}

void ConfigSection::boolean(std::string_view key, bool& value) {
  if (const ConfigNode* node = find(key, ConfigNode::Kind::boolean, "true or false")) value = node->boolean;
}

bool ConfigSection::number(std::string_view key, std::int64_t& value, std::int64_t min, std::int64_t max) {
  const std::string allowed = range_text(min, max);
  const ConfigNode* node = find(key, ConfigNode::Kind::integer, allowed);
  diagnostics_.bound(section_, key, {.min = min, .max = max});
  if (node == nullptr) return false;
  if (node->integer < min || node->integer > max) {
    diagnostics_.error(node->place, path_of(key), std::to_string(node->integer) + " is out of range", allowed);
    return false;
  }
  value = node->integer;
  return true;
}

void ConfigSection::seconds(std::string_view key, Duration& value, std::int64_t min, std::int64_t max) {
  std::int64_t read = 0;
  if (number(key, read, min, max)) value = std::chrono::seconds(read);
}

void ConfigSection::milliseconds(std::string_view key, Duration& value, std::int64_t min, std::int64_t max) {
  std::int64_t read = 0;
  if (number(key, read, min, max)) value = std::chrono::milliseconds(read);
}

void ConfigSection::text(std::string_view key, std::string& value, const TextRule& rule) {
  const ConfigNode* node = find(key, ConfigNode::Kind::text, rule.allowed);
  if (node == nullptr) return;
  if (auto checked = rule.check(node->text)) {
    value = *std::move(checked);
  } else {
    wrong_text({.node = node, .path = path_of(key)}, checked.error(), rule.allowed);
  }
}

std::optional<std::size_t> ConfigSection::one_of(std::string_view key, const std::vector<std::string_view>& names) {
  std::string allowed;
  for (const std::string_view name : names) allowed += (allowed.empty() ? "" : ", ") + text::in_quotes(name);
  const ConfigNode* node = find(key, ConfigNode::Kind::text, allowed);
  if (node == nullptr) return std::nullopt;
  const auto found = std::ranges::find(names, node->text);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  std::string problem = "is none of the choices";
  if (const auto meant = text::did_you_mean(node->text, names); !meant.empty())
    problem += "; did you mean " + text::in_quotes(meant) + "?";
  wrong_text({.node = node, .path = path_of(key)}, problem, allowed);
  return std::nullopt;
}

void ConfigSection::seconds_list(std::string_view key, std::vector<Duration>& values, std::int64_t min,
                                 std::int64_t max, std::size_t count_max) {
  const std::string allowed = range_text(min, max);
  const auto found = elements(key, allowed, {ConfigNode::Kind::integer});
  diagnostics_.bound(section_, key, {.min = min, .max = max});
  if (has(key) && (found.size() > count_max || !fills(key))) {
    error(key, found.empty() ? "is empty" : "has too many elements", "1 to " + std::to_string(count_max) + " elements");
    return;
  }
  if (!found.empty()) values.clear();
  for (const Element& element : found) {
    const std::int64_t seconds = element.node->integer;
    if (seconds >= min && seconds <= max) {
      values.push_back(std::chrono::seconds(seconds));
    } else {
      diagnostics_.error(element.node->place, element.path, std::to_string(seconds) + " is out of range", allowed);
    }
  }
}

std::vector<ConfigSection::Element> ConfigSection::elements(std::string_view key, std::string_view allowed,
                                                            std::initializer_list<ConfigNode::Kind> kinds) {
  const auto fits = [&](const ConfigNode& node) { return std::ranges::find(kinds, node.kind) != kinds.end(); };
  if (const ConfigMember* found = member(key); found != nullptr && fits(found->value)) {
    expect(key);
    return {{.node = &found->value, .path = path_of(key)}};
  }
  const ConfigNode* node = find(key, ConfigNode::Kind::list, "a list of " + std::string(allowed));
  std::vector<Element> all;
  if (node == nullptr) return all;
  for (std::size_t i = 0; i < node->list.size(); ++i) {
    const ConfigNode& element = node->list[i];
    std::string path = path_of(key) + "[" + std::to_string(i + 1) + "]";
    if (fits(element)) {
      all.push_back({.node = &element, .path = std::move(path)});
    } else {
      diagnostics_.error(element.place, std::move(path), "is " + std::string(kind_text(element.kind)), allowed);
    }
  }
  return all;
}

void ConfigSection::wrong_text(const Element& element, std::string_view problem, std::string_view allowed) {
  diagnostics_.error(element.node->place, element.path,
                     text::in_quotes(element.node->text) + " " + std::string(problem), allowed);
}

bool ConfigSection::fills(std::string_view key) const {
  const ConfigMember* found = member(key);
  return found != nullptr && (found->value.kind != ConfigNode::Kind::list || !found->value.list.empty());
}

void ConfigSection::error(std::string_view key, std::string problem, std::string_view allowed) const {
  diagnostics_.error(place_of(key), path_of(key), std::move(problem), allowed);
}

ConfigPlace ConfigSection::place_of(std::string_view key) const {
  if (const ConfigMember* found = member(key)) return found->place;
  return table_ == nullptr ? ConfigPlace{} : table_->place;
}

}  // namespace sluice::config
