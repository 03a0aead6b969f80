// Moments of what the account commands show.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/cli/accounts_fixture.h"

namespace sluice::cli {
namespace {

using CtlAccountTimes = CtlAccountsTest;

TEST_F(CtlAccountTimes, AreAsTimeSays) {
  set_up_acme();
  ASSERT_EQ(run({"account", "device", "add", "tim@example.com", "--name", "printer"}), kCtlDone) << err_;
  ASSERT_EQ(run({"account", "certificate", "add", "tim@example.com", "--fingerprint", std::string(64, 'a')}), kCtlDone)
      << err_;
  const std::vector<std::vector<std::string_view>> commands{{"customer", "list"},
                                                            {"customer", "show", "acme"},
                                                            {"domain", "list"},
                                                            {"domain", "show", "example.com"},
                                                            {"account", "list"},
                                                            {"account", "show", "tim@example.com"},
                                                            {"account", "device", "list"},
                                                            {"account", "certificate", "list", "tim@example.com"}};
  for (std::vector<std::string_view> words : commands) {
    ASSERT_EQ(run(words), kCtlDone) << err_;
    EXPECT_THAT(out_, ::testing::ContainsRegex("202[56]-..-.. ..:..:.. [+-]....")) << "local";
    words.insert(words.end(), {"--time", "iso"});
    ASSERT_EQ(run(words), kCtlDone) << err_;
    EXPECT_THAT(out_, ::testing::HasSubstr("2026-01-01T00:00:01.500Z"));
    words.back() = "epoch";
    ASSERT_EQ(run(words), kCtlDone) << err_;
    EXPECT_THAT(out_, ::testing::HasSubstr("1767225601.500"));
    words.back() = "lokal";
    EXPECT_EQ(run(words), kCtlUsage);
    EXPECT_TRUE(says("--time is local, iso or epoch, did you mean local?")) << err_;
    words.back() = "iso";
    words.emplace_back("--json");
    EXPECT_EQ(run(words), kCtlUsage);
    EXPECT_TRUE(says("takes no --time with --json")) << err_;
  }
  EXPECT_EQ(run({"account", "add", "x@example.com", "--customer", "Acme", "--time", "iso"}), kCtlUsage);
}

}  // namespace
}  // namespace sluice::cli
