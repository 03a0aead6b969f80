// The command line of sluicectl destination.
#include "engine/cli/destination.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace sluice::cli {
namespace {

using ::testing::HasSubstr;
using Kind = SluicectlCommand::Kind;

SluicectlCommand read_words(std::vector<const char*> words) {
  words.insert(words.begin(), "sluicectl");
  return parse_sluicectl(static_cast<int>(words.size()), words.data());
}

TEST(DestinationCommandLine, OrdersAndLists) {
  const std::pair<std::vector<const char*>, std::string> cases[] = {
      {{"destination"}, "destination list"},
      {{"--json", "destination", "list"}, "destination list json"},
      {{"destination", "suspend", "farm", "--for", "2h", "--reason", "x y"},
       "destination suspend name=farm for_s=7200 reason=x%20y"},
      {{"destination", "suspend", "@a.example", "--until", "@1800000000"},
       "destination suspend name=@a.example until_ms=1800000000000"},
      {{"destination", "suspend", "host:mx.example", "--until", "2027-01-15 08:00"},
       "destination suspend name=host:mx.example until_ms=1800000000000"},
      {{"destination", "limit", "mx/a.example", "--connections", "2", "--rate", "60/min"},
       "destination limit name=mx/a.example connections=2 per_minute=60"},
      {{"destination", "resume", "farm", "--json"}, "destination resume json name=farm"}};
  for (const auto& [words, request] : cases) {
    const SluicectlCommand command = read_words(words);
    EXPECT_EQ(command.kind, Kind::ask) << command.text;
    EXPECT_EQ(command.request, request);
  }
  EXPECT_EQ(read_words({"destination", "--help"}).kind, Kind::print);
}

TEST(DestinationCommandLine, SaysWhatIsWrong) {
  const std::pair<std::vector<const char*>, std::string> cases[] = {
      {{"destination", "supsend", "farm"}, "did you mean suspend?"},
      {{"destination", "suspend"}, "needs the name of a place"},
      {{"destination", "suspend", ""}, "is empty"},
      {{"destination", "suspend", "a", "b"}, "takes one place"},
      {{"destination", "suspend", "*.example"}, "takes ROUTE"},
      {{"destination", "suspend", "a\r\nb"}, "takes ROUTE"},
      {{"destination", "suspend", "a", "--for", "2"}, "--for needs a span"},
      {{"destination", "suspend", "a", "--for", "0s"}, "--for needs a span"},
      {{"destination", "suspend", "a", "--for", "2027-01-15"}, "--for needs a span"},
      {{"destination", "suspend", "a", "--for", "367d"}, "366 days"},
      {{"destination", "suspend", "a", "--until", "2h"}, "--until is no time"},
      {{"destination", "suspend", "a", "--until", "soon"}, "--until is no time"},
      {{"destination", "limit", "a"}, "needs --connections or --rate"},
      {{"destination", "limit", "a", "--rate", "60"}, "--rate needs a number for a minute"},
      {{"destination", "limit", "a", "--rate", "0/min"}, "--rate needs a whole number"},
      {{"destination", "limit", "a", "--connections", "-1"}, "--connections needs a whole number"},
      {{"destination", "resume", "a", "--for", "2h"}, "takes no --for"},
      {{"destnation"}, "did you mean destination?"}};
  for (const auto& [words, problem] : cases) {
    EXPECT_EQ(read_words(words).kind, Kind::error) << problem;
    EXPECT_THAT(read_words(words).text, HasSubstr(problem));
  }
}

}  // namespace
}  // namespace sluice::cli
