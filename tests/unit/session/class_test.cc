// What the policy class of a login changes in its session.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/unit/session/session_fixture.h"

namespace sluice::session {
namespace {

// The listener takes 3 recipients of a message, the class "home" 2, "wide" 5.
class ClassSession : public SessionFixture {
 protected:
  ClassSession() {
    for (smtp::ServerProfile* profile : {&host.rules().profile, &host.rules().trusted_profile})
      profile->recipients_max = 3;
    host.rules().classes = std::make_shared<const policy::PolicyClasses>(
        std::vector<policy::PolicyClass>{{.name = "home", .recipients_per_message = 2},
                                         {.name = "wide", .recipients_per_message = 5}},
        "home");
  }
  std::string offered() {
    client().send("EHLO client.example\r\n");
    const std::string text = client().reply().text;
    const std::size_t at = text.find("RCPTMAX=");
    return at == std::string::npos ? "" : text.substr(at, text.find('\n', at) - at);
  }
  // How many of a message the session takes before it says 452.
  int taken() {
    EXPECT_EQ(client().say(kMail), 250);
    for (int i = 0; i < 10; ++i) {
      const int code = client().say("RCPT TO:<r" + std::to_string(i) + "@example.net>");
      if (code == 250) continue;
      EXPECT_EQ(code, 452);
      return i;
    }
    return 10;
  }
};

TEST_F(ClassSession, ItsRecipientsCountFromTheLoginOnAndAreStatedAtTheNextEhlo) {
  client().reply();
  EXPECT_EQ(offered(), "RCPTMAX=3");
  EXPECT_EQ(client().say(testing::kLogin), 235);
  EXPECT_EQ(taken(), 2);
  EXPECT_EQ(client().say("RSET"), 250);
  EXPECT_EQ(offered(), "RCPTMAX=2");
  EXPECT_EQ(taken(), 2);
  EXPECT_TRUE(host.notes.unknown_classes.empty());
}

TEST_F(ClassSession, MayTakeMoreThanTheListener) {
  host.people.ann->policy_class = "wide";
  client().reply();
  EXPECT_EQ(offered(), "RCPTMAX=3");
  EXPECT_EQ(client().say(testing::kLogin), 235);
  EXPECT_EQ(offered(), "RCPTMAX=5");
  EXPECT_EQ(taken(), 5);
}

TEST_F(ClassSession, OneThatIsNotConfiguredIsTheDefaultAndToldOf) {
  host.people.ann->policy_class = "wiide";
  client().reply();
  EXPECT_EQ(offered(), "RCPTMAX=3");
  EXPECT_EQ(client().say(testing::kLogin), 235);
  EXPECT_EQ(taken(), 2);
  EXPECT_EQ(host.notes.unknown_classes, std::vector<std::string>{"wiide of ann@example.com is home"});
}

// RFC 3207 4.2: what is known of the client is forgotten, and with it whose class counts.
TEST_F(ClassSession, StarttlsForgetsIt) {
  client().reply();
  EXPECT_EQ(offered(), "RCPTMAX=3");
  EXPECT_EQ(client().say(testing::kLogin), 235);
  EXPECT_EQ(offered(), "RCPTMAX=2");
  ASSERT_TRUE(client().start_tls());
  EXPECT_EQ(offered(), "RCPTMAX=3");
}

}  // namespace
}  // namespace sluice::session
