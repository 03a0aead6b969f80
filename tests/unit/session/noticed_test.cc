// What an account that sends as spammers do meets in its session: its messages wait, are held, or are refused.
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/country_file.h"
#include "tests/unit/session/session_fixture.h"

namespace sluice::session {
namespace {

using noticing::Step;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::string_view kAnn = "ann@example.com";

class NoticedSession : public SessionFixture {
 protected:
  NoticedSession() {
    host.set_watch(watch);
    set_class(Step::suspend, false);
  }
  // All may send what they like, as far as limits go.
  void set_class(Step highest, bool shadow) {
    host.rules().classes = std::make_shared<const policy::PolicyClasses>(
        std::vector<policy::PolicyClass>{{.name = "home",
                                          .recipients_per_message = 1000,
                                          .shadow = shadow,
                                          .noticing = noticing::built_in_policy("home"),
                                          .notice = highest}},
        "home");
    by_ = {.name = "home", .policy = noticing::built_in_policy("home"), .highest = highest, .shadow = shadow};
  }
  // What next hops have said before brings ann there.
  void bring_to(Step step) {
    std::vector<std::uint64_t> hashes;
    for (std::uint64_t i = 0; i < 30; ++i) hashes.push_back(i << 40);
    static_cast<void>(watch.message(kAnn, by_, {.recipients = 30, .network = 1}, hashes, here.now()));
    for (std::uint64_t i = 1; i < 100 && found() < step; ++i)
      static_cast<void>(watch.outcomes(
          kAnn, std::vector<noticing::Outcome>{{.kind = noticing::OutcomeKind::unknown, .recipient = i << 48}},
          here.now()));
    ASSERT_EQ(found(), step);
  }
  Step found() { return watch.look(kAnn, here.now())->verdict.step; }
  int send_text(std::string_view text = kText) {
    const int code = client().say("DATA");
    if (code != 354) return code;
    client().send(std::string(text) + ".\r\n");
    return client().reply().code;
  }
  int send(std::string_view recipient = "RCPT TO:<bob@example.net>", std::string_view text = kText) {
    EXPECT_EQ(client().say(kMail), 250);
    const int code = client().say(recipient);
    return code == 250 ? send_text(text) : code;
  }
  const std::string& hold_reason() { return host.sinks.ledger.back().envelope.hold_reason; }

  noticing::AccountWatch watch{noticing::AccountWatch::Key{}};

