// Limits in a session: what is reserved at RCPT is spent with the message's 250 or given back, and what a limit has no
// room for is refused with the reason.
#include <numeric>

#include "tests/unit/session/session_fixture.h"

namespace sluice::session {
namespace {

using policy::Quantity;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class SessionLimitsTest : public SessionFixture {
 protected:
  SessionLimitsTest() { host.set_limits(limits); }
  std::uint64_t spent(Quantity quantity) { return limits.of(quantity).spent; }
  std::uint64_t reserved(Quantity quantity) { return limits.of(quantity).reserved; }
  void begin() {
    client().log_in();
    EXPECT_EQ(client().say(kMail), 250);
  }
  int send_text() {
    EXPECT_EQ(client().say("DATA"), 354);
    client().send(std::string(kText) + ".\r\n");
    return client().reply().code;
  }
  ClientReply ask(std::string_view line) {
    client().send(std::string(line) + "\r\n");
    return client().reply();
  }

  testing::ScriptedLimits limits;
};

TEST_F(SessionLimitsTest, AreSpentWithTheMessage) {
  limits.of(Quantity::recipients).limit = 3;
  begin();
  EXPECT_EQ(client().say("RCPT TO:<a@example.net>"), 250);
  EXPECT_EQ(client().say("RCPT TO:<b@example.net>"), 250);
  EXPECT_EQ(reserved(Quantity::recipients), 2U);
  EXPECT_EQ(spent(Quantity::recipients), 0U);
  EXPECT_EQ(send_text(), 250);
  EXPECT_EQ(spent(Quantity::recipients), 2U);
  EXPECT_EQ(spent(Quantity::messages), 1U);
  EXPECT_EQ(spent(Quantity::bytes), 1U) << "in KiB, rounded up";
  const auto times = [](const StageTimes& stage) {
    return std::accumulate(stage.counts().begin(), stage.counts().end(), std::uint64_t{0});
  };
  EXPECT_EQ(times(host.counters.policy), 2U) << "for each RCPT";
  EXPECT_EQ(times(host.counters.content), 1U);
  for (const Quantity each : {Quantity::recipients, Quantity::messages, Quantity::bytes}) EXPECT_EQ(reserved(each), 0U);
}

TEST_F(SessionLimitsTest, RefuseTheRecipientThatIsTooManyAndTakeTheOthers) {
  limits.of(Quantity::recipients).limit = 2;
  begin();
  client().send("RCPT TO:<a@example.net>\r\nRCPT TO:<b@example.net>\r\nRCPT TO:<c@example.net>\r\n");
  EXPECT_EQ(client().reply().code, 250);
  EXPECT_EQ(client().reply().code, 250);
  const ClientReply refused = client().reply();
  EXPECT_EQ(refused.code, 550);
  EXPECT_THAT(refused.text, HasSubstr("5.7.1 The limit of this account is 2 recipients a day; room in 2 min"));
  // What is asked again is refused again, and is in no envelope.
  EXPECT_EQ(client().say("RCPT TO:<c@example.net>"), 550);
  EXPECT_EQ(send_text(), 250);
  ASSERT_THAT(host.sinks.ledger, SizeIs(1));
  EXPECT_EQ(host.sinks.ledger[0].recipients, (std::vector<std::string>{"a@example.net", "b@example.net"}));
  EXPECT_EQ(spent(Quantity::recipients), 2U);
  ASSERT_THAT(host.notes.refusals, SizeIs(2));
  EXPECT_EQ(host.notes.refusals[0].reason, "limit_reached");
  EXPECT_EQ(host.notes.refusals[0].argument, "c@example.net");
}

TEST_F(SessionLimitsTest, ARecipientThatWasRefusedIsTakenOnceThereIsRoom) {
  limits.of(Quantity::recipients).limit = 1;
  begin();
  EXPECT_EQ(client().say("RCPT TO:<a@example.net>"), 250);
  EXPECT_EQ(client().say("RCPT TO:<b@example.net>"), 550);
  limits.of(Quantity::recipients).limit = 2;
  EXPECT_EQ(client().say("RCPT TO:<b@example.net>"), 250);
  EXPECT_EQ(send_text(), 250);
  EXPECT_EQ(spent(Quantity::recipients), 2U);
}

TEST_F(SessionLimitsTest, ARecipientThatIsNamedTwiceCountsOnce) {
  limits.of(Quantity::recipients).limit = 1;
  begin();
  client().send("RCPT TO:<a@example.net>\r\nRCPT TO:<a@example.net>\r\n");
  EXPECT_EQ(client().reply().code, 250);
  EXPECT_EQ(client().reply().code, 250);
  EXPECT_EQ(reserved(Quantity::recipients), 1U);
}

TEST_F(SessionLimitsTest, TwiceTheSameRecipientWithoutRoomIsRefusedTwice) {
  limits.of(Quantity::recipients).limit = 0;
  begin();
  client().send("RCPT TO:<a@example.net>\r\nRCPT TO:<a@example.net>\r\n");
  EXPECT_EQ(client().reply().code, 550);
  EXPECT_EQ(client().reply().code, 550);
  EXPECT_EQ(reserved(Quantity::recipients), 0U);
}

TEST_F(SessionLimitsTest, GiveBackWhatNextHopsRefuse) {
  limits.of(Quantity::recipients).limit = 1;
  host.sinks.on_recipient = [](const message::Recipient& recipient) {
    return recipient.forward_path == "no@example.net" ? smtp::Reply(550, {5, 1, 1}, "no such user")
                                                      : smtp::Reply(250, {2, 1, 5}, "Ok");
  };
  begin();
  EXPECT_EQ(client().say("RCPT TO:<no@example.net>"), 550);
  EXPECT_EQ(client().say("RCPT TO:<a@example.net>"), 250);
  EXPECT_EQ(send_text(), 250);
  EXPECT_EQ(spent(Quantity::recipients), 1U);
}

TEST_F(SessionLimitsTest, GiveBackAllOfAMessageThatComesToNothing) {
  begin();
  EXPECT_EQ(client().say(kRcpt), 250);
  EXPECT_EQ(client().say("RSET"), 250);
  EXPECT_EQ(reserved(Quantity::recipients), 0U);
  EXPECT_EQ(client().say(kMail), 250);
  EXPECT_EQ(client().say(kRcpt), 250);
  host.sinks.word = smtp::Reply(554, {5, 6, 0}, "No");
  EXPECT_EQ(send_text(), 554);
  EXPECT_EQ(client().say(kMail), 250);
  EXPECT_EQ(client().say(kRcpt), 250);
  client().hang_up();
  EXPECT_EQ(end().id, "Q3");
  for (const Quantity each : {Quantity::recipients, Quantity::messages, Quantity::bytes}) {
    EXPECT_EQ(reserved(each), 0U);
    EXPECT_EQ(spent(each), 0U);
  }
}

TEST_F(SessionLimitsTest, OfMessagesRefuseAtTheFirstRecipient) {
  limits.of(Quantity::messages).limit = 0;
  limits.action = policy::Action::defer;
  begin();
  const ClientReply refused = ask(kRcpt);
  EXPECT_EQ(refused.code, 451);
  EXPECT_THAT(refused.text, HasSubstr("4.7.1 The limit of this account is 0 messages a day"));
  EXPECT_EQ(reserved(Quantity::recipients), 0U);
}

TEST_F(SessionLimitsTest, OfBytesRefuseWhatMailSaysAndWhatReallyCame) {
  limits.of(Quantity::bytes).limit = 2;
  client().log_in();
  EXPECT_EQ(client().say("MAIL FROM:<ann@example.com> SIZE=5000"), 250);
  EXPECT_EQ(client().say(kRcpt), 550);
  EXPECT_EQ(client().say("RSET"), 250);
  EXPECT_EQ(client().say(kMail), 250);
  EXPECT_EQ(client().say(kRcpt), 250);
  EXPECT_EQ(client().say("DATA"), 354);
  client().send("From: <ann@example.com>\r\n\r\n" + std::string(900, 'x') + "\r\n" + std::string(900, 'x') + "\r\n" +
                std::string(900, 'x') + "\r\n.\r\n");
  const ClientReply refused = client().reply();
  EXPECT_EQ(refused.code, 550);
  EXPECT_THAT(refused.text, HasSubstr("a day; room in"));
  EXPECT_EQ(host.sinks.ledger.size(), 0U);
  EXPECT_EQ(reserved(Quantity::bytes) + spent(Quantity::bytes), 0U);
}

TEST_F(SessionLimitsTest, ThatSlowTakeTheRecipientAndLetItWait) {
  limits.of(Quantity::recipients).limit = 1;
  limits.action = policy::Action::slow;
  begin();
  const Instant before = there.now();
  EXPECT_EQ(client().say(kRcpt), 250);
  EXPECT_LT(there.now() - before, 1s);
  EXPECT_EQ(client().say("RCPT TO:<b@example.net>"), 250);
  EXPECT_GE(there.now() - before, 3s);
  EXPECT_EQ(send_text(), 250);
  EXPECT_EQ(spent(Quantity::recipients), 2U);
}

// Most clients do not say SIZE, and have one message a session: how much it is, is known at its end only.
TEST_F(SessionLimitsTest, OfBytesSlowAMessageWhoseSizeWasNotAnnounced) {
  limits.of(Quantity::bytes).limit = 0;
  limits.action = policy::Action::slow;
  begin();
  const Instant before = there.now();
  EXPECT_EQ(client().say(kRcpt), 250);
  EXPECT_LT(there.now() - before, 1s);
  EXPECT_EQ(send_text(), 250);
  EXPECT_GE(there.now() - before, 3s);
  EXPECT_EQ(spent(Quantity::bytes), 1U);
}

TEST_F(SessionLimitsTest, OfAReloadCountForASessionThatIsOpenFromItsNextMessageOn) {
  begin();
  EXPECT_EQ(client().say(kRcpt), 250);
  testing::ScriptedLimits stricter;
  stricter.of(Quantity::recipients).limit = 1;
  host.reload(host.rules().classes, &stricter);
  EXPECT_EQ(client().say("RCPT TO:<b@example.net>"), 250) << "the message that was begun";
  EXPECT_EQ(send_text(), 250);
  EXPECT_EQ(spent(Quantity::recipients), 2U);
  EXPECT_EQ(client().say(kMail), 250);
  EXPECT_EQ(client().say(kRcpt), 250);
  EXPECT_EQ(client().say("RCPT TO:<b@example.net>"), 550);
  EXPECT_EQ(client().say("RSET"), 250);
  EXPECT_EQ(spent(Quantity::recipients), 2U);
  EXPECT_EQ(stricter.of(Quantity::recipients).reserved, 0U);
  client().send("QUIT\r\n");
}

class FirstTimeLimitsTest : public SessionLimitsTest {
 protected:
  FirstTimeLimitsTest() {
    limits.of(Quantity::first_time_recipients).limit = 2;
    host.set_watch(watch_);
    watch(noticing::Step::suspend);
  }
  void watch(noticing::Step highest) {
    host.rules().classes = std::make_shared<const policy::PolicyClasses>(
        std::vector<policy::PolicyClass>{
            {.name = "home", .noticing = noticing::built_in_policy("home"), .notice = highest}},
        "home");
  }
  // Each recipient's code, all of them sent at once.
  std::vector<int> name(const std::vector<std::string>& recipients) {
    std::string lines;
    for (const std::string& each : recipients) lines += "RCPT TO:<" + each + ">\r\n";
    client().send(lines);
    std::vector<int> codes;
    for (std::size_t i = 0; i < recipients.size(); ++i) codes.push_back(client().reply().code);
    return codes;
  }
  std::uint64_t spent_first_time() { return spent(Quantity::first_time_recipients); }
  std::uint64_t reserved_first_time() { return reserved(Quantity::first_time_recipients); }

