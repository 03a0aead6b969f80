// What `sluice keys` prints: every key that the configuration has.
#include "engine/cli/keys_help.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/config/documentation.h"

namespace sluice::cli {
namespace {

using ::testing::HasSubstr;

TEST(KeysHelpTest, EveryTableAndKeyIsInTheText) {
  const std::string text = keys_text();
  for (const auto& table : config::documentation()) {
    const bool listed = table.form == config::TableForm::listed;
    const std::string heading = table.name.contains('.') ? table.name + " = [{ ... }]"
                                : listed                 ? "[[" + table.name + "]]"
                                                         : "[" + table.name + "]";
    const std::size_t at = text.find("\n\n" + heading + "\n");
    ASSERT_NE(at, std::string::npos) << table.name;
    const std::string part = text.substr(at);
    for (const auto& key : table.keys) EXPECT_THAT(part, HasSubstr("\n    " + std::string(key.name)));
  }
}

TEST(KeysHelpTest, JsonHasRangesDefaultsAndWhatNeedsARestart) {
  const std::string json = keys_json();
  EXPECT_THAT(json, HasSubstr("{\"table\":\"route.hosts\",\"listed\":true,"));
  EXPECT_THAT(json, HasSubstr("{\"key\":\"cores\",\"about\":\"Threads that relay mail, one on each CPU. 0: as many as "
                              "there are CPUs.\",\"default\":\"0\",\"min\":0,\"max\":1024,\"restart\":true}"));
  EXPECT_THAT(json, HasSubstr("{\"key\":\"hosts\",\"about\":"));
  EXPECT_THAT(json, HasSubstr("\"needed\":true"));
}

}  // namespace
}  // namespace sluice::cli
