// Lines of the log, as the relay writes them and as others might.
#include "policy/replay/event_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <variant>

namespace sluice::policy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view kTaken =
    R"({"time":"2026-11-24T04:33:22.123Z","level":"info","event":"message","id":"0SB1","verdict":"taken","code":250,)"
    R"("listener":"127.0.0.1:587","client":"192.0.2.1","helo":"pc","customer":"Acme","account":"a@example.com",)"
    R"("from":"a@example.com","to":"x@far.test, y@far.test","recipients":3,"recipients_taken":2,"bytes":512,)"
    R"("by":"DATA","ms":1.250,"reply":"Ok","reply_sent":true})";

// The line with one part of it exchanged.
std::string with(std::string_view line, std::string_view part, std::string_view other) {
  std::string text(line);
  const std::size_t at = text.find(part);
  EXPECT_NE(at, std::string::npos) << part;
  return text.replace(at, part.size(), other);
}

RecordedMessage message_of(const std::string& line) {
  const auto event = read_recorded_event(line);
  EXPECT_TRUE(event.has_value() && event->has_value()) << (event ? "nothing" : event.error());
  return std::get<RecordedMessage>(**event);
}

TEST(EventReader, ReadsAMessageAsTheRelayWritesIt) {
  const RecordedMessage message = message_of(std::string(kTaken));
  EXPECT_EQ(message.at, 1'795'494'802'123);
  EXPECT_EQ(message.id, "0SB1");
  EXPECT_EQ(message.end, RecordedEnd::taken);
  EXPECT_EQ(message.account, "a@example.com");
  EXPECT_EQ(message.customer, "Acme");
  EXPECT_EQ(message.client, "192.0.2.1");
  EXPECT_EQ(message.listener, "127.0.0.1:587");
  EXPECT_EQ(message.recipients, 3U);
  EXPECT_EQ(message.recipients_taken, 2U);
  EXPECT_EQ(message.bytes, 512U);
  EXPECT_THAT(message.to, ElementsAre("x@far.test", "y@far.test"));
}

TEST(EventReader, TellsByWhomAMessageWasRefused) {
  const std::string refused = with(kTaken, R"("taken","code":250)", R"("refused","code":550)");
  EXPECT_EQ(message_of(refused).end, RecordedEnd::next_hop);
  const auto because = [&](std::string_view reason) {
    return message_of(with(refused, R"("reply_sent")", R"("reason":")" + std::string(reason) + R"(","reply_sent")"))
        .end;
  };
  EXPECT_EQ(because("limit_reached"), RecordedEnd::policy);
  EXPECT_EQ(because("sending_suspended_as_bulk"), RecordedEnd::policy);
  EXPECT_EQ(because("author_domain"), RecordedEnd::otherwise);
}

// The last name of a list that was cut may be half of one.
TEST(EventReader, TakesNoHalfOfAName) {
  EXPECT_THAT(message_of(with(kTaken, "y@far.test", "y@far.te...")).to, ElementsAre("x@far.test"));
  EXPECT_THAT(message_of(with(kTaken, "x@far.test, y@far.test", "a, b, c, d")).to, ElementsAre("a", "b", "c"));
}

TEST(EventReader, ACommaInAQuotedLocalPartPartsNoNames) {
  EXPECT_THAT(message_of(with(kTaken, "x@far.test", R"(\"a, b\"@far.test)")).to,
              ElementsAre(R"("a, b"@far.test)", "y@far.test"));
}

TEST(EventReader, ReadsWhatNextHopsHaveSaidForGood) {
  constexpr std::string_view kDelivery =
      R"({"time":"2026-11-24T04:33:22.123Z","level":"info","event":"delivery","id":"0SB1","verdict":"refused",)"
      R"("code":550,"enhanced":"5.1.1","account":"a@example.com","from":"a@example.com","to":"x@far.test",)"
      R"("by":"queue","taken":0,"refused":1,"deferred":0,"bytes":1,"ms":0.1,"next_try":0,"detail":"User unknown"})";
  const auto kind_of = [](const std::string& line) {
    const auto event = read_recorded_event(line);
    return event && *event ? std::optional(std::get<RecordedDelivery>(**event).kind) : std::nullopt;
  };
  using noticing::OutcomeKind;
  EXPECT_EQ(kind_of(std::string(kDelivery)), OutcomeKind::unknown);
  EXPECT_EQ(kind_of(with(kDelivery, R"("5.1.1")", R"("5.7.1")")), OutcomeKind::other);
  EXPECT_EQ(kind_of(with(kDelivery, R"("refused",)", R"("relayed",)")), OutcomeKind::accepted);
  EXPECT_EQ(kind_of(with(kDelivery, R"("refused",)", R"("deferred",)")), std::nullopt);
}

TEST(EventReader, ReadsRecipientsThatALimitHadRefused) {
  constexpr std::string_view kRefused =
      R"({"time":"2026-11-24T04:33:22.123Z","level":"info","event":"refused","id":"0SB2","code":550,)"
      R"("reason":"limit_reached","listener":"x","client":"192.0.2.1","account":"a@example.com","command":"RCPT",)"
      R"("argument":"TO:<x@far.test>","reply":"no"})";
  const auto event = read_recorded_event(kRefused);
  ASSERT_TRUE(event && *event);
  EXPECT_EQ(std::get<RecordedRefusal>(**event).account, "a@example.com");
  for (const auto& [part, other] : {std::pair{"limit_reached", "no_such_user"}, std::pair{"RCPT", "MAIL"}}) {
    const auto foreign = read_recorded_event(with(kRefused, part, other));
    EXPECT_TRUE(foreign && !*foreign) << other;
  }
}

TEST(EventReader, SkipsOtherEvents) {
  const auto event = read_recorded_event(R"({"time":"x","level":"info","event":"session_ended","reason":"quit"})");
  EXPECT_TRUE(event && !*event);
}

TEST(EventReader, SaysWhatIsWrongAndRepeatsNothingOfIt) {
  const std::pair<std::string, std::string> cases[] = {
      {"time=2026-11-24T04:33:22.123Z event=message", "no JSON"},
      {"", "no JSON"},
      {std::string(kRecordedLineBytesMax + 1, '{'), "too long"},
      {R"({"event":"message")", "no JSON"},
      {R"({"event":"message"})", "lacks a key"},
      {R"({"event":"message","event":"message"})", "twice"},
      {with(kTaken, "2026-11-24T04:33:22.123Z", "yesterday"), "wrong value"},
      {with(kTaken, "2026-", "9026-"), "wrong value"},
      {with(kTaken, R"("recipients":3)", R"("recipients":-3)"), "wrong value"},
      {with(kTaken, R"("recipients":3)", R"("recipients":1)"), "wrong value"},
      {with(kTaken, R"("recipients":3)", R"("recipients":100001)"), "wrong value"},
      {with(kTaken, R"("recipients":3)", R"("recipients":"3")"), "wrong value"},
      {with(kTaken, R"("bytes":512)", R"("bytes":1e9)"), "wrong value"},
      {with(kTaken, R"("account":"a@example.com")", R"("account":["secret"])"), "wrong value"}};
  for (const auto& [line, problem] : cases) {
    const auto event = read_recorded_event(line);
    ASSERT_FALSE(event.has_value()) << line.substr(0, 100);
    EXPECT_THAT(event.error(), HasSubstr(problem)) << line.substr(0, 100);
    EXPECT_THAT(event.error(), ::testing::Not(HasSubstr("secret")));
  }
}

}  // namespace
}  // namespace sluice::policy
