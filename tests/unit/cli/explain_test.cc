// What sluicectl explain finds in the log where the relay does not know an id, and where it looks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "engine/cli/explain_run.h"
#include "engine/cli/logged_decision.h"
#include "engine/event/events.h"
#include "engine/log/line.h"

namespace sluice::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view kRefusal =
    R"({"time":"2026-11-29T09:30:00.123Z","level":"info","event":"refused","id":"0SB6DNQ2W0004","code":550,)"
    R"("reason":"limit_reached","listener":"l","client":"192.0.2.1","account":"ann@example.com","command":"RCPT",)"
    R"("argument":"bob@far.test","reply":"The limit is 2","detail":"2 recipients a day: 2 are used"})";

template <typename Type>
std::string line_of(log::LogFormat format, const Type& of) {
  const auto values = event::values_of(of);
  const log::LogLine line(format, {.at = 1'700'000'000'123,
                                   .kind = Type::kKind,
                                   .severity = Type::kSeverity,
                                   .row = event::row_of(Type::kKind),
                                   .values = values});
  return std::string(line.text().substr(0, line.text().size() - 1));
}

TEST(LoggedDecision, IsReadAsTheRelayHasWrittenIt) {
  const std::string hostile = "a \"b\" \\ {x=1, y} \t\x01\xC3\xBC\xE2\x80\xAE end";
  const event::Message message{.id = "0SB6DNQ2W0004",
                               .verdict = "refused",
                               .code = 554,
                               .listener = "127.0.0.1:25",
                               .client = "192.0.2.1",
                               .helo = hostile,
                               .account = "ann@example.com",
                               .from = "",
                               .to = "bob@far.test, eve@far.test",
                               .recipients = 2,
                               .by = "DATA",
                               .ms = std::chrono::microseconds(12'345'678),
                               .reply = "No = no",
                               .reply_sent = false};
  for (const log::LogFormat format : {log::LogFormat::json, log::LogFormat::logfmt}) {
    const std::string line = line_of(format, message);
    const auto found = read_logged_decision(line);
    ASSERT_TRUE(found) << line;
    EXPECT_EQ(found->at, 1'700'000'000'123);
    EXPECT_EQ(found->event, "message");
    EXPECT_EQ(found->id, "0SB6DNQ2W0004");
    EXPECT_EQ(found->value("helo"), hostile) << line;
    EXPECT_EQ(found->value("code"), "554");
    EXPECT_EQ(found->value("to"), "bob@far.test, eve@far.test");
    EXPECT_EQ(found->value("ms"), "12345") << "as a relay that runs shows it";
    EXPECT_EQ(found->value("reply"), "No = no");
    EXPECT_EQ(found->value("reply_sent"), "false");
    EXPECT_EQ(found->value("from"), "");
    EXPECT_EQ(found->value("level"), "") << "no key of the event";
  }
}

TEST(LoggedDecision, IsOfEventsThatDecideSomething) {
  EXPECT_TRUE(read_logged_decision(kRefusal));
  EXPECT_TRUE(read_logged_decision(line_of(log::LogFormat::json, event::MessageHeld{.id = "A", .reason = "asked"})));
  EXPECT_TRUE(read_logged_decision(line_of(log::LogFormat::logfmt, event::AccountNoticed{.id = "A", .step = "hold"})));
  EXPECT_FALSE(read_logged_decision(line_of(log::LogFormat::json, event::Message{.id = "A", .verdict = "taken"})));
  EXPECT_FALSE(read_logged_decision(line_of(log::LogFormat::json, event::Delivery{.id = "A", .verdict = "refused"})));
  EXPECT_FALSE(read_logged_decision(line_of(log::LogFormat::json, event::Refused{.code = 550}))) << "it has no id";
}

