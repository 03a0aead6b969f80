#include "engine/config/tree.h"

#include <toml++/toml.h>

namespace sluice::config {
namespace {

ConfigPlace place_of(const toml::source_region& region) {
  if (!region.begin) return {};
  return {.line = region.begin.line, .column = region.begin.column};
}

ConfigNode convert(const toml::node& from) {
  using Kind = ConfigNode::Kind;
  ConfigNode node;
  node.place = place_of(from.source());
  if (const toml::table* table = from.as_table()) {
    node.kind = Kind::table;
    for (const auto& [key, value] : *table) {
      node.table.push_back({.key = std::string(key.str()), .place = place_of(key.source()), .value = convert(value)});
    }
  } else if (const toml::array* list = from.as_array()) {
    node.kind = Kind::list;
    for (const toml::node& value : *list) node.list.push_back(convert(value));
  } else if (const auto* boolean = from.as_boolean()) {
    node.kind = Kind::boolean;
    node.boolean = boolean->get();
  } else if (const auto* integer = from.as_integer()) {
    node.kind = Kind::integer;
    node.integer = integer->get();
  } else if (const auto* text = from.as_string()) {
    node.kind = Kind::text;
    node.text = text->get();
  } else {
    node.kind = from.is_floating_point() ? Kind::real : Kind::date;
  }
  return node;
}

}  // namespace

std::string_view kind_text(ConfigNode::Kind kind) {
  switch (kind) {
    case ConfigNode::Kind::boolean:
      return "true or false";
    case ConfigNode::Kind::integer:
      return "a whole number";
    case ConfigNode::Kind::real:
      return "a number with a fraction";
    case ConfigNode::Kind::text:
      return "a text";
    case ConfigNode::Kind::date:
      return "a date or time";
    case ConfigNode::Kind::list:
      return "a list";
    case ConfigNode::Kind::table:
      return "a table";
  }
  return "something else";
}

std::expected<ConfigNode, ConfigSyntaxError> parse_config_tree(std::string_view text) {
  // The library, as Debian builds it, tells errors by exceptions; they end here.
  try {
    return convert(toml::parse(text));
  } catch (const toml::parse_error& error) {
    return std::unexpected(
        ConfigSyntaxError{.place = place_of(error.source()), .problem = std::string(error.description())});
  }
}

}  // namespace sluice::config
