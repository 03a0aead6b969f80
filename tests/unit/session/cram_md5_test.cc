// Logins by CRAM-MD5 in whole sessions.
#include <gtest/gtest.h>

#include <string>

#include "auth/scram.h"
#include "tests/unit/session/session_fixture.h"

namespace sluice::session {
namespace {

const std::string kRightDigest(32, 'a');  // as People has it

class CramMd5Session : public SessionFixture {
 protected:
  CramMd5Session() {
    for (smtp::ServerProfile* profile : {&host.rules().profile, &host.rules().trusted_profile})
      profile->mechanisms = {"PLAIN", "CRAM-MD5"};
  }
  void greet() {
    client().reply();
    EXPECT_EQ(client().say("EHLO client.example"), 250);
  }
  std::string challenge() {
    client().send("AUTH CRAM-MD5\r\n");
    const ClientReply reply = client().reply();
    EXPECT_EQ(reply.code, 334);
    return auth::read_base64(reply.text).value_or("");
  }
  int answer(const std::string& text) { return client().say(auth::base64(text)); }
};

TEST_F(CramMd5Session, LogsIn) {
  greet();
  const std::string asked = challenge();
  EXPECT_EQ(answer("Ann@Example.com " + kRightDigest), 235);
  EXPECT_EQ(host.people.challenge, asked);
  ASSERT_EQ(host.notes.logins.size(), 1U);
  EXPECT_EQ(host.notes.logins.front().second, AuthResult::granted);
  EXPECT_EQ(host.counters.logins, 1U);
  EXPECT_EQ(client().say(kMail), 250);
}

TEST_F(CramMd5Session, ChallengesAreMessageIdsAndNeverTheSame) {
  greet();
  const std::string first = challenge();
  EXPECT_EQ(client().say("*"), 501);
  const std::string second = challenge();
  EXPECT_NE(first, second);
  const std::string host_part = "@" + host.rules().profile.hostname + ">";
  EXPECT_TRUE(first.starts_with("<") && first.ends_with(host_part)) << first;
  EXPECT_GE(first.size(), 24 + host_part.size()) << first;
}

TEST_F(CramMd5Session, AnswersWrongAnswersAndUnknownNamesAlike) {
  greet();
  for (const std::string& wrong : {"ann@example.com " + std::string(32, 'b'), "eve@example.com " + kRightDigest}) {
    challenge();
    client().send(auth::base64(wrong) + "\r\n");
    const ClientReply reply = client().reply();
    EXPECT_EQ(reply.code, 535);
    EXPECT_NE(reply.text.find("5.7.8"), std::string::npos) << reply.text;
  }
  EXPECT_EQ(host.counters.logins_refused, 2U);
  for (const auto& login : host.notes.logins) EXPECT_EQ(login.second, AuthResult::wrong);
  EXPECT_EQ(client().say(kMail), 530);
}

TEST_F(CramMd5Session, RefusesAnInitialResponse) {
  greet();
  EXPECT_EQ(client().say("AUTH CRAM-MD5 " + auth::base64("ann@example.com " + kRightDigest)), 501);
  EXPECT_EQ(client().say("AUTH CRAM-MD5 ="), 501);
  EXPECT_EQ(client().say(kMail), 530);
}

TEST_F(CramMd5Session, AStoreThatIsDownIs454AndASuspendedAccountIsToldWhy) {
  greet();
  challenge();
  EXPECT_EQ(answer("down@example.com " + kRightDigest), 454);
  host.people.suspended_for = "unpaid";
  challenge();
  client().send(auth::base64("ann@example.com " + kRightDigest) + "\r\n");
  const ClientReply reply = client().reply();
  EXPECT_EQ(reply.code, 535);
  EXPECT_NE(reply.text.find("unpaid"), std::string::npos) << reply.text;
}

}  // namespace
}  // namespace sluice::session
