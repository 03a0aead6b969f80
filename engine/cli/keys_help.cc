#include "engine/cli/keys_help.h"

#include <string_view>

#include "engine/config/documentation.h"
#include "engine/text/json_text.h"

namespace sluice::cli {
namespace {

constexpr std::string_view kKeysHead =
    R"(The tables and keys of the configuration (TOML): [NAME] stands once, [[NAME]] as often
as there are such. Behind each key is its default and, of a number, what it may be.
What is said of a key holds for those below it, too, until something else is said.
A file with a secret may be named as "credential:NAME" instead of by its path: what systemd
gives the relay's unit with LoadCredential=NAME:PATH or LoadCredentialEncrypted=.
)";

std::string key_member(std::string_view name, std::string_view value) {
  return "," + text::json_string(name) + ":" + text::json_string(value);
}

std::string json_of(const config::DocumentedKey& key) {
  std::string text = "{\"key\":" + text::json_string(key.name);
  if (!key.about.empty()) text += key_member("about", key.about);
  text += key_member("default", key.value);
  if (!key.example.empty()) text += key_member("example", key.example);
  if (key.shown == config::Shown::in_force) text += ",\"needed\":true";
  if (key.range) text += ",\"min\":" + std::to_string(key.range->min) + ",\"max\":" + std::to_string(key.range->max);
  return text + ",\"restart\":" + (key.change == config::Change::restart ? "true" : "false") + "}";
}

std::string heading_of(const config::DocumentedTable& table) {
  // A table within a list of another one.
  if (table.name.contains('.')) return table.name + " = [{ ... }]";
  return table.form == config::TableForm::listed ? "[[" + table.name + "]]" : "[" + table.name + "]";
}

std::string text_of(const config::DocumentedKey& key) {
  std::string text;
  if (!key.about.empty()) text = "\n  " + key.about + "\n";
  text += "    " + std::string(key.name);
  const std::string_view shown = key.example.empty() ? std::string_view(key.value) : key.example;
  if (!shown.empty()) text.append(" = ").append(shown);
  if (key.range) text += "  (" + std::to_string(key.range->min) + " to " + std::to_string(key.range->max) + ")";
  return text + (key.change == config::Change::restart ? "  (needs a restart)\n" : "\n");
}

}  // namespace

std::string keys_text() {
  std::string page(kKeysHead);
  for (const config::DocumentedTable& table : config::documentation()) {
    page.append("\n").append(heading_of(table)).append("\n");
    for (const config::DocumentedKey& key : table.keys) page += text_of(key);
  }
  return page;
}

std::string keys_json() {
  std::string page;
  for (const config::DocumentedTable& table : config::documentation()) {
    const bool listed = table.form == config::TableForm::listed || table.name.contains('.');
    page += (page.empty() ? "[{\"table\":" : ",\n{\"table\":") + text::json_string(table.name) +
            ",\"listed\":" + (listed ? "true" : "false") + key_member("about", table.heading) + ",\"keys\":[";
    for (const config::DocumentedKey& key : table.keys) page += (&key == table.keys.data() ? "" : ",") + json_of(key);
    page += "]}";
  }
  return page + "]\n";
}

}  // namespace sluice::cli
