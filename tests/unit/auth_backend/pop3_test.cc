// What a login by POP3 says, and what it makes of each answer.
#include "auth/backend/pop3.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/auth_backend/dialog_script.h"

namespace sluice::auth {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using Lines = std::vector<std::string>;

constexpr const char* kTimPlain = "AUTH PLAIN AHRpbUBleGFtcGxlLmNvbQBzZWNyZXQ=";

class Pop3Test : public ::testing::Test {
 protected:
  std::string play(const Lines& lines, const DialogSettings& settings = {}) {
    const auto dialog = make_pop3_dialog(settings, credentials_);
    return talk(*dialog, lines);
  }
  // Up to the answer to the password, by USER and PASS.
  std::string answer(std::string_view last) {
    const std::string shown = play({"+OK hi", "+OK", "USER", ".", "+OK", std::string(last)});
    EXPECT_THAT(shown, StartsWith("CAPA|USER tim@example.com|PASS secret|"));
    return shown.substr(shown.rfind('|') + 1);
  }
  Credentials credentials_{.name = name_of("tim@example.com"), .secret = secret_of("secret")};
};

TEST_F(Pop3Test, LogsInByTheBestThatIsOffered) {
  EXPECT_EQ(play({"+OK hi", "+OK list", "TOP", "USER", "SASL LOGIN PLAIN", ".", "+OK in"}),
            "CAPA|" + std::string(kTimPlain) + "|granted");
  EXPECT_EQ(play({"+OK hi", "+OK list", "USER", "SASL CRAM-MD5", ".", "+OK", "+OK in"}),
            "CAPA|USER tim@example.com|PASS secret|granted");
  EXPECT_EQ(play({"+OK hi", "-ERR what?", "+OK", "+OK"}), "CAPA|USER tim@example.com|PASS secret|granted");
}

TEST_F(Pop3Test, LogsInAsItIsTold) {
  const Lines offers = {"+OK hi <1896.697170952@dbc.mtview.ca.us>", "+OK", "USER", "sasl plain", "."};
  const auto with = [&](std::string_view mechanism, const Lines& more) {
    Lines lines = offers;
    lines.insert(lines.end(), more.begin(), more.end());
    return play(lines, {.mechanism = std::string(mechanism)});
  };
  EXPECT_EQ(with("user", {"+OK", "+OK"}), "CAPA|USER tim@example.com|PASS secret|granted");
  EXPECT_EQ(with("plain", {"+OK"}), "CAPA|" + std::string(kTimPlain) + "|granted");
  EXPECT_EQ(with("apop", {"+OK"}), "CAPA|APOP tim@example.com " +
                                       apop_digest("<1896.697170952@dbc.mtview.ca.us>", credentials_.secret) +
                                       "|granted");
  EXPECT_THAT(with("apop", {"-ERR [AUTH] no"}), EndsWith("|wrong"));
}

// RFC 1939 7 has this example.
TEST_F(Pop3Test, TheDigestIsThatOfTheRfc) {
  EXPECT_EQ(apop_digest("<1896.697170952@dbc.mtview.ca.us>", secret_of("tanstaaf")),
            "c4c9334bac560ecc979e58001b3e22fb");
}

TEST_F(Pop3Test, WithoutATimestampThatIsAMessageIdThereIsNoApop) {
  for (const char* greeting : {"+OK hi", "+OK <", "+OK <no-at-sign>", "+OK <a\x01@b>", "+OK <a b@c>", "+OK a@b>"})
    EXPECT_THAT(play({greeting, "-ERR"}, {.mechanism = "apop"}), EndsWith("unavailable: does not offer APOP"))
        << greeting;
}

TEST_F(Pop3Test, WhatIsNotOfferedIsNotTried) {
  EXPECT_EQ(play({"+OK hi", "+OK", "USER", "."}, {.mechanism = "plain"}),
            "CAPA|unavailable: does not offer AUTH PLAIN");
  EXPECT_EQ(play({"+OK hi", "+OK", "STLS", "."}), "CAPA|unavailable: offers no login with a password");
}

TEST_F(Pop3Test, SaysNothingOfALoginBeforeTls) {
  EXPECT_EQ(play({"+OK hi", "+OK go on", "+OK", "USER", ".", "+OK", "+OK"}, {.starttls = true}),
            "STLS|TLS|CAPA|USER tim@example.com|PASS secret|granted");
  EXPECT_EQ(play({"+OK hi", "-ERR no TLS here"}, {.starttls = true}),
            "STLS|unavailable: does not offer TLS: \"no TLS here\"");
  EXPECT_EQ(play({"+OK hi", "OK"}, {.starttls = true}), "STLS|unavailable: sent what is no answer of POP3");
}

TEST_F(Pop3Test, TellsThoseWhoAskForItWhoTheClientIs) {
  credentials_.client = {.ip = "2001:db8::7", .port = 4711};
  const std::string said = "CAPA|XCLIENT ADDR=2001:db8::7 PORT=4711|USER tim@example.com|PASS secret|granted";
  // Dovecot offers it in its greeting.
  EXPECT_EQ(play({"+OK [XCLIENT] hi", "+OK", "USER", ".", "+OK Updated", "+OK", "+OK"}), said);
  EXPECT_EQ(play({"+OK hi", "+OK", "USER", "XCLIENT ADDR PORT", ".", "-ERR not you", "+OK", "+OK"}), said);
  EXPECT_THAT(play({"+OK hi", "+OK", "USER", ".", "+OK", "+OK"}), Not(HasSubstr("XCLIENT")));
  credentials_.client.port = 0;
  EXPECT_THAT(play({"+OK [XCLIENT] hi", "+OK", "USER", "."}), EndsWith("|XCLIENT ADDR=2001:db8::7"));
  credentials_.client = {};
  EXPECT_THAT(play({"+OK [XCLIENT] hi", "+OK", "USER", "."}), EndsWith("|USER tim@example.com"));
}

TEST_F(Pop3Test, WhatAnAnswerToThePasswordMeans) {
  EXPECT_EQ(answer("+OK"), "granted");
  EXPECT_EQ(answer("-ERR [IN-USE] maildrop is locked"), "granted");
  for (const char* wrong : {"-ERR", "-ERR no", "-ERR [AUTH] no", "-ERR [auth] no", "-ERR [AUTHENTICATIONFAILED]",
                            "-ERR [EXPIRED] no", "-ERR [NEW-CODE] no", "-ERR [AUTH", "-ERR IN-USE", "-ERR  [IN-USE]"})
    EXPECT_EQ(answer(wrong), "wrong") << wrong;
  EXPECT_EQ(answer("-ERR [SYS/TEMP] later"), "unavailable: refuses all logins for now: [SYS]");
  EXPECT_EQ(answer("-ERR [sys/perm]"), "unavailable: refuses all logins for now: [SYS]");
  EXPECT_EQ(answer("-ERR [LOGIN-DELAY] later"), "unavailable: refuses all logins for now: [LOGIN-DELAY]");
  EXPECT_EQ(answer("-ERR [UNAVAILABLE secret] later"), "unavailable: refuses all logins for now: [UNAVAILABLE]");
  // What must not happen: Dovecot 2.4 counts the user's other sessions, and the right password is called wrong.
  EXPECT_EQ(answer("-ERR Maximum number of connections from user+IP exceeded (mail_max_userip_connections=1)"),
            "unavailable: refuses all logins for now: [LIMIT]");
  for (const char* odd : {"", " ", "OK", "+ok", "+OKAY", "-err", "-ERROR", "PASS secret", "+ more", "* OK"})
    EXPECT_EQ(answer(odd), "unavailable: sent what is no answer of POP3") << odd;
}

TEST_F(Pop3Test, NothingIsGrantedBeforeThePasswordWasSent) {
  EXPECT_THAT(play({"+OK hi", "-ERR", "-ERR [IN-USE] someone"}),
              EndsWith("unavailable: grants a login that was not tried yet"));
  EXPECT_THAT(play({"+OK hi", "-ERR", "-ERR never heard of"}), EndsWith("|wrong"));
  EXPECT_THAT(play({"+OK hi", "-ERR", "-ERR [SYS/TEMP]"}), HasSubstr("unavailable"));
  EXPECT_EQ(play({"-ERR [IN-USE] busy"}), "unavailable: does not want to talk: \"[IN-USE] busy\"");
  EXPECT_EQ(play({"-ERR \x1b\xff" + std::string(200, 'x')}),
            "unavailable: does not want to talk: \"??" + std::string(98, 'x') + "\"");
}

// RFC 5034 4: a command has at most 255 bytes.
TEST_F(Pop3Test, ALongResponseComesBehindAChallenge) {
  credentials_.secret = secret_of(std::string(1024, 's'));
  const Lines offers = {"+OK hi", "+OK", "SASL PLAIN", "."};
  const auto with = [&](const Lines& more) {
    Lines lines = offers;
    lines.insert(lines.end(), more.begin(), more.end());
    return play(lines);
  };
  const std::string response = sasl_plain_response(credentials_);
  EXPECT_EQ(with({"+ ", "+OK"}), "CAPA|AUTH PLAIN|" + response + "|granted");
  EXPECT_EQ(with({"+", "-ERR"}), "CAPA|AUTH PLAIN|" + response + "|wrong");
  EXPECT_THAT(with({"+OK"}), EndsWith("AUTH PLAIN|unavailable: sent what is no answer of POP3"));
  EXPECT_THAT(with({"-ERR [IN-USE]"}), EndsWith("unavailable: grants a login that was not tried yet"));
  EXPECT_THAT(with({"+", "+"}), EndsWith("unavailable: sent what is no answer of POP3"));
}

TEST_F(Pop3Test, AServerWithoutInitialResponsesIsToldOnceMore) {
  EXPECT_THAT(play({"+OK hi", "+OK", "SASL PLAIN", ".", "+ ", "+OK"}),
              EndsWith("|AHRpbUBleGFtcGxlLmNvbQBzZWNyZXQ=|granted"));
  EXPECT_THAT(play({"+OK hi", "+OK", "SASL PLAIN", ".", "+ ", "+ "}), HasSubstr("|unavailable"));
}

// "USER tim@example.com x@example.net" is tim@example.com's login for some servers.
TEST_F(Pop3Test, ANameOfTwoWordsIsNoNameForUserAndApop) {
  credentials_.name = name_of("tim@example.com x@example.net");
  EXPECT_EQ(play({"+OK <a@b>", "-ERR"}), "CAPA|wrong");
  EXPECT_EQ(play({"+OK <a@b>", "-ERR"}, {.mechanism = "apop"}), "CAPA|wrong");
  EXPECT_THAT(play({"+OK", "+OK", "SASL PLAIN", ".", "+OK"}), EndsWith("granted"));
}

TEST_F(Pop3Test, ASecretIsOneArgumentWhateverIsInIt) {
  credentials_.secret = secret_of("a \"b\\ c% pä");
  EXPECT_THAT(play({"+OK", "-ERR", "+OK", "+OK"}), EndsWith("|PASS a \"b\\ c% pä|granted"));
}

TEST_F(Pop3Test, ASettingThatCannotBeIsRefused) {
  BackendOptions options{.name = "pop", .kind = "pop3"};
  options.servers = {{.host = "127.0.0.1", .port = 110}};
  options.tls = BackendTls::none;
  options.mechanism = "apop";
  EXPECT_TRUE(open_pop3(options).has_value());
  options.mechanism = "login";
  EXPECT_EQ(open_pop3(options).error(), R"(mechanism: "login" is none of "plain", "user" and "apop")");
  options.mechanism = "apop";
  options.tls = BackendTls::starttls;
  EXPECT_THAT(open_pop3(options).error(), HasSubstr("in clear"));
}

}  // namespace
}  // namespace sluice::auth
