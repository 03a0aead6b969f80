#include "engine/smtp/command.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::smtp {
namespace {

TEST(ParseCommand, VerbsInAnyCase) {
  EXPECT_EQ(parse_command("EHLO x").verb, Verb::ehlo);
  EXPECT_EQ(parse_command("eHLo x").verb, Verb::ehlo);
  EXPECT_EQ(parse_command("quit").verb, Verb::quit);
  EXPECT_EQ(parse_command("QUITX").verb, Verb::unknown);
  EXPECT_EQ(parse_command("QUI").verb, Verb::unknown);
  EXPECT_EQ(parse_command("").verb, Verb::unknown);
  EXPECT_EQ(parse_command(" QUIT").verb, Verb::unknown);
}

TEST(ParseCommand, BlanksAroundTheArgument) {
  EXPECT_EQ(parse_command("NOOP").argument, "");
  EXPECT_EQ(parse_command("NOOP   ").argument, "");
  EXPECT_EQ(parse_command("NOOP  a b  ").argument, "a b");
  EXPECT_EQ(parse_command("NOOP\t").verb, Verb::noop);
  EXPECT_EQ(parse_command("NOOP\t a\tb \t").argument, "a\tb");
  EXPECT_EQ(parse_command("\tNOOP").verb, Verb::unknown);
}

TEST(CommandTable, NamesAreOnceAndStatesAreSet) {
  for (const CommandSpec& spec : command_table()) {
    if (spec.verb == Verb::unknown) continue;
    EXPECT_EQ(parse_command(spec.name).verb, spec.verb);
    EXPECT_NE(spec.states, 0);
    EXPECT_TRUE(spec.rfc.starts_with("RFC "));
  }
}

const StandardReply* mail_reply(std::string_view argument) {
  static const Extensions on;
  MailCommand result;
  return parse_mail(argument, &on, result);
}
const StandardReply* rcpt_reply(std::string_view argument, bool smtputf8 = false) {
  static const Extensions on;
  RecipientCommand result;
  return parse_rcpt(argument, &on, smtputf8, result);
}

TEST(ParseMail, Syntax) {
  EXPECT_EQ(mail_reply("FROM:<a@b>"), nullptr);
  EXPECT_EQ(mail_reply("from:<a@b>"), nullptr);
  EXPECT_EQ(mail_reply("FROM:<>"), nullptr);
  EXPECT_EQ(mail_reply("FROM: <a@b>"), nullptr) << "old clients send a space";
  EXPECT_EQ(mail_reply("FROM:<a@b> SIZE=1"), nullptr);
  for (const char* bad : {"FROM", "FROM:", "FROM <a@b>", "TO:<a@b>", "FROM:  ", "FROM :<a@b>", "<a@b>",
                          "FROM:<a@b>SIZE=1", "FROM:<a@b> =", "FROM:<a@b>,"}) {
    EXPECT_EQ(mail_reply(bad), &replies::kMailSyntax) << bad;
  }
  EXPECT_EQ(mail_reply("FROM:<a@b"), &replies::kBadSenderAddress);
  EXPECT_EQ(mail_reply("FROM:<Postmaster>"), &replies::kBadSenderAddress);
  EXPECT_EQ(mail_reply("FROM:<a@b> X=1"), &replies::kUnknownParameter);
  EXPECT_EQ(mail_reply("FROM:<a@b> SIZE=1 SIZE=1"), &replies::kDuplicateParameter);
  EXPECT_EQ(mail_reply("FROM:<a@b> SIZE=x"), &replies::kBadParameter);
}

// Old clients leave the brackets out.  What a blank, a bracket or a comma would make of it is not for us to guess.
TEST(ParseMail, AMailboxMayComeWithoutBrackets) {
  static const Extensions on;
  MailCommand result;
  for (const char* good : {"FROM:a@acme.example", "from: a@acme.example", "FROM:\ta@acme.example",
                           "FROM:a@acme.example SIZE=5 BODY=8BITMIME", "FROM:a@acme.example\tSIZE=5"}) {
    EXPECT_EQ(parse_mail(good, &on, result), nullptr) << good;
    EXPECT_EQ(result.path.mailbox.text(), "a@acme.example") << good;
  }
  EXPECT_EQ(result.parameters.size, 5U);
  EXPECT_EQ(parse_mail("FROM:\"a\"@[192.0.2.1]", &on, result), nullptr);
  EXPECT_EQ(result.path.mailbox.text(), "\"a\"@[192.0.2.1]");
  for (const char* bad :
       {"FROM:a@b>",      "FROM:<a@b",        "FROM:A <a@b>",   "FROM:A<a@b>",     "FROM:a@b,c@d", "FROM:a@b<c@d>",
        "FROM:\"a b\"@c", "FROM:\"a,b\"@c",   "FROM:\"a>b\"@c", "FROM:a b@c",      "FROM:a",       "FROM:@b",
        "FROM:@a:b@c",    "FROM:a@b@c",       "FROM:SIZE=5",    "FROM:postmaster", "FROM:\"\"",    "FROM:a@b;c@d",
        "FROM:a(x)@b",    "FROM:a@b. SIZE=5", "FROM:a@-b"}) {
    EXPECT_EQ(parse_mail(bad, &on, result), &replies::kBadSenderAddress) << bad;
  }
  for (const char* bad : {"FROM:a@b c@d", "FROM:a@b <c@d>", "FROM:a@b ,c@d", "FROM:a@b > SIZE=5"})
    EXPECT_EQ(parse_mail(bad, &on, result), &replies::kMailSyntax) << bad;
  EXPECT_EQ(mail_reply("FROM:\xc3\xb6@b"), &replies::kNeedsSmtputf8);
  EXPECT_EQ(mail_reply("FROM:\xc3\xb6@b SMTPUTF8"), nullptr);
  EXPECT_EQ(mail_reply("FROM:" + std::string(65, 'a') + "@b"), &replies::kBadSenderAddress);
}

TEST(ParseMail, EightBitNeedsSmtputf8) {
  EXPECT_EQ(mail_reply("FROM:<\xc3\xb6@b>"), &replies::kNeedsSmtputf8);
  EXPECT_EQ(mail_reply("FROM:<\xc3\xb6@b> SMTPUTF8"), nullptr);
  EXPECT_EQ(mail_reply("FROM:<\xff@b> SMTPUTF8"), &replies::kBadSenderAddress);
}

TEST(ParseMail, NoParametersWithoutEsmtp) {
  MailCommand result;
  EXPECT_EQ(parse_mail("FROM:<a@b>", nullptr, result), nullptr);
  EXPECT_EQ(parse_mail("FROM:<a@b> SIZE=1", nullptr, result), &replies::kUnknownParameter);
}

TEST(ParseRcpt, SyntaxAndAddresses) {
  EXPECT_EQ(rcpt_reply("TO:<a@b>"), nullptr);
  EXPECT_EQ(rcpt_reply("to: <Postmaster>"), nullptr);
  EXPECT_EQ(rcpt_reply("TO:<@a,@b:c@d>"), nullptr);
  EXPECT_EQ(rcpt_reply("TO:<>"), &replies::kBadRecipientAddress);
  EXPECT_EQ(rcpt_reply("TO:a@b"), nullptr);
  EXPECT_EQ(rcpt_reply("TO:a@b NOTIFY=NEVER"), nullptr);
  EXPECT_EQ(rcpt_reply("TO:postmaster"), nullptr);
  for (const char* bad : {"TO:a", "TO:a@b,c@d", "TO:a@b>", "TO:A<a@b>", "TO:\"a b\"@c", "TO:@a:b@c"})
    EXPECT_EQ(rcpt_reply(bad), &replies::kBadRecipientAddress) << bad;
  EXPECT_EQ(rcpt_reply("TO:a@b c@d"), &replies::kRcptSyntax);
  EXPECT_EQ(rcpt_reply("TO:\xc3\xb6@b"), &replies::kNeedsSmtputf8);
  EXPECT_EQ(rcpt_reply("FROM:<a@b>"), &replies::kRcptSyntax);
  EXPECT_EQ(rcpt_reply("TO:<\xc3\xb6@b>"), &replies::kNeedsSmtputf8);
  EXPECT_EQ(rcpt_reply("TO:<\xc3\xb6@b>", true), nullptr);
  EXPECT_EQ(rcpt_reply("TO:<a@b> NOTIFY=NEVER,DELAY"), &replies::kBadParameter);
}

TEST(ParseBdat, SizesAndLast) {
  ChunkCommand chunk;
  EXPECT_EQ(parse_bdat("0", chunk), nullptr);
  EXPECT_FALSE(chunk.last);
  EXPECT_EQ(parse_bdat("86 LAST", chunk), nullptr);
  EXPECT_TRUE(chunk.last);
  EXPECT_EQ(chunk.size, 86U);
  EXPECT_EQ(parse_bdat("86  last", chunk), nullptr);
  EXPECT_EQ(parse_bdat("86\tLAST", chunk), nullptr);
  EXPECT_TRUE(chunk.last);
  EXPECT_EQ(parse_bdat("18446744073709551615", chunk), nullptr);
  EXPECT_EQ(parse_bdat("0000000000000000000000086", chunk), nullptr);
  EXPECT_EQ(chunk.size, 86U);
  for (const char* bad : {"", "-1", "+1", "a", "1a", "0x1", "1 FIRST", "1 LAST LAST", "1 LASTS", "18446744073709551616",
                          "99999999999999999999", "100000000000000000000000000000000000086", "LAST"}) {
    EXPECT_EQ(parse_bdat(bad, chunk), &replies::kBdatSyntax) << bad;
  }
}

TEST(ParseAuth, MechanismAndInitialResponse) {
  AuthCommand auth;
  EXPECT_EQ(parse_auth("PLAIN", auth), nullptr);
  EXPECT_FALSE(auth.initial.has_value());
  EXPECT_EQ(parse_auth("SCRAM-SHA-256 =", auth), nullptr);
  EXPECT_EQ(auth.initial, "=");
  EXPECT_EQ(parse_auth("PLAIN\tAAAA", auth), nullptr);
  EXPECT_EQ(auth.mechanism, "PLAIN");
  EXPECT_EQ(auth.initial, "AAAA");
  for (const char* bad : {"", "PL/AIN", "PLAIN a b", "PLAIN a\tb", "ABCDEFGHIJKLMNOPQRSTU"})
    EXPECT_EQ(parse_auth(bad, auth), &replies::kAuthSyntax) << bad;
}

TEST(HelloName, LenientButPrintable) {
  for (const char* good : {"example.com", "[192.0.2.1]", "localhost", "my_pc", "[10.0.0.1", "J\xc3\xb6rg"})
    EXPECT_TRUE(is_hello_name(good)) << good;
  EXPECT_FALSE(is_hello_name(""));
  EXPECT_FALSE(is_hello_name("a b"));
  EXPECT_FALSE(is_hello_name("a\x7f"));
  EXPECT_FALSE(is_hello_name("a\xff"));
  EXPECT_TRUE(is_hello_name(std::string(255, 'a')));
  EXPECT_FALSE(is_hello_name(std::string(256, 'a')));
}

TEST(HelloName, ASafeFormIsAHelloName) {
  EXPECT_EQ(safe_hello_name("Client.Example"), "Client.Example");
  EXPECT_EQ(safe_hello_name("J\xc3\xb6rg"), "J\xc3\xb6rg");
  EXPECT_EQ(safe_hello_name("J\xf6rgs PC\t(neu)"), "J?rgs?PC?(neu)");
  EXPECT_EQ(safe_hello_name("a\xe2\x80\xae"
                            "b"),
            "a\\x{202E}b");
  EXPECT_EQ(safe_hello_name(std::string(400, 'a')), std::string(255, 'a'));
  std::string all;
  for (int c = 1; c < 256; ++c) all.push_back(static_cast<char>(c));
  for (std::size_t at = 0; at < all.size(); ++at) {
    EXPECT_TRUE(is_hello_name(safe_hello_name(all.substr(at)))) << at;
    EXPECT_TRUE(is_hello_name(safe_hello_name(all.substr(at, 1)))) << at;
  }
}

}  // namespace
}  // namespace sluice::smtp
