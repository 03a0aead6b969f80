// The options of all commands that list, and commands that go on showing.
#include "engine/cli/view_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "engine/cli/command_line.h"
#include "engine/cli/view_run.h"

namespace sluice::cli {
namespace {

using ::testing::HasSubstr;
using Kind = SluicectlCommand::Kind;

SluicectlCommand parsed_view(std::vector<const char*> words) {
  words.insert(words.begin(), "sluicectl");
  return parse_sluicectl(static_cast<int>(words.size()), words.data());
}

TEST(ViewOptions, AreTheSameBehindEveryCommandThatLists) {
  const std::vector<std::vector<const char*>> commands{
      {"status"},           {"pools"},    {"counters"},       {"queue", "list"}, {"queue", "destinations"},
      {"sessions", "list"}, {"sessions"}, {"shield", "list"}, {"usage"}};
  for (std::vector<const char*> words : commands) {
    words.insert(words.end(), {"--watch", "--time", "iso", "--top=5"});
    SluicectlCommand command = parsed_view(words);
    EXPECT_EQ(command.kind, Kind::view) << command.text;
    EXPECT_EQ(command.view.options.watch, 2U);
    EXPECT_EQ(command.view.options.time, TimeForm::iso);
    words.insert(words.end() - 3, "7");
    command = parsed_view(words);
    EXPECT_EQ(command.view.options.watch, 7U) << command.text;
    words.back() = "--json";
    EXPECT_THAT(parsed_view(words).text, HasSubstr("takes no --time with --json"));
  }
}

TEST(ViewOptions, TimeIsTakenWhereMomentsAreShown) {
  for (const std::vector<const char*>& words :
       std::vector<std::vector<const char*>>{{"noticed", "a@example.com"}, {"queue", "show", "A"}, {"review"}}) {
    std::vector<const char*> with_time = words;
    with_time.insert(with_time.end(), {"--time", "iso"});
    const SluicectlCommand command = parsed_view(with_time);
    EXPECT_EQ(command.kind, Kind::view) << command.text;
    EXPECT_EQ(command.view.options.time, TimeForm::iso);
    with_time.emplace_back("--json");
    EXPECT_THAT(parsed_view(with_time).text, HasSubstr("takes no --time with --json"));
  }
  EXPECT_EQ(parsed_view({"noticed", "a@example.com"}).request, "noticed json account=a@example.com");
  EXPECT_EQ(parsed_view({"noticed", "a@example.com", "--json"}).view.as_it_is, true);
  EXPECT_THAT(parsed_view({"noticed", "a@example.com", "--top", "5"}).text, HasSubstr("takes no --top"));
  EXPECT_EQ(parsed_view({"noticed", "release", "a@example.com"}).kind, Kind::ask);
  EXPECT_THAT(parsed_view({"noticed", "release", "a@example.com", "--time", "iso"}).text, HasSubstr("takes no --time"));
  EXPECT_EQ(parsed_view({"explain", "A"}).explain.time, TimeForm::iso);
  EXPECT_EQ(parsed_view({"explain", "A", "--time", "epoch"}).explain.time, TimeForm::epoch);
  EXPECT_THAT(parsed_view({"explain", "A", "--time", "iso", "--json"}).text, HasSubstr("takes no --time with --json"));
  EXPECT_THAT(parsed_view({"explain", "A", "--time", "epch"}).text, HasSubstr("did you mean epoch?"));
}

TEST(ViewOptions, SayWhatTheyTake) {
  const SluicectlCommand command = parsed_view({"queue", "list", "--sort", "-due_ms", "--top", "10"});
  EXPECT_EQ(command.view.options.sort, "next_try");
  EXPECT_TRUE(command.view.options.reversed);
  EXPECT_EQ(command.view.options.top, 10U);
  EXPECT_EQ(parsed_view({"usage", "--top", "5"}).request, "usage top=5");
  EXPECT_EQ(parsed_view({"usage", "--top", "5", "--sort", "used"}).request, "usage");
  EXPECT_EQ(parsed_view({"usage", "--json"}).view.as_it_is, true);
  EXPECT_EQ(parsed_view({"counters", "--json"}).request, "counters json");
  EXPECT_EQ(parsed_view({"counters", "--json", "--cores"}).request, "counters cores json");
  const std::pair<std::vector<const char*>, std::string> cases[] = {
      {{"queue", "list", "--sort", "byts"},
       "--sort: there is no such key here, did you mean bytes?; there are: id, state,"},
      {{"queue", "list", "--by", "costumer"},
       "--by: there is no such key here, did you mean customer?; there are: customer, account, destination, reason;"},
      {{"queue", "list", "--by", "host"}, "--by: there is no such key here; there are: customer,"},
      {{"queue", "list", "--by", "customer", "--sort", "age"},
       "there are: customer, messages, recipients, bytes, oldest"},
      {{"queue", "list", "--cores"}, "takes no --cores"},
      {{"queue", "list", "--limit", "5", "--top", "5"}, "takes either --limit or --sort"},
      {{"queue", "destinations", "--cores", "--by", "reason"}, "takes either --cores or --by"},
      {{"queue", "show", "A", "--sort", "id"}, "takes no --sort"},
      {{"queue", "hold", "--all", "--watch"}, "takes no --watch"},
      {{"review", "--top", "3"}, "takes no --top"},
      {{"shield", "release", "a", "--watch", "3"}, "takes no --watch"},
      {{"sessions", "end", "--account", "a", "--by", "customer"}, "takes no --by"},
      {{"status", "--by", "customer"}, "takes no --by"},
      {{"pools", "--by", "customer"}, "there are: destination, host, reason"},
      {{"usage", "--by", "host"}, "there are: customer, account"},
      {{"usage", "--sort", "usd"}, "did you mean used?; there are: subject, quantity"},
      {{"pools", "--watch", "0"}, "--watch needs a whole number from 1 to 3600"},
      {{"pools", "--top", "0"}, "--top needs a whole number from 1 to"},
      {{"pools", "--time", "loacl"}, "--time is local, iso or epoch, did you mean local?"}};
  for (const auto& [words, problem] : cases) {
    const SluicectlCommand refused = parsed_view(words);
    EXPECT_EQ(refused.kind, Kind::error) << problem;
    EXPECT_THAT(refused.text, HasSubstr(problem));
  }
}

TEST(ViewOptions, NeverRepeatAWordThatCouldBeAPassword) {
  for (const auto& words : std::vector<std::vector<const char*>>{
           {"pools", "--sort", "hunter2"}, {"pools", "--by", "hunter2"}, {"status", "--time", "hunter2"}})
    EXPECT_THAT(parsed_view(words).text, ::testing::Not(HasSubstr("hunter2")));
}

// ------------------------------------------------------------------------------------ watch

constexpr std::string_view kOne = "[\n {\"core\": 0, \"name\": \"a\", \"value\": 1}\n]\nend\n";
constexpr std::string_view kTwo = "[\n {\"core\": 0, \"name\": \"a\", \"value\": 2}\n]\nend\n";

struct Watched {
  int status = 0;
  std::string out;
  std::string err;
};

// With these answers, one after the other; one that is empty: nobody answers.
Watched watched(std::vector<const char*> words, std::deque<std::string> answers, bool terminal = false) {
  const SluicectlCommand command = parsed_view(std::move(words));
  EXPECT_EQ(command.kind, Kind::view) << command.text;
  std::ostringstream out;
  std::ostringstream err;
  const auto ask = [&answers](const std::string&,
                              const std::function<void(std::string_view)>& piece) -> std::expected<void, std::string> {
    const std::string answer = answers.front();
    answers.pop_front();
    if (answer.empty()) return std::unexpected("/s: is sluice running?");
    piece(answer);
    return {};
  };
  const int status = run_view_command(command.view, command.request,
                                      {.ask = ask,
                                       .wait = [&answers](std::uint32_t) { return !answers.empty(); },
                                       .interrupted = [] { return false; },
                                       .now = [] { return WallMillis(1000); },
                                       .terminal = terminal,
                                       .out = out,
                                       .err = err});
  return {status, out.str(), err.str()};
}

TEST(Watch, ShowsItAgainUntilItIsInterrupted) {
  const Watched plain = watched({"counters", "--watch"}, {std::string(kOne), std::string(kTwo)});
  EXPECT_EQ(plain.out, "name  value\na     1\n\nname  value\na     2\n");
  EXPECT_EQ(plain.status, 0);
  const Watched screen = watched({"counters", "--watch", "9", "--time", "epoch"}, {std::string(kOne)}, true);
  EXPECT_EQ(screen.out, "\x1b[H\x1b[2J1.000, every 9 s\n\nname  value\na     1\n");
  const Watched json = watched({"counters", "--watch", "--json"}, {std::string(kOne), std::string(kTwo)});
  EXPECT_EQ(json.out,
            "{\"at_ms\": 1000, \"data\": [ {\"core\": 0, \"name\": \"a\", \"value\": 1}]}\n"
            "{\"at_ms\": 1000, \"data\": [ {\"core\": 0, \"name\": \"a\", \"value\": 2}]}\n");
}

TEST(Watch, OutlivesARestartOfTheRelayAndSaysSo) {
  const Watched away = watched({"counters", "--watch"}, {std::string(kOne), "", "", "[\n {\"core\": 0",
                                                         "error: the relay is being stopped\n", std::string(kTwo), ""});
  EXPECT_EQ(away.status, 0);
  EXPECT_EQ(away.out, "name  value\na     1\n\nname  value\na     2\n");
  EXPECT_EQ(away.err,
            "sluicectl: the relay does not answer (/s: is sluice running?); asked again\n"
            "sluicectl: the relay answers again\n"
            "sluicectl: the relay does not answer (/s: is sluice running?); asked again\n");
}

TEST(Watch, OfNothingIsAnError) {
  EXPECT_EQ(watched({"counters", "--watch"}, {""}).status, 1);
  const Watched unknown = watched({"queue", "list", "--customer", "acmee", "--watch"}, {"error: no such customer\n"});
  EXPECT_EQ(unknown.status, 1);
  EXPECT_EQ(unknown.err, "error: no such customer\n");
}

TEST(View, AnAnswerThatIsCutIsAnError) {
  const Watched cut = watched({"counters"}, {"[\n {\"core\": 0, \"name\": \"a\", \"value\": 1},\n {\"co"});
  EXPECT_EQ(cut.status, 1);
  EXPECT_THAT(cut.err, HasSubstr("cut off"));
}

// Lines that are cut anywhere, and what a terminal would obey.
TEST(View, TheContentOfAMessageIsNothingButText) {
  const Watched content = watched(
      {"queue", "show", "A", "--message", "--reason", "x"},
      {"[\n {\"content\": \"From: a\\r\\n\\r\\none \\u001b[2J li\"},\n {\"content\": \"ne\\r\\ntwo\"}\n]\nend\n"});
  EXPECT_EQ(content.out, "From: a\n\none \\u001b[2J line\ntwo\n");
  const Watched none = watched({"queue", "show", "A"}, {"[\n]\nend\n"});
  EXPECT_EQ(none.out, "no such message\n");
}

}  // namespace
}  // namespace sluice::cli
