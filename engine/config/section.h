// Reads the keys of one table of the configuration: each has a type, a range and a default, which
// is what the variable holds already.  Whatever is wrong is noted, and reading goes on. Used within
// load_config(); one thread.
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
#include "engine/config/rules.h"
#include "engine/config/tree.h"

namespace sluice::config {

// All that is wrong in one file, and all keys that were asked for.
class ConfigDiagnostics {
 public:
  struct Key {
    std::string section;  // "limits", "listener"
    std::string_view name;
    std::optional<ConfigRange> range;  // of a number, or of each in a list
  };

  explicit ConfigDiagnostics(std::string_view file_name) : file_(file_name) {}

  void error(ConfigPlace place, std::string key, std::string problem, std::string_view allowed);
  void know(std::string_view section, std::string_view name);
  // Of a key that is known.
  void bound(std::string_view section, std::string_view name, ConfigRange range);
  void unknown(ConfigPlace place, std::string_view section, std::string_view path, std::string_view name);

  [[nodiscard]] const std::vector<Key>& keys() const { return keys_; }
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
  std::vector<Key> keys_;
  std::vector<Unknown> unknown_;
};

class ConfigSection {
 public:
  // `table`: null where the file has none.  `section`: its name; `path`: what it is called in
  // messages, "listener[2]".
  ConfigSection(const ConfigNode* table, std::string section, std::string path, ConfigDiagnostics& diagnostics)
      : table_(table), section_(std::move(section)), path_(std::move(path)), diagnostics_(diagnostics) {}
  ConfigSection(const ConfigSection&) = delete;
  ConfigSection& operator=(const ConfigSection&) = delete;
  // Notes the keys that no reader asked for.
  ~ConfigSection();

  // A key that another reader reads.
  void expect(std::string_view key);
  void boolean(std::string_view key, bool& value);
  template <typename Number>
  void integer(std::string_view key, Number& value, std::int64_t min, std::int64_t max) {
    static_assert(std::is_unsigned_v<Number>);
    std::int64_t read = 0;
    if (number(key, read, min, max)) value = static_cast<Number>(read);
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
  }

  // What is in a list, or one such value alone: each of one of these kinds.
  struct Element {
    const ConfigNode* node;
    std::string path;  // "route[1].hosts[2]"
  };
  std::vector<Element> elements(std::string_view key, std::string_view allowed,
                                std::initializer_list<ConfigNode::Kind> kinds);
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
};

}  // namespace sluice::config