TEST(LoggedDecision, IsNotReadFromWhatIsNoLineOfTheLog) {
  for (std::size_t size = 0; size < kRefusal.size(); ++size)
    EXPECT_FALSE(read_logged_decision(kRefusal.substr(0, size))) << size;
  const std::string head = R"({"time":"2026-11-29T09:30:00Z","event":"refused","id":"A")";
  EXPECT_TRUE(read_logged_decision(head + "}"));
  for (const std::string rest :
       {"", ",", ",}", "}}", "} ", R"(,"x"})", R"(,"x":"\u12"})", R"(,"x":"\u12g4"})", R"(,"x":"\q"})", R"(,"x":"\)"})
    EXPECT_FALSE(read_logged_decision(head + rest)) << rest;
  EXPECT_FALSE(read_logged_decision(R"({"time":"yesterday","event":"refused","id":"A"})"));
  EXPECT_FALSE(read_logged_decision(R"({"time":"9999-11-29T09:30:00Z","event":"refused","id":"A"})"));
  EXPECT_FALSE(read_logged_decision(R"({"time":"2026-11-29T09:30:00Z","event":"invented","id":"A"})"));
  EXPECT_FALSE(read_logged_decision("time=2026-11-29T09:30:00Z event=refused id"));
  const auto forged = read_logged_decision(head + R"(,"reply":"x","reply":"y","invented":"z","detail":"\ud800"})");
  ASSERT_TRUE(forged);
  EXPECT_EQ(forged->value("reply"), "x");
  EXPECT_EQ(forged->value("detail"), "\xEF\xBF\xBD") << "half a pair is no character";
  EXPECT_EQ(forged->values.size(), 2U);
}

TEST(LoggedDecision, IsFoundBetweenLinesOfAnySize) {
  std::stringstream log;
  log << std::string(200'000, 'x') << "0SB6DNQ2W0004\n\n"
      << kRefusal << "\n"
      << std::string(66'000, 'y') << "\n"
      << R"({"time":"2026-11-29T09:30:00Z","event":"refused","id":"B","argument":"0SB6DNQ2W0004"})" << "\n"
      << kRefusal;  // without its newline
  LoggedDecisions found;
  find_logged_decisions({.name = "log", .lines = log}, "0SB6DNQ2W0004", found);
  EXPECT_EQ(found.events.size(), 2U);
  EXPECT_TRUE(found.whole);
  EXPECT_FALSE(found.more);
}

TEST(LoggedDecision, IsOneOfSoManyAtMost) {
  std::stringstream log;
  for (std::size_t i = 0; i < kLoggedDecisionsMax + 1; ++i) log << kRefusal << "\n";
  LoggedDecisions found;
  find_logged_decisions({.name = "log", .lines = log}, "0SB6DNQ2W0004", found);
  EXPECT_EQ(found.events.size(), kLoggedDecisionsMax);
  EXPECT_TRUE(found.more);
}

// A relay and its files.
struct ExplainRun {
  std::expected<std::string, std::string> relay = "";
  std::map<std::string, std::string> files;
  std::string log_file = "/log";
  std::vector<std::string> asked;
  std::string out;
  std::string err;

  int run(const ExplainCommand& command) {
    std::ostringstream printed;
    std::ostringstream said;
    const int status = run_explain_command(
        command,
        {.ask =
             [this](const std::string& request) {
               asked.push_back(request);
               return relay;
             },
         .open_log = [this](const std::string& name) -> std::expected<std::unique_ptr<std::istream>, std::string> {
           asked.push_back(name);
           if (name == "/forbidden") return std::unexpected("/forbidden: Permission denied");
           if (!files.contains(name)) return nullptr;
           return std::make_unique<std::istringstream>(files[name]);
         },
         .log_file = log_file,
         .out = printed,
         .err = said});
    out = printed.str();
    err = said.str();
    return status;
  }
};

// As the relay answers.
std::string answered() {
  return control::render_explanation({.json = true}, std::vector{*read_logged_decision(kRefusal)});
}

TEST(Explain, AsksTheRelayFirst) {
  ExplainRun explain{.relay = answered(), .files = {{"/log", std::string(kRefusal)}}};
  EXPECT_EQ(explain.run({.id = "0SB6DNQ2W0004"}), 0);
  EXPECT_EQ(explain.out, control::render_explanation({}, std::vector{*read_logged_decision(kRefusal)}));
  EXPECT_THAT(explain.out, HasSubstr("2026-11-29T09:30:00.123Z  refused\n"));
  EXPECT_EQ(explain.err, "");
  EXPECT_THAT(explain.asked, ElementsAre("explain json id=0SB6DNQ2W0004"));
  EXPECT_EQ(explain.run({.json = true, .id = "0SB6DNQ2W0004"}), 0);
  EXPECT_EQ(explain.out, answered());
}

TEST(Explain, HasMomentsAsTimeSays) {
  for (const bool from_relay : {true, false}) {
    ExplainRun explain{.relay = from_relay ? answered() : "[]\n", .files = {{"/log", std::string(kRefusal)}}};
    EXPECT_EQ(explain.run({.time = TimeForm::epoch, .id = "0SB6DNQ2W0004"}), 0);
    EXPECT_THAT(explain.out, HasSubstr("1795944600.123  refused\n"));
    EXPECT_EQ(explain.run({.time = TimeForm::local, .id = "0SB6DNQ2W0004"}), 0);
    EXPECT_THAT(explain.out, ::testing::ContainsRegex("2026-11-(29|30|28) ..:..:.. [+-]....  refused"));
  }
}

TEST(Explain, LooksIntoTheLogWhereTheAnswerIsNone) {
  for (const std::string answer : {"it knows\n", "[{}]\n", R"([{"at":"x","event":"refused"}])", "[{\"at\":", "[[]]"}) {
    ExplainRun explain{.relay = answer, .files = {{"/log", std::string(kRefusal)}}};
    EXPECT_EQ(explain.run({.id = "0SB6DNQ2W0004"}), 0);
    EXPECT_THAT(explain.out, HasSubstr("The limit is 2")) << answer;
    EXPECT_THAT(explain.err, HasSubstr("cannot be read")) << answer;
  }
}

TEST(Explain, ReadsTheLogAndTheOneBeforeItWhereTheRelayDoesNotKnow) {
  std::string old(kRefusal);
  old.replace(old.find("RCPT"), 4, "MAIL");
  for (const bool json : {false, true}) {
    ExplainRun explain{.relay = json ? "[]\n" : "", .files = {{"/log.1", old}, {"/log", std::string(kRefusal)}}};
    EXPECT_EQ(explain.run({.json = json, .id = "0SB6DNQ2W0004"}), 0);
    EXPECT_THAT(explain.asked, ElementsAre(HasSubstr("explain"), "/log.1", "/log"));
    EXPECT_LT(explain.out.find("MAIL"), explain.out.find("RCPT"));
    EXPECT_NE(explain.out.find("RCPT"), std::string::npos);
    EXPECT_THAT(explain.out, HasSubstr("2 recipients a day: 2 are used"));
    EXPECT_THAT(explain.out, HasSubstr("sluicectl account limit")) << "in the relay's words";
    EXPECT_EQ(explain.err, "sluicectl: the relay does not know it any more; looking into the log\n");
  }
}

TEST(Explain, ReadsTheLogOfARelayThatDoesNotRun) {
  ExplainRun explain{.relay = std::unexpected("/sock: no relay listens there"),
                     .files = {{"/log", std::string(kRefusal)}}};
  EXPECT_EQ(explain.run({.id = "0SB6DNQ2W0004"}), 0);
  EXPECT_THAT(explain.out, HasSubstr("2026-11-29T09:30:00.123Z  refused\n"));
  EXPECT_THAT(explain.err, HasSubstr("no relay listens there; looking into the log\n"));
}

TEST(Explain, ReadsALogThatIsNamedAndAsksNobody) {
  ExplainRun explain{.relay = "it knows\n", .files = {{"-", std::string(kRefusal)}}, .log_file = ""};
  EXPECT_EQ(explain.run({.id = "0SB6DNQ2W0004", .log = "-"}), 0);
  EXPECT_THAT(explain.asked, ElementsAre("-"));
  EXPECT_THAT(explain.out, HasSubstr("The limit is 2"));
  EXPECT_EQ(explain.err, "");
}

TEST(Explain, SaysWhereToLookWhereItFindsNothing) {
  ExplainRun explain{.files = {{"/log", std::string(kRefusal)}}};
  EXPECT_EQ(explain.run({.id = "0SB6DNQ2W0005"}), 0);
  EXPECT_EQ(explain.out, "");
  EXPECT_EQ(explain.err,
            "sluicectl: the relay does not know it any more; looking into the log\n"
            "sluicectl: nothing is known of it in /log.1 and /log; for older logs: zcat FILE | sluicectl explain "
            "0SB6DNQ2W0005 --log -\n");
  EXPECT_EQ(explain.run({.json = true, .id = "0SB6DNQ2W0005"}), 0);
  EXPECT_EQ(explain.out, "[]\n");
}

TEST(Explain, SaysWhereTheLogIsWhereItCannotReadIt) {
  ExplainRun journal{.log_file = "-"};
  EXPECT_EQ(journal.run({.id = "A"}), 1);
  EXPECT_THAT(journal.err, HasSubstr("journalctl -u sluice -o cat | sluicectl explain A --log -\n"));
  ExplainRun unknown{.log_file = ""};
  EXPECT_EQ(unknown.run({.id = "A"}), 1);
  EXPECT_THAT(unknown.err, HasSubstr("--log FILE"));
  ExplainRun missing;
  EXPECT_EQ(missing.run({.id = "A"}), 1);
  EXPECT_THAT(missing.err, HasSubstr("/log: there is no such file"));
  ExplainRun forbidden{.log_file = "/forbidden"};
  EXPECT_EQ(forbidden.run({.id = "A"}), 1);
  EXPECT_THAT(forbidden.err, HasSubstr("Permission denied"));
}

}  // namespace
}  // namespace sluice::cli
