// The command lines of sluice and sluicectl: what they come to, and what is said about those that
// come to nothing.
#include "engine/cli/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/version.h"
#include "engine/cli/containment.h"
#include "engine/cli/events_help.h"
#include "engine/cli/help.h"
#include "engine/cli/queue_grammar.h"
#include "engine/config/example.h"

namespace sluice::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

SluiceCommand sluice(std::vector<const char*> words) {
  words.insert(words.begin(), "sluice");
  return parse_sluice(static_cast<int>(words.size()), words.data());
}

SluicectlCommand sluicectl(std::vector<const char*> words) {
  words.insert(words.begin(), "sluicectl");
  return parse_sluicectl(static_cast<int>(words.size()), words.data());
}

using SluiceKind = SluiceCommand::Kind;
using CtlKind = SluicectlCommand::Kind;

TEST(SluiceCommandLine, ServesAndChecksAFile) {
  EXPECT_EQ(sluice({"serve"}).kind, SluiceKind::serve);
  EXPECT_EQ(sluice({"serve"}).config_file, "/etc/sluice/sluice.toml");
  EXPECT_EQ(sluice({"check"}).kind, SluiceKind::check);
  EXPECT_EQ(sluice({"serve", "--config", "x.toml"}).config_file, "x.toml");
  EXPECT_EQ(sluice({"check", "--config=x=y.toml"}).config_file, "x=y.toml");
  EXPECT_EQ(sluice({"check", "--config", "--odd"}).config_file, "--odd");
}

TEST(SluiceCommandLine, PrintsWhatItIsAskedFor) {
  EXPECT_EQ(sluice({"example"}).kind, SluiceKind::print);
  EXPECT_EQ(sluice({"example"}).text, config::kExampleConfig);
  EXPECT_EQ(sluice({"events"}).text, events_text());
  EXPECT_EQ(sluice({"events", "--json"}).text, events_json());
  for (const auto& words : std::vector<std::vector<const char*>>{{"--help"},
                                                                 {"-h"},
                                                                 {"help"},
                                                                 {"serve", "--help"},
                                                                 {"check", "--config", "x", "-h"},
                                                                 {"example", "--help"}}) {
    EXPECT_EQ(sluice(words).kind, SluiceKind::print);
    EXPECT_EQ(sluice(words).text, sluice_help());
  }
  const std::string version = sluice({"--version"}).text;
  EXPECT_THAT(version, ::testing::StartsWith("sluice " + std::string(kProgramVersion) + "\n"));
  EXPECT_THAT(version, ::testing::ContainsRegex("with wolfSSL [0-9.]+ and liburing [0-9.]+, linked statically\n$"));
}

TEST(SluiceCommandLine, SaysWhatItDidNotUnderstand) {
  const std::pair<std::vector<const char*>, std::string> cases[] = {
      {{}, "sluice: a command is missing; see: sluice --help\n"},
      {{"serv"}, "sluice: there is no command \"serv\", did you mean serve?; see: sluice --help\n"},
      {{"xyzzy"}, "sluice: there is no command \"xyzzy\"; see: sluice --help\n"},
      {{"--confg", "x"}, "sluice: there is no command \"--confg\"; see: sluice --help\n"},
      {{"serve", "--confg", "x"},
       "sluice: serve: there is no option \"--confg\" here, did you mean --config?; see: sluice "
       "--help\n"},
      {{"serve", "x.toml"}, "sluice: serve: takes no operand; see: sluice --help\n"},
      {{"serve", "--config"}, "sluice: serve: --config needs a value: FILE; see: sluice --help\n"},
      {{"serve", "--config="}, "sluice: serve: --config needs a value: FILE; see: sluice --help\n"},
      {{"serve", "--config", "a", "--config", "b"}, "sluice: serve: --config is given twice; see: sluice --help\n"},
      {{"example", "--config", "a"}, "sluice: example: there is no option \"--config\" here"},
      {{"events", "--config", "a"}, "sluice: events: there is no option \"--config\" here"},
      {{"serve", "--json"}, "sluice: serve: there is no option \"--json\" here"},
      {{"\x1b[31m\n"}, "sluice: there is no command \"\\u001b[31m\\n\"; see: sluice --help\n"},
  };
  for (const auto& [words, expected] : cases) {
    const SluiceCommand command = sluice(words);
    EXPECT_EQ(command.kind, SluiceKind::error);
    EXPECT_THAT(command.text, StartsWith(expected));
  }
}

