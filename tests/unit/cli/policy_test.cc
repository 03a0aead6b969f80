// `sluicectl policy`, as an operator types it.
#include "engine/cli/policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "engine/cli/policy_run.h"
#include "engine/io/real_platform.h"
#include "tests/unit/auth_backend/store_fixture.h"
#include "tests/unit/cli/file_stores.h"

namespace sluice::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using Kind = SluicectlCommand::Kind;

SluicectlCommand read_policy(std::vector<const char*> words) {
  words.insert(words.begin(), {"sluicectl"});
  return parse_sluicectl(static_cast<int>(words.size()), words.data());
}

TEST(PolicyCommandLine, ReadsWhatIsToBeTried) {
  const SluicectlCommand replay =
      read_policy({"policy", "replay", "--class", "home", "a.log", "-", "--json", "--config", "new.toml", "--limit=3"});
  ASSERT_EQ(replay.kind, Kind::policy) << replay.text;
  EXPECT_EQ(replay.policy.verb, PolicyCommand::Verb::replay);
  EXPECT_THAT(replay.policy.files, ElementsAre("a.log", "-"));
  EXPECT_EQ(replay.policy.policy_class, "home");
  EXPECT_EQ(replay.policy.limit, 3U);
  EXPECT_TRUE(replay.policy.json);
  EXPECT_EQ(replay.config_file, "new.toml");
  EXPECT_TRUE(read_policy({"--json", "policy", "replay", "x"}).policy.json);
  EXPECT_EQ(replay.policy.time, TimeForm::iso);
  EXPECT_EQ(read_policy({"policy", "replay", "x", "--time", "local"}).policy.time, TimeForm::local);
  EXPECT_THAT(read_policy({"policy", "replay", "--", "--class"}).policy.files, ElementsAre("--class"));
  const SluicectlCommand test = read_policy({"policy", "test", "--account", "a@example.com", "--customer", "Acme",
                                             "--recipients", "300", "--bytes", "5000", "--client", "2001:db8::1"});
  ASSERT_EQ(test.kind, Kind::policy) << test.text;
  EXPECT_EQ(test.policy.verb, PolicyCommand::Verb::test);
  EXPECT_EQ(test.policy.account, "a@example.com");
  EXPECT_EQ(test.policy.customer, "Acme");
  EXPECT_EQ(test.policy.recipients, 300U);
  EXPECT_EQ(test.policy.bytes, 5000U);
  EXPECT_EQ(test.policy.client, "2001:db8::1");
  EXPECT_EQ(read_policy({"policy", "replay", "--help"}).text, policy_help());
}

TEST(PolicyCommandLine, SaysWhatIsWrong) {
  const std::pair<std::vector<const char*>, std::string> cases[] = {
      {{"policy"}, "policy: a command is missing"},
      {{"policy", "reply"}, "did you mean replay?"},
      {{"policy", "replay"}, "replay needs the log"},
      {{"policy", "replay", "x", "--limit", "0"}, "--limit needs a whole number from 1 to 10000"},
      {{"policy", "replay", "x", "--recipients", "1"}, "replay takes no --recipients"},
      {{"policy", "replay", "x", "--class", "a b"}, "--class takes the name of a class"},
      {{"policy", "test", "--recipients", "1"}, "test needs --account NAME"},
      {{"policy", "test", "--account", "a"}, "test needs --recipients N"},
      {{"policy", "test", "--account", "a", "--recipients", "100001"}, "from 1 to 100000"},
      {{"policy", "test", "--account", "a", "--recipients", "1", "--client", "here"}, "--client takes an IP address"},
      {{"policy", "test", "--account", "a", "--recipients", "1", "--limit", "1"}, "test takes no --limit"},
      {{"policy", "test", "--account", "a\x01", "--recipients", "1"}, "without control characters"},
      {{"policy", "replay", "x", "--time", "utc"}, "--time is local, iso or epoch"},
      {{"policy", "replay", "x", "--time", "iso", "--json"}, "takes no --time with --json"},
      {{"policy", "test", "--account", "a", "--recipients", "1", "--time", "iso"}, "test takes no --time"},
      {{"policy", "test", "x"}, "test takes no operand"}};
  for (const auto& [words, problem] : cases) {
    const SluicectlCommand command = read_policy(words);
    EXPECT_EQ(command.kind, Kind::error) << problem;
    EXPECT_THAT(command.text, HasSubstr(problem));
  }
}

