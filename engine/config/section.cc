#include "engine/config/section.h"

#include <algorithm>
#include <functional>
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

DocumentedTable& ConfigDiagnostics::table(std::string_view name) {
  const auto found = std::ranges::find(tables_, name, &DocumentedTable::name);
  if (found != tables_.end()) return *found;
  return tables_.emplace_back(DocumentedTable{.name = std::string(name), .heading = {}, .keys = {}});
}

void ConfigDiagnostics::unknown(ConfigPlace place, std::string_view section, std::string_view path,
                                std::string_view name) {
  unknown_.push_back(
      {.place = place, .section = std::string(section), .path = std::string(path), .name = std::string(name)});
}

void ConfigDiagnostics::judge(const Unknown& unknown) {
  std::vector<std::string_view> here;
  std::string_view elsewhere;
  for (const DocumentedTable& table : tables_) {
    for (const DocumentedKey& key : table.keys) {
      if (table.name == unknown.section)
        here.push_back(key.name);
      else if (key.name == unknown.name && elsewhere.empty())
        elsewhere = table.name;
    }
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

ConfigSection::ConfigSection(const ConfigNode* table, std::string section, std::string path,
                             ConfigDiagnostics& diagnostics)
    : table_(table), section_(std::move(section)), path_(std::move(path)), diagnostics_(diagnostics) {
  static_cast<void>(diagnostics_.table(section_));  // in the order of reading
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

void ConfigSection::heading(std::string_view lines, TableForm form) {
  DocumentedTable& table = diagnostics_.table(section_);
  table.heading = lines;
  example_alone_ = table_ == nullptr && form == TableForm::listed;
  table.form = form;
}

void ConfigSection::about(std::string text, Change change) {
  about_ = std::move(text);
  change_ = change;
}

void ConfigSection::example(std::string_view value, Shown shown) {
  example_ = value;
  shown_ = shown;
}

void ConfigSection::expect(std::string_view key) {
  known_.push_back(key);
  std::vector<DocumentedKey>& keys = diagnostics_.table(section_).keys;
  if (std::ranges::find(keys, key, &DocumentedKey::name) == keys.end()) keys.push_back({.name = key});
}

void ConfigSection::document(std::string_view key, std::string value) {
  if (change_ == Change::restart && !example_alone_) diagnostics_.keep(path_of(key), value);
  std::vector<DocumentedKey>& keys = diagnostics_.table(section_).keys;
  const auto found = std::ranges::find(keys, key, &DocumentedKey::name);
  if (found->value.empty()) {
    found->about = std::move(about_);
    found->change = change_;
    found->value = std::move(value);
    found->example = example_;
    found->shown = shown_;
    found->range = range_;
  }
  about_.clear();
  example_ = {};
  shown_ = Shown::as_comment;
  range_.reset();
}

void ConfigSection::boolean(std::string_view key, bool& value) {
  if (const ConfigNode* node = find(key, ConfigNode::Kind::boolean, "true or false")) value = node->boolean;
  document(key, value ? "true" : "false");
}

bool ConfigSection::number(std::string_view key, std::int64_t& value, std::int64_t min, std::int64_t max) {
  const std::string allowed = range_text(min, max);
  const ConfigNode* node = find(key, ConfigNode::Kind::integer, allowed);
  range_ = {.min = min, .max = max};
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
  document(key, std::to_string(value / std::chrono::seconds(1)));
}

void ConfigSection::milliseconds(std::string_view key, Duration& value, std::int64_t min, std::int64_t max) {
  std::int64_t read = 0;
  if (number(key, read, min, max)) value = std::chrono::milliseconds(read);
  document(key, std::to_string(value / std::chrono::milliseconds(1)));
}

void ConfigSection::text(std::string_view key, std::string& value, const TextRule& rule) {
  if (const ConfigNode* node = find(key, ConfigNode::Kind::text, rule.allowed)) {
    if (auto checked = rule.check(node->text)) {
      value = *std::move(checked);
    } else {
      wrong_text({.node = node, .path = path_of(key)}, checked.error(), rule.allowed);
    }
  }
  document(key, text::in_quotes(value));
}

std::optional<std::size_t> ConfigSection::one_of(std::string_view key, const std::vector<std::string_view>& names) {
  const std::string allowed = text::list_in_quotes(names, std::identity());
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
  range_ = {.min = min, .max = max};
  const bool fits = !has(key) || (found.size() <= count_max && fills(key));
  if (!fits)
    error(key, found.empty() ? "is empty" : "has too many elements", "1 to " + std::to_string(count_max) + " elements");
  if (fits && !found.empty()) values.clear();
  for (const Element& element : fits ? found : std::vector<Element>()) {
    const std::int64_t seconds = element.node->integer;
    if (seconds >= min && seconds <= max) {
      values.emplace_back(std::chrono::seconds(seconds));
    } else {
      diagnostics_.error(element.node->place, element.path, std::to_string(seconds) + " is out of range", allowed);
    }
  }
  std::string shown;
  for (const Duration each : values)
    shown += (shown.empty() ? "" : ", ") + std::to_string(each / std::chrono::seconds(1));
  document(key, "[" + shown + "]");
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