TEST(SluicectlCommandLine, AsksTheRelay) {
  const std::pair<const char*, std::string> cases[] = {{"status", "status json"}, {"sessions", "sessions json"},
                                                       {"pools", "pools json"},   {"counters", "counters cores json"},
                                                       {"reload", "reload"},      {"drain", "drain"}};
  for (const auto& [word, request] : cases) {
    const SluicectlCommand command = sluicectl({word});
    EXPECT_EQ(command.kind, request == word ? CtlKind::ask : CtlKind::view);
    EXPECT_EQ(command.request, request);
    EXPECT_EQ(command.config_file, kDefaultConfigFile);
    EXPECT_FALSE(command.config_given);
    EXPECT_EQ(command.control, "");
    EXPECT_EQ(command.timeout_s, 10);
  }
  EXPECT_EQ(sluicectl({"queue", "list"}).timeout_s, 600);
  EXPECT_EQ(sluicectl({"--timeout", "3", "queue", "list"}).timeout_s, 3);
  EXPECT_EQ(sluicectl({"sessions", "--json"}).request, "sessions json");
  EXPECT_EQ(sluicectl({"--json", "counters"}).request, "counters json");
}

TEST(SluicectlCommandLine, ATestOfNotificationsHasItsTime) {
  EXPECT_EQ(sluicectl({"notify", "test"}).kind, CtlKind::ask);
  EXPECT_EQ(sluicectl({"notify", "test"}).request, "notify test");
  EXPECT_EQ(sluicectl({"notify", "test"}).timeout_s, 300);
  EXPECT_EQ(sluicectl({"notify", "test", "--timeout", "3"}).timeout_s, 3);
  for (const auto& words : std::vector<std::vector<const char*>>{
           {"notify"}, {"notify", "tests"}, {"notify", "test", "more"}, {"notify", "test", "--json"}})
    EXPECT_EQ(sluicectl(words).kind, CtlKind::error);
}

TEST(SluicectlCommandLine, OptionsMayStandAnywhere) {
  for (const auto& words : std::vector<std::vector<const char*>>{
           {"--config", "c", "--control", "s", "--timeout", "3", "--store", "d", "status", "--json"},
           {"status", "--json", "--store=d", "--timeout=3", "--control=s", "--config=c"},
           {"--timeout=3", "--json", "status", "--config", "c", "--store", "d", "--control", "s"}}) {
    const SluicectlCommand command = sluicectl(words);
    EXPECT_EQ(command.kind, CtlKind::view) << command.text;
    EXPECT_EQ(command.request, "status json");
    EXPECT_EQ(command.config_file, "c");
    EXPECT_TRUE(command.config_given);
    EXPECT_EQ(command.control, "s");
    EXPECT_EQ(command.store, "d");
    EXPECT_EQ(command.timeout_s, 3);
  }
}

TEST(SluicectlCommandLine, LeavesAccountsToTheirOwnGrammar) {
  const SluicectlCommand command = sluicectl(
      {"--store", "d", "account", "add", "--config", "c", "u@example.com", "--customer", "Example Ltd", "--generate"});
  EXPECT_EQ(command.kind, CtlKind::account);
  EXPECT_EQ(command.store, "d");
  EXPECT_EQ(command.config_file, "c");
  EXPECT_THAT(command.account_args,
              ElementsAre("account", "add", "u@example.com", "--customer", "Example Ltd", "--generate"));
  EXPECT_THAT(sluicectl({"customer", "list", "--json"}).account_args, ElementsAre("customer", "list", "--json"));
  EXPECT_THAT(sluicectl({"--json", "customer", "list"}).account_args, ElementsAre("customer", "list", "--json"));
  EXPECT_THAT(sluicectl({"domain", "--help"}).account_args, ElementsAre("domain", "--help"));
  EXPECT_THAT(sluicectl({"domain", "add", "-h"}).account_args, ElementsAre("domain", "add", "-h"));
  EXPECT_THAT(sluicectl({"customer"}).account_args, ElementsAre("customer"));
  EXPECT_THAT(sluicectl({"customer", "add", "--", "--store"}).account_args,
              ElementsAre("customer", "add", "--", "--store"));
}

