// Logins by SCRAM in whole sessions.
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "tests/support/scram_client.h"
#include "tests/unit/session/session_fixture.h"

namespace sluice::session {
namespace {

using testing::ScramClient;

class ScramSession : public SessionFixture {
 protected:
  ScramSession() {
    for (smtp::ServerProfile* profile : {&host.rules().profile, &host.rules().trusted_profile})
      profile->mechanisms = {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"};
    host.rules().scram = true;
    host.people.scram_ready = true;
  }
  // The line of EHLO's answer that lists the mechanisms.
  std::string greet() {
    client().reply();
    client().send("EHLO client.example\r\n");
    const std::string text = client().reply().text;
    const std::size_t at = text.find("AUTH ");
    return at == std::string::npos ? "" : text.substr(at, text.find('\n', at) - at);
  }
  // The code of the reply to AUTH, and what a challenge says.
  int begin() {
    client().send("AUTH SCRAM-SHA-256 " + auth::base64(scram.first()) + "\r\n");
    const ClientReply reply = client().reply();
    server_first = auth::read_base64(reply.text).value_or("");
    return reply.code;
  }
  ClientReply prove() {
    client_final = scram.final(server_first);
    client().send(auth::base64(client_final) + "\r\n");
    return client().reply();
  }

  ScramClient scram{.name = "ann@example.com", .password = "right"};
  std::string server_first;
  std::string client_final;
};

TEST_F(ScramSession, IsOfferedOnceAllAccountsHaveKeys) {
  EXPECT_EQ(greet(), "AUTH PLAIN SCRAM-SHA-256");
  client_ = nullptr;
  host.people.scram_ready = false;
  EXPECT_EQ(greet(), "AUTH PLAIN");
  EXPECT_EQ(begin(), 504);
}

TEST_F(ScramSession, LogsIn) {
  greet();
  ASSERT_EQ(begin(), 334);
  const ClientReply last = prove();
  EXPECT_EQ(last.code, 334);
  EXPECT_EQ(auth::read_base64(last.text), scram.verdict(server_first, client_final));
  EXPECT_TRUE(host.notes.logins.empty());
  EXPECT_EQ(client().say(""), 235);
  ASSERT_EQ(host.notes.logins.size(), 1U);
  EXPECT_EQ(host.notes.logins.front(), (std::pair<std::string, AuthResult>("ann@example.com", AuthResult::granted)));
  EXPECT_EQ(client().say(kMail), 250);
}

TEST_F(ScramSession, IsNoLoginBeforeTheClientHasHeardTheVerdict) {
  greet();
  ASSERT_EQ(begin(), 334);
  ASSERT_EQ(prove().code, 334);
  EXPECT_EQ(client().say("*"), 501);
  EXPECT_EQ(client().say(kMail), 530);
  ASSERT_EQ(begin(), 334);
  ASSERT_EQ(prove().code, 334);
  EXPECT_EQ(client().say("AAAA"), 501);
  EXPECT_EQ(client().say(kMail), 530);
  EXPECT_EQ(host.counters.logins, 0U);
}

TEST_F(ScramSession, AnswersWrongPasswordsAndUnknownNamesAlike) {
  greet();
  scram.password = "wrong";
  ASSERT_EQ(begin(), 334);
  const ClientReply wrong = prove();
  scram.password = "right";
  scram.name = "eve@example.com";
  ASSERT_EQ(begin(), 334);
  const ClientReply unknown = prove();
  EXPECT_EQ(wrong.code, 535);
  EXPECT_EQ(unknown.code, 535);
  EXPECT_EQ(wrong.text, unknown.text);
  ASSERT_EQ(host.notes.logins.size(), 2U);
  for (const auto& login : host.notes.logins) EXPECT_EQ(login.second, AuthResult::wrong);
}

TEST_F(ScramSession, TellsASuspendedAccountTheReasonAndNotTheVerdict) {
  greet();
  host.people.suspended_for = "unpaid";
  ASSERT_EQ(begin(), 334);
  const ClientReply reply = prove();
  EXPECT_EQ(reply.code, 535);
  EXPECT_NE(reply.text.find("unpaid"), std::string::npos) << reply.text;
}

TEST_F(ScramSession, AStoreThatIsDownIs454) {
  greet();
  scram.name = "down@example.com";
  EXPECT_EQ(begin(), 454);
  scram.name = "ann@example.com";
  EXPECT_EQ(begin(), 334);
}

TEST_F(ScramSession, MayBeTriedAgainInOneSession) {
  greet();
  scram.password = "wrong";
  ASSERT_EQ(begin(), 334);
  EXPECT_EQ(prove().code, 535);
  scram.password = "right";
  ASSERT_EQ(begin(), 334);
  const std::string first_nonce = ScramClient::field(server_first, 'r');
  EXPECT_EQ(client().say("*"), 501);
  ASSERT_EQ(begin(), 334);
  EXPECT_NE(ScramClient::field(server_first, 'r'), first_nonce) << "a nonce is drawn for each exchange";
  EXPECT_EQ(prove().code, 334);
  EXPECT_EQ(client().say(""), 235);
}

TEST_F(ScramSession, RefusedProofsTakeTheSameTime) {
  host.rules().refused_login_delay = 2s;
  greet();
  for (const char* name : {"ann@example.com", "eve@example.com"}) {
    scram = {.name = name, .password = "wrong"};
    ASSERT_EQ(begin(), 334);
    const Instant before = there.now();
    EXPECT_EQ(prove().code, 535);
    EXPECT_EQ((there.now() - before) / Duration(2s), 1);
  }
}

}  // namespace
}  // namespace sluice::session
