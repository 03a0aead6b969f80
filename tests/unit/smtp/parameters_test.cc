#include "engine/smtp/parameters.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::smtp {
namespace {

using std::string_literals::operator""s;

ParameterFault mail_fault(std::string_view text, const Extensions& on = {}) {
  MailParameters result;
  return parse_mail_parameters(text, on, result);
}
ParameterFault rcpt_fault(std::string_view text, bool smtputf8 = false, const Extensions& on = {}) {
  RcptParameters result;
  return parse_rcpt_parameters(text, on, smtputf8, result);
}

TEST(MailParameters, AllOfThem) {
  MailParameters result;
  EXPECT_EQ(parse_mail_parameters(" SIZE=12345 body=8bitmime SMTPUTF8 Ret=Hdrs ENVID=QQ+2B1 AUTH=a+2Bb@example.com", {},
                                  result),
            ParameterFault::none);
  EXPECT_EQ(result.size, 12345U);
  EXPECT_EQ(result.body, Body::eight_bit_mime);
  EXPECT_TRUE(result.smtputf8);
  EXPECT_EQ(result.ret, Ret::headers);
  EXPECT_EQ(result.envid, "QQ+2B1");
  EXPECT_EQ(parse_mail_parameters("", {}, result), ParameterFault::none);
  EXPECT_FALSE(result.size.has_value());
  EXPECT_EQ(parse_mail_parameters(" AUTH=<>  RET=FULL BODY=7BIT", {}, result), ParameterFault::none);
  EXPECT_EQ(result.ret, Ret::full);
  EXPECT_EQ(result.body, Body::seven_bit);
}

TEST(MailParameters, UnknownDuplicateAndBad) {
  EXPECT_EQ(mail_fault(" FOO=1"), ParameterFault::unknown);
  EXPECT_EQ(mail_fault(" NOTIFY=NEVER"), ParameterFault::unknown) << "that one is for RCPT";
  EXPECT_EQ(mail_fault(" SIZE=1 size=1"), ParameterFault::duplicate);
  EXPECT_EQ(mail_fault(" SMTPUTF8 SMTPUTF8"), ParameterFault::duplicate);
  EXPECT_EQ(mail_fault(" AUTH=<> AUTH=<>"), ParameterFault::duplicate);
  for (const char* bad : {" SIZE",        " SIZE=-1",     " SIZE=+1",
                          " SIZE=0x10",   " SIZE=1k",     " SIZE=18446744073709551616x",
                          " BODY=9BIT",   " BODY",        " BODY=BINARYMIME",
                          " SMTPUTF8=1",  " RET=NONE",    " RET",
                          " ENVID",       " ENVID=a+00b", " ENVID=a+0Ab",
                          " ENVID=a+0Db", " ENVID=a+2",   " ENVID=a+zz",
                          " ENVID=a+2b",  " ENVID=a+07",  " AUTH",
                          " AUTH=a+00",   " AUTH=a+0a",   " AUTH=a+40b+0D+0Ac"}) {
    EXPECT_EQ(mail_fault(bad), ParameterFault::bad_value) << bad;
  }
  EXPECT_EQ(mail_fault(" ENVID=" + std::string(100, 'e')), ParameterFault::none);
  EXPECT_EQ(mail_fault(" ENVID=" + std::string(101, 'e')), ParameterFault::bad_value);
  EXPECT_EQ(mail_fault(" SIZE=00000000000000000001"), ParameterFault::none);
  EXPECT_EQ(mail_fault(" SIZE=18446744073709551615"), ParameterFault::none);
}

TEST(MailParameters, ASizeThatDoesNotFitIsLargerThanAnyLimit) {
  for (const char* digits : {"18446744073709551616", "99999999999999999999", "123456789012345678901"}) {
    MailParameters result;
    EXPECT_EQ(parse_mail_parameters(std::string(" SIZE=") + digits, {}, result), ParameterFault::none) << digits;
    EXPECT_EQ(result.size, kSizeSaturated) << digits;
  }
}

// The login is known: what a client says of it is dropped, so it need not be an address as xtext.
TEST(MailParameters, WhatAuthSaysIsNotLookedAt) {
  for (const char* value : {"alice", "<a@d>", "a@d", "<>", "a+b@d", "a+10@d", "a=b", "+zz", "j\xc3\xb6rg", "\"a\"@d"})
    EXPECT_EQ(mail_fault(std::string(" AUTH=") + value), ParameterFault::none) << value;
  EXPECT_EQ(mail_fault(" AUTH=" + std::string(501, 'a')), ParameterFault::none);
}

TEST(MailParameters, Syntax) {
  for (const std::string& bad : {"SIZE=1"s, " =1"s, " -A=1"s, " A_B=1"s, " SIZE="s, " "s, " AUTH="s, " AUTH=\xff"s,
                                 " SIZE=1\x0b"s, " SIZE=1\0"s, " ENVID=\xff"s}) {
    EXPECT_EQ(mail_fault(bad), ParameterFault::syntax) << ::testing::PrintToString(bad);
  }
}

TEST(MailParameters, WhatIsOffIsUnknown) {
  const Extensions off{.size = false, .eight_bit_mime = false, .smtputf8 = false, .dsn = false, .auth = false};
  for (const char* text : {" SIZE=1", " BODY=7BIT", " SMTPUTF8", " RET=FULL", " ENVID=x", " AUTH=<>"}) {
    EXPECT_EQ(mail_fault(text), ParameterFault::none) << text;
    EXPECT_EQ(mail_fault(text, off), ParameterFault::unknown) << text;
  }
}

TEST(RcptParameters, NotifyAndOrcpt) {
  RcptParameters result;
  EXPECT_EQ(parse_rcpt_parameters(" NOTIFY=success,Delay ORCPT=rfc822;a+2Bb@c", {}, false, result),
            ParameterFault::none);
  EXPECT_TRUE(result.notify.success && result.notify.delay && !result.notify.failure && !result.notify.never);
  EXPECT_EQ(result.orcpt, "rfc822;a+2Bb@c");
  EXPECT_EQ(parse_rcpt_parameters("", {}, false, result), ParameterFault::none);
  EXPECT_FALSE(result.notify.stated());
  EXPECT_EQ(rcpt_fault(" NOTIFY=NEVER"), ParameterFault::none);
  for (const char* bad : {" NOTIFY=NEVER,SUCCESS",
                          " NOTIFY=",
                          " NOTIFY",
                          " NOTIFY=SUCCESS,",
                          " NOTIFY=SUCCESS,SUCCESS",
                          " NOTIFY=MAYBE",
                          " ORCPT",
                          " ORCPT=rfc822",
                          " ORCPT=;a",
                          " ORCPT=rfc822;",
                          " ORCPT=rfc822;a+00",
                          " ORCPT=rfc822;a+0A",
                          " ORCPT=rfc822;a+",
                          " ORCPT=rf/c;a",
                          " ORCPT=utf-8;\xc3\xb6@x",
                          " ORCPT=rfc822;a+0Db",
                          " ORCPT=rfc822;a+1Bb",
                          " ORCPT=rfc822;a+09b",
                          " ORCPT=rfc822;a+7Fb",
                          " ORCPT=x400;a+0A"}) {
    EXPECT_NE(rcpt_fault(bad), ParameterFault::none) << bad;
  }
  EXPECT_EQ(rcpt_fault(" NOTIFY=DELAY NOTIFY=DELAY"), ParameterFault::duplicate);
  EXPECT_EQ(rcpt_fault(" ORCPT=rfc822;a ORCPT=rfc822;b"), ParameterFault::duplicate);
  EXPECT_EQ(rcpt_fault(" SIZE=1"), ParameterFault::unknown);
  EXPECT_EQ(rcpt_fault(" NOTIFY=NEVER", false, {.dsn = false}), ParameterFault::unknown);
  EXPECT_EQ(rcpt_fault(" ORCPT=utf-8;\xc3\xb6@x", true), ParameterFault::none);
  EXPECT_EQ(rcpt_fault(" ORCPT=utf-8;\\x{F6}@x", false), ParameterFault::none);
}

// RFC 6533 3.  "\x{0D}" went on to next hops, and into reports.
TEST(RcptParameters, Utf8OrcptHidesNothing) {
  for (const char* good :
       {"a@x", "j\\x{F6}rg@x", "\\x{A0}@x", "\\x{FFF}@x", "\\x{20AC}@x", "\\x{D7FF}@x", "\\x{E000}@x", "\\x{1F600}@x",
        "\\x{10FFFF}@x", "\\x{2b}@x", "\"\\x{20}\"@x", "\\x{3D}\\x{5C}@x", "x+2By@x", "x+3D@x"}) {
    EXPECT_EQ(rcpt_fault(std::string(" ORCPT=utf-8;") + good), ParameterFault::none) << good;
    EXPECT_EQ(rcpt_fault(std::string(" ORCPT=UTF-8;") + good, true), ParameterFault::none) << good;
  }
  for (const char* bad :
       {"a\\x{0D}b@x", "a\\x{0A}@x",  "\\x{00}@x",     "\\x{01}@x",       "\\x{10}@x",   "\\x{1B}@x",     "\\x{7F}@x",
        "\\x{85}@x",   "\\x{9B}@x",   "\\x{0}@x",      "\\x{D}@x",        "\\x{000D}@x", "\\x{00000D}@x", "\\x{2028}@x",
        "\\x{D800}@x", "\\x{DFFF}@x", "\\x{110000}@x", "\\x{FFFFFFFF}@x", "\\x{0F6}@x",  "\\x{41}@x",     "\\x{}@x",
        "\\x{F6@x",    "\\x{G6}@x",   "\\x{-F6}@x",    "\\X{F6}@x",       "\\xF6@x",     "\\n@x",         "a\\",
        "a+0D@x",      "a+00",        "a+1B",          "a+7F@x",          "a+C3+B6@x",   "a+5Cx{0D}@x",   "a+x@x",
        "a+2b@x",      "a+",          "a=b",           "a\x7f",           "\xc2\x85@x",  "\xff@x"}) {
    EXPECT_NE(rcpt_fault(std::string(" ORCPT=utf-8;") + bad), ParameterFault::none) << bad;
    EXPECT_NE(rcpt_fault(std::string(" ORCPT=utf-8;") + bad, true), ParameterFault::none) << bad;
  }
  EXPECT_EQ(rcpt_fault(" ORCPT=utf-8;j\xc3\xb6rg\\x{0D}@x", true), ParameterFault::bad_value);
}

TEST(Xtext, ThereAndBack) {
  std::string all;
  for (int c = 0; c < 256; ++c) all.push_back(static_cast<char>(c));
  EXPECT_FALSE(decode_xtext(encode_xtext(all)).has_value()) << "NUL, CR and LF are in it";
  std::string allowed;
  for (const char c : all) {
    if (c != '\0' && c != '\r' && c != '\n') allowed.push_back(c);
  }
  EXPECT_EQ(decode_xtext(encode_xtext(allowed)), allowed);
  EXPECT_EQ(encode_xtext("a+b=c d"), "a+2Bb+3Dc+20d");
  for (const char* bad : {"+", "+2", "+2b", "a b", "a=b", "\x7f", "\xc3\xa9", "+G0"})
    EXPECT_FALSE(is_xtext(bad)) << bad;
}

TEST(ParseSize, NeverWraps) {
  EXPECT_EQ(parse_size("18446744073709551615"), kSizeSaturated);
  EXPECT_EQ(parse_size_saturating("18446744073709551614"), kSizeSaturated - 1);
  for (const std::string& huge :
       {"18446744073709551616"s, "28446744073709551615"s, "100000000000000000000"s, "1" + std::string(1000, '0')}) {
    EXPECT_FALSE(parse_size(huge).has_value()) << huge;
    EXPECT_EQ(parse_size_saturating(huge), kSizeSaturated) << huge;
  }
  EXPECT_EQ(parse_size("000000000000000000000001"), 1U);
  EXPECT_FALSE(parse_size("").has_value());
  EXPECT_FALSE(parse_size_saturating("").has_value());
  EXPECT_FALSE(parse_size_saturating("99999999999999999999x").has_value());
  EXPECT_FALSE(parse_size("1 ").has_value());
}

}  // namespace
}  // namespace sluice::smtp
