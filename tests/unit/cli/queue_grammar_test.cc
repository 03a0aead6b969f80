// The command lines of sluicectl about the queue and the spool.
#include "engine/cli/queue_grammar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "engine/control/queue_request.h"

namespace sluice::cli {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using Kind = SluicectlCommand::Kind;

SluicectlCommand parsed(std::vector<const char*> words) {
  words.insert(words.begin(), "sluicectl");
  return parse_sluicectl(static_cast<int>(words.size()), words.data());
}

TEST(QueueCommandLine, BecomesARequest) {
  const std::pair<std::vector<const char*>, std::string> cases[] = {
      {{"queue", "list"}, "queue list json"},
      {{"queue", "list", "--json", "--limit", "5"}, "queue list json limit=5"},
      {{"--json", "queue", "list"}, "queue list json"},
      {{"--json", "queue", "show", "--", "--id"}, "queue show json id=--id"},
      {{"queue", "list", "--limit=100"}, "queue list json limit=100"},
      {{"queue", "--sender", "<>", "list"}, "queue list json sender=%3C%3E"},
      {{"queue", "list", "--customer", "Example Ltd", "--sender=a@b.example", "--recipient", "@c.example",
        "--destination", "direct/c.example"},
       "queue list json customer=Example%20Ltd sender=a@b.example recipient=@c.example "
       "destination=direct/c.example"},
      {{"queue", "show", "1QZ3"}, "queue show json id=1QZ3"},
      {{"queue", "show", "--id", "1QZ3"}, "queue show json id=1QZ3"},
      {{"queue", "show", "1QZ3", "--message", "--reason", "a complaint"},
       "queue show message json id=1QZ3 reason=a%20complaint"},
      {{"queue", "flush", "--all"}, "queue flush all"},
      {{"queue", "flush", "--destination", "farm"}, "queue flush destination=farm"},
      {{"queue", "hold", "1QZ3", "--json"}, "queue hold json id=1QZ3"},
      {{"queue", "release", "--customer", "--all"}, "queue release customer=--all"},
      {{"queue", "remove", "--id=1QZ3", "--recipient=a=b@c.example"}, "queue remove id=1QZ3 recipient=a%3Db@c.example"},
      {{"queue", "destinations", "--destination", "farm", "--limit", "10000"},
       "queue destinations json limit=10000 destination=farm"}};
  for (const auto& [words, request] : cases) {
    const SluicectlCommand command = parsed(words);
    const bool shows = request.starts_with("queue list") || request.starts_with("queue show") ||
                       request.starts_with("queue destinations");
    EXPECT_EQ(command.kind, shows ? Kind::view : Kind::ask) << command.text;
    EXPECT_EQ(command.request, request);
    EXPECT_TRUE(control::decode_queue_request(command.request).has_value());
  }
}

TEST(QueueCommandLine, KeepsTheOptionsOfAllCommands) {
  const SluicectlCommand command =
      parsed({"queue", "--control", "/s", "list", "--timeout=3", "--config", "c", "--sender", "a@b.example"});
  EXPECT_EQ(command.kind, Kind::view) << command.text;
  EXPECT_EQ(command.control, "/s");
  EXPECT_EQ(command.timeout_s, 3);
  EXPECT_EQ(command.config_file, "c");
  EXPECT_EQ(command.request, "queue list json sender=a@b.example");
}

TEST(QueueCommandLine, SaysWhatItDidNotUnderstand) {
  const std::pair<std::vector<const char*>, std::string> cases[] = {
      {{"queue"}, "queue: a command is missing"},
      {{"queue", "lst"}, "queue: there is no such command, did you mean list?"},
      {{"queue", "xyzzy"}, "queue: there is no such command"},
      {{"queu", "list"}, "there is no command \"queu\", did you mean queue?"},
      {{"queue", "list", "--recpient", "x"},
       "queue list: there is no option \"--recpient\" here, did you mean --recipient?"},
      {{"queue", "list", "x"}, "queue list: takes no operand"},
      {{"queue", "list", "--all"}, "queue list: takes no --all"},
      {{"queue", "list", "--limit", "0"}, "queue list: --limit needs a whole number from 1 to 10000"},
      {{"queue", "list", "--limit", "5x"}, "queue list: --limit needs a whole number from 1"},
      {{"queue", "list", "--limit"}, "queue list: --limit needs a value: N"},
      {{"queue", "list", "--sender="}, "queue list: --sender needs a value: ADDRESS"},
      {{"queue", "list", "--sender", "example.com"}, "queue list: --sender takes USER@DOMAIN, "},
      {{"queue", "list", "--recipient", "<>"}, "queue list: --recipient takes USER@DOMAIN, "},
      {{"queue", "list", "--sender", "a@b.example", "--sender", "c@d.example"}, "queue list: --sender is given twice"},
      {{"queue", "list", "--customer", "a\nb"}, "queue list: --customer takes UTF-8 without"},
      {{"queue", "show"}, "queue show: needs an ID"},
      {{"queue", "show", ""}, "queue show: needs an ID that is not empty"},
      {{"queue", "show", "A", "B"}, "queue show: takes one ID only"},
      {{"queue", "show", "A", "--id", "B"}, "queue show: takes one ID only"},
      {{"queue", "show", "A", "--customer", "B"}, "queue show: takes an ID and no filters"},
      {{"queue", "show", "A", "--limit", "100"}, "queue show: takes no --limit"},
      {{"queue", "show", "A", "--message"}, "queue show: --message needs --reason TEXT"},
      {{"queue", "show", "A", "--reason", "x"}, "queue show: takes no --reason"},
      {{"queue", "list", "--message"}, "queue list: takes no --message"},
      {{"queue", "hold", "--all", "--message", "--reason", "x"}, "queue hold: takes no --message"},
      {{"queue", "remove"}, "queue remove: needs an ID, a filter or --all"},
      {{"queue", "remove", "A", "--all"}, "queue remove: takes either a filter or --all"},
      {{"queue", "hold", "A", "--limit", "5"}, "queue hold: takes no --limit"},
      {{"queue", "destinations", "farm"}, "queue destinations: takes no operand"},
      {{"queue", "destinations", "--id", "A"}, "queue destinations: takes no filter but"}};
  for (const auto& [words, problem] : cases) {
    const SluicectlCommand command = parsed(words);
    EXPECT_EQ(command.kind, Kind::error) << command.request;
    EXPECT_THAT(command.text, StartsWith("sluicectl: " + problem));
    if (problem.starts_with("queue")) EXPECT_THAT(command.text, EndsWith("; see: sluicectl queue --help\n"));
  }
}

TEST(QueueCommandLine, NeverRepeatsAWordThatCouldBeAPassword) {
  for (const auto& words : std::vector<std::vector<const char*>>{{"queue", "hunter2"},
                                                                 {"queue", "list", "hunter2"},
                                                                 {"queue", "list", "--limit", "hunter2"},
                                                                 {"queue", "show", "A", "hunter2"},
                                                                 {"queue", "list", "--passwd=hunter2"},
                                                                 {"spool", "hunter2"},
                                                                 {"spool", "check", "hunter2"}}) {
    const SluicectlCommand command = parsed(words);
    EXPECT_EQ(command.kind, Kind::error);
    EXPECT_THAT(command.text, Not(HasSubstr("hunter2")));
  }
}

TEST(SpoolCommandLine, ReadsWhatIsToBeDone) {
  SluicectlCommand command = parsed({"spool", "check"});
  EXPECT_EQ(command.kind, Kind::spool) << command.text;
  EXPECT_EQ(command.spool.verb, SpoolCommand::Verb::check);
  EXPECT_EQ(command.spool.directory, "");
  EXPECT_FALSE(command.spool.json);
  command = parsed({"--json", "spool", "--directory=/x y", "dump", "--config", "c"});
  EXPECT_EQ(command.kind, Kind::spool) << command.text;
  EXPECT_EQ(command.spool.verb, SpoolCommand::Verb::dump);
  EXPECT_EQ(command.spool.directory, "/x y");
  EXPECT_TRUE(command.spool.json);
  EXPECT_TRUE(command.config_given);
}

TEST(SpoolCommandLine, SaysWhatItDidNotUnderstand) {
  const std::pair<std::vector<const char*>, std::string> cases[] = {
      {{"spool"}, "spool: a command is missing"},
      {{"spool", "chek"}, "spool: there is no such command, did you mean check?"},
      {{"spool", "dump", "x"}, "spool dump: takes no operand"},
      {{"spool", "dump", "--limit", "x"}, "spool dump: there is no option \"--limit\" here"},
      {{"spool", "dump", "--directory"}, "spool dump: --directory needs a value: DIR"}};
  for (const auto& [words, problem] : cases) {
    const SluicectlCommand command = parsed(words);
    EXPECT_EQ(command.kind, Kind::error);
    EXPECT_THAT(command.text, StartsWith("sluicectl: " + problem));
    EXPECT_THAT(command.text, EndsWith("; see: sluicectl spool --help\n"));
  }
}

TEST(QueueHelp, IsPrintedWhereverItIsAskedFor) {
  for (const auto& words : std::vector<std::vector<const char*>>{{"queue", "--help"},
                                                                 {"queue", "-h"},
                                                                 {"queue", "help"},
                                                                 {"queue", "list", "--help"},
                                                                 {"queue", "remove", "A", "-h"}}) {
    EXPECT_EQ(parsed(words).kind, Kind::print);
    EXPECT_EQ(parsed(words).text, queue_help());
  }
  EXPECT_EQ(parsed({"spool", "dump", "--help"}).text, spool_help());
}

TEST(QueueHelp, NamesEveryCommandAndFilter) {
  for (const control::QueueVerbName& verb : control::kQueueVerbs)
    EXPECT_THAT(queue_help(), HasSubstr("\n  " + std::string(verb.name)));
  for (const control::QueueFilter& filter : control::kQueueFilters) {
    EXPECT_THAT(queue_help(), HasSubstr("\n  --" + std::string(filter.name) + " " + std::string(filter.value)));
  }
  for (const char* word : {"--all", "--limit N", "--json"}) EXPECT_THAT(queue_help(), HasSubstr(word));
  for (const char* word : {"dump", "check", "--directory DIR", "--json"}) EXPECT_THAT(spool_help(), HasSubstr(word));
}

TEST(ShieldCommandLine, BecomesARequest) {
  const std::pair<std::vector<const char*>, std::string> cases[] = {
      {{"shield", "list"}, "shield list json"},
      {{"--json", "shield", "list"}, "shield list json"},
      {{"shield", "release", "--all", "--json"}, "shield release json all"},
      {{"shield", "release", "192.0.2.0/24"}, "shield release subject=192.0.2.0/24"},
      {{"shield", "release", "ann@example.com"}, "shield release subject=ann@example.com"},
      {{"shield", "release", "--", "--all"}, "shield release subject=--all"}};
  for (const auto& [words, request] : cases) {
    const SluicectlCommand command = parsed(words);
    EXPECT_EQ(command.kind, request.contains("list") ? Kind::view : Kind::ask) << command.text;
    EXPECT_EQ(command.request, request);
  }
  EXPECT_EQ(parsed({"shield", "list", "--help"}).kind, Kind::print);
}

TEST(ShieldCommandLine, SaysWhatIsWrong) {
  const std::pair<std::vector<const char*>, std::string> cases[] = {
      {{"shield"}, "a command is missing"},
      {{"shield", "lst"}, "did you mean list?"},
      {{"shield", "list", "192.0.2.1"}, "takes no operand"},
      {{"shield", "release"}, "needs an address"},
      {{"shield", "release", "a", "b"}, "takes one operand only"},
      {{"shield", "release", "a", "--all"}, "takes either"},
      {{"shield", "release", "192.0.2.1/24"}, "for the network write 192.0.2.0/24"}};
  for (const auto& [words, problem] : cases) {
    const SluicectlCommand command = parsed(words);
    EXPECT_EQ(command.kind, Kind::error);
    EXPECT_THAT(command.text, HasSubstr(problem));
  }
}

TEST(HostCommandLine, ReadsWhatIsToBeDone) {
  const SluicectlCommand list = parsed({"--json", "host", "list"});
  EXPECT_EQ(list.kind, Kind::host) << list.text;
  EXPECT_EQ(list.host.verb, HostCommand::Verb::list);
  EXPECT_TRUE(list.host.json);
  EXPECT_EQ(list.host.host, "");
  const SluicectlCommand check = parsed({"host", "check", "--days=0", "mail.example.com", "--directory", "/tls"});
  EXPECT_EQ(check.kind, Kind::host) << check.text;
  EXPECT_EQ(check.host.verb, HostCommand::Verb::check);
  EXPECT_EQ(check.host.host, "mail.example.com");
  EXPECT_EQ(check.host.directory, "/tls");
  EXPECT_EQ(check.host.days, 0U);
  EXPECT_EQ(parsed({"host", "check"}).host.days, 14U);
  EXPECT_EQ(list.host.time, std::nullopt);
  EXPECT_EQ(parsed({"host", "list", "--time", "epoch"}).host.time, TimeForm::epoch);
}

TEST(HostCommandLine, SaysWhatIsWrong) {
  const std::pair<std::vector<const char*>, const char*> cases[] = {
      {{"host"}, "host: a command is missing"},
      {{"host", "chekc"}, "did you mean check?"},
      {{"host", "check", "a.example", "b.example"}, "host check: takes one name only"},
      {{"host", "check", ""}, "host check: the name is empty"},
      {{"host", "check", "--days", "soon"}, "--days needs a whole number from 0 to 3650"},
      {{"host", "check", "--days", "3651"}, "--days needs a whole number from 0 to 3650"},
      {{"host", "list", "--days", "3"}, "host list: takes no --days"},
      {{"host", "list", "--time", "loacl"}, "host list: --time is local, iso or epoch, did you mean local?"},
      {{"host", "list", "--time", "iso", "--json"}, "host list: takes no --time with --json"},
      {{"host", "check", "--time", "iso"}, "host check: takes no --time"},
  };
  for (const auto& [words, problem] : cases) {
    const SluicectlCommand command = parsed(words);
    EXPECT_EQ(command.kind, Kind::error);
    EXPECT_THAT(command.text, HasSubstr(problem));
  }
  EXPECT_EQ(parsed({"host", "--help"}).text, host_help());
}

TEST(SessionsCommandLine, BecomesARequest) {
  const std::pair<std::vector<const char*>, std::string> cases[] = {
      {{"sessions"}, "sessions json"},
      {{"sessions", "--json"}, "sessions json"},
      {{"--json", "sessions"}, "sessions json"},
      {{"sessions", "list", "--limit", "5", "--customer", "Example Ltd"},
       "sessions json limit=5 customer=Example%20Ltd"},
      {{"sessions", "end", "--account", "ann@example.com"}, "sessions end account=ann@example.com"},
      {{"sessions", "--address=192.0.2.0/24", "end", "--json"}, "sessions end json address=192.0.2.0/24"}};
  for (const auto& [words, request] : cases) {
    const SluicectlCommand command = parsed(words);
    EXPECT_EQ(command.kind, request.contains(" end") ? Kind::ask : Kind::view) << command.text;
    EXPECT_EQ(command.request, request);
  }
  EXPECT_EQ(parsed({"sessions", "end", "--help"}).kind, Kind::print);
}

TEST(SessionsCommandLine, SaysWhatIsWrong) {
  const std::pair<std::vector<const char*>, std::string> cases[] = {
      {{"sessions", "ende"}, "did you mean end?"},
      {{"sessions", "end"}, "needs --account, --customer or --address"},
      {{"sessions", "end", "--account", ""}, "--account needs a value"},
      {{"sessions", "end", "ann@example.com"}, "takes no operand"},
      {{"sessions", "end", "--account", "a", "--limit", "5"}, "takes no --limit"},
      {{"sessions", "--limit", "0"}, "--limit needs a whole number from 1 to 10000"},
      {{"sessions", "--limit", "many"}, "--limit needs a whole number from 1 to 10000"},
      {{"sessions", "--address", "192.0.2.1/24"}, "for the network write 192.0.2.0/24"}};
  for (const auto& [words, problem] : cases) {
    const SluicectlCommand command = parsed(words);
    EXPECT_EQ(command.kind, Kind::error);
    EXPECT_THAT(command.text, HasSubstr(problem));
  }
}

}  // namespace
}  // namespace sluice::cli