std::string taken(std::string_view time, std::string_view account, int recipients) {
  const std::string count = std::to_string(recipients);
  return R"({"time":"2026-11-24T)" + std::string(time) + R"(Z","level":"info","event":"message","id":"m)" +
         std::string(time) + R"(","verdict":"taken","listener":"x","client":"192.0.2.1","account":")" +
         std::string(account) + R"(","to":"","recipients":)" + count + R"(,"recipients_taken":)" + count +
         R"(,"bytes":1})" + "\n";
}

class PolicyRunTest : public auth::StoreTest {
 protected:
  int run(const PolicyCommand& command, std::vector<std::string> logs = {}) {
    std::vector<std::istringstream> streams;
    for (std::string& log : logs) streams.emplace_back(std::move(log));
    std::vector<LogFile> files;
    for (std::istringstream& stream : streams)
      files.push_back({.name = "log" + std::to_string(files.size()), .lines = stream});
    FileStores stores(store_path);
    const auto clock = io::make_real_clock();
    const auto random = io::make_real_random();
    std::istringstream in;
    out.str("");
    err.str("");
    return run_policy_command(
        command,
        {.classes = classes, .network_class = [](const std::string&) { return ""; }, .files = std::move(files)},
        {.stores = stores, .clock = *clock, .random = *random, .in = in, .out = out, .err = err});
  }

  policy::PolicyClasses classes{
      {{.name = "tight",
        .notice = noticing::Step::pass,
        .account_limits = {{.quantity = policy::Quantity::recipients, .span = policy::Span::day, .amount = 10}}},
       {.name = "wide", .notice = noticing::Step::pass}},
      "tight"};
  std::string store_path = "/nowhere/accounts.db";
  std::ostringstream out;
  std::ostringstream err;
};

// Files of several relays, or of several days in any order.
TEST_F(PolicyRunTest, ReplaysFilesSideBySideByTime) {
  EXPECT_EQ(run({.limit = 10}, {taken("10:00:02.000", "a@example.com", 8) + taken("10:00:04.000", "b@example.com", 11),
                                taken("10:00:01.000", "a@example.com", 8) + taken("10:00:03.000", "c@example.com", 1)}),
            0)
      << err.str();
  EXPECT_THAT(out.str(), HasSubstr("4 events in 4 lines, from 2026-11-24T10:00:01.000Z to 2026-11-24T10:00:04.000Z"));
  EXPECT_THAT(out.str(), HasSubstr("2026-11-24T10:00:02.000Z  refused")) << "the second message of a@example.com";
  EXPECT_THAT(out.str(), Not(HasSubstr("out of order")));
  EXPECT_THAT(out.str(), Not(HasSubstr("c@example.com")));
  EXPECT_THAT(err.str(), HasSubstr("there is no store"));
  EXPECT_EQ(run({.limit = 10, .time = TimeForm::epoch}, {taken("10:00:02.000", "a@example.com", 18)}), 0);
  EXPECT_THAT(out.str(), AllOf(HasSubstr("from 1795514402.000 to 1795514402.000"), HasSubstr("1795514402.000  refused"),
                               Not(HasSubstr("2026"))));
  EXPECT_EQ(
      run({.limit = 1}, {taken("10:00:02.000", "a@example.com", 18) + taken("10:00:04.000", "b@example.com", 11)}), 0);
  EXPECT_THAT(out.str(), HasSubstr("and 1 more (--limit)"));
}

