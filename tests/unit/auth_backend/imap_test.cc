// What a login by IMAP says, and what it makes of each answer.
#include "auth/backend/imap.h"

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
using Lines = std::vector<std::string>;

constexpr const char* kOffersLogin = "* OK [CAPABILITY IMAP4rev1] hi";
constexpr const char* kNoAnswer = "unavailable: sent what is no answer of IMAP";

class ImapTest : public ::testing::Test {
 protected:
  std::string play(const Lines& lines, const DialogSettings& settings = {}) {
    const auto dialog = make_imap_dialog(settings, credentials_);
    return talk(*dialog, lines);
  }
  // To the password.
  std::string answer(const Lines& last) {
    Lines lines = {kOffersLogin};
    lines.insert(lines.end(), last.begin(), last.end());
    const std::string shown = play(lines);
    EXPECT_TRUE(shown.starts_with("a1 LOGIN \"tim@example.com\" \"secret\"|")) << shown;
    return shown.substr(shown.find('|') + 1);
  }
  Credentials credentials_{.name = name_of("tim@example.com"), .secret = secret_of("secret")};
};

TEST_F(ImapTest, LogsInByTheBestThatIsOffered) {
  const std::string response = "AHRpbUBleGFtcGxlLmNvbQBzZWNyZXQ=";
  EXPECT_EQ(play({"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi", "a1 OK in"}),
            "a1 AUTHENTICATE PLAIN " + response + "|granted");
  EXPECT_EQ(play({"* OK [CAPABILITY IMAP4rev1 auth=plain LOGINDISABLED] hi", "+ ", "a1 OK in"}),
            "a1 AUTHENTICATE PLAIN|" + response + "|granted");
  EXPECT_EQ(play({kOffersLogin, "a1 OK in"}), "a1 LOGIN \"tim@example.com\" \"secret\"|granted");
  EXPECT_EQ(play({"* OK hi", "* CAPABILITY IMAP4rev1 AUTH=LOGIN", "a1 OK", "a2 OK"}),
            "a1 CAPABILITY|a2 LOGIN \"tim@example.com\" \"secret\"|granted");
  EXPECT_THAT(play({"* OK [CAPABILITY AUTH=PLAIN] hi", "a1 OK"}, {.mechanism = "login"}),
              EndsWith("\"secret\"|granted"));
}

TEST_F(ImapTest, WhatIsNotOfferedIsNotTried) {
  EXPECT_EQ(play({kOffersLogin}, {.mechanism = "plain"}), "unavailable: does not offer AUTHENTICATE PLAIN");
  for (const char* mechanism : {"", "login"})
    EXPECT_EQ(play({"* OK [CAPABILITY IMAP4rev1 LoginDisabled STARTTLS] hi"}, {.mechanism = mechanism}),
              "unavailable: offers no login with a password (LOGINDISABLED)");
}

TEST_F(ImapTest, SaysNothingOfALoginBeforeTlsAndForgetsWhatWasOfferedThere) {
  EXPECT_EQ(play({"* OK [CAPABILITY ID AUTH=PLAIN] hi", "a1 OK go on", "* CAPABILITY IMAP4rev1", "a2 OK", "a3 OK"},
                 {.starttls = true}),
            "a1 STARTTLS|TLS|a2 CAPABILITY|a3 LOGIN \"tim@example.com\" \"secret\"|granted");
  EXPECT_EQ(play({"* OK hi", "a1 BAD no TLS here"}, {.starttls = true}),
            "a1 STARTTLS|unavailable: does not offer TLS: \"no TLS here\"");
  EXPECT_EQ(play({"* PREAUTH hello"}, {.starttls = true}), "unavailable: does not want to talk: \"PREAUTH hello\"");
}

TEST_F(ImapTest, TellsThoseWhoTakeItWhoTheClientIs) {
  credentials_.client = {.ip = "192.0.2.7", .port = 4711};
  const std::string login = "|a2 LOGIN \"tim@example.com\" \"secret\"|granted";
  for (const char* answer : {"a1 OK done", "a1 NO", "a1 BAD"})
    EXPECT_EQ(play({"* OK [CAPABILITY IMAP4rev1 ID] hi", "* ID NIL", answer, "a2 OK"}),
              R"(a1 ID ("x-originating-ip" "192.0.2.7" "x-originating-port" "4711"))" + login);
  EXPECT_THAT(play({kOffersLogin, "a1 OK"}), Not(HasSubstr("ID")));
  credentials_.client.port = 0;
  EXPECT_EQ(play({"* OK [CAPABILITY IMAP4rev1 ID] hi"}), R"(a1 ID ("x-originating-ip" "192.0.2.7"))");
  credentials_.client = {};
  EXPECT_THAT(play({"* OK [CAPABILITY IMAP4rev1 ID] hi", "a1 OK"}), Not(HasSubstr("ID")));
}

