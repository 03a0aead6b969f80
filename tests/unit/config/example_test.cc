// The example of a configuration: it is fine as it is, and shows every key with its default.
#include "engine/config/example.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "engine/config/config.h"
#include "engine/config/documentation.h"
#include "tests/unit/config/load.h"

namespace sluice::config {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(ExampleConfig, IsFineAsItIs) {
  const Config config = load(std::string(kExampleConfig));
  ASSERT_EQ(config.routes.size(), 1U);
  EXPECT_EQ(config.routes[0].route.hosts.size(), 2U);
  EXPECT_EQ(config.listeners.size(), 2U);
}

// The text of the example with every key switched on; the default listeners, which are prose, stay
// as they are.
std::string switched_on(std::string_view example) {
  std::string text(example);
  for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
    if (text[at] == '#' && text[at + 1] != ' ' && text[at + 1] != '\n') text.erase(at, 1);
    if (text.find('\n', at) == std::string::npos) break;
  }
  return text;
}

TEST(ExampleConfig, ShowsEveryKeyThereIs) {
  const std::string text = switched_on(kExampleConfig);
  std::size_t keys = 0;
  for (const DocumentedTable& table : documentation()) {
    for (const DocumentedKey& key : table.keys) {
      ++keys;
      const std::string name(key.name);
      if (table.name == "route.hosts" || table.name == "class.limit" || table.name == "policy.limit") {
        EXPECT_TRUE(text.contains("{" + name + " = ") || text.contains(", " + name + " = ")) << name;
        continue;
      }
      std::size_t begin = text.find("\n[" + table.name + "]\n");
      if (begin == std::string::npos) begin = text.find("\n[[" + table.name + "]]\n");
      ASSERT_NE(begin, std::string::npos) << table.name;
      const std::string part = text.substr(begin + 1, text.find("\n[", begin + 1) - begin);
      EXPECT_THAT(part, HasSubstr("\n" + name + " = ")) << name;
      EXPECT_FALSE(key.value.empty() && key.example.empty()) << name;
    }
  }
  EXPECT_GT(keys, 90U);
}

// A default that is shown is in force where it is set, too: nothing changes by taking the "#" away.
TEST(ExampleConfig, ShowsTheDefaultsAsTheyAre) {
  const std::vector<DocumentedTable> tables = documentation();
  const Config defaults = load(std::string(kRoute));
  std::size_t compared = 0;
  for (const DocumentedTable& table : tables) {
    if (table.form == TableForm::listed || table.name.contains('.')) continue;
    std::string text = "[" + table.name + "]\n";
    for (const DocumentedKey& key : table.keys) {
      // A list that is empty by default shows an example; so does a text.
      if (!key.example.empty()) continue;
      text += std::string(key.name) + " = " + key.value + "\n";
      ++compared;
    }
    EXPECT_THAT(changes_that_need_restart(defaults, load(text + std::string(kRoute))), IsEmpty()) << text;
  }
  EXPECT_GT(compared, 50U);
}

TEST(ExampleConfig, ShowsTheDefaultsThatAReloadFollows) {
  const std::string text = switched_on(kExampleConfig);
  for (const std::string_view line :
       {"drain_s = 30", "message_bytes = 52428800", "recipients_per_message = 100", "received_fields = 100",
        "messages_per_connection = 10", "retry_s = [300, 900, 1800, 3600, 7200, 14400]", "concurrency = 20",
        "long_lines = true", "line_ends = \"normalise\"", "format = \"json\"", "mode = \"through\""})
    EXPECT_THAT(text, HasSubstr("\n" + std::string(line)));
}

// What stands behind a number is what load_config() lets pass: the bounds themselves, and nothing beyond.
TEST(ExampleConfig, ShowsTheRangesThatAreChecked) {
  std::map<std::string, ConfigRange> ranges;
  for (const DocumentedTable& table : documentation())
    for (const DocumentedKey& key : table.keys)
      if (key.range) ranges.emplace(table.name + "." + std::string(key.name), *key.range);
  EXPECT_GT(ranges.size(), 40U);
  const auto refusal = [](const std::string& key, std::int64_t value) {
    const std::size_t dot = key.rfind('.');
    const std::string section = key.substr(0, dot);
    const std::string name = key.substr(dot + 1);
    std::string text = section == "backend"    ? "[[backend]]\nname = \"x\"\nkind = \"store\"\n"
                       : section == "listener" ? "[[listener]]\naddress = \"127.0.0.1:25\"\n"
                       : section == "class"    ? "[[class]]\nname = \"home\"\n"
                       : section == "webhook"  ? "[[webhook]]\nurl = \"https://a.example/\"\nsecret_file = \"/s\"\n"
                       : section == "route"    ? std::string(kRoute)
                                               : "[" + section + "]\n";
    text += name + " = " + std::to_string(value) + "\n" + std::string(section == "route" ? "" : kRoute);
    if (section == "route.hosts")
      text = "[[route]]\nhosts = [{host = \"mx.example\", " + name + " = " + std::to_string(value) + "}]\n";
    if (section == "class.limit" || section == "policy.limit")
      text = "[[class]]\nname = \"home\"\nlimit = [{of = \"account\", quantity = \"bytes\", window = \"day\", " + name +
             " = " + std::to_string(value) + "}]\n" + std::string(kRoute);
    const auto config = load_config(text, "sluice.toml");
    if (config) return std::string();
    for (const ConfigError& error : config.error())
      if (error.problem.ends_with("is out of range")) return error.allowed;
    return std::string();
  };
  for (const auto& [key, range] : ranges) {
    const std::string allowed = "a whole number from " + std::to_string(range.min) + " to " + std::to_string(range.max);
    EXPECT_EQ(refusal(key, range.min - 1), allowed) << key;
    EXPECT_EQ(refusal(key, range.max + 1), allowed) << key;
    EXPECT_EQ(refusal(key, range.min), "") << key;
    EXPECT_EQ(refusal(key, range.max), "") << key;
  }
}

TEST(ExampleConfig, SaysWhatANumberMayBe) {
  EXPECT_THAT(kExampleConfig, HasSubstr("\n#segment_bytes = 67108864  # 8 MiB to 1 GiB\n"));
  EXPECT_THAT(kExampleConfig, HasSubstr("\n#retry_s = [300, 900, 1800, 3600, 7200, 14400]  # 1 to 86400\n"));
  EXPECT_THAT(kExampleConfig, HasSubstr("their weight (1 to 1000, else 1)"));
  EXPECT_THAT(kExampleConfig, ::testing::Not(HasSubstr("$("))) << "a figure that was not put in";
}

}  // namespace
}  // namespace sluice::config