TEST_F(PolicyRunTest, LinesThatCannotBeReadAreCountedAndALogOfNoneFails) {
  const std::string line = taken("10:00:02.000", "a@example.com", 8);
  EXPECT_EQ(run({.limit = 10}, {"x\n" + line + std::string(200'000, '{') + "\n\n" + line + "{\"event\":\"message\"}"}),
            0);
  EXPECT_THAT(err.str(), HasSubstr("3 of 6 lines could not be read, the first is log0:1: the line is no JSON object"));
  EXPECT_THAT(out.str(), HasSubstr("2 events in 6 lines"));
  EXPECT_EQ(run({.limit = 10}, {"time=now event=message\n"}), kCtlFailed);
  EXPECT_THAT(err.str(), HasSubstr("log.format"));
  EXPECT_EQ(run({.limit = 10}, {""}), 0);
}

TEST_F(PolicyRunTest, TheStoreSaysWhichClassAndWhichOverridesCount) {
  const auto admin = open_admin();
  fill(*admin);
  store_path = address().file;
  if (store_path.empty()) GTEST_SKIP() << "FileStores finds files";
  const std::string log = taken("10:00:02.000", "tim@example.com", 12) + taken("10:00:03.000", "un@known.test", 12);
  EXPECT_EQ(run({.limit = 10}, {log}), 0);
  EXPECT_THAT(out.str(), AllOf(HasSubstr("tim@example.com"), HasSubstr("un@known.test")));
  EXPECT_THAT(err.str(), Not(HasSubstr("there is no store")));
  expect_ok(admin->set_account_class("tim@example.com", "wide"));
  EXPECT_EQ(run({.limit = 10}, {log}), 0);
  EXPECT_THAT(out.str(), Not(HasSubstr("tim@example.com")));
  EXPECT_EQ(run({.limit = 10, .policy_class = "wide"}, {log}), 0);
  EXPECT_THAT(out.str(), HasSubstr("nobody would have been touched"));
  expect_ok(admin->set_account_class("tim@example.com", ""));
  const std::vector<auth::LimitChange> more{
      {.quantity = policy::Quantity::recipients, .span = policy::Span::day, .amount = 20}};
  expect_ok(admin->change_account_limits("tim@example.com", more));
  EXPECT_EQ(run({.limit = 10}, {log}), 0);
  EXPECT_THAT(out.str(), Not(HasSubstr("tim@example.com")));
  EXPECT_EQ(run({.limit = 10, .policy_class = "none"}, {log}), kCtlFailed);
  EXPECT_THAT(err.str(), HasSubstr("there is no class none in the configuration; it has: tight, wide"));
}

// It was tested as one of the default class, as if that were the account that was meant.
TEST_F(PolicyRunTest, AnAccountThatIsMistypedIsSaidToBeNone) {
  const auto admin = open_admin();
  fill(*admin);
  store_path = address().file;
  if (store_path.empty()) GTEST_SKIP() << "FileStores finds files";
  PolicyCommand command{.verb = PolicyCommand::Verb::test, .account = "tim@example.com", .recipients = 1};
  EXPECT_EQ(run(command), 0);
  EXPECT_THAT(err.str(), Not(HasSubstr("no account")));
  command.account = "timm@example.com";
  EXPECT_EQ(run(command), 0);
  EXPECT_THAT(err.str(), HasSubstr("the store has no account timm@example.com"));
  command.customer = "Acme";
  EXPECT_EQ(run(command), 0);
  EXPECT_THAT(err.str(), Not(HasSubstr("no account"))) << "another back end may have it";
}

TEST_F(PolicyRunTest, OneMessageIsTestedWithRuleFiguresAndRemedy) {
  PolicyCommand command{
      .verb = PolicyCommand::Verb::test, .account = "a@example.com", .customer = "Acme", .recipients = 12};
  EXPECT_EQ(run(command), 0) << err.str();
  EXPECT_THAT(out.str(), HasSubstr("tight (policy.default_class)"));
  EXPECT_THAT(out.str(), HasSubstr("would pass to 10 of 12 recipients"));
  EXPECT_THAT(out.str(), HasSubstr("10 recipients a day of account a@example.com: 10 are used"));
  EXPECT_THAT(out.str(), HasSubstr("sluicectl account limit"));
  EXPECT_THAT(out.str(), HasSubstr("are not watched"));
  command.policy_class = "wide";
  EXPECT_EQ(run(command), 0);
  EXPECT_THAT(out.str(), AllOf(HasSubstr("wide (--class)"), HasSubstr("would pass, if nothing")));
  classes = policy::PolicyClasses({}, "home");
  EXPECT_THAT(err.str(), Not(HasSubstr("the store has no account"))) << "none was asked";
  command.policy_class = "";
  command.recipients = 100;
  command.json = true;
  EXPECT_EQ(run(command), 0);
  EXPECT_THAT(out.str(), HasSubstr(R"("signal": "first_time_recipients")"));
  EXPECT_THAT(out.str(),
              HasSubstr(R"("subject": "account", "quantity": "recipients", "window": "hour", "amount": 100)"));
}

}  // namespace
}  // namespace sluice::cli
