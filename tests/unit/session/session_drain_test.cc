// What a session does when it is asked to end: because the relay stops, because its account was changed, because time
// for that is over.
#include "tests/unit/session/session_fixture.h"

namespace sluice::session {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class SessionDrainTest : public SessionFixture {};

TEST_F(SessionDrainTest, AClientThatWasOnlyGreetedIsToldAtOnce) {
  EXPECT_EQ(client().reply().code, 220);
  const Instant before = here.now();
  host.drain();
  const ClientReply reply = client().reply();
  EXPECT_EQ(reply.code, 421);
  EXPECT_THAT(reply.text, HasSubstr("shutting down"));
  EXPECT_EQ(end().reason, EndReason::shutting_down);
  EXPECT_LT(here.now() - before, 2s);
}

TEST_F(SessionDrainTest, OneThatOwesAProxyHeaderIsClosedAtOnce) {
  host.rules().proxy = {*Network::parse("198.51.100.0/24")};
  client();
  EXPECT_TRUE(platforms.run_for(1s));
  const Instant before = here.now();
  host.drain();
  EXPECT_EQ(client().rest(), "");
  EXPECT_EQ(end().reason, EndReason::shutting_down);
  EXPECT_LT(here.now() - before, 2s);
}

TEST_F(SessionDrainTest, OneThatOwesItsHandshakeIsClosedAtOnce) {
  EXPECT_EQ(client().reply().code, 220);
  EXPECT_EQ(client().say("EHLO client.example"), 250);
  EXPECT_EQ(client().say("STARTTLS"), 220);
  EXPECT_TRUE(platforms.run_for(1s));  // until the relay knows that the 220 has left
  const Instant before = here.now();
  host.drain();
  EXPECT_EQ(client().rest(), "");
  EXPECT_EQ(end().reason, EndReason::shutting_down);
  EXPECT_LT(here.now() - before, 2s);
}

TEST_F(SessionDrainTest, ADrainWhileTheReplyToStartTlsIsOnItsWayIsNotMissed) {
  EXPECT_EQ(client().reply().code, 220);
  EXPECT_EQ(client().say("EHLO client.example"), 250);
  EXPECT_EQ(client().say("STARTTLS"), 220);
  const Instant before = here.now();
  host.drain();
  EXPECT_EQ(client().rest(), "");
  EXPECT_EQ(end().reason, EndReason::shutting_down);
  EXPECT_LT(here.now() - before, 2s);
}

TEST_F(SessionDrainTest, OneThatWaitsForItsGreetingIsTold) {
  host.rules().greet_delay = 30s;
  client();
  EXPECT_TRUE(platforms.run_for(1s));
  host.drain();
  EXPECT_EQ(client().reply().code, 421);
  EXPECT_EQ(end().reason, EndReason::shutting_down);
}

TEST_F(SessionDrainTest, ASilentOneAfterMailIsToldSoon) {
  envelope();
  const Instant before = here.now();
  host.drain();
  EXPECT_EQ(client().reply().code, 421);
  EXPECT_LT(here.now() - before, Session::kDrainGrace + 2s);
  EXPECT_EQ(host.sinks.abandoned, 1U);
}

TEST_F(SessionDrainTest, OneThatGoesOnAfterMailMayEndItsMessage) {
  envelope();
  host.drain();
  EXPECT_EQ(client().say("DATA"), 354);
  EXPECT_TRUE(platforms.run_for(10s));
  client().send(kText);
  EXPECT_EQ(client().say("."), 250);
  EXPECT_EQ(client().reply().code, 421);
  EXPECT_THAT(host.sinks.ledger, SizeIs(1));
}

TEST_F(SessionDrainTest, InDataTheEndOfTheTimeIsTold) {
  envelope();
  EXPECT_EQ(client().say("DATA"), 354);
  client().send(kText);
  host.drain();
  EXPECT_TRUE(platforms.run_for(10s));
  EXPECT_THAT(host.notes.ends, IsEmpty());
  const Instant before = here.now();
  host.cut_off();
  EXPECT_EQ(client().reply().code, 421);
  EXPECT_LT(here.now() - before, 2s);
  EXPECT_EQ(client().rest(), "");
  EXPECT_EQ(end().reason, EndReason::shutting_down);
  EXPECT_EQ(host.sinks.abandoned, 1U);
}

TEST_F(SessionDrainTest, InAChunkTheEndOfTheTimeIsTold) {
  envelope();
  client().send("BDAT 1000 LAST\r\n" + std::string(kText));
  EXPECT_TRUE(platforms.run_for(1s));
  const Instant before = here.now();
  host.drain();
  host.cut_off();
  EXPECT_EQ(client().reply().code, 421);
  EXPECT_LT(here.now() - before, 2s);
  EXPECT_EQ(host.sinks.abandoned, 1U);
}

// A message was kept, and its client heard nothing: it came a second time.
TEST_F(SessionDrainTest, AClientThatWaitsForItsReplyHearsThatTheMessageIsKept) {
  envelope();
  EXPECT_EQ(client().say("DATA"), 354);
  host.sinks.pause = 10min;
  client().send(std::string(kText) + ".\r\n");
  EXPECT_TRUE(platforms.run_for(1s));
  host.drain();
  host.cut_off();
  EXPECT_EQ(client().reply().code, 250);
  EXPECT_EQ(client().reply().code, 421);
  EXPECT_THAT(host.sinks.ledger, SizeIs(1));
  EXPECT_THAT(host.notes.messages, ::testing::ElementsAre("250 scripted"));
}

TEST_F(SessionDrainTest, AClientWhoseMessageIsNotKeptHears421AndNothingElse) {
  envelope();
  host.sinks.word = smtp::Reply(451, {4, 3, 0}, "not now");
  EXPECT_EQ(client().say("DATA"), 354);
  host.sinks.pause = 10min;
  client().send(std::string(kText) + ".\r\n");
  EXPECT_TRUE(platforms.run_for(1s));
  host.drain();
  host.cut_off();
  EXPECT_EQ(client().reply().code, 421);
  EXPECT_EQ(client().rest(), "");
  EXPECT_THAT(host.notes.messages, ::testing::ElementsAre("421 scripted")) << "the log says what was sent";
}

// ------------------------------------------------------------------------------------------ a changed account

TEST_F(SessionDrainTest, AChangedAccountIsNotAShutdown) {
  client().log_in();
  host.end_soon(EndReason::account_changed);
  const ClientReply reply = client().reply();
  EXPECT_EQ(reply.code, 421);
  EXPECT_THAT(reply.text, HasSubstr("ccount"));
  EXPECT_EQ(reply.text.find("shutting"), std::string::npos);
  EXPECT_EQ(client().rest(), "");
  EXPECT_EQ(end().reason, EndReason::account_changed);
}

TEST_F(SessionDrainTest, AChangedAccountBeginsNoMessage) {
  envelope();
  host.end_soon(EndReason::account_changed);
  EXPECT_EQ(client().reply().code, 421);
  EXPECT_EQ(end().reason, EndReason::account_changed);
  EXPECT_EQ(host.sinks.abandoned, 1U);
}

TEST_F(SessionDrainTest, AChangedAccountEndsTheMessageThatIsOnItsWay) {
  envelope();
  EXPECT_EQ(client().say("DATA"), 354);
  host.end_soon(EndReason::account_changed);
  client().send(kText);
  EXPECT_EQ(client().say("."), 250);
  EXPECT_EQ(client().reply().code, 421);
  EXPECT_EQ(end().reason, EndReason::account_changed);
}

// It went on as long as each MAIL came in one segment with the end of the message before.
TEST_F(SessionDrainTest, AChangedAccountBeginsNoMessageBehindTheEndOfOne) {
  for (const EndReason reason : {EndReason::account_changed, EndReason::shutting_down}) {
    envelope();
    EXPECT_EQ(client().say("DATA"), 354);
    host.end_soon(reason);
    client().send(std::string(kText) + ".\r\nMAIL FROM:<ann@example.com>\r\nRCPT TO:<bob@example.net>\r\nDATA\r\n");
    EXPECT_EQ(client().reply().code, 250);
    EXPECT_EQ(client().reply().code, 421);
    EXPECT_EQ(client().rest(), "");
    EXPECT_EQ(host.notes.ends.back().reason, reason);
    client_ = nullptr;
  }
  EXPECT_THAT(host.sinks.ledger, SizeIs(2));
}

TEST_F(SessionDrainTest, AChangedAccountBeginsNoMessageBehindAChunk) {
  envelope();
  client().send("BDAT 5\r\nFrom:");
  EXPECT_EQ(client().reply().code, 250);
  host.end_soon(EndReason::account_changed);
  client().send("BDAT 41 LAST\r\n" + std::string(" ann@example.com\r\nSubject: 1\r\n\r\nhello w\r\n") +
                "MAIL FROM:<ann@example.com>\r\n");
  EXPECT_EQ(client().reply().code, 250);
  EXPECT_EQ(client().reply().code, 421);
  EXPECT_EQ(end().reason, EndReason::account_changed);
}

}  // namespace
}  // namespace sluice::session