 private:
  noticing::WatchedClass by_;
};

TEST_F(NoticedSession, AnOrdinaryAccountNoticesNothing) {
  client().log_in();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(send(), 250);
  EXPECT_THAT(host.sinks.ledger, SizeIs(5));
  EXPECT_EQ(hold_reason(), "");
  EXPECT_THAT(host.notes.notices, IsEmpty());
}

TEST_F(NoticedSession, TheMessageThatIsTooMuchIsHeldBeforeItGoesOn) {
  client().log_in();
  int held = 0;
  for (int message = 0; message < 40 && held == 0; ++message) {
    EXPECT_EQ(client().say(kMail), 250);
    for (int i = 0; i < 50; ++i)
      EXPECT_EQ(client().say("RCPT TO:<r" + std::to_string(message) + "." + std::to_string(i) + "@example.net>"), 250);
    const int code = send_text();
    if (code == 451) {  // slowed: its turn is far away
      EXPECT_TRUE(platforms.run_for(95s));
      continue;
    }
    EXPECT_EQ(code, 250);
    if (!hold_reason().empty()) held = message + 1;
  }
  EXPECT_GT(held, 1);
  EXPECT_THAT(hold_reason(), HasSubstr("noticed: "));
  EXPECT_THAT(hold_reason(), HasSubstr("recipients in a day"));
  ASSERT_FALSE(host.notes.notices.empty());
  const testing::Notes::Notice& last = host.notes.notices.back();
  EXPECT_EQ(last.account, kAnn);
  EXPECT_EQ(last.client, testing::kClientHost);
  EXPECT_EQ(last.taken, Step::hold);
  EXPECT_EQ(last.id, host.sinks.ledger.back().envelope.id);
}

TEST_F(NoticedSession, WhileItIsHeldMailInsideTheCustomersDomainsGoesOn) {
  bring_to(Step::hold);
  client().log_in();
  EXPECT_EQ(send(), 250);
  EXPECT_NE(hold_reason(), "");
  EXPECT_EQ(send("RCPT TO:<boss@example.com>"), 250);
  EXPECT_EQ(hold_reason(), "");
}

// An operator who has seen what is going on, and lets the class's notice do something about it.
TEST_F(NoticedSession, AReloadCountsForASessionThatIsOpenFromItsNextMessageOn) {
  set_class(Step::tell, false);
  bring_to(Step::hold);
  client().log_in();
  EXPECT_EQ(send(), 250);
  EXPECT_EQ(hold_reason(), "");
  set_class(Step::hold, false);
  EXPECT_EQ(client().say(kMail), 250);
  host.reload(host.rules().classes, nullptr);
  EXPECT_EQ(client().say("RCPT TO:<bob@example.net>"), 250);
  EXPECT_EQ(send_text(), 250);
  EXPECT_EQ(hold_reason(), "") << "the message that was begun";
  EXPECT_EQ(send(), 250);
  EXPECT_NE(hold_reason(), "");
  set_class(Step::pass, false);
  host.reload(host.rules().classes, nullptr);
  EXPECT_EQ(send(), 250);
  EXPECT_EQ(hold_reason(), "");
}

TEST_F(NoticedSession, WhoIsSuspendedMaySendInsideAlone) {
  bring_to(Step::suspend);
  client().log_in();
  EXPECT_EQ(client().say(kMail), 250);
  client().send(std::string(kRcpt) + "\r\n");
  const ClientReply refused = client().reply();
  EXPECT_EQ(refused.code, 550);
  EXPECT_THAT(refused.text, HasSubstr("5.7.1 Sending of this account is suspended"));
  EXPECT_EQ(client().say("RCPT TO:<boss@EXAMPLE.com>"), 250);
  EXPECT_EQ(send_text(), 250);
  ASSERT_THAT(host.sinks.ledger, SizeIs(1));
  EXPECT_EQ(host.sinks.ledger[0].recipients, (std::vector<std::string>{"boss@EXAMPLE.com"}));
  ASSERT_THAT(host.notes.refusals, SizeIs(1));
  EXPECT_EQ(host.notes.refusals[0].reason, "sending_suspended_as_bulk");
  EXPECT_EQ(host.notes.refusals[0].argument, "bob@example.net");
}

// Recipients that were answered before the suspension fell.
TEST_F(NoticedSession, AMessageThatIsOnItsWayWhenTheStepFallsIsRefused) {
  client().log_in();
  EXPECT_EQ(client().say(kMail), 250);
  EXPECT_EQ(client().say(kRcpt), 250);
  bring_to(Step::suspend);
  EXPECT_EQ(send_text(), 550);
  EXPECT_THAT(host.sinks.ledger, IsEmpty());
}

TEST_F(NoticedSession, InShadowAndBelowTheHighestStepNothingIsDone) {
  set_class(Step::suspend, true);
  bring_to(Step::suspend);
  client().log_in();
  EXPECT_EQ(send(), 250);
  EXPECT_EQ(hold_reason(), "");
}

TEST_F(NoticedSession, AClassThatIsOffIsNotWatched) {
  set_class(Step::pass, false);
  client().log_in();
  EXPECT_EQ(send(), 250);
  EXPECT_EQ(watch.look(kAnn, here.now()), std::nullopt);
}

TEST_F(NoticedSession, WhoIsSlowWaitsForATurnBeforeTheContentIsAskedFor) {
  bring_to(Step::slow);
  client().log_in();
  EXPECT_EQ(send(), 250);
  const Instant before = here.now();
  EXPECT_EQ(send(), 250);
  EXPECT_GE(here.now() - before, 500ms);
}

TEST_F(NoticedSession, AChunkWaitsForItsTurnToo) {
  bring_to(Step::slow);
  client().log_in();
  EXPECT_EQ(send(), 250);
  EXPECT_EQ(client().say(kMail), 250);
  EXPECT_EQ(client().say(kRcpt), 250);
  const Instant before = here.now();
  client().send("BDAT " + std::to_string(kText.size()) + " LAST\r\n" + std::string(kText));
  EXPECT_EQ(client().reply().code, 250);
  EXPECT_GE(here.now() - before, 500ms);
}

TEST_F(NoticedSession, ATurnThatIsTooFarAwayIsToBeTriedAgain) {
  bring_to(Step::slow);
  client().log_in();
  EXPECT_EQ(client().say(kMail), 250);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(client().say("RCPT TO:<ann" + std::to_string(i) + "@example.net>"), 250);
  EXPECT_EQ(send_text(), 250);
  // Sessions of one account share its turns.
  static_cast<void>(watch.wait(kAnn, {.name = "home", .policy = noticing::built_in_policy("home")}, 200, here.now()));
  EXPECT_EQ(send(), 451);
  EXPECT_THAT(host.notes.messages, Contains(HasSubstr("451 ")));
}

TEST_F(NoticedSession, AStopEndsTheWait) {
  bring_to(Step::slow);
  client().log_in();
  static_cast<void>(watch.wait(kAnn, {.name = "home", .policy = noticing::built_in_policy("home")}, 60, here.now()));
  EXPECT_EQ(client().say(kMail), 250);
  EXPECT_EQ(client().say(kRcpt), 250);
  client().send("DATA\r\n");
  EXPECT_TRUE(platforms.run_for(1s));
  const Instant before = here.now();
  host.drain();
  EXPECT_EQ(client().reply().code, 354);
  client().send(std::string(kText) + ".\r\n");
  EXPECT_EQ(client().reply().code, 451);
  EXPECT_LT(here.now() - before, 30s);
  EXPECT_THAT(host.sinks.ledger, IsEmpty());
}

// In the eager dialog a spammer's client may go away without a message.
TEST_F(NoticedSession, RecipientsThatANextHopDoesNotKnowCountAtOnce) {
  host.sinks.on_recipient = [](const message::Recipient& recipient) {
    return recipient.forward_path.starts_with("dead") ? smtp::Reply(550, {5, 1, 1}, "5.1.1 User unknown")
                                                      : smtp::Reply(smtp::replies::kRecipientOk);
  };
  client().log_in();
  EXPECT_EQ(send(), 250);
  for (int i = 0; i < 40; ++i) {
    EXPECT_EQ(client().say(kMail), 250);
    const int code = client().say("RCPT TO:<dead" + std::to_string(i) + "@example.net>");
    EXPECT_EQ(code, 550);
    EXPECT_EQ(client().say("RSET"), 250);
    if (found() >= Step::hold) break;
  }
  EXPECT_GE(found(), Step::hold);
}

// What must not happen: the code is no part of a reply's text, and what it says of the recipient was not heard.
TEST_F(NoticedSession, ARecipientIsUnknownByItsEnhancedCodeAlone) {
  host.sinks.on_recipient = [](const message::Recipient& recipient) {
    return recipient.forward_path.starts_with("dead") ? smtp::Reply(550, {5, 1, 1}, "Recipient rejected")
                                                      : smtp::Reply(smtp::replies::kRecipientOk);
  };
  client().log_in();
  EXPECT_EQ(send(), 250);
  EXPECT_EQ(client().say(kMail), 250);
  EXPECT_EQ(client().say("RCPT TO:<dead@example.net>"), 550);
  EXPECT_EQ(watch.look(kAnn, here.now())->unknown, 1U);
}

// The class of home finds three countries a day ordinary.
TEST_F(NoticedSession, TheCountryOfItsClientCounts) {
  const testing::CountryFile file(testing::country_file_bytes({{"198.51.100.0/24", "FR"}}));
  const auto countries = io::CountryDatabase::open(file.path());
  ASSERT_TRUE(countries) << countries.error();
  host.set_countries(**countries);
  const noticing::WatchedClass home{.name = "home", .policy = noticing::built_in_policy("home")};
  const auto send_from = [&](std::uint64_t network, noticing::CountryCode country) {
    static_cast<void>(watch.message(kAnn, home, {.recipients = 1, .network = network << 48, .country = country},
                                    std::array{std::uint64_t{1} << 40}, here.now()));
  };
  send_from(1, {'D', 'E'});
  send_from(2, {'N', 'Z'});
  send_from(3, {'A', 'Q'});
  EXPECT_EQ(noticing::reasons_text(watch.look(kAnn, here.now())->verdict), "");
  client().log_in();
  EXPECT_EQ(send(), 250);
  EXPECT_EQ(noticing::reasons_text(watch.look(kAnn, here.now())->verdict),
            "mail from 4 countries in a day; up to 3 are ordinary");
}

TEST_F(NoticedSession, OneTextToManyIsNoticedWithAWordChanged) {
  policy::PolicyClass home{.name = "home", .noticing = noticing::built_in_policy("home")};
  home.noticing.ordinary.same_text = 10;
  host.rules().classes = std::make_shared<const policy::PolicyClasses>(std::vector{home}, "home");
  client().log_in();
  for (int i = 0; i < 120; ++i) {
    const std::string text =
        "From: <ann@example.com>\r\nSubject: offer " + std::to_string(i) + "\r\n\r\nDear customer number " +
        std::to_string(i) +
        ", our warehouse is being cleared this week and each of the watches that you see below\r\n"
        "is yours for a tenth of what others ask; write to us today, as there are only a few of them left.\r\n";
    // Always to the same one, so that no other signal has a reason.
    EXPECT_EQ(send(kRcpt, text), 250);
    if (!host.notes.notices.empty()) break;
  }
  ASSERT_FALSE(host.notes.notices.empty());
  EXPECT_THAT(host.notes.notices.back().reasons, HasSubstr("one text to"));
}

}  // namespace
}  // namespace sluice::session
