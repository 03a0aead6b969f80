// A message that comes to no end leaves a line all the same: its id may be in a next hop's log, and its recipients may
// have been asked there.
#include "tests/unit/session/session_fixture.h"

namespace sluice::session {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Abort = testing::Notes::Abort;

class AbortedMessageTest : public SessionFixture {
 protected:
  // Of a message to one recipient, nothing of which has come.
  static Abort line(const std::string& reason) {
    return {.id = "Q1",
            .reason = reason,
            .account = "ann@example.com",
            .sender = "ann@example.com",
            .recipients = "bob@example.net",
            .message_id = "",
            .next_hop = "hop.example:25",
            .recipients_taken = 1};
  }
};

TEST_F(AbortedMessageTest, ByACommandOfTheClient) {
  client().log_in();
  for (const auto& [command, reason] : {std::pair("RSET", "rset"), std::pair("EHLO client.example", "hello")}) {
    host.notes.aborts.clear();
    EXPECT_EQ(client().say(kMail), 250);
    EXPECT_EQ(client().say(kRcpt), 250);
    EXPECT_EQ(client().say(command), 250);
    ASSERT_THAT(host.notes.aborts, SizeIs(1)) << command;
    Abort wanted = line(reason);
    wanted.id = host.notes.aborts.front().id;
    EXPECT_EQ(host.notes.aborts.front(), wanted) << command;
  }
  EXPECT_THAT(host.notes.messages, IsEmpty());
}

TEST_F(AbortedMessageTest, ByTheEndOfTheSession) {
  envelope();
  EXPECT_EQ(client().say("QUIT"), 221);
  end();
  EXPECT_THAT(host.notes.aborts, ElementsAre(line("quit")));
}

TEST_F(AbortedMessageTest, InTheMiddleOfItsContent) {
  envelope();
  EXPECT_EQ(client().say("DATA"), 354);
  client().send("From: <ann@example.com>\r\nMessage-ID: <m@example.com>\r\n\r\nhel");
  EXPECT_TRUE(platforms.run_for(1s));
  client().hang_up();
  EXPECT_EQ(end().reason, EndReason::content_cut_off);
  ASSERT_THAT(host.notes.aborts, SizeIs(1));
  EXPECT_EQ(host.notes.aborts.front().reason, "content_cut_off");
  EXPECT_EQ(host.notes.aborts.front().message_id, "<m@example.com>");
  EXPECT_EQ(host.notes.aborts.front().recipients, "bob@example.net");
  EXPECT_GT(host.notes.aborts.front().bytes, 20U);
}

// Said to us by the next hop while the client waited, so that it has no message to send.
TEST_F(AbortedMessageTest, WhereNoRecipientWasTaken) {
  host.sinks.on_recipient = [](const message::Recipient&) { return smtp::Reply(451, {4, 3, 0}, "not now"); };
  client().log_in();
  EXPECT_EQ(client().say(kMail), 250);
  EXPECT_EQ(client().say(kRcpt), 451);
  EXPECT_EQ(client().say("RSET"), 250);
  Abort wanted = line("rset");
  wanted.recipients_taken = 0;
  EXPECT_THAT(host.notes.aborts, ElementsAre(wanted));
}

TEST_F(AbortedMessageTest, NotWhereThereWasNoneYet) {
  client().log_in();
  EXPECT_EQ(client().say(kMail), 250);
  EXPECT_EQ(client().say("RSET"), 250);
  EXPECT_EQ(client().say(kMail), 250);
  EXPECT_EQ(client().say(kRcpt), 250);
  EXPECT_EQ(client().say("DATA"), 354);
  client().send(std::string(kText) + ".\r\n");
  EXPECT_EQ(client().reply().code, 250);
  EXPECT_EQ(client().say("QUIT"), 221);
  end();
  EXPECT_THAT(host.notes.aborts, IsEmpty());
}

}  // namespace
}  // namespace sluice::session
