// EXTERNAL's machine.
#include <gtest/gtest.h>

#include <string>

#include "auth/sasl.h"

namespace sluice::auth {
namespace {

using namespace std::string_literals;

Step said(std::string_view initial) { return find_mechanism("EXTERNAL")->make()->start(initial); }

TEST(External, TakesAnInitialResponse) {
  const Step step = said("ann@example.com");
  ASSERT_EQ(step.kind, SaslStep::external);
  ASSERT_TRUE(step.name);
  EXPECT_EQ(step.name->text(), "ann@example.com");
  EXPECT_FALSE(step.credentials);
}

TEST(External, ANameNeedNotBeGiven) {
  const Step step = said("");
  ASSERT_EQ(step.kind, SaslStep::external);
  EXPECT_FALSE(step.name);
}

TEST(External, AsksWithAnEmptyChallengeWithoutAnInitialResponse) {
  const auto machine = find_mechanism("EXTERNAL")->make();
  const Step step = machine->start(std::nullopt);
  ASSERT_EQ(step.kind, SaslStep::challenge);
  EXPECT_EQ(step.challenge, "");
  EXPECT_EQ(machine->respond("").kind, SaslStep::external);
  EXPECT_EQ(machine->respond("").fault, SaslFault::out_of_turn);
}

TEST(External, TakesCleanNamesAlone) {
  for (const std::string& name :
       {"a\0b"s, "\0"s, "a\nb"s, "\xff"s, "\x1b[2J"s, std::string(kNameBytesMax + 1, 'a'), "ann\u2028"s}) {
    const Step step = said(name);
    EXPECT_EQ(step.kind, SaslStep::malformed) << ::testing::PrintToString(name);
    EXPECT_EQ(step.fault, SaslFault::name_not_clean) << ::testing::PrintToString(name);
    EXPECT_FALSE(step.name) << ::testing::PrintToString(name);
  }
}

}  // namespace
}  // namespace sluice::auth
