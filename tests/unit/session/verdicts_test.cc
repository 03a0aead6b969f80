// Every verdict of policy and of a login, from its value to the reply on the wire: its class says whether a client
// keeps the message, so a wrong one loses mail or sends it again for days.
#include "tests/support/sessions.h"

namespace sluice::session {
namespace {

using auth::AccountStatus;
using testing::ClientReply;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Platforms;
using testing::SessionClient;
using testing::SessionHost;
using ::testing::SizeIs;
using ::testing::StartsWith;

class Verdicts : public ::testing::Test {
 protected:
  ~Verdicts() override {
    client_ = nullptr;
    host.close();
  }
  SessionClient& client() {
    if (client_ == nullptr) client_ = std::make_unique<SessionClient>(platforms, there, host.address());
    return *client_;
  }
  std::string reply_to(std::string_view line) {
    client().send(std::string(line) + "\r\n");
    return heard();
  }
  std::string heard() {
    const ClientReply reply = client().reply();
    return std::to_string(reply.code) + " " + reply.text;
  }
  // The reply to a message with this header, whose sender becomes `later` once MAIL and RCPT have passed.
  std::string reply_to_header(std::string_view header, AccountStatus later = AccountStatus::active) {
    EXPECT_EQ(client().say("MAIL FROM:<ann@example.com>"), 250);
    EXPECT_EQ(client().say("RCPT TO:<bob@example.net>"), 250);
    EXPECT_EQ(client().say("DATA"), 354);
    host.people.ann->account_status = later;
    return reply_to(std::string(header) + "\r\nSubject: x\r\n\r\nhello\r\n.");
  }

  Platforms platforms{testing::PlatformKind::simulated};
  io::Loop& here{platforms.add_loop(testing::kRelayHost)};
  io::Loop& there{platforms.add_loop(testing::kClientHost)};
  SessionHost host{platforms, here};
  std::unique_ptr<SessionClient> client_;
};

TEST_F(Verdicts, MailOfAHeldAccountIsTakenAndHeld) {
  host.people.ann->account_status = AccountStatus::held;
  host.people.ann->reason = "odd traffic";
  client().log_in();
  EXPECT_THAT(reply_to_header("From: <ann@example.com>", AccountStatus::held), StartsWith("250 "));
  ASSERT_THAT(host.sinks.ledger, SizeIs(1));
  EXPECT_EQ(host.sinks.ledger[0].envelope.hold_reason, "the account is held: odd traffic");
}

TEST_F(Verdicts, MailOfAHeldCustomerIsHeldToo) {
  host.people.ann->customer_status = AccountStatus::held;
  client().log_in();
  EXPECT_THAT(reply_to_header("From: <ann@example.com>", AccountStatus::active), StartsWith("250 "));
  ASSERT_THAT(host.sinks.ledger, SizeIs(1));
  EXPECT_EQ(host.sinks.ledger[0].envelope.hold_reason, "the account is held");
}

TEST_F(Verdicts, AMessageOnItsWayWhenTheAccountIsHeldIsHeld) {
  client().log_in();
  EXPECT_THAT(reply_to_header("From: <ann@example.com>", AccountStatus::held), StartsWith("250 "));
  ASSERT_THAT(host.sinks.ledger, SizeIs(1));
  EXPECT_EQ(host.sinks.ledger[0].envelope.hold_reason, "the account is held");
}

TEST_F(Verdicts, AHeldAccountIsRefusedWhatIsNotItsOwn) {
  host.people.ann->account_status = AccountStatus::held;
  client().log_in();
  EXPECT_THAT(reply_to("MAIL FROM:<ann@elsewhere.example>"), StartsWith("550 5.7.1 "));
  EXPECT_THAT(reply_to_header("From: a, b", AccountStatus::held), StartsWith("550 5.7.1 "));
  EXPECT_THAT(host.sinks.ledger, IsEmpty());
}

TEST_F(Verdicts, AHeldAccountOfASuspendedCustomerIsRefused) {
  host.people.ann->account_status = AccountStatus::held;
  host.people.ann->customer_status = AccountStatus::suspended;
  client().log_in();
  EXPECT_THAT(reply_to("MAIL FROM:<ann@example.com>"), StartsWith("550 5.7.1 "));
}

TEST_F(Verdicts, AnAccountSuspendedDuringTheMessageIsRefused) {
  client().log_in();
  EXPECT_THAT(reply_to_header("From: <ann@example.com>", AccountStatus::suspended), StartsWith("550 5.7.1 "));
}

TEST_F(Verdicts, AForeignSenderOrAuthorIsRefused) {
  client().log_in();
  EXPECT_THAT(reply_to("MAIL FROM:<ann@elsewhere.example>"), StartsWith("550 5.7.1 "));
  EXPECT_THAT(reply_to_header("From: <ann@elsewhere.example>"), StartsWith("550 5.7.1 "));
  EXPECT_THAT(reply_to_header("From: <ann@example.com>, <bob@example.com>"), StartsWith("550 5.7.1 "));
  EXPECT_THAT(reply_to_header("X-From: <ann@example.com>"), StartsWith("550 5.7.1 "));
  EXPECT_THAT(host.sinks.ledger, IsEmpty());
}

TEST_F(Verdicts, EveryAnswerToALoginHasItsOwnReply) {
  EXPECT_EQ(client().reply().code, 220);
  EXPECT_EQ(client().say("EHLO client.example"), 250);
  // ann with a wrong password, and the account that the back end can say nothing of.
  EXPECT_THAT(reply_to("AUTH PLAIN AGFubkBleGFtcGxlLmNvbQB3cm9uZw=="), StartsWith("535 5.7.8 "));
  EXPECT_THAT(reply_to("AUTH PLAIN AGRvd25AZXhhbXBsZS5jb20AcmlnaHQ="), StartsWith("454 4.7.0 "));
  host.people.suspended_for = "unpaid since May";
  EXPECT_THAT(reply_to(testing::kLogin), StartsWith("535 5.7.8 unpaid since May"));
  host.people.suspended_for.clear();
  EXPECT_THAT(reply_to(testing::kLogin), StartsWith("235 2.7.0 "));
}

}  // namespace
}  // namespace sluice::session