TEST_F(ImapTest, WhatAnAnswerToThePasswordMeans) {
  EXPECT_EQ(answer({"a1 OK"}), "granted");
  EXPECT_EQ(answer({"* CAPABILITY IMAP4rev1", "* OK [ALERT] new {rules}", "a1 ok [CAPABILITY x] in"}), "granted");
  EXPECT_EQ(answer({"a1 NO [IN-USE] locked"}), "granted");
  for (const char* wrong : {"a1 NO", "a1 NO no", "a1 NO [AUTHENTICATIONFAILED] no", "a1 no [authorizationfailed] no",
                            "a1 NO [EXPIRED]", "a1 NO [CONTACTADMIN] unpaid"})
    EXPECT_EQ(answer({wrong}), "wrong") << wrong;
  EXPECT_EQ(answer({"a1 NO [UNAVAILABLE] later"}), "unavailable: refuses all logins for now: [UNAVAILABLE]");
  EXPECT_EQ(answer({"a1 NO [PRIVACYREQUIRED]"}), "unavailable: refuses all logins for now: [PRIVACYREQUIRED]");
  EXPECT_EQ(answer({"* BYE too many secret"}), "unavailable: ends the session (BYE)");
}

TEST_F(ImapTest, WhatDoesNotParseGrantsNothing) {
  for (const char* odd : {"", "*", "*OK", "a2 OK", "a1", "a1 ", "a1OK", "a1 OKAY", "OK", "+", "+ go on", "a11 OK"})
    EXPECT_EQ(answer({odd}), kNoAnswer) << odd;
  EXPECT_EQ(answer({"a1 BAD secret"}), "unavailable: does not take the login's command (BAD)");
  EXPECT_EQ(play({"a1 OK"}), kNoAnswer);
  EXPECT_EQ(play({"+ hi"}), kNoAnswer);
  EXPECT_EQ(play({"* hello"}), "unavailable: does not want to talk: \"hello \"");
  EXPECT_EQ(play({"* BYE busy"}), "unavailable: does not want to talk: \"BYE busy\"");
  EXPECT_EQ(play({"* OK hi", "a1 OK"}), "a1 CAPABILITY|unavailable: does not say what it is capable of");
}

TEST_F(ImapTest, LiteralsOfTheServerAreNoLines) {
  EXPECT_EQ(answer({"* ID (\"a\" {5}", " \"b\" {12}", ")", "a1 OK"}), "skip 5|skip 12|granted");
  EXPECT_EQ(answer({"* X {5}", "* BYE {7}", ")", "a1 OK"}), "skip 5|skip 7|granted");
  for (const char* none : {"* X {}", "* X {-1}", "* X {1x}", "* X 1}", "* X {99999999999999999999999}"})
    EXPECT_EQ(answer({none, "a1 OK"}), "granted") << none;
}

TEST_F(ImapTest, WhatQuotesCannotHoldGoesAsLiteral) {
  credentials_.name = name_of("t\"im@example.com");
  credentials_.secret = secret_of("pä\\");
  EXPECT_EQ(play({"* OK [CAPABILITY IMAP4rev1 LITERAL+] hi", "a1 OK"}),
            "a1 LOGIN {16+}\r\nt\"im@example.com {4+}\r\npä\\|granted");
  EXPECT_EQ(play({kOffersLogin, "+ go on", "+ go on", "a1 OK"}), "a1 LOGIN {16}|t\"im@example.com {4}|pä\\|granted");
  // Refused before the secret was sent.
  EXPECT_EQ(play({kOffersLogin, "+ go on", "a1 OK"}), "a1 LOGIN {16}|t\"im@example.com {4}|" + std::string(kNoAnswer));
  EXPECT_EQ(play({kOffersLogin, "a1 NO [IN-USE]"}), "a1 LOGIN {16}|unavailable: grants a login that was not tried yet");
  EXPECT_EQ(play({kOffersLogin, "a1 NO who?"}), "a1 LOGIN {16}|wrong");
  EXPECT_EQ(play({kOffersLogin, "+", "+", "+"}), "a1 LOGIN {16}|t\"im@example.com {4}|pä\\|" + std::string(kNoAnswer));
}

TEST_F(ImapTest, ASettingThatCannotBeIsRefused) {
  BackendOptions options{.name = "imap", .kind = "imap"};
  options.servers = {{.host = "127.0.0.1", .port = 143}};
  options.tls = BackendTls::none;
  options.mechanism = "login";
  EXPECT_TRUE(open_imap(options).has_value());
  options.mechanism = "apop";
  EXPECT_EQ(open_imap(options).error(), R"(mechanism: "apop" is neither "plain" nor "login")");
}

}  // namespace
}  // namespace sluice::auth
