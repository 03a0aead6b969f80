// What `sluice events` prints: the table of events, whole.
#include "engine/cli/events_help.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/event/rows.h"

namespace sluice::cli {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(EventsHelp, TextSaysEveryEventWithItsKeys) {
  const std::string text = events_text();
  for (const event::Row& row : event::rows()) {
    EXPECT_THAT(text, HasSubstr("\n" + std::string(row.name) + " (")) << row.name;
    for (const event::Key& key : row.keys) EXPECT_THAT(text, HasSubstr("\n    " + std::string(key.name) + " "));
  }
  EXPECT_THAT(text, HasSubstr("\naccept_failed (error)\n  A connection could not be accepted\n"
                              "    listener  text            name of the listener\n"
                              "    error     text            the system's error\n"));
}

TEST(EventsHelp, JsonSaysTheSame) {
  const std::string json = events_json();
  EXPECT_THAT(json, StartsWith("[{\"event\":\"login\",\"severity\":\"warning\",\"meaning\":\"An attempt to log in; "));
  EXPECT_THAT(json, HasSubstr(R"({"event":"listening","severity":"info","meaning":"A port takes connections",)"
                              R"("keys":[{"key":"address","type":"text","meaning":"IP address and port"}]})"));
  EXPECT_THAT(json, EndsWith("]}]\n"));
}

}  // namespace
}  // namespace sluice::cli
