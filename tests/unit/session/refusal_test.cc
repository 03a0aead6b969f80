// A command that is refused: the reply has an id that the client can read to the support desk, and the log has a line
// with that id, the account, the client, the command and the reason by its name.
#include "tests/unit/session/session_fixture.h"

namespace sluice::session {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// "Q7" of "... (id Q7)"
std::string id_in(const std::string& text) {
  const std::size_t at = text.rfind("(id ");
  return at == std::string::npos ? "" : text.substr(at + 4, text.find(')', at) - at - 4);
}

class RefusalTest : public SessionFixture {
 protected:
  // The line is refused, and this was written about it.
  testing::Notes::Refusal refuse(std::string_view line, int code) {
    const std::size_t before = host.notes.refusals.size();
    client().send(std::string(line) + "\r\n");
    const ClientReply reply = client().reply();
    EXPECT_EQ(reply.code, code) << reply.text;
    EXPECT_THAT(host.notes.refusals, SizeIs(before + 1)) << line;
    if (host.notes.refusals.size() == before) return {};
    const testing::Notes::Refusal& last = host.notes.refusals.back();
    EXPECT_NE(id_in(reply.text), "") << reply.text;
    EXPECT_EQ(id_in(reply.text), last.id);
    EXPECT_EQ(last.code, code);
    EXPECT_EQ(last.client, testing::kClientHost);
    return last;
  }
};

TEST_F(RefusalTest, WithoutALogin) {
  EXPECT_EQ(client().reply().code, 220);
  EXPECT_EQ(client().say("EHLO client.example"), 250);
  const auto line = refuse(kMail, 530);
  EXPECT_EQ(line.command, "MAIL");
  EXPECT_EQ(line.reason, "auth_required");
  EXPECT_EQ(line.account, "");
  EXPECT_THAT(line.argument, HasSubstr("ann@example.com"));
}

TEST_F(RefusalTest, AForeignSender) {
  client().log_in();
  const auto line = refuse("MAIL FROM:<eve@evil.example>", 550);
  EXPECT_EQ(line.command, "MAIL");
  EXPECT_EQ(line.reason, "sender_domain");
  EXPECT_EQ(line.account, "ann@example.com");
  EXPECT_THAT(line.argument, HasSubstr("eve@evil.example"));
}

TEST_F(RefusalTest, ABadRecipient) {
  client().log_in();
  EXPECT_EQ(client().say(kMail), 250);
  const auto line = refuse("RCPT TO:<bob@@example.net>", 501);
  EXPECT_EQ(line.command, "RCPT");
  EXPECT_EQ(line.reason, "bad_recipient_address");
  EXPECT_THAT(line.argument, HasSubstr("bob@@example.net"));
  EXPECT_EQ(line.id, "Q1") << "the message's";
}

TEST_F(RefusalTest, ARecipientThatTheTakerRefuses) {
  host.sinks.on_recipient = [](const message::Recipient&) { return smtp::Reply(550, {5, 1, 1}, "no such user"); };
  client().log_in();
  EXPECT_EQ(client().say(kMail), 250);
  const auto line = refuse(kRcpt, 550);
  EXPECT_EQ(line.command, "RCPT");
  EXPECT_EQ(line.argument, "bob@example.net");
  EXPECT_EQ(line.reason, "refused");
}

TEST_F(RefusalTest, ASizeOverTheLimit) {
  client().log_in();
  const auto line = refuse("MAIL FROM:<ann@example.com> SIZE=99999999999", 552);
  EXPECT_EQ(line.reason, "message_too_big");
}

TEST_F(RefusalTest, TooManyRecipients) {
  host.rules().profile.recipients_max = 2;
  client().log_in();
  EXPECT_EQ(client().say(kMail), 250);
  EXPECT_EQ(client().say(kRcpt), 250);
  EXPECT_EQ(client().say("RCPT TO:<cy@example.net>"), 250);
  const auto line = refuse("RCPT TO:<dan@example.net>", 452);
  EXPECT_EQ(line.reason, "too_many_recipients");
  EXPECT_EQ(line.command, "RCPT");
}

TEST_F(RefusalTest, DataWithoutRecipients) {
  client().log_in();
  EXPECT_EQ(client().say(kMail), 250);
  EXPECT_EQ(refuse("DATA", 503).command, "DATA");
}

TEST_F(RefusalTest, AMessageIsRefusedWithItsId) {
  envelope();
  EXPECT_EQ(client().say("DATA"), 354);
  client().send("From: <ann@example.com>\r\n\r\nx\n\r\n.\r\n");
  const ClientReply reply = client().reply();
  EXPECT_EQ(reply.code, 550);
  EXPECT_EQ(id_in(reply.text), "Q1");
}

TEST_F(RefusalTest, WhatMayBeAPasswordIsNotLogged) {
  EXPECT_EQ(client().reply().code, 220);
  EXPECT_EQ(client().say("EHLO client.example"), 250);
  const auto unknown = refuse("cmlnaHQ=", 500);
  EXPECT_EQ(unknown.command + unknown.argument, "");
  EXPECT_EQ(client().say("AUTH PLAIN"), 334);
  const auto response = refuse("MAIL cmlnaHQ", 501);
  EXPECT_EQ(response.command, "AUTH");
  EXPECT_EQ(response.argument, "");
}

// A flood of refusals neither floods the log nor tells an id that is not in it.
TEST_F(RefusalTest, AFloodIsCountedAndItsIdsAreInTheLog) {
  host.rules().profile.recipients_max = 1;
  envelope();
  std::string flood;
  constexpr int kFlood = 500;
  for (int i = 0; i < kFlood; ++i) flood += "RCPT TO:<x" + std::to_string(i) + "@example.net>\r\n";
  client().send(flood);
  std::set<std::string> ids;
  for (int i = 0; i < kFlood; ++i) {
    const ClientReply reply = client().reply();
    EXPECT_EQ(reply.code, 452);
    ids.insert(id_in(reply.text));
  }
  ids.erase("");
  EXPECT_LE(host.notes.refusals.size(), RefusalLines::kBurst + 5);
  std::set<std::string> logged;
  for (const auto& line : host.notes.refusals) logged.insert(line.id);
  for (const std::string& id : ids) EXPECT_TRUE(logged.contains(id)) << id;
  EXPECT_EQ(host.counters.refusals, static_cast<std::uint64_t>(kFlood));
  EXPECT_EQ(host.counters.refusals_not_logged, kFlood - host.notes.refusals.size());
  client().say("QUIT");
  EXPECT_EQ(end().not_logged, kFlood - host.notes.refusals.size());
}

TEST_F(RefusalTest, LinesComeBackWithTime) {
  host.rules().profile.errors_max = 1000;
  client().log_in();
  for (int i = 0; i < 30; ++i) EXPECT_EQ(client().say("MAIL FROM:<eve@evil.example>"), 550);
  const std::size_t before = host.notes.refusals.size();
  EXPECT_TRUE(platforms.run_for(10s));
  for (int i = 0; i < 5; ++i) refuse("MAIL FROM:<eve@evil.example>", 550);
  EXPECT_EQ(host.notes.refusals.size(), before + 5);
}

}  // namespace
}  // namespace sluice::session
