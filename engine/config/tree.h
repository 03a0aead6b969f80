// A configuration file as a tree of values, each with its place in the text.  The only platform to the
// TOML library. Pure; any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::config {

struct ConfigPlace {
  std::uint32_t line = 1;
  std::uint32_t column = 1;
};

struct ConfigMember;

struct ConfigNode {
  enum class Kind : std::uint8_t { boolean, integer, real, text, date, list, table };
  Kind kind = Kind::table;
  ConfigPlace place;
  bool boolean = false;
  std::int64_t integer = 0;
  std::string text;
  std::vector<ConfigNode> list;
  std::vector<ConfigMember> table;  // in the order of their names
};

struct ConfigMember {
  std::string key;
  ConfigPlace place;  // of the key
  ConfigNode value;
};

struct ConfigSyntaxError {
  ConfigPlace place;
  std::string problem;
};

// "a whole number", "a list": what the file has.
[[nodiscard]] std::string_view kind_text(ConfigNode::Kind kind);

// TOML 1.0.  The root is a table.
[[nodiscard]] std::expected<ConfigNode, ConfigSyntaxError> parse_config_tree(std::string_view text);

}  // namespace sluice::config
