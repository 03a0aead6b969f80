// Every way in which a session ends has a reason with a name and a counter, is one line of the log with the client, the
// account and the bytes so far, and is a reply to the client wherever one can be sent.
#include "tests/unit/session/session_fixture.h"

namespace sluice::session {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class EndReasonTest : public SessionFixture {};

TEST_F(EndReasonTest, QuitIsOne) {
  client().log_in();
  EXPECT_EQ(client().say("QUIT"), 221);
  const auto last = end();
  EXPECT_EQ(last.reason, EndReason::quit);
  EXPECT_EQ(last.account, "ann@example.com");
  EXPECT_EQ(last.code, 221);
  EXPECT_GT(last.bytes, 30U);
}

TEST_F(EndReasonTest, AClientThatHangsUpBetweenCommands) {
  client().log_in();
  client().hang_up();
  const auto last = end();
  EXPECT_EQ(last.reason, EndReason::client_closed);
  EXPECT_EQ(last.account, "ann@example.com");
  EXPECT_EQ(last.code, 0);
}

TEST_F(EndReasonTest, DataThatIsBrokenOffIsNamedWithItsMessageAndItsBytes) {
  envelope();
  EXPECT_EQ(client().say("DATA"), 354);
  client().send(kText);
  EXPECT_TRUE(platforms.run_for(1s));
  client().hang_up();
  const auto last = end();
  EXPECT_EQ(last.reason, EndReason::content_cut_off);
  EXPECT_EQ(last.account, "ann@example.com");
  EXPECT_EQ(last.content_bytes, kText.size());
  EXPECT_EQ(last.id, "Q1");
  EXPECT_THAT(host.sinks.ledger, IsEmpty());
}

TEST_F(EndReasonTest, AChunkThatIsBrokenOff) {
  envelope();
  client().send("BDAT 1000 LAST\r\nFrom: ");
  EXPECT_TRUE(platforms.run_for(1s));
  client().hang_up();
  EXPECT_EQ(end().reason, EndReason::content_cut_off);
}

TEST_F(EndReasonTest, AClientHelloWhereStarttlsIsDueIsToldWhatThePortIs) {
  client().send(std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n\r\n", 14) + std::string(400, 'x'));
  EXPECT_EQ(client().reply().code, 220);
  const ClientReply reply = client().reply();
  EXPECT_EQ(reply.code, 421);
  EXPECT_THAT(reply.text, HasSubstr("STARTTLS"));
  EXPECT_EQ(client().rest(), "");
  EXPECT_EQ(end().reason, EndReason::tls_in_clear);
}

TEST_F(EndReasonTest, AClientHelloBeforeADelayedGreeting) {
  host.rules().greet_delay = 2s;
  client().send("\x16\x03\x01");
  EXPECT_EQ(client().reply().code, 421);
  EXPECT_EQ(end().reason, EndReason::tls_in_clear);
}

TEST_F(EndReasonTest, WhatComesInPlainWhereAHandshakeIsDue) {
  EXPECT_EQ(client().reply().code, 220);
  EXPECT_EQ(client().say("EHLO client.example"), 250);
  EXPECT_EQ(client().say("STARTTLS"), 220);
  client().send("NOOP\r\n");
  client().rest();
  EXPECT_EQ(end().reason, EndReason::plaintext_in_handshake);
}

TEST_F(EndReasonTest, WhatIsDroppedBehindStarttlsIsInTheLog) {
  EXPECT_EQ(client().reply().code, 220);
  client().send("EHLO client.example\r\nSTARTTLS\r\nMAIL FROM:<x@example.net>\r\n");
  EXPECT_EQ(client().reply().code, 250);
  EXPECT_EQ(client().reply().code, 220);
  EXPECT_TRUE(platforms.run_until([this] { return !host.notes.ends.empty(); }));
  EXPECT_EQ(host.notes.refusals.size() + (end().reason == EndReason::plaintext_in_handshake ? 1 : 0), 1U);
  for (const auto& refusal : host.notes.refusals) EXPECT_EQ(refusal.reason, "bytes_behind_starttls");
}

TEST_F(EndReasonTest, MachinesReasonsHaveNamesOfTheirOwn) {
  struct Case {
    const char* what;
    std::string text;
    EndReason reason;
  };
  std::string noops;
  for (int i = 0; i < 200; ++i) noops += "NOOP\r\n";
  std::string junk;
  for (int i = 0; i < 30; ++i) junk += "JUNK\r\n";
  std::string logins;
  for (int i = 0; i < 10; ++i) logins += "AUTH PLAIN AGFubkBleGFtcGxlLmNvbQB3cm9uZw==\r\n";
  const Case cases[] = {{"errors", junk, EndReason::too_many_errors},
                        {"idle commands", noops, EndReason::too_many_idle_commands},
                        {"logins", logins, EndReason::too_many_auth_failures},
                        {"a line without end", std::string(100'000, 'x'), EndReason::endless_line},
                        {"bare LF", "NOOP\nNOOP\r\n", EndReason::out_of_step}};
  for (const Case& each : cases) {
    SCOPED_TRACE(each.what);
    host.notes.ends.clear();
    host.counters.ended = {};
    client_ = nullptr;
    EXPECT_EQ(client().reply().code, 220);
    EXPECT_EQ(client().say("EHLO client.example"), 250);
    client().send(each.text);
    EXPECT_THAT(client().rest(), HasSubstr("421 "));
    const auto last = end();
    EXPECT_EQ(last.reason, each.reason);
    EXPECT_EQ(last.code, 421);
  }
}

TEST(EndReasonTableTest, EveryReasonHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < kEndReasons; ++i) {
    const EndReasonRow& row = end_reason_row(static_cast<EndReason>(i));
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    // Those who are not to come again hear 554.
    const bool for_good = row.reason == EndReason::early_talker || row.reason == EndReason::network_contained;
    if (row.reply != nullptr && !for_good) EXPECT_EQ(row.reply->code, 421) << row.name;
  }
}

// ------------------------------------------------------------------------------------------ time

TEST_F(EndReasonTest, AByteASecondInACommandHasADeadlineAsAWhole) {
  client().log_in();
  EXPECT_THAT(trickle("NOOP xxxxxxxxxxxxxxxxxxxxxxx", 120), StartsWith("421 4.4.2 "));
  EXPECT_EQ(end().reason, EndReason::command_timeout);
}

TEST_F(EndReasonTest, AByteASecondInALineThatIsThrownAwayToo) {
  client().log_in();
  client().send("NOOP " + std::string(4000, 'x'));
  EXPECT_EQ(client().reply().code, 500);
  EXPECT_THAT(trickle("x", 120), StartsWith("421 4.4.2 "));
  EXPECT_EQ(end().reason, EndReason::command_timeout);
}

TEST_F(EndReasonTest, AByteASecondInDataIsTooSlow) {
  envelope();
  EXPECT_EQ(client().say("DATA"), 354);
  client().send(kText);
  EXPECT_THAT(trickle("x", 400), StartsWith("421 4.4.2 "));
  EXPECT_EQ(end().reason, EndReason::content_too_slow);
  EXPECT_EQ(host.sinks.abandoned, 1U);
}

TEST_F(EndReasonTest, AByteASecondInAChunkIsTooSlow) {
  envelope();
  client().send("BDAT 1000\r\n" + std::string(kText));
  EXPECT_THAT(trickle("x", 400), StartsWith("421 4.4.2 "));
  EXPECT_EQ(end().reason, EndReason::content_too_slow);
}

TEST_F(EndReasonTest, ChunksOfAByteAreTooSlow) {
  envelope();
  for (int i = 0; i < 100 && host.notes.ends.empty(); ++i) {
    client().send("BDAT 1\r\nx");
    EXPECT_TRUE(platforms.run_for(10s));
  }
  EXPECT_THAT(client().rest(), HasSubstr("421 4.4.2 "));
  EXPECT_EQ(end().reason, EndReason::content_too_slow);
}

TEST_F(EndReasonTest, APauseIsNotTooSlow) {
  envelope();
  EXPECT_EQ(client().say("DATA"), 354);
  const std::string piece = std::string(78, 'x') + "\r\n";
  client().send(kText);
  for (int i = 0; i < 8; ++i) {
    EXPECT_TRUE(platforms.run_for(150s));
    for (int j = 0; j < 300; ++j) client().send(piece);
  }
  EXPECT_EQ(client().say("."), 250);
  EXPECT_THAT(host.notes.ends, IsEmpty());
}

TEST_F(EndReasonTest, ANextHopThatIsSlowIsNotTheClientsFault) {
  envelope();
  host.sinks.pause = 150s;  // for each piece
  EXPECT_EQ(client().say("DATA"), 354);
  client().send(kText);
  for (int i = 0; i < 20; ++i) {
    client().send("y\r\n");
    EXPECT_TRUE(platforms.run_for(5s));
  }
  EXPECT_EQ(client().say("."), 250);
}

TEST_F(EndReasonTest, FarBeyondTheSizeLimitIsAnsweredAndClosed) {
  host.rules().profile.message_bytes_max = 100'000;
  host.rules().long_lines = true;
  envelope();
  EXPECT_EQ(client().say("DATA"), 354);
  client().send(kText);
  const std::string piece(1024 * 1024, 'x');
  for (int i = 0; i < 30; ++i) client().send(piece);
  EXPECT_TRUE(platforms.run_for(10s));
  const std::string heard = client().rest();
  EXPECT_THAT(heard, StartsWith("552 5.3.4 "));
  EXPECT_THAT(heard, HasSubstr("\r\n421 4.3.4 "));
  const auto last = end();
  EXPECT_EQ(last.reason, EndReason::content_surplus);
  EXPECT_LE(last.bytes, 100'000U + 20U * 1024 * 1024);
}

TEST_F(EndReasonTest, ALittleBeyondTheSizeLimitIsAnsweredAtTheEnd) {
  host.rules().profile.message_bytes_max = 100'000;
  host.rules().long_lines = true;
  envelope();
  EXPECT_EQ(client().say("DATA"), 354);
  client().send(std::string(kText) + std::string(2 * 1024 * 1024, 'x') + "\r\n.\r\n");
  EXPECT_EQ(client().reply().code, 552);
  EXPECT_EQ(client().say("NOOP"), 250);
}

}  // namespace
}  // namespace sluice::session