 private:
  noticing::AccountWatch watch_{noticing::AccountWatch::Key{}};
};

TEST_F(FirstTimeLimitsTest, RefuseTheStrangerThatIsTooManyAndTakeWhoIsKnown) {
  begin();
  EXPECT_EQ(name({"a@example.net"}), (std::vector{250}));
  EXPECT_EQ(send_text(), 250);
  EXPECT_EQ(spent_first_time(), 1U);
  EXPECT_EQ(client().say(kMail), 250);
  client().send("RCPT TO:<b@example.net>\r\nRCPT TO:<c@example.net>\r\nRCPT TO:<a@example.net>\r\n");
  EXPECT_EQ(client().reply().code, 250);
  const ClientReply refused = client().reply();
  EXPECT_EQ(refused.code, 550);
  EXPECT_THAT(refused.text, HasSubstr("5.7.1 The limit of this account is 2 first-time recipients a day; room in"));
  EXPECT_EQ(client().reply().code, 250) << "known since the first message";
  EXPECT_EQ(client().say("RCPT TO:<c@example.net>"), 550);
  EXPECT_EQ(name({"a@example.net", "b@example.net"}), (std::vector{250, 250})) << "they are named twice";
  EXPECT_EQ(send_text(), 250);
  EXPECT_EQ(host.sinks.ledger.back().recipients, (std::vector<std::string>{"b@example.net", "a@example.net"}));
  EXPECT_EQ(spent_first_time(), 2U);
  EXPECT_EQ(reserved_first_time(), 0U);
  EXPECT_EQ(spent(Quantity::recipients), 3U);
  EXPECT_EQ(host.notes.refusals.at(0).argument, "c@example.net");
}

TEST_F(FirstTimeLimitsTest, AreAnsweredAtOnceAsOneAfterTheOther) {
  limits.of(Quantity::recipients).limit = 2;
  limits.of(Quantity::first_time_recipients).limit = 1;
  begin();
  EXPECT_EQ(name({"a@example.net", "b@example.net", "own@example.com", "more@example.com", "a@example.net"}),
            (std::vector{250, 550, 250, 550, 250}));
  EXPECT_EQ(send_text(), 250);
  EXPECT_EQ(host.sinks.ledger.back().recipients, (std::vector<std::string>{"a@example.net", "own@example.com"}));
  EXPECT_EQ(spent_first_time(), 1U);
}

TEST_F(FirstTimeLimitsTest, GiveBackWhoIsNotTaken) {
  limits.of(Quantity::recipients).limit = 1;
  host.sinks.on_recipient = [](const message::Recipient& recipient) {
    return recipient.forward_path == "no@example.net" ? smtp::Reply(550, {5, 1, 1}, "no such user")
                                                      : smtp::Reply(250, {2, 1, 5}, "Ok");
  };
  begin();
  EXPECT_EQ(name({"no@example.net"}), (std::vector{550})) << "by the next hop";
  EXPECT_EQ(reserved_first_time(), 0U);
  EXPECT_EQ(name({"a@example.net", "b@example.net"}), (std::vector{250, 550})) << "by the limit of all recipients";
  EXPECT_EQ(reserved_first_time(), 1U);
  EXPECT_EQ(client().say("RSET"), 250);
  EXPECT_EQ(reserved_first_time() + spent_first_time(), 0U);
}

// Else a message that the next hop refuses after its content would make known to the account whom it likes.
TEST_F(FirstTimeLimitsTest, AreSpentOnceWithWhatMakesThemKnown) {
  host.sinks.word = smtp::Reply(554, {5, 6, 0}, "No");
  begin();
  EXPECT_EQ(name({"a@example.net", "b@example.net"}), (std::vector{250, 250}));
  EXPECT_EQ(send_text(), 554);
  EXPECT_EQ(spent_first_time(), 2U);
  EXPECT_EQ(spent(Quantity::recipients), 0U);
  host.sinks.word = smtp::Reply(250, {2, 0, 0}, "Taken");
  EXPECT_EQ(client().say(kMail), 250);
  EXPECT_EQ(name({"c@example.net", "a@example.net", "b@example.net"}), (std::vector{550, 250, 250}));
  EXPECT_EQ(send_text(), 250);
  EXPECT_EQ(spent_first_time(), 2U);
}

TEST_F(FirstTimeLimitsTest, WhereAccountsAreNotWatchedEachRecipientIsOne) {
  watch(noticing::Step::pass);
  begin();
  for (int i = 0; i < 2; ++i) {
    if (i > 0) EXPECT_EQ(client().say(kMail), 250);
    EXPECT_EQ(name({"a@example.net"}), (std::vector{250}));
    EXPECT_EQ(send_text(), 250);
  }
  EXPECT_EQ(spent_first_time(), 2U);
  EXPECT_EQ(client().say(kMail), 250);
  EXPECT_EQ(name({"a@example.net"}), (std::vector{550}));
}

TEST_F(SessionLimitsTest, WhatNoWindowCouldEverTakeIsRefusedForGood) {
  limits.of(Quantity::recipients).limit = 0;
  limits.action = policy::Action::defer;
  limits.free_in_ms = std::nullopt;
  begin();
  const ClientReply refused = ask(kRcpt);
  EXPECT_EQ(refused.code, 550);
  EXPECT_THAT(refused.text, HasSubstr("and this is more than that"));
}

}  // namespace
}  // namespace sluice::session
