// Whole sessions, unchanged, on the simulated platform: one client at a time, against a scripted sink.
#include "tests/support/sessions.h"

namespace sluice::session {
namespace {

using namespace std::chrono_literals;
using testing::ClientReply;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using testing::Platforms;
using testing::SessionClient;
using testing::SessionHost;
using ::testing::SizeIs;

using testing::kMail;
using testing::kRcpt;
using testing::kText;

class SessionTest : public ::testing::Test {
 protected:
  ~SessionTest() override { close(); }
  SessionClient& client() {
    if (client_ == nullptr) client_ = std::make_unique<SessionClient>(platforms, there, host.address());
    return *client_;
  }
  // A transaction up to the answer to the message.
  int submit(std::string_view text, std::string_view recipients = kRcpt) {
    EXPECT_EQ(client().say(kMail), 250);
    EXPECT_EQ(client().say(recipients), 250);
    EXPECT_EQ(client().say("DATA"), 354);
    client().send(text);
    return client().say(".");
  }
  void close() {
    client_ = nullptr;
    host.close();
  }

  Platforms platforms{testing::PlatformKind::simulated};
  io::Loop& here{platforms.add_loop(testing::kRelayHost)};
  io::Loop& there{platforms.add_loop(testing::kClientHost)};
  SessionHost host{platforms, here};
  std::unique_ptr<SessionClient> client_;
};

// ------------------------------------------------------------------------------------------ the way of a message

TEST_F(SessionTest, TakesAMessageByData) {
  client().log_in();
  EXPECT_EQ(submit(kText), 250);
  ASSERT_THAT(host.sinks.ledger, SizeIs(1));
  const testing::TakenMessage& taken = host.sinks.ledger.front();
  EXPECT_EQ(taken.envelope.reverse_path, "ann@example.com");
  EXPECT_THAT(taken.recipients, ElementsAre("bob@example.net"));
  EXPECT_TRUE(taken.content.starts_with("Received: from client.example ([198.51.100.7])")) << taken.content;
  EXPECT_TRUE(taken.content.ends_with(kText));
  EXPECT_THAT(taken.content, HasSubstr("\r\nDate: "));
  EXPECT_THAT(taken.content, HasSubstr("\r\nMessage-ID: <"));
  EXPECT_THAT(host.sinks.submitters, ElementsAre("ann@example.com"));
  EXPECT_THAT(host.notes.messages, ElementsAre("250 scripted"));
  EXPECT_EQ(client().say("QUIT"), 221);
  EXPECT_EQ(client().rest(), "");
}

TEST_F(SessionTest, TakesAMessageInChunks) {
  client().log_in();
  EXPECT_EQ(client().say(kMail), 250);
  EXPECT_EQ(client().say(kRcpt), 250);
  client().send("BDAT 10\r\n" + std::string(kText.substr(0, 10)));
  EXPECT_EQ(client().reply().code, 250);
  const std::string rest(kText.substr(10));
  client().send("BDAT " + std::to_string(rest.size()) + "\r\n" + rest + "BDAT 0 LAST\r\n");
  EXPECT_EQ(client().reply().code, 250);
  EXPECT_EQ(client().reply().code, 250);
  ASSERT_THAT(host.sinks.ledger, SizeIs(1));
  EXPECT_TRUE(host.sinks.ledger.front().content.ends_with(kText));
  EXPECT_EQ(host.sinks.ledger.front().form, message::BodyForm::literal);
}

TEST_F(SessionTest, AsksForAllRecipientsOfOneSegmentTogether) {
  host.sinks.on_recipient = [](const message::Recipient& recipient) {
    if (recipient.forward_path.starts_with("no")) return smtp::Reply(550, {5, 1, 1}, "no such user");
    return smtp::Reply(smtp::replies::kRecipientOk);
  };
  client().log_in();
  client().send(std::string(kMail) +
                "\r\nRCPT TO:<a@x.example>\r\nRCPT TO:<no@x.example>\r\nRCPT TO:<b@x.example>\r\n");
  std::vector<int> codes;
  for (int i = 0; i < 4; ++i) codes.push_back(client().reply().code);
  EXPECT_THAT(codes, ElementsAre(250, 250, 550, 250));
  EXPECT_EQ(client().say("DATA"), 354);
  client().send(kText);
  EXPECT_EQ(client().say("."), 250);
  ASSERT_THAT(host.sinks.ledger, SizeIs(1));
  EXPECT_THAT(host.sinks.ledger.front().recipients, ElementsAre("a@x.example", "b@x.example"));
}

TEST_F(SessionTest, ATakersWordIsTheClientsWord) {
  client().log_in();
  host.sinks.word = smtp::Reply(451, {4, 4, 1}, "the next hop is away");
  EXPECT_EQ(submit(kText), 451);
  host.sinks.word = smtp::Reply(554, {5, 7, 1}, "spam");
  EXPECT_EQ(submit(kText), 554);
  EXPECT_THAT(host.sinks.ledger, IsEmpty());
  EXPECT_EQ(host.counters.messages_deferred, 1U);
  EXPECT_EQ(host.counters.messages_refused, 1U);
  EXPECT_EQ(host.counters.messages_taken, 0U);
}

TEST_F(SessionTest, ADotAloneAndDotsAtLineStartsComeAsTheyWereSent) {
  client().log_in();
  const std::string body = std::string(kText) + "..\r\n..a\r\n.\r\n";
  EXPECT_EQ(client().say(kMail), 250);
  EXPECT_EQ(client().say(kRcpt), 250);
  EXPECT_EQ(client().say("DATA"), 354);
  client().send(body);
  EXPECT_EQ(client().reply().code, 250);
  EXPECT_TRUE(host.sinks.ledger.front().content.ends_with(std::string(kText) + "..\r\n..a\r\n"));
}

// ------------------------------------------------------------------------------------------ what is refused

TEST_F(SessionTest, AStrangerReachesNoTaker) {
  EXPECT_EQ(client().reply().code, 220);
  EXPECT_EQ(client().say("EHLO client.example"), 250);
  EXPECT_EQ(client().say(kMail), 530);
  EXPECT_EQ(client().say(kRcpt), 503);
  EXPECT_EQ(client().say("DATA"), 503);
  client().send("BDAT 5 LAST\r\nhello");
  EXPECT_EQ(client().reply().code, 503);
  EXPECT_THAT(host.sinks.submitters, IsEmpty());
}

TEST_F(SessionTest, AForeignEnvelopeSenderReachesNoTaker) {
  client().log_in();
  for (const char* const sender : {"bob@evil.example", "ann@sub.example.com", "ann@example.com.evil.example"}) {
    client().send("MAIL FROM:<" + std::string(sender) + ">\r\n");
    const ClientReply reply = client().reply();
    EXPECT_EQ(reply.code, 550);
    EXPECT_TRUE(reply.text.starts_with("5.7.1 ")) << reply.text;
    EXPECT_EQ(client().say(kRcpt), 503);
  }
  EXPECT_THAT(host.sinks.submitters, IsEmpty());
}

TEST_F(SessionTest, OfAMessageWithAForeignAuthorNothingGoesOn) {
  client().log_in();
  for (const char* const from : {"From: <eve@evil.example>\r\n", "From: ann@example.com, eve@evil.example\r\n",
                                 "From: ann@example.com\r\nFrom: eve@evil.example\r\n", "Subject: no author\r\n"}) {
    EXPECT_EQ(submit(std::string(from) + "\r\n" + std::string(100'000, 'x').substr(0, 900) + "\r\n"), 550) << from;
  }
  EXPECT_EQ(host.sinks.begun, 0U);
  EXPECT_EQ(host.sinks.abandoned, 4U);
  EXPECT_EQ(submit(kText), 250);
  EXPECT_THAT(host.sinks.ledger, SizeIs(1));
}

TEST_F(SessionTest, APieceWithABareLineEndIsNotHandedOn) {
  client().log_in();
  EXPECT_EQ(client().say(kMail), 250);
  EXPECT_EQ(client().say(kRcpt), 250);
  EXPECT_EQ(client().say("DATA"), 354);
  client().send(kText);
  EXPECT_TRUE(platforms.run_for(1s));
  EXPECT_EQ(host.sinks.begun, 1U);
  client().send("\n.\r\nMAIL FROM:<ann@example.com>\r\n");
  EXPECT_EQ(client().say("."), 550);
  EXPECT_THAT(host.sinks.ledger, IsEmpty());
  EXPECT_EQ(host.sinks.abandoned, 1U);
}

// ------------------------------------------------------------------------------------------ AUTH

TEST_F(SessionTest, LogsInByLoginInSteps) {
  EXPECT_EQ(client().reply().code, 220);
  EXPECT_EQ(client().say("EHLO client.example"), 250);
  EXPECT_EQ(client().say("AUTH LOGIN"), 334);
  EXPECT_EQ(client().say("YW5uQGV4YW1wbGUuY29t"), 334);
  EXPECT_EQ(client().say("cmlnaHQ="), 235);
  EXPECT_EQ(submit(kText), 250);
}

TEST_F(SessionTest, ABackEndThatIsAwayIsNotTheCustomersFault) {
  EXPECT_EQ(client().reply().code, 220);
  EXPECT_EQ(client().say("EHLO client.example"), 250);
  EXPECT_EQ(client().say("AUTH PLAIN AGRvd25AZXhhbXBsZS5jb20AcmlnaHQ="), 454);
  EXPECT_EQ(client().say("AUTH PLAIN AGFubkBleGFtcGxlLmNvbQB3cm9uZw=="), 535);
  EXPECT_EQ(client().say(testing::kLogin), 235);
  EXPECT_EQ(client().say(testing::kLogin), 503);
  EXPECT_THAT(host.notes.logins,
              ElementsAre(Pair("down@example.com", AuthResult::unavailable), Pair("ann@example.com", AuthResult::wrong),
                          Pair("ann@example.com", AuthResult::granted)));
}

// RFC 7628 3.2.2, 3.2.3: what failed, in JSON; the client's dummy answer; and then the refusal.
TEST_F(SessionTest, ATokenThatDoesNotCheckIsRefusedBehindOneMoreChallenge) {
  constexpr const char* kWrong = "AUTH OAUTHBEARER bixhPWFubkBleGFtcGxlLmNvbSwBYXV0aD1CZWFyZXIgd3JvbmcBAQ==";
  constexpr const char* kRight = "AUTH OAUTHBEARER bixhPWFubkBleGFtcGxlLmNvbSwBYXV0aD1CZWFyZXIgcmlnaHQBAQ==";
  constexpr const char* kDown = "AUTH OAUTHBEARER bixhPWRvd25AZXhhbXBsZS5jb20sAWF1dGg9QmVhcmVyIHgBAQ==";
  host.rules().profile.mechanisms = {"PLAIN", "LOGIN", "OAUTHBEARER"};
  EXPECT_EQ(client().reply().code, 220);
  EXPECT_EQ(client().say("EHLO client.example"), 250);
  EXPECT_EQ(client().say(kWrong), 334);
  EXPECT_EQ(client().say("AQ=="), 535);
  EXPECT_EQ(client().say(kWrong), 334);
  EXPECT_EQ(client().say("*"), 501);
  EXPECT_EQ(client().say("AUTH OAUTHBEARER"), 334);
  EXPECT_EQ(client().say("AQ=="), 334);  // nothing was refused that this could be the answer to
  EXPECT_EQ(client().say("AQ=="), 535);
  EXPECT_EQ(client().say(kDown), 454);
  EXPECT_EQ(client().say(kRight), 235);
  EXPECT_THAT(host.notes.logins,
              ElementsAre(Pair("ann@example.com", AuthResult::wrong), Pair("ann@example.com", AuthResult::wrong),
                          Pair("", AuthResult::malformed), Pair("down@example.com", AuthResult::unavailable),
                          Pair("ann@example.com", AuthResult::granted)));
}

// It got 501 or 535 at once, and a client that waited for the reason had none.
TEST_F(SessionTest, AMalformedTokenIsRefusedBehindAChallengeToo) {
  host.rules().profile.mechanisms = {"OAUTHBEARER", "XOAUTH2"};
  host.rules().profile.errors_max = 20;
  host.rules().profile.auth_failures_max = 20;
  EXPECT_EQ(client().reply().code, 220);
  EXPECT_EQ(client().say("EHLO client.example"), 250);
  const auto challenge = [this](const std::string& line) {
    client().send(line + "\r\n");
    const testing::ClientReply reply = client().reply();
    EXPECT_EQ(reply.code, 334) << line;
    return reply.text;
  };
  // {"status":"invalid_request"}
  EXPECT_EQ(challenge("AUTH OAUTHBEARER eA=="), "eyJzdGF0dXMiOiJpbnZhbGlkX3JlcXVlc3QifQ==") << "no grammar";
  EXPECT_EQ(client().say("AQ=="), 535);
  EXPECT_EQ(challenge("AUTH OAUTHBEARER ="), "eyJzdGF0dXMiOiJpbnZhbGlkX3JlcXVlc3QifQ==") << "nothing";
  EXPECT_EQ(client().say("*"), 501);
  EXPECT_EQ(challenge("AUTH OAUTHBEARER biwsAWF1dGg9QmVhcmVyIHgBAQ=="), "eyJzdGF0dXMiOiJpbnZhbGlkX3JlcXVlc3QifQ==")
      << "nobody is named";
  EXPECT_EQ(client().say("AQ=="), 535);
  // {"status":"invalid_token"}
  EXPECT_EQ(challenge("AUTH OAUTHBEARER bixhPWFubkBleGFtcGxlLmNvbSwBYXV0aD1CZWFyZXIgYSBiAQE="),
            "eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIn0=")
      << "a token with a blank";
  EXPECT_EQ(client().say("AQ=="), 535);
  // {"status":"400","schemes":"bearer"}
  EXPECT_EQ(challenge("AUTH XOAUTH2 eA=="), "eyJzdGF0dXMiOiI0MDAiLCJzY2hlbWVzIjoiYmVhcmVyIn0=");
  EXPECT_EQ(client().say(""), 535);
  EXPECT_THAT(host.people.asked, IsEmpty());
}

// RFC 7628 3.1: the user is optional.
TEST_F(SessionTest, ATokenWithoutAUserIsCheckedForTheOneWhomItNames) {
  host.rules().profile.mechanisms = {"OAUTHBEARER"};
  host.rules().name_of_token = [](std::string_view token) {
    return token == "right" ? auth::Name::make("ann@example.com") : std::nullopt;
  };
  EXPECT_EQ(client().reply().code, 220);
  EXPECT_EQ(client().say("EHLO client.example"), 250);
  EXPECT_EQ(client().say("AUTH OAUTHBEARER biwsAWF1dGg9QmVhcmVyIHJpZ2h0AQE="), 235);
  EXPECT_THAT(host.notes.logins, ElementsAre(Pair("ann@example.com", AuthResult::granted)));
}

TEST_F(SessionTest, WhatIsMalformedReachesNoBackEnd) {
  EXPECT_EQ(client().reply().code, 220);
  EXPECT_EQ(client().say("EHLO client.example"), 250);
  EXPECT_EQ(client().say("AUTH PLAIN AGFubg=="), 501);  // one NUL
  EXPECT_EQ(client().say("AUTH PLAIN !!!!"), 501);      // no base64
  EXPECT_EQ(client().say("AUTH PLAIN"), 334);
  EXPECT_EQ(client().say("*"), 501);
  EXPECT_EQ(client().say("AUTH CRAM-MD5"), 504);
  EXPECT_THAT(host.people.asked, IsEmpty());
}

// ------------------------------------------------------------------------------------------ TLS

// CVE-2011-0411: commands behind STARTTLS in the same segment were answered inside TLS, as if they had been said there.
// Where the network cuts between them, they are no ClientHello, and that is the end.
TEST_F(SessionTest, NothingThatCameInPlainIsAnsweredInTls) {
  int secured = 0;
  for (const char* const behind :
       {"RSET\r\n", "NOOP\r\nNOOP\r\n", "EHLO evil.example\r\n", "AUTH PLAIN AGE", "x", "x"}) {
    SCOPED_TRACE(behind);
    client_ = nullptr;
    EXPECT_EQ(client().reply().code, 220);
    EXPECT_EQ(client().say("EHLO client.example"), 250);
    if (!client().start_tls(behind)) {
      EXPECT_EQ(client().rest().find("\r\n"), std::string::npos);
      continue;
    }
    ++secured;
    EXPECT_EQ(client().say("VRFY ann"), 252);
    EXPECT_EQ(client().say("EHLO client.example"), 250);
    EXPECT_EQ(client().say("STARTTLS"), 503);
  }
  EXPECT_GE(secured, 2);
}

TEST_F(SessionTest, WhatWasKnownIsForgottenWhenTlsStarts) {
  EXPECT_EQ(client().reply().code, 220);
  EXPECT_EQ(client().say("EHLO client.example"), 250);
  ASSERT_TRUE(client().start_tls());
  EXPECT_EQ(client().say(testing::kLogin), 503);
  EXPECT_EQ(client().say("EHLO client.example"), 250);
  EXPECT_EQ(client().say(kMail), 530);
  EXPECT_EQ(client().say(testing::kLogin), 235);
  EXPECT_EQ(submit(kText), 250);
  EXPECT_THAT(host.sinks.ledger.front().content, HasSubstr("with ESMTPSA"));
}

// A client was quick, and its ClientHello was there before we heard that our 220 had gone: it was dropped together with
// what had come in plain.
TEST(SessionTlsTest, AQuickClientHelloWasDropped) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    Platforms platforms(testing::PlatformKind::simulated, seed, {.late_percent = 70});
    io::Loop& here = platforms.add_loop(testing::kRelayHost);
    io::Loop& there = platforms.add_loop(testing::kClientHost);
    SessionHost host(platforms, here);
    {
      SessionClient client(platforms, there, host.address());
      EXPECT_EQ(client.reply().code, 220);
      EXPECT_EQ(client.say("EHLO client.example"), 250);
      EXPECT_TRUE(client.start_tls()) << ::testing::PrintToString(host.notes.endings);
    }
    host.close();
    if (HasFailure()) return;
  }
}

// ------------------------------------------------------------------------------------------ time, and slow clients

TEST_F(SessionTest, AStrangersTimeIsOverWhateverHeSays) {
  EXPECT_EQ(client().reply().code, 220);
  const Instant before = here.now();
  int code = 0;
  while (code != 421) {
    client().send("NOOP\r\n");
    code = client().reply().code;
    if (code == 250) platforms.run_for(5s);
  }
  EXPECT_LE(here.now() - before, host.rules().unauthenticated_timeout + 10s);
  EXPECT_THAT(host.notes.endings, SizeIs(1));
}

TEST_F(SessionTest, ACustomerWhoFallsSilentIsTold) {
  client().log_in();
  EXPECT_EQ(client().say(kMail), 250);
  const ClientReply reply = client().reply();
  EXPECT_EQ(reply.code, 421);
  EXPECT_EQ(host.sinks.abandoned, 1U);
  EXPECT_THAT(host.notes.endings, ElementsAre("idle_timeout"));
}

TEST_F(SessionTest, WhoSpeaksBeforeTheGreetingIsRefused) {
  host.rules().greet_delay = 2s;
  client().send("EHLO client.example\r\n");
  EXPECT_EQ(client().reply().code, 554);
  EXPECT_EQ(client().rest(), "");
}

TEST_F(SessionTest, WhoDoesNotReadRepliesIsNotReadFrom) {
  client().log_in();
  std::string flood;  // of messages, none of whose answers is read
  for (int i = 0; i < 20'000; ++i)
    flood += std::string(kMail) + "\r\n" + std::string(kRcpt) + "\r\nDATA\r\n" + std::string(kText) + ".\r\n";
  client().send(flood);
  EXPECT_TRUE(platforms.run_for(10min));
  EXPECT_EQ(host.live(), 0U);
  EXPECT_LT(host.sinks.ledger.size(), 10'000U);
}

TEST_F(SessionTest, ADrainLetsAMessageEndAndTellsWhoIsIdle) {
  client().log_in();
  SessionClient idle(platforms, there, host.address());
  idle.log_in();
  EXPECT_EQ(client().say(kMail), 250);
  EXPECT_EQ(client().say(kRcpt), 250);
  EXPECT_EQ(client().say("DATA"), 354);
  host.drain();
  EXPECT_EQ(idle.reply().code, 421);
  EXPECT_EQ(idle.rest(), "");
  client().send(kText);
  EXPECT_EQ(client().say("."), 250);
  EXPECT_EQ(client().reply().code, 421);
  EXPECT_THAT(host.sinks.ledger, SizeIs(1));
  idle.hang_up();
}

// ------------------------------------------------------------------------------------------ what the log gets

TEST_F(SessionTest, TheRecordOfAMessageNamesItsRecipientsAndItsMessageId) {
  client().log_in();
  EXPECT_EQ(client().say(kMail), 250);
  EXPECT_EQ(client().say(kRcpt), 250);
  EXPECT_EQ(client().say("RCPT TO:<eve@example.org>"), 250);
  EXPECT_EQ(client().say("DATA"), 354);
  client().send("From: <ann@example.com>\r\nMessage-ID:\r\n <1@example.com>\r\n\r\nhello\r\n");
  EXPECT_EQ(client().say("."), 250);
  // Without one it gets one, which the log has as well.
  EXPECT_EQ(submit(kText), 250);
  EXPECT_THAT(host.notes.recipients, ElementsAre("bob@example.net, eve@example.org", "bob@example.net"));
  ASSERT_THAT(host.notes.message_ids, ElementsAre("<1@example.com>", ::testing::StartsWith("<")));
  EXPECT_THAT(host.sinks.ledger.back().content, HasSubstr("Message-ID: " + host.notes.message_ids[1] + "\r\n"));
}

}  // namespace
}  // namespace sluice::session
