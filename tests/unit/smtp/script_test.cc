// Runs every dialog of tests/dialogs against a ServerMachine: segment by segment as written, and
// byte by byte.
#include "tests/unit/smtp/script.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace sluice::smtp {
namespace {

// The checkout is the working directory, or above it.
std::filesystem::path scripts_folder() {
  for (std::filesystem::path folder = std::filesystem::current_path();; folder = folder.parent_path()) {
    if (std::filesystem::is_directory(folder / "tests/dialogs")) return folder / "tests/dialogs";
    if (folder == folder.parent_path()) return {};
  }
}

std::vector<std::string> script_names() {
  std::vector<std::string> names;
  const std::filesystem::path folder = scripts_folder();
  if (folder.empty()) return names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".smtp") names.push_back(entry.path().stem().string());
  }
  std::ranges::sort(names);
  return names;
}

Script load(const std::string& name) {
  std::ifstream file(scripts_folder() / (name + ".smtp"));
  std::stringstream text;
  text << file.rdbuf();
  return parse_script(text.str());
}

class Dialog : public ::testing::TestWithParam<std::string> {};

TEST_P(Dialog, InSegments) {
  const Script script = load(GetParam());
  ASSERT_EQ(script.error, "");
  EXPECT_EQ(run_script(script, SIZE_MAX), "") << "tests/dialogs/" << GetParam() << ".smtp";
}

TEST_P(Dialog, ByteByByte) {
  const Script script = load(GetParam());
  ASSERT_EQ(script.error, "");
  if (script.whole_only) return;
  EXPECT_EQ(run_script(script, 1), "") << "tests/dialogs/" << GetParam() << ".smtp";
  EXPECT_EQ(run_script(script, 7), "") << "tests/dialogs/" << GetParam() << ".smtp";
}

INSTANTIATE_TEST_SUITE_P(Scripts, Dialog, ::testing::ValuesIn(script_names()),
                         [](const auto& parameter) { return parameter.param; });

TEST(Scripts, AreThere) { EXPECT_GE(script_names().size(), 15U); }

TEST(Scripts, ARunnerSeesWhatIsWrong) {
  EXPECT_NE(run_script(parse_script("S: 220 *\nC: NOOP\nS: 550 *\n"), 100), "");
  EXPECT_NE(run_script(parse_script("S: 220 *\nC: NOOP\n"), 100), "");
  EXPECT_NE(run_script(parse_script("S: 220 *\nC: NOOP\nS: 250 *\nS: 250 *\n"), 100), "");
  EXPECT_NE(run_script(parse_script("S: 220 *\n! closed\n"), 100), "");
  EXPECT_EQ(run_script(parse_script("S: 220 *\nC: NOOP\nS: 250 *\n"), 100), "");
  EXPECT_NE(parse_script("X: what\n").error, "");
}

}  // namespace
}  // namespace sluice::smtp
