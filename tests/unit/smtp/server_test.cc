// What scripts cannot say: sizes, limits in bytes, and the machine's own surface.  The dialogs are
// in tests/dialogs.
#include "engine/smtp/server.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "engine/smtp/base64.h"
#include "tests/unit/smtp/script.h"
#include "tests/unit/smtp/toy_server.h"

namespace sluice::smtp {
namespace {

using std::string_literals::operator""s;

// An idle session has 4 KB for everything (RFC or not): the dialog's part of it.
static_assert(sizeof(ServerMachine) <= 320);

class OpenServer : public ::testing::Test {
 protected:
  OpenServer() { EXPECT_EQ(toy_.greet(), "220 mail.example.net ESMTP\r\n"); }
  std::string say(std::string_view line) { return toy_.feed(std::string(line) + "\r\n"); }
  // The code of a reply of one line.
  std::string code(std::string_view line) { return say(line).substr(0, 3); }

  ServerProfile profile_ = open_profile();
  ToyServer toy_{profile_};
};

TEST_F(OpenServer, LinesUpToTheLimitAreTaken) {
  say("EHLO x");
  const std::string noop = "NOOP " + std::string(kCommandLineBytesMax - 7, 'x');
  EXPECT_EQ(say(noop), "250 2.0.0 Ok\r\n");
  EXPECT_EQ(say(noop + "x"), "500 5.5.6 Line too long\r\n");
  EXPECT_EQ(say("NOOP"), "250 2.0.0 Ok\r\n") << "the rest of the line is thrown away";
}

TEST_F(OpenServer, RestOfALongLineIsNoCommand) {
  say("EHLO x");
  EXPECT_EQ(toy_.feed("NOOP " + std::string(kCommandLineBytesMax, 'x')), "500 5.5.6 Line too long\r\n");
  EXPECT_EQ(toy_.feed("QUIT\r"), "");
  EXPECT_EQ(toy_.feed("QUIT\nQUIT\r"), "");
  EXPECT_EQ(toy_.feed("\nNOOP\r\n"), "250 2.0.0 Ok\r\n");
  EXPECT_FALSE(toy_.closed());
}

TEST_F(OpenServer, CrLfAtTheLimitsSeam) {
  for (std::size_t size = kCommandLineBytesMax - 10; size < kCommandLineBytesMax + 10; ++size) {
    ToyServer toy(profile_);
    toy.greet();
    std::string out;
    for (const char c : "NOOP " + std::string(size - 7, 'x') + "\r\nRSET\r\n") out += toy.feed({&c, 1});
    EXPECT_EQ(
        out, (size <= kCommandLineBytesMax ? "250 2.0.0 Ok\r\n"s : "500 5.5.6 Line too long\r\n"s) + "250 2.0.0 Ok\r\n")
        << size;
  }
}

TEST_F(OpenServer, ALineWithoutEndIsBounded) {
  std::string out;
  std::size_t sent = 0;
  while (!toy_.closed() && sent < 10 * kSwallowBytesMax) {
    out += toy_.feed(std::string(1000, 'x'));
    sent += 1000;
  }
  EXPECT_TRUE(toy_.closed());
  EXPECT_EQ(out, "500 5.5.6 Line too long\r\n421 4.7.0 Command too long, closing connection\r\n");
  EXPECT_LE(sent, kCommandLineBytesMax + kSwallowBytesMax + 2000);
}

TEST_F(OpenServer, ALongBdatLineLosesStep) {
  say("EHLO x");
  const std::string out = toy_.feed("BDAT 10" + std::string(kCommandLineBytesMax, ' '));
  EXPECT_TRUE(out.starts_with("500 5.5.6 "));
  EXPECT_TRUE(toy_.closed());
}

TEST_F(OpenServer, BdatWithAControlCharacterLosesStep) {
  say("EHLO x");
  EXPECT_TRUE(toy_.feed("BDAT\x0b"
                        "10\r\nRSET\r\n")
                  .starts_with("500 5.5.2 "));
  EXPECT_TRUE(toy_.closed());
}

TEST_F(OpenServer, ManyRecipientsAreHandedOverTogether) {
  say("EHLO x");
  std::string group = "MAIL FROM:<a@b>\r\n";
  for (int i = 0; i < 50; ++i) group += "RCPT TO:<r" + std::to_string(i) + "@d>\r\n";
  toy_.feed(group + "DATA\r\n");
  EXPECT_EQ(toy_.deepest_batch(), 50U);
  EXPECT_EQ(toy_.machine().recipients(), 50U);
}

TEST_F(OpenServer, OutstandingRecipientsAreBounded) {
  profile_.recipients_outstanding_max = 7;
  say("EHLO x");
  std::string group = "MAIL FROM:<a@b>\r\n";
  for (int i = 0; i < 50; ++i) group += "RCPT TO:<r" + std::to_string(i) + "@d>\r\n";
  toy_.feed(group);
  EXPECT_EQ(toy_.deepest_batch(), 7U);
  EXPECT_EQ(toy_.machine().recipients(), 50U);
}

TEST_F(OpenServer, ADuplicateDoesNotCountAsARecipient) {
  profile_.recipients_max = 2;
  say("EHLO x");
  toy_.feed("MAIL FROM:<a@b>\r\n");
  for (const char* const recipient : {"r1@d", "r1@d", "r2@d", "r1@d", "r2@d"})
    EXPECT_EQ(code("RCPT TO:<" + std::string(recipient) + ">"), "250") << recipient;
  EXPECT_EQ(toy_.machine().recipients(), 2U);
  EXPECT_EQ(code("RCPT TO:<r3@d>"), "452");
  EXPECT_EQ(code("RCPT TO:<r2@d>"), "250") << "though there is room for no other";
  toy_.feed("BDAT 0 LAST\r\n");
  EXPECT_EQ(toy_.messages().front().recipients, (std::vector<std::string>{"r1@d", "r2@d"}));
}

// What a login is worth holds from the next message on.
TEST_F(OpenServer, TheLimitOfAClientThatHasLoggedInTakesThePlaceOfTheProfiles) {
  profile_.recipients_max = 2;
  say("EHLO x");
  toy_.machine().set_recipients_max(3);
  toy_.feed("MAIL FROM:<a@b>\r\n");
  for (const char* const recipient : {"r1@d", "r2@d", "r3@d"})
    EXPECT_EQ(code("RCPT TO:<" + std::string(recipient) + ">"), "250") << recipient;
  EXPECT_EQ(code("RCPT TO:<r4@d>"), "452");
  toy_.feed("RSET\r\n");
  toy_.machine().set_recipients_max(1);
  toy_.feed("MAIL FROM:<a@b>\r\n");
  EXPECT_EQ(code("RCPT TO:<r1@d>"), "250");
  EXPECT_EQ(code("RCPT TO:<r2@d>"), "452");
}

TEST_F(OpenServer, DuplicatesHaveAnEnd) {
  profile_.recipients_refused_max = 5;
  say("EHLO x");
  toy_.feed("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n");
  std::string out;
  for (int i = 0; i < 10 && !toy_.closed(); ++i) out = say("RCPT TO:<c@d>");
  EXPECT_EQ(out, "250 2.1.5 Recipient ok\r\n421 4.7.0 Too many refused recipients, closing connection\r\n");
}

// What a next hop says of a recipient or a message is in UTF-8 only for a client that can read it.
TEST_F(OpenServer, RepliesAreInUtf8OnlyAfterSmtputf8) {
  for (const bool smtputf8 : {false, true}) {
    ServerMachine machine(profile_);
    std::string out;
    ReplyWriter writer(out);
    const auto said = [&out] { return std::exchange(out, {}); };
    const Reply reply(550, {5, 1, 1}, "n\xc3\xb6");
    const std::string want = smtputf8 ? "550 5.1.1 n\xc3\xb6\r\n" : "550 5.1.1 n\\x{F6}\r\n";
    const std::string mail = smtputf8 ? "MAIL FROM:<a@b> SMTPUTF8\r\n" : "MAIL FROM:<a@b>\r\n";
    machine.greet(writer);
    machine.step("EHLO x\r\n", writer);
    machine.step(mail, writer);
    said();
    machine.answer_mail(reply, writer);
    EXPECT_EQ(said(), want);
    machine.step(mail, writer);
    machine.answer_mail(replies::kSenderOk, writer);
    machine.step("RCPT TO:<c@d>\r\n", writer);
    machine.step("RCPT TO:<c@d>\r\n", writer);
    said();
    machine.answer_recipient(reply, writer);
    EXPECT_EQ(said(), want);
    machine.answer_recipient(replies::kRecipientOk, writer);
    machine.step("BDAT 0\r\n", writer);
    machine.answer_chunk(replies::kChunkOk, writer);
    machine.step("BDAT 0 LAST\r\n", writer);
    said();
    machine.answer_message(reply, writer);
    EXPECT_EQ(said(), want);
    machine.step("AUTH PLAIN AHVzZXIAc2VjcmV0\r\n", writer);
    machine.answer_auth(Reply(535, {5, 7, 8}, "n\xc3\xb6"), writer);
    EXPECT_EQ(said(), "535 5.7.8 n\\x{F6}\r\n") << "outside of a transaction it is ASCII in any case";
  }
}

TEST_F(OpenServer, ThousandsOfCommandsInOneSegment) {
  say("EHLO x");
  std::string all;
  std::string want;
  for (int i = 0; i < 2000; ++i) {
    all += "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 3 LAST\r\nx\r\n";
    want += "250 2.1.0 Sender ok\r\n250 2.1.5 Recipient ok\r\n250 2.0.0 Message accepted for delivery\r\n";
  }
  EXPECT_EQ(toy_.feed(all), want);
  EXPECT_EQ(toy_.messages().size(), 2000U);
}

TEST_F(OpenServer, AMessageTakenResetsErrors) {
  profile_.errors_max = 3;
  say("EHLO x");
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(code("FOO"), "500");
    EXPECT_EQ(code("FOO"), "500");
    toy_.feed("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 0 LAST\r\n");
    EXPECT_FALSE(toy_.closed());
  }
}

TEST_F(OpenServer, AMessageTakenResetsIdleCommands) {
  profile_.idle_commands_max = 3;
  say("EHLO x");
  for (int i = 0; i < 5; ++i) {
    toy_.feed("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 0 LAST\r\n");
    EXPECT_EQ(code("RSET"), "250");
    EXPECT_EQ(code("NOOP"), "250");
    EXPECT_FALSE(toy_.closed());
  }
}

TEST_F(OpenServer, ChunksTogetherKeepTheSizeLimit) {
  profile_.message_bytes_max = kMessageBytesMin;
  say("EHLO x");
  toy_.feed("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n");
  const std::string all(kMessageBytesMin, 'x');
  EXPECT_EQ(toy_.feed("BDAT 65536\r\n" + all), "250 2.0.0 Chunk ok\r\n");
  EXPECT_EQ(toy_.feed("BDAT 1 LAST\r\nx"), "552 5.3.4 Message size exceeds fixed limit https://example.net/policy\r\n");
  EXPECT_EQ(toy_.feed("BDAT 1 LAST\r\nx"), "503 5.5.1 Need MAIL command\r\n");
  EXPECT_EQ(toy_.messages().size(), 0U);
  EXPECT_EQ(toy_.discarded(), 2U);
}

TEST_F(OpenServer, AuthResponsesUpTo12288Bytes) {
  say("EHLO x");
  std::string longest;
  append_base64(std::string(9216 - 6, 'a') + "secret", longest);
  ASSERT_EQ(longest.size(), kAuthResponseBytesMax);
  EXPECT_EQ(say("AUTH PLAIN"), "334 \r\n");
  EXPECT_EQ(say(longest + "AAAA"), "500 5.5.6 Line too long\r\n");
  EXPECT_EQ(say("AUTH PLAIN"), "334 \r\n");
  EXPECT_EQ(toy_.feed(std::string(20000, 'A')), "500 5.5.6 Line too long\r\n");
  EXPECT_EQ(toy_.feed("\r\n"), "");
  EXPECT_EQ(say("AUTH PLAIN " + longest + "AAAA"), "500 5.5.6 Line too long\r\n");
  EXPECT_EQ(say("AUTH PLAIN " + longest), "235 2.7.0 Authentication successful\r\n");
  EXPECT_EQ(toy_.secrets().back().size(), 9216U);
}

TEST_F(OpenServer, AuthDecodesEveryLength) {
  say("EHLO x");
  profile_.auth_failures_max = 1000;
  for (std::size_t size = 1; size < 40; ++size) {
    const std::string plain(size, '\xfe');
    std::string encoded;
    append_base64(plain, encoded);
    EXPECT_EQ(code("AUTH PLAIN " + encoded), "535");
    EXPECT_EQ(toy_.secrets().back(), plain);
    EXPECT_EQ(code("AUTH PLAIN " + encoded + "="), "501");
    toy_.feed("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 0 LAST\r\n");  // resets the count
  }
}

TEST_F(OpenServer, SecretsAreWipedByTheAnswer) {
  ServerMachine machine(profile_);
  std::string out;
  ReplyWriter writer(out);
  machine.greet(writer);
  machine.step("EHLO x\r\n", writer);
  EXPECT_EQ(machine.step("AUTH PLAIN AHVzZXIAc2VjcmV0\r\n", writer).event, Event::auth);
  EXPECT_EQ(machine.auth_mechanism(), "PLAIN");
  EXPECT_TRUE(machine.has_auth_initial());
  EXPECT_EQ(machine.auth_response(), "\0user\0secret"s);
  machine.answer_auth(replies::kAuthFailed, writer);
  EXPECT_EQ(machine.auth_response(), "");
}

TEST_F(OpenServer, QuestionsMustBeAnsweredBeforeTheNextStep) {
  ServerMachine machine(profile_);
  std::string out;
  ReplyWriter writer(out);
  EXPECT_DEATH(machine.step("NOOP\r\n", writer), "check failed") << "no greeting yet";
  machine.greet(writer);
  machine.step("EHLO x\r\n", writer);
  machine.step("MAIL FROM:<a@b>\r\n", writer);
  EXPECT_DEATH(machine.step("NOOP\r\n", writer), "check failed");
  EXPECT_DEATH(machine.answer_data(replies::kSendData, writer), "check failed");
  EXPECT_DEATH(machine.answer_recipient(replies::kRecipientOk, writer), "check failed");
}

TEST_F(OpenServer, AnswersAfterClosingAreIgnored) {
  ServerMachine machine(profile_);
  std::string out;
  ReplyWriter writer(out);
  machine.greet(writer);
  machine.step("EHLO x\r\n", writer);
  machine.step("MAIL FROM:<a@b>\r\n", writer);
  machine.close(replies::kShuttingDown, writer);
  out.clear();
  machine.answer_mail(replies::kSenderOk, writer);
  machine.close(replies::kIdleTooLong, writer);
  EXPECT_EQ(out, "");
  const Step step = machine.step("NOOP\r\n", writer);
  EXPECT_EQ(step.event, Event::close);
  EXPECT_EQ(step.consumed, 6U);
  EXPECT_EQ(out, "");
}

TEST_F(OpenServer, TellsWhatIsDroppedAtStarttls) {
  ServerMachine machine(profile_);
  std::string out;
  ReplyWriter writer(out);
  machine.greet(writer);
  machine.step("EHLO x\r\n", writer);
  const Step step = machine.step("STARTTLS\r\nRSET\r\n", writer);
  EXPECT_EQ(step.event, Event::start_tls);
  EXPECT_EQ(step.consumed, 16U);
  EXPECT_EQ(machine.dropped_at_starttls(), 6U);
  EXPECT_DEATH(machine.step("RSET\r\n", writer), "check failed") << "nothing is read before the handshake";
}

TEST_F(OpenServer, CommandsAreGivenAsTheyWereSent) {
  ServerMachine machine(profile_);
  std::string out;
  ReplyWriter writer(out);
  machine.greet(writer);
  machine.step("EHLO Client.Example\r\n", writer);
  EXPECT_EQ(machine.hello_name(), "Client.Example");
  const std::string mail = "MAIL FROM:<Fred@Example.COM> SIZE=5 BODY=8BITMIME RET=FULL ENVID=e+2B SMTPUTF8 AUTH=<>\r\n";
  EXPECT_EQ(machine.step(mail, writer).consumed, mail.size());
  EXPECT_EQ(machine.mail().path.mailbox.text(), "Fred@Example.COM");
  EXPECT_EQ(machine.mail().parameters.size, 5U);
  EXPECT_EQ(machine.mail().parameters.envid, "e+2B");
  machine.answer_mail(replies::kSenderOk, writer);
  EXPECT_TRUE(machine.smtputf8());
  machine.step("RCPT TO:<Joe@X> NOTIFY=DELAY ORCPT=rfc822;j@x\r\n", writer);
  EXPECT_EQ(machine.recipient().path.mailbox.text(), "Joe@X");
  EXPECT_TRUE(machine.recipient().parameters.notify.delay);
  EXPECT_EQ(machine.recipient().parameters.orcpt, "rfc822;j@x");
  EXPECT_EQ(machine.step("", writer).event, Event::need_answers);
  machine.answer_recipient(replies::kRecipientOk, writer);
  EXPECT_EQ(machine.step("", writer).event, Event::need_more);
}

TEST(ServerMachine, RefusesInsteadOfGreeting) {
  const ServerProfile profile = submission_profile();
  ServerMachine machine(profile);
  std::string out;
  ReplyWriter writer(out);
  machine.refuse(replies::kEarlyTalker, writer);
  EXPECT_EQ(out, "554 SMTP protocol synchronization error: wait for the greeting\r\n")
      << "RFC 2034 4: no enhanced code in the greeting";
  EXPECT_EQ(machine.step("EHLO x\r\n", writer).event, Event::close);
}

TEST(Mechanisms, ThatAreWithheldAreNeitherOfferedNorTaken) {
  ServerProfile profile = submission_profile();
  profile.mechanisms = {"PLAIN", "LOGIN"};
  std::string out;
  ReplyWriter writer{out};
  ServerMachine machine(profile);
  machine.greet(writer);
  machine.step("EHLO x\r\n", writer);
  machine.step("STARTTLS\r\n", writer);
  machine.tls_started();
  machine.withhold_mechanisms(0b10);
  machine.step("EHLO x\r\n", writer);
  EXPECT_NE(out.find("250-AUTH PLAIN\r\n"), std::string::npos) << out;
  out.clear();
  EXPECT_EQ(machine.step("AUTH LOGIN\r\n", writer).event, Event::replied);
  EXPECT_TRUE(out.starts_with("504 ")) << out;
  EXPECT_EQ(machine.step("AUTH PLAIN\r\n", writer).event, Event::auth);
  machine.answer_auth_challenge("", writer);
  machine.step("*\r\n", writer);
  machine.withhold_mechanisms(0b11);
  out.clear();
  machine.step("EHLO x\r\n", writer);
  EXPECT_EQ(out.find("AUTH"), std::string::npos) << out;
}

TEST(ServerProfile, FaultsAreFound) {
  EXPECT_EQ(profile_fault(submission_profile()), nullptr);
  EXPECT_EQ(profile_fault(open_profile()), nullptr);
  const auto fault = [](auto change) {
    ServerProfile profile = submission_profile();
    change(profile);
    return profile_fault(profile) != nullptr;
  };
  EXPECT_TRUE(fault([](ServerProfile& p) { p.hostname = "a b"; }));
  EXPECT_TRUE(fault([](ServerProfile& p) { p.hostname = ""; }));
  EXPECT_TRUE(fault([](ServerProfile& p) { p.banner = "x\r\n250 y"; }));
  EXPECT_TRUE(fault([](ServerProfile& p) { p.policy_url = "x\ny"; }));
  EXPECT_TRUE(fault([](ServerProfile& p) { p.extensions.eight_bit_mime = false; }));
  EXPECT_TRUE(fault([](ServerProfile& p) { p.message_bytes_max = 65535; }));
  EXPECT_TRUE(fault([](ServerProfile& p) { p.recipients_max = 0; }));
  EXPECT_TRUE(fault([](ServerProfile& p) { p.mechanisms = {"PLAIN LOGIN"}; }));
}

// RFC 2034 4 and RFC 5248: the class of the enhanced code is the first digit.
TEST(Replies, EnhancedCodesHaveTheCodesClass) {
  for (const CommandSpec& spec : command_table()) {
    if (spec.otherwise == nullptr) continue;
    EXPECT_EQ(spec.otherwise->enhanced.cls, spec.otherwise->code / 100);
  }
}

TEST_F(OpenServer, AHostsOwnNameAndPageTakeThePlaceOfTheListeners) {
  profile_.policy_url = "https://example.net/policy";
  ToyServer toy(profile_);
  toy.machine().set_host("mail.customer.example", "https://customer.example/policy");
  EXPECT_EQ(toy.greet(), "220 mail.customer.example ESMTP\r\n");
  EXPECT_EQ(toy.feed("EHLO x\r\n").substr(0, 25), "250-mail.customer.example");
  EXPECT_NE(toy.feed("HELP\r\n").find("https://customer.example/policy"), std::string::npos);
  EXPECT_EQ(toy.machine().policy_url(), "https://customer.example/policy");
  ToyServer other(profile_);
  other.machine().set_host("mail.other.example", "");
  other.greet();
  EXPECT_EQ(other.feed("HELO x\r\n"), "250 mail.other.example\r\n");
  EXPECT_NE(other.feed("HELP\r\n").find("https://example.net/policy"), std::string::npos) << "it has none of its own";
}

}  // namespace
}  // namespace sluice::smtp
