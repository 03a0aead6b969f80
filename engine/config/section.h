// Reads the keys of one table of the configuration.  One statement declares a key: its name, where its value goes, what
// it may be, and (about()) what the documentation says of it; its default is what the variable holds already.  Whatever
// is wrong is noted, and reading goes on.  Used within load_config(); one thread.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "engine/base/time.h"
#include "engine/config/config.h"
#include "engine/config/documentation.h"
#include "engine/config/rules.h"
#include "engine/config/tree.h"
#include "engine/text/quoted.h"

namespace sluice::config {

inline constexpr std::int64_t kHourS = 3600;
inline constexpr std::int64_t kDayS = 24 * kHourS;

// All that is wrong in one file, and all keys that were asked for.
class ConfigDiagnostics {
 public:
  explicit ConfigDiagnostics(std::string_view file_name) : file_(file_name) {}

  void error(ConfigPlace place, std::string key, std::string problem, std::string_view allowed);
  void unknown(ConfigPlace place, std::string_view section, std::string_view path, std::string_view name);

  // What is documented of a table, which is made where it is new; its keys are added to it.  References stay until the
  // next call.
  [[nodiscard]] DocumentedTable& table(std::string_view name);
  // With the sections themselves, as the table without a name.
  [[nodiscard]] const std::vector<DocumentedTable>& tables() const { return tables_; }
  // Settings that a running relay cannot follow, as they are in force.
  void keep(std::string key, std::string value) { fixed_.push_back({std::move(key), std::move(value)}); }
  [[nodiscard]] std::vector<FixedSetting> take_fixed() { return std::move(fixed_); }
  // In the order of the file.  Judges unknown keys, so when everything was read.
  [[nodiscard]] std::vector<ConfigError> take_errors();

 private:
  struct Unknown {
    ConfigPlace place;
    std::string section;
    std::string path;
    std::string name;
  };
  void judge(const Unknown& unknown);

  std::string file_;
  std::vector<ConfigError> errors_;
  std::vector<DocumentedTable> tables_;
  std::vector<FixedSetting> fixed_;
  std::vector<Unknown> unknown_;
};

class ConfigSection {
 public:
  // `table`: null where the file has none.  `section`: its name; `path`: what it is called in
  // messages, "listener[2]".
  ConfigSection(const ConfigNode* table, std::string section, std::string path, ConfigDiagnostics& diagnostics);
  ConfigSection(const ConfigSection&) = delete;
  ConfigSection& operator=(const ConfigSection&) = delete;
  // Notes the keys that no reader asked for.
  ~ConfigSection();

  // What stands above the table in the example, line by line, and how the table is written.
  void heading(std::string_view lines, TableForm form = TableForm::once);
  // Begins a paragraph: what the keys declared next are for.  `change`: how a change of them comes into force.
  void about(std::string text, Change change = Change::reload);
  // Of the key declared next, the example shows this, in TOML, in place of a default that says nothing.
  void example(std::string_view value, Shown shown = Shown::as_comment);

  // A key that is read elsewhere.
  void expect(std::string_view key);
  void boolean(std::string_view key, bool& value);
  template <typename Number>
  void integer(std::string_view key, Number& value, std::int64_t min, std::int64_t max) {
    static_assert(std::is_unsigned_v<Number>);
    std::int64_t read = 0;
    if (number(key, read, min, max)) value = static_cast<Number>(read);
    document(key, std::to_string(value));
  }
  void seconds(std::string_view key, Duration& value, std::int64_t min, std::int64_t max);
  void milliseconds(std::string_view key, Duration& value, std::int64_t min, std::int64_t max);
  void text(std::string_view key, std::string& value, const TextRule& rule);
  // A list of whole seconds, or one such number alone; up to `count_max` of them.
  void seconds_list(std::string_view key, std::vector<Duration>& values, std::int64_t min, std::int64_t max,
                    std::size_t count_max);

  template <typename Value>
  struct Choice {
    std::string_view name;
    Value value;
  };
  template <typename Value, std::size_t kSize>
  void choice(std::string_view key, Value& value, const Choice<Value> (&choices)[kSize]) {
    std::vector<std::string_view> names;
    for (const auto& known : choices) names.push_back(known.name);
    if (const auto index = one_of(key, names)) value = choices[*index].value;
    for (const auto& known : choices)
      if (known.value == value) document(key, text::in_quotes(known.name));
  }

  // A list of texts, or one text alone.  `parse` gives a value or says what is wrong.
  template <typename Value, typename Parse>
  void list(std::string_view key, std::vector<Value>& values, std::string_view allowed, Parse parse) {
    for (const Element& element : elements(key, allowed, {ConfigNode::Kind::text})) {
      if (auto value = parse(element.node->text)) {
        values.push_back(*std::move(value));
      } else {
        wrong_text(element, value.error(), allowed);
      }
    }
    document(key, "[" + text::list_in_quotes(values, [](const Value& value) { return text_of(value); }) + "]");
  }

  // What is in a list, or one such value alone: each of one of these kinds.
  struct Element {
    const ConfigNode* node;
    std::string path;  // "route[1].hosts[2]"
  };
  std::vector<Element> elements(std::string_view key, std::string_view allowed,
                                std::initializer_list<ConfigNode::Kind> kinds);
  // Ends the declaration of a key whose elements the caller reads: it has this value, in TOML.
  void document(std::string_view key, std::string value);
  // `element` is a text in which something is wrong.
  void wrong_text(const Element& element, std::string_view problem, std::string_view allowed);

  // For what several keys say together.  Points at the key if it is there, else at the table.
  void error(std::string_view key, std::string problem, std::string_view allowed) const;
  [[nodiscard]] ConfigPlace place_of(std::string_view key) const;
  [[nodiscard]] const std::string& path() const { return path_; }
  // The file gives the key, and not as an empty list: if nothing came of it, what is wrong has been
  // noted.
  [[nodiscard]] bool fills(std::string_view key) const;
  // The file gives the key.
  [[nodiscard]] bool has(std::string_view key) const { return member(key) != nullptr; }

 private:
  template <typename Value>
  static std::string text_of(const Value& value) {
    if constexpr (std::is_same_v<Value, std::string>) {
      return value;
    } else {
      return value.to_string();
    }
  }
  const ConfigNode* find(std::string_view key, ConfigNode::Kind kind, std::string_view allowed);
  [[nodiscard]] const ConfigMember* member(std::string_view key) const;
  bool number(std::string_view key, std::int64_t& value, std::int64_t min, std::int64_t max);
  std::optional<std::size_t> one_of(std::string_view key, const std::vector<std::string_view>& names);
  [[nodiscard]] std::string path_of(std::string_view key) const;

  const ConfigNode* table_;
  std::string section_;
  std::string path_;
  ConfigDiagnostics& diagnostics_;
  std::vector<std::string_view> known_;
  // What the next key is documented with.
  std::string about_;
  Change change_ = Change::reload;
  bool example_alone_ = false;  // a listed table that the file does not have: its keys are no settings
  std::string_view example_;
  Shown shown_ = Shown::as_comment;
  std::optional<ConfigRange> range_;
};

}  // namespace sluice::config