TEST(SluicectlCommandLine, SaysWhatItDidNotUnderstand) {
  const std::pair<std::vector<const char*>, std::string> cases[] = {
      {{}, "sluicectl: a command is missing; see: sluicectl --help\n"},
      {{"sesions"},
       "sluicectl: there is no command \"sesions\", did you mean sessions?; see: sluicectl "
       "--help\n"},
      {{"acount", "add"}, "sluicectl: there is no command \"acount\", did you mean account?; see: sluicectl --help\n"},
      {{"status", "--jsno"},
       "sluicectl: status: there is no option \"--jsno\" here, did you mean --json?; see: sluicectl "
       "status --help\n"},
      {{"reload", "--json"}, "sluicectl: reload: shows no data, so --json means nothing; see: sluicectl --help\n"},
      {{"status", "--json=yes"}, "sluicectl: status: --json takes no value; see: sluicectl status --help\n"},
      {{"status", "--timeout"}, "sluicectl: --timeout needs a value: SECONDS; see: sluicectl --help\n"},
      {{"status", "--timeout", "0"}, "sluicectl: --timeout needs a whole number of seconds from 1 to 3600; see: "},
      {{"status", "--timeout", "5s"}, "sluicectl: --timeout needs a whole number of seconds from 1 to 3600; see: "},
      {{"status", "--control", "a", "--control", "b"}, "sluicectl: --control is given twice; see: sluicectl --help\n"},
      {{"account", "list", "--store"}, "sluicectl: --store needs a value: PATH; see: sluicectl --help\n"},
  };
  for (const auto& [words, expected] : cases) {
    const SluicectlCommand command = sluicectl(words);
    EXPECT_EQ(command.kind, CtlKind::error);
    EXPECT_THAT(command.text, StartsWith(expected));
  }
}

TEST(SluicectlCommandLine, NeverRepeatsAWordThatCouldBeAPassword) {
  for (const auto& words : std::vector<std::vector<const char*>>{{"status", "hunter2"},
                                                                 {"reload", "now", "hunter2"},
                                                                 {"status", "--json=hunter2"},
                                                                 {"status", "--passwd=hunter2"}}) {
    const SluicectlCommand command = sluicectl(words);
    EXPECT_EQ(command.kind, CtlKind::error);
    EXPECT_THAT(command.text, Not(HasSubstr("hunter2")));
  }
}

TEST(SluicectlCommandLine, ExplainsAnIdInSmallLetters) {
  EXPECT_EQ(sluicectl({"explain", "0sb6dnq2w0004"}).explain.id, "0SB6DNQ2W0004");
  EXPECT_EQ(sluicectl({"explain", "webhook-7"}).explain.id, "webhook-7") << "no queue id";
}

TEST(SluicectlCommandLine, PrintsHelpAndVersion) {
  for (const auto& words : std::vector<std::vector<const char*>>{
           {"--help"}, {"-h"}, {"help"}, {"status", "--help"}, {"--json", "--help"}, {"--help", "customer"}}) {
    EXPECT_EQ(sluicectl(words).kind, CtlKind::print);
    EXPECT_EQ(sluicectl(words).text, sluicectl_help());
  }
  EXPECT_EQ(sluicectl({"--version"}).text, "sluicectl " + std::string(kProgramVersion) + "\n");
}

TEST(Help, IsAManualPageThatFitsATerminal) {
  for (const std::string& page :
       {sluice_help(), sluicectl_help(), queue_help(), spool_help(), review_help(), containment_help()}) {
    for (const char* section : {"NAME\n", "\nSYNOPSIS\n", "\nDESCRIPTION\n", "\nOPTIONS\n", "\nEXIT STATUS\n",
                                "\nEXAMPLES\n", "\nSEE ALSO\n"}) {
      EXPECT_THAT(page, HasSubstr(section));
    }
    EXPECT_THAT(page, EndsWith("\n"));
  }
  for (const std::string& page : {sluice_help(), queue_help(), spool_help(), review_help(), containment_help()}) {
    std::istringstream lines(page);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80U) << line;
  }
}

TEST(Help, NamesEveryCommandAndOption) {
  for (const char* word : {"serve", "check", "example", "keys", "--config", "--version", "--help"})
    EXPECT_THAT(sluice_help(), HasSubstr(word));
  for (const char* word :
       {"status", "sessions", "pools", "counters", "reload", "drain", "customer add", "domain list", "account suspend",
        "queue list", "queue flush", "spool check", "--json", "--config", "--control", "--store", "--timeout"}) {
    EXPECT_THAT(sluicectl_help(), HasSubstr(word));
  }
}

TEST(Help, SaysTheTimeoutsThatAreInForce) {
  EXPECT_THAT(sluicectl_help(),
              ::testing::HasSubstr("Default: 10,\n                  600 behind queue, 300 behind notify and route."));
  EXPECT_THAT(sluicectl_help(), ::testing::Not(::testing::HasSubstr("$(")));
}

}  // namespace
}  // namespace sluice::cli
