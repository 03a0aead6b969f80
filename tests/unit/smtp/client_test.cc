#include "engine/smtp/client.h"

#include <gtest/gtest.h>

#include <string>

#include "engine/smtp/command.h"

namespace sluice::smtp {
namespace {

using std::string_literals::operator""s;

class Client : public ::testing::Test {
 protected:
  // Takes exactly one reply, byte by byte.
  ClientStep take(std::string_view input) {
    ClientStep step;
    for (std::size_t i = 0; i < input.size(); ++i) {
      step = client_.next_reply(input.substr(i, 1));
      if (step.event != ClientEvent::need_more) break;
    }
    return step;
  }
  void hello(std::string_view capabilities) {
    EXPECT_EQ(take("220 next.example ESMTP\r\n").expect, Expect::greeting);
    client_.append_ehlo("us.example", out_);
    EXPECT_EQ(take("250-next.example\r\n" + std::string(capabilities) + "250 HELP\r\n").expect, Expect::ehlo);
    out_.clear();
  }

  ClientMachine client_;
  std::string out_;
};

constexpr std::string_view kAll =
    "250-PIPELINING\r\n250-SIZE "
    "1000\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-CHUNKING\r\n250-DSN\r\n250-STARTTLS\r\n"
    "250-AUTH PLAIN LOGIN\r\n250-ENHANCEDSTATUSCODES\r\n250-LIMITS MAILMAX=10 "
    "RCPTMAX=20\r\n250-XCLIENT NAME ADDR\r\n";

TEST_F(Client, ReadsCapabilities) {
  hello(kAll);
  const Capabilities& can = client_.capabilities();
  EXPECT_TRUE(can.pipelining && can.size && can.eight_bit_mime && can.smtputf8 && can.chunking && can.dsn &&
              can.starttls);
  EXPECT_TRUE(can.auth_plain && can.auth_login && can.enhanced_codes && can.xclient);
  EXPECT_FALSE(can.binary_mime);
  EXPECT_EQ(can.size_max, 1000U);
  EXPECT_EQ(can.rcpt_max, 20U);
  EXPECT_EQ(can.mail_max, 10U);
}

// Two lines of some other reply begin with that name as well.
TEST_F(Client, TheAnswerToEhloIsKnownByItsNameAndItsEnd) {
  hello(kAll);
  for (const auto& [reply, is_hello] :
       {std::pair{"250-next.example\r\n250 fine\r\n", false}, std::pair{"250-next.example\r\n250 HELP\r\n", true},
        std::pair{"250-other.example\r\n250 HELP\r\n", false}, std::pair{"250 next.example\r\n", false}}) {
    client_.append_hello_again("us.example", out_);
    EXPECT_EQ(take(reply).expect, Expect::hello_again);
    EXPECT_EQ(client_.is_hello(), is_hello) << reply;
  }
}

TEST(Capabilities, FirstLineIsTheNameAndOldSpellingsCount) {
  const Capabilities can = Capabilities::parse("PIPELINING\nauth=LOGIN\nsize\n8bitmime");
  EXPECT_FALSE(can.pipelining);
  EXPECT_TRUE(can.auth_login);
  EXPECT_FALSE(can.auth_plain);
  EXPECT_TRUE(can.size);
  EXPECT_EQ(can.size_max, 0U);
  EXPECT_TRUE(can.eight_bit_mime);
  EXPECT_EQ(Capabilities::parse("x\nSIZE 99999999999999999999999\nLIMITS RCPTMAX=99999999999 FOO RCPTMA=1").rcpt_max,
            0xffffffffU);
}

TEST_F(Client, FallsBackToHelo) {
  take("220 x\r\n");
  client_.append_ehlo("us.example", out_);
  EXPECT_EQ(take("502 what\r\n").event, ClientEvent::reply);
  EXPECT_TRUE(client_.should_fall_back());
  client_.append_helo("us.example", out_);
  EXPECT_EQ(take("250 x\r\n").expect, Expect::helo);
  EXPECT_EQ(out_, "EHLO us.example\r\nHELO us.example\r\n");
  EXPECT_FALSE(client_.capabilities().pipelining);
}

TEST_F(Client, PipelinedTransactionGetsEveryReplyToItsCommand) {
  hello(kAll);
  client_.append_mail(
      "a@b",
      {.size = 12, .body = Body::eight_bit_mime, .smtputf8 = true, .ret = Ret::headers, .envid = "e1", .auth = "<>"},
      out_);
  client_.append_recipient("c@d", {.notify = {.success = true, .delay = true}, .orcpt = "rfc822;c@d"}, out_);
  client_.append_recipient("\"x y\"@d", {.notify = {.never = true}}, out_);
  client_.append_data(out_);
  EXPECT_EQ(out_,
            "MAIL FROM:<a@b> SIZE=12 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=e1 AUTH=<>\r\n"
            "RCPT TO:<c@d> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;c@d\r\nRCPT TO:<\"x y\"@d> "
            "NOTIFY=NEVER\r\nDATA\r\n");
  EXPECT_EQ(client_.outstanding(), 4U);
  std::string_view input = "250 2.1.0 ok\r\n250 ok\r\n550 5.1.1 who\r\n354 go\r\n";
  const Expect want[] = {Expect::mail, Expect::recipient, Expect::recipient, Expect::data};
  const int codes[] = {250, 250, 550, 354};
  for (std::size_t i = 0; i < 4; ++i) {
    const ClientStep step = client_.next_reply(input);
    input.remove_prefix(step.consumed);
    EXPECT_EQ(step.event, ClientEvent::reply);
    EXPECT_EQ(step.expect, want[i]);
    EXPECT_EQ(client_.reply().code, codes[i]);
  }
  client_.content_ended();
  EXPECT_EQ(take("250 2.0.0 queued as 1\r\n").expect, Expect::message);
  EXPECT_TRUE(client_.idle());
}

TEST_F(Client, ChunksAndTheirReplies) {
  hello(kAll);
  client_.append_bdat(10, false, out_);
  client_.append_bdat(0, true, out_);
  EXPECT_EQ(out_, "BDAT 10\r\nBDAT 0 LAST\r\n");
  EXPECT_EQ(take("250 ok\r\n").expect, Expect::chunk);
  EXPECT_EQ(take("250 ok\r\n").expect, Expect::message);
}

TEST_F(Client, SendsOnlyWhatIsOffered) {
  hello("");
  client_.append_mail("", {.size = 12, .body = Body::seven_bit, .ret = Ret::full, .envid = "e", .auth = "<>"}, out_);
  client_.append_recipient("Postmaster", {.notify = {.never = true}, .orcpt = "rfc822;x"}, out_);
  EXPECT_EQ(out_, "MAIL FROM:<>\r\nRCPT TO:<Postmaster>\r\n");
  EXPECT_DEATH(client_.append_mail("a@b", {.smtputf8 = true}, out_), "check failed");
}

TEST_F(Client, NothingCanBeInjected) {
  hello(kAll);
  for (const char* bad :
       {"a@b>\r\nRCPT TO:<evil@x", "a@b\r\nx", "a@b> SIZE=1", "a b@c", "a@b\n", "<a@b>", "a", "a@b\xff"}) {
    EXPECT_DEATH(client_.append_mail(bad, {}, out_), "check failed") << bad;
    EXPECT_DEATH(client_.append_recipient(bad, {}, out_), "check failed") << bad;
  }
  EXPECT_DEATH(client_.append_recipient("", {}, out_), "check failed");
  EXPECT_DEATH(client_.append_mail("a@b", {.envid = "x\r\nRSET"}, out_), "check failed");
  EXPECT_DEATH(client_.append_mail("a@b", {.envid = "x y"}, out_), "check failed");
  EXPECT_DEATH(client_.append_mail("a@b", {.auth = "x y"}, out_), "check failed");
  EXPECT_DEATH(client_.append_recipient("a@b", {.orcpt = "rfc822;x\r\nRSET"}, out_), "check failed");
  EXPECT_DEATH(client_.append_ehlo("x\r\nRSET", out_), "check failed");
  EXPECT_DEATH(client_.append_ehlo("x y", out_), "check failed");
  EXPECT_DEATH(client_.append_xclient("NAME=x\r\nRSET", out_), "check failed");
  EXPECT_DEATH(client_.append_auth_plain("a\0b"s, "c", out_), "check failed");
}

TEST_F(Client, UnaskedRepliesBreakTheDialog) {
  hello("");
  EXPECT_EQ(take("250 hello again\r\n").event, ClientEvent::protocol_error);
  EXPECT_TRUE(client_.closing());
  EXPECT_EQ(client_.next_reply("250 x\r\n").event, ClientEvent::protocol_error) << "and it stays broken";
}

TEST_F(Client, OneReplyTooManyIsSeen) {
  hello("");
  client_.append_rset(out_);
  const std::string_view input = "250 ok\r\n250 ok\r\n";
  const ClientStep step = client_.next_reply(input);
  EXPECT_EQ(step.expect, Expect::rset);
  EXPECT_EQ(client_.next_reply(input.substr(step.consumed)).event, ClientEvent::protocol_error);
}

TEST_F(Client, FourTwoOneAnywhereCloses) {
  hello("");
  EXPECT_EQ(take("421 4.4.2 idle\r\n").expect, Expect::unasked);
  EXPECT_TRUE(client_.closing());
  ClientMachine other;
  EXPECT_EQ(other.next_reply("421 busy\r\n").expect, Expect::greeting);
  EXPECT_TRUE(other.closing());
}

TEST_F(Client, StarttlsForgetsAndStartsAgain) {
  hello(kAll);
  client_.append_starttls(out_);
  EXPECT_EQ(take("220 go\r\n").expect, Expect::starttls);
  EXPECT_DEATH(client_.append_ehlo("us.example", out_), "check failed") << "no command before the handshake";
  client_.tls_started();
  EXPECT_FALSE(client_.capabilities().pipelining);
  client_.append_ehlo("us.example", out_);
  EXPECT_EQ(take("250 next.example\r\n").expect, Expect::ehlo);
}

TEST_F(Client, BytesBehindStarttlsAreFatal) {
  hello(kAll);
  client_.append_starttls(out_);
  const ClientStep step = client_.next_reply("220 go\r\n250 x\r\n");
  EXPECT_EQ(step.event, ClientEvent::protocol_error);
  EXPECT_TRUE(client_.closing());
}

TEST_F(Client, BytesAfterStarttlsInAnotherSegmentAreFatalToo) {
  hello(kAll);
  client_.append_starttls(out_);
  EXPECT_EQ(client_.next_reply("220 go\r\n").event, ClientEvent::reply);
  EXPECT_EQ(client_.next_reply("2").event, ClientEvent::protocol_error);
}

TEST_F(Client, StarttlsRefusedGoesOnInPlain) {
  hello(kAll);
  client_.append_starttls(out_);
  EXPECT_EQ(take("454 not now\r\n").event, ClientEvent::reply);
  client_.append_quit(out_);
  EXPECT_EQ(take("221 bye\r\n").expect, Expect::quit);
  EXPECT_TRUE(client_.closing());
}

TEST_F(Client, Auth) {
  hello(kAll);
  client_.append_auth_plain("user", "secret", out_);
  EXPECT_EQ(out_, "AUTH PLAIN AHVzZXIAc2VjcmV0\r\n");
  EXPECT_EQ(take("235 ok\r\n").expect, Expect::auth);
  out_.clear();
  client_.append_auth_login(out_);
  take("334 VXNlcm5hbWU6\r\n");
  client_.append_auth_response("user", out_);
  take("334 UGFzc3dvcmQ6\r\n");
  EXPECT_EQ(out_, "AUTH LOGIN\r\ndXNlcg==\r\n");
}

TEST_F(Client, XclientStartsAgain) {
  hello(kAll);
  client_.append_xclient("NAME=host.example ADDR=192.0.2.1", out_);
  EXPECT_EQ(out_, "XCLIENT NAME=host.example ADDR=192.0.2.1\r\n");
  EXPECT_EQ(take("220 again\r\n").expect, Expect::xclient);
  EXPECT_FALSE(client_.capabilities().pipelining);
}

TEST_F(Client, ReadsWhatXclientTakes) {
  hello("250-XCLIENT NAME addr LOGIN DESTADDR reverse_name PORT\r\n");
  const XclientAttributes& takes = client_.capabilities().xclient_takes;
  EXPECT_TRUE(takes.name && takes.addr && takes.login && takes.reverse_name && takes.port);
  EXPECT_FALSE(takes.helo || takes.proto);
}

constexpr XclientAttributes kTakesAll{
    .login = true, .addr = true, .name = true, .reverse_name = true, .port = true, .proto = true, .helo = true};

TEST(XclientPairs, SaysWhatIsKnownOfWhatIsTaken) {
  XclientAttributes sent;
  EXPECT_EQ(xclient_pairs(kTakesAll, {}, sent), "");
  EXPECT_FALSE(sent.any());
  EXPECT_EQ(
      xclient_pairs({.login = true, .helo = true}, {.login = "a b=c", .addr = "192.0.2.1", .helo = "x.example"}, sent),
      "LOGIN=a+20b+3Dc HELO=x.example");
  EXPECT_TRUE(sent.login && sent.helo);
  EXPECT_FALSE(sent.addr);
}

// Postfix showed every client by the relay's own name, as NAME was never sent.
TEST(XclientPairs, AClientIsNotShownByOurNamesAndPort) {
  XclientAttributes sent;
  const XclientAttributes takes{.addr = true, .name = true, .reverse_name = true, .port = true, .helo = true};
  EXPECT_EQ(xclient_pairs(takes, {.login = "ann", .addr = "192.0.2.1", .proto = "ESMTP", .helo = "x.example"}, sent),
            "ADDR=192.0.2.1 NAME=[UNAVAILABLE] REVERSE_NAME=[UNAVAILABLE] PORT=[UNAVAILABLE] HELO=x.example");
  EXPECT_TRUE(sent.name && sent.reverse_name && sent.port);
  sent = {};
  EXPECT_EQ(xclient_pairs({.name = true}, {.login = "ann"}, sent), "NAME=[UNAVAILABLE]");
  sent = {};
  EXPECT_EQ(xclient_pairs(takes, {}, sent), "") << "a message of our own comes from us";
}

TEST(XclientPairs, NoClientInheritsWhatWasSentOfAnother) {
  XclientAttributes sent = kTakesAll;
  EXPECT_EQ(xclient_pairs(kTakesAll, {.login = "bob", .addr = "2001:db8::1"}, sent),
            "LOGIN=bob ADDR=IPV6:2001:db8::1 NAME=[UNAVAILABLE] REVERSE_NAME=[UNAVAILABLE] PORT=[UNAVAILABLE] "
            "PROTO=ESMTP HELO=[UNAVAILABLE]");
}

TEST_F(Client, XclientPairsFitIntoALineHoweverLongTheValues) {
  XclientAttributes sent = kTakesAll;
  const std::string longest(255, '\xff');
  const std::string pairs =
      xclient_pairs(kTakesAll, {.login = longest, .addr = longest, .proto = longest, .helo = longest}, sent);
  EXPECT_LE(pairs.size() + sizeof("XCLIENT \r\n") - 1, 512U);
  EXPECT_EQ(pairs.find("LOGIN=[UNAVAILABLE]"), 0U);
  for (std::size_t size = 0; size < 500; ++size) {
    const std::string value(size, 'x');
    EXPECT_LE(xclient_pairs(kTakesAll, {.login = value, .addr = value, .proto = value, .helo = value}, sent).size() +
                  sizeof("XCLIENT \r\n") - 1,
              512U);
  }
  hello(kAll);
  client_.append_xclient(pairs, out_);
  const std::string lines = xclient_pairs(kTakesAll, {.login = "a\r\nRSET"}, sent);
  client_.append_xclient(lines, out_);  // checks that it is one line
}

TEST_F(Client, AuthIsOfferedWhateverTheMechanism) {
  hello("250-AUTH GSSAPI\r\n");
  EXPECT_TRUE(client_.capabilities().auth);
  EXPECT_FALSE(client_.capabilities().auth_plain);
  client_.append_mail("a@b", {.auth = "<>"}, out_);
  EXPECT_EQ(out_, "MAIL FROM:<a@b> AUTH=<>\r\n");
}

TEST_F(Client, GarbageBreaksTheDialog) { EXPECT_EQ(take("SSH-2.0-OpenSSH\r\n").event, ClientEvent::protocol_error); }

TEST(ClientReply, UnknownCodesGoByTheirFirstDigit) {
  ClientMachine client;
  EXPECT_EQ(client.next_reply("299 odd\r\n").event, ClientEvent::reply);
  EXPECT_TRUE(client.reply().positive());
  EXPECT_EQ(client.reply().reply_class(), ReplyClass::positive);
}

}  // namespace
}  // namespace sluice::smtp
