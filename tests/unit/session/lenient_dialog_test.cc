// What real clients and balancers send that is not as the RFCs have it and deceives no reader: it is taken; and what
// must not come in with it.
#include "tests/support/sessions.h"

namespace sluice::session {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using testing::ClientReply;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::Platforms;
using testing::SessionClient;
using testing::SessionHost;
using ::testing::SizeIs;
using ::testing::StartsWith;

using testing::kMail;
using testing::kRcpt;
using testing::kText;

class LenientDialogTest : public ::testing::Test {
 protected:
  ~LenientDialogTest() override {
    client_ = nullptr;
    host.close();
  }
  SessionClient& client() {
    if (client_ == nullptr) client_ = std::make_unique<SessionClient>(platforms, there, host.address());
    return *client_;
  }
  // The answer to a message for `recipients`, each an argument of RCPT.
  ClientReply submit(const std::vector<std::string>& recipients, std::string_view text = kText,
                     std::string_view mail = kMail) {
    EXPECT_EQ(client().say(mail), 250);
    for (const std::string& recipient : recipients) EXPECT_EQ(client().say("RCPT TO:" + recipient), 250) << recipient;
    return content(text);
  }
  ClientReply content(std::string_view text = kText) {
    EXPECT_EQ(client().say("DATA"), 354);
    client().send(std::string(text) + ".\r\n");
    return client().reply();
  }
  // The last message that was taken, or an empty one; and its recipients.
  testing::TakenMessage last() {
    return host.sinks.ledger.empty() ? testing::TakenMessage() : host.sinks.ledger.back();
  }
  std::vector<std::string> recipients() { return last().recipients; }

  Platforms platforms{testing::PlatformKind::simulated};
  io::Loop& here{platforms.add_loop(testing::kRelayHost)};
  io::Loop& there{platforms.add_loop(testing::kClientHost)};
  SessionHost host{platforms, here};
  std::unique_ptr<SessionClient> client_;
};

// ------------------------------------------------------------------------------------------ a recipient twice

// Next hops made three copies of it, or refused it, which made a failure report.
TEST_F(LenientDialogTest, ARecipientNamedTwiceIsOne) {
  client().log_in();
  EXPECT_EQ(submit({"<b@d.example>", "<b@d.example>", "<b@D.EXAMPLE>", "b@d.example", "<@x.example:b@d.example>"}).code,
            250);
  EXPECT_THAT(recipients(), ElementsAre("b@d.example"));
  EXPECT_THAT(last().envelope.recipients, SizeIs(1));
  EXPECT_EQ(host.counters.recipients_taken, 1U);
}

TEST_F(LenientDialogTest, RecipientsOfOneSegmentAreComparedToo) {
  client().log_in();
  client().send(std::string(kMail) + "\r\nRCPT TO:<b@d.example>\r\nRCPT TO:<c@d.example>\r\nRCPT TO:<b@D.example>\r\n");
  for (int i = 0; i < 4; ++i) EXPECT_EQ(client().reply().code, 250);
  EXPECT_EQ(content().code, 250);
  EXPECT_THAT(recipients(), ElementsAre("b@d.example", "c@d.example"));
}

// A U-label and its A-label are one domain, in any case and in any normal form.
TEST_F(LenientDialogTest, ADomainIsOneInAllItsForms) {
  client().log_in();
  EXPECT_EQ(submit({"<b@b\303\274cher.example>", "<b@xn--bcher-kva.example>", "<b@XN--BCHER-KVA.example>",
                    "<b@B\303\234CHER.example>", "<b@bu\314\210cher.example>"},
                   kText, std::string(kMail) + " SMTPUTF8")
                .code,
            250);
  EXPECT_THAT(recipients(), SizeIs(1));
}

TEST_F(LenientDialogTest, OtherRecipientsStayApart) {
  client().log_in();
  const std::vector<std::string> others{
      "<b@d.example>",          "<B@d.example>",     "<b@e.example>",   "<\"b\"@d.example>",
      "<b+x@d.example>",        "<b@sub.d.example>", "<b@[192.0.2.9]>", "<\"b@d.example\"@d.example>",
      "<b%d.example@d.example>"};
  EXPECT_EQ(submit(others).code, 250);
  EXPECT_THAT(recipients(), SizeIs(others.size()));
}

TEST_F(LenientDialogTest, RecipientsWithOtherDsnParametersStayApart) {
  client().log_in();
  EXPECT_EQ(submit({"<b@d.example>", "<b@d.example> NOTIFY=NEVER", "<b@d.example> NOTIFY=SUCCESS",
                    "<b@D.example> NOTIFY=NEVER", "<b@d.example> ORCPT=rfc822;x@y.example",
                    "<b@d.example> ORCPT=rfc822;x@y.example NOTIFY=SUCCESS", "<b@d.example> ORCPT=rfc822;x@y.example"})
                .code,
            250);
  EXPECT_THAT(recipients(), SizeIs(5));
}

TEST_F(LenientDialogTest, ARecipientThatWasRefusedIsAskedForAgain) {
  // With this the simulated network, whose cuts depend on all that was sent before, leaves the segment whole.
  host.rules().profile.recipients_max = 50;
  int asked = 0;
  host.sinks.on_recipient = [&asked](const message::Recipient& /*recipient*/) {
    return ++asked == 1 ? smtp::Reply(451, {4, 2, 1}, "later") : smtp::Reply(smtp::replies::kRecipientOk);
  };
  client().log_in();
  EXPECT_EQ(client().say(kMail), 250);
  // Of one segment, both get the one answer.
  client().send(std::string(kRcpt) + "\r\n" + std::string(kRcpt) + "\r\n");
  EXPECT_EQ(client().reply().code, 451);
  EXPECT_EQ(client().reply().code, 451);
  EXPECT_EQ(client().say(kRcpt), 250);
  EXPECT_EQ(client().say(kRcpt), 250);
  EXPECT_EQ(asked, 2);
  EXPECT_EQ(content().code, 250);
  EXPECT_THAT(recipients(), ElementsAre("bob@example.net"));
}

TEST_F(LenientDialogTest, DuplicatesTakeNoRoomFromOthers) {
  host.rules().profile.recipients_max = 20;
  client().log_in();
  std::vector<std::string> all;
  for (int i = 0; i < 20; ++i) {
    all.push_back("<r" + std::to_string(i) + "@d.example>");
    all.push_back("<r" + std::to_string(i / 2) + "@d.example>");
  }
  EXPECT_EQ(client().say(kMail), 250);
  for (const std::string& recipient : all) EXPECT_EQ(client().say("RCPT TO:" + recipient), 250) << recipient;
  EXPECT_EQ(client().say("RCPT TO:<one@too.many.example>"), 452);
  EXPECT_EQ(client().say("RCPT TO:<r3@d.example>"), 250);
  EXPECT_EQ(content().code, 250);
  EXPECT_THAT(recipients(), SizeIs(20));
}

TEST_F(LenientDialogTest, TheNextMessageHasItsOwnRecipients) {
  client().log_in();
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(submit({"<b@d.example>"}).code, 250);
    EXPECT_THAT(recipients(), ElementsAre("b@d.example"));
  }
}

// ------------------------------------------------------------------------------------------ names and commands

TEST_F(LenientDialogTest, PathsWithoutBracketsAreTheSameMailboxes) {
  client().log_in();
  EXPECT_EQ(submit({"bob@example.net", "<cy@example.net>"}, kText, "MAIL FROM:ann@example.com").code, 250);
  EXPECT_EQ(last().envelope.reverse_path, "ann@example.com");
  EXPECT_THAT(recipients(), ElementsAre("bob@example.net", "cy@example.net"));
  // The sender's rights are asked of what stands there.
  EXPECT_EQ(client().say("MAIL FROM:eve@evil.example"), 550);
  EXPECT_EQ(client().say("MAIL FROM:ann@example.com,eve@evil.example"), 501);
}

TEST_F(LenientDialogTest, AnAuthParameterGrantsNothing) {
  client().log_in();
  EXPECT_EQ(submit({"<b@d.example>"}, kText, std::string(kMail) + " AUTH=alice").code, 250);
  EXPECT_THAT(host.sinks.submitters, ElementsAre("ann@example.com"));
  EXPECT_EQ(client().say("MAIL FROM:<eve@evil.example> AUTH=<eve@evil.example>"), 550);
}

TEST_F(LenientDialogTest, LoggedInAfterHelo) {
  EXPECT_EQ(client().reply().code, 220);
  EXPECT_EQ(client().say("EHLO client.example"), 250);
  EXPECT_EQ(client().say("HELO client.example"), 250);
  EXPECT_EQ(client().say("AUTH LOGIN"), 334);
  EXPECT_EQ(client().say("YW5uQGV4YW1wbGUuY29t"), 334);
  EXPECT_EQ(client().say("cmlnaHQ="), 235);
  EXPECT_EQ(submit({"<b@d.example>"}).code, 250);
  EXPECT_THAT(last().content, HasSubstr("with ESMTPA"));
}

// Answers with what it got of the submitter.
class WatchedTakers final : public message::MessageSinkFactory {
 public:
  explicit WatchedTakers(message::MessageSinkFactory& sinks) : sinks_(sinks) {}
  std::unique_ptr<message::MessageSink> make(const message::Submitter& submitter) override {
    submitters.push_back(submitter);
    return sinks_.make(submitter);
  }
  std::vector<message::Submitter> submitters;

 private:
  message::MessageSinkFactory& sinks_;
};

void expect_safe_trace(const std::string& content) {
  const std::string header = content.substr(0, content.find("\r\n\r\n"));
  EXPECT_THAT(header, StartsWith("Received: from"));
  for (const char c : header) EXPECT_TRUE((c >= ' ' && c <= '~') || c == '\r' || c == '\n' || c == '\t');
  EXPECT_THAT(header, Not(HasSubstr("(y)"))) << "a comment of the client's making";
}

// A PC with an umlaut or a blank in its name could never log in.
TEST(OddHelloNameTest, LogsInAndIsKeptInASafeForm) {
  for (const auto& [name, safe] : {std::pair{"J\xf6rgs PC"s, "J?rgs?PC"s}, std::pair{"a\tb"s, "a?b"s},
                                   std::pair{std::string(400, 'a'), std::string(255, 'a')},
                                   std::pair{"x\xe2\x80\xae"
                                             "(y)"s,
                                             "x\\x{202E}(y)"s}}) {
    SCOPED_TRACE(safe);
    Platforms platforms(testing::PlatformKind::simulated);
    io::Loop& here = platforms.add_loop(testing::kRelayHost);
    io::Loop& there = platforms.add_loop(testing::kClientHost);
    testing::ScriptedSinks taken(here);
    WatchedTakers sinks(taken);
    SessionHost host(platforms, here, &sinks);
    {
      SessionClient client(platforms, there, host.address());
      EXPECT_EQ(client.reply().code, 220);
      EXPECT_EQ(client.say("EHLO " + name), 250);
      EXPECT_EQ(client.say(testing::kLogin), 235);
      EXPECT_EQ(client.say(kMail), 250);
      EXPECT_EQ(client.say(kRcpt), 250);
      EXPECT_EQ(client.say("DATA"), 354);
      client.send(std::string(kText) + ".\r\n");
      EXPECT_EQ(client.reply().code, 250);
      EXPECT_THAT(taken.ledger, SizeIs(1));
      if (!taken.ledger.empty()) {
        EXPECT_EQ(sinks.submitters.back().helo, safe);
        expect_safe_trace(taken.ledger.back().content);
      }
    }
    host.close();
  }
}

TEST_F(LenientDialogTest, WithoutALoginANameMustBeOne) {
  host.rules().trusted = {Network::parse("198.51.100.0/24").value()};
  host.rules().trusted_profile.require_auth = false;
  EXPECT_EQ(client().reply().code, 220);
  EXPECT_EQ(client().say("EHLO J\xf6rgs-PC"), 501);
  EXPECT_EQ(client().say("EHLO my pc"), 501);
  EXPECT_EQ(client().say("EHLO " + std::string(400, 'a')), 501);
  EXPECT_EQ(client().say(kMail), 503);
  EXPECT_EQ(client().say("EHLO pc.example"), 250);
}

// ------------------------------------------------------------------------------------------ balancers

constexpr std::string_view kProxy = "PROXY TCP4 203.0.113.5 192.0.2.1 40000 587\r\n";

TEST_F(LenientDialogTest, WhatComesInOneWriteWithAProxyHeaderIsAnsweredAfterTheGreeting) {
  host.rules().proxy = {Network::parse("198.51.100.0/24").value()};
  client().send(std::string(kProxy) + "EHLO client.example\r\n");
  EXPECT_EQ(client().reply().code, 220);
  EXPECT_EQ(client().reply().code, 250);
  EXPECT_EQ(client().say(testing::kLogin), 235);
  EXPECT_EQ(submit({"<b@d.example>"}).code, 250);
  EXPECT_THAT(last().content, StartsWith("Received: from client.example ([203.0.113.5])"));
}

TEST_F(LenientDialogTest, BehindAProxyHeaderEarlyTalkersAreStillRefusedWhereTheyAreLookedFor) {
  host.rules().proxy = {Network::parse("198.51.100.0/24").value()};
  host.rules().greet_delay = 2s;
  client().send(std::string(kProxy) + "EHLO client.example\r\n");
  EXPECT_EQ(client().reply().code, 554);
  EXPECT_EQ(client().rest(), "");
}

TEST_F(LenientDialogTest, WithoutItsProxyHeaderNothingIsAnswered) {
  host.rules().proxy = {Network::parse("198.51.100.0/24").value()};
  client().send("EHLO client.example\r\n");
  EXPECT_EQ(client().rest(), "");
}

TEST_F(LenientDialogTest, ALongProxyExtensionIsSkippedAndALongerHeaderCloses) {
  host.rules().proxy = {Network::parse("198.51.100.0/24").value()};
  const auto header = [](std::size_t extension) {
    const std::size_t size = 12 + 3 + extension;
    std::string bytes("\r\n\r\n\0\r\nQUIT\n\x21\x11", 14);
    bytes += {static_cast<char>(size >> 8), static_cast<char>(size)};
    bytes += "\xcb\x00\x71\x05\xc0\x00\x02\x01\x9c\x40\x02\x4b"s;
    bytes += {'\x04', static_cast<char>(extension >> 8), static_cast<char>(extension)};
    return bytes + std::string(extension, 'x');
  };
  for (const std::size_t extension : {1'010U, 4'096U, 16'000U}) {
    client_ = nullptr;
    client().send(header(extension) + "EHLO client.example\r\n");
    EXPECT_EQ(client().reply().code, 220) << extension;
    EXPECT_EQ(client().reply().code, 250) << extension;
  }
  client_ = nullptr;
  client().send(header(17'000) + "EHLO client.example\r\n");
  EXPECT_EQ(client().rest(), "");
}

// ------------------------------------------------------------------------------------------ loops

std::string hops(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += "Received: from a by b; Thu, 1 Jan 2026 00:00:00 +0000\r\n";
  return text + std::string(kText);
}

TEST_F(LenientDialogTest, AHundredReceivedFieldsAreALoop) {
  client().log_in();
  for (const int good : {50, 99}) EXPECT_EQ(submit({"<b@d.example>"}, hops(good)).code, 250) << good;
  for (const int bad : {100, 101, 1000}) {
    const ClientReply reply = submit({"<b@d.example>"}, hops(bad));
    EXPECT_EQ(reply.code, 554) << bad;
    EXPECT_THAT(reply.text, StartsWith("5.4.6 Too many hops")) << bad;
  }
  EXPECT_THAT(host.sinks.ledger, SizeIs(2));
}

TEST_F(LenientDialogTest, HowManyReceivedFieldsAreALoopIsASetting) {
  host.rules().received_max = 30;
  client().log_in();
  EXPECT_EQ(submit({"<b@d.example>"}, hops(29)).code, 250);
  EXPECT_EQ(submit({"<b@d.example>"}, hops(30)).code, 554);
}

// ------------------------------------------------------------------------------------------ a next hop's text

TEST_F(LenientDialogTest, ANextHopsTextReachesAClientInWhatItCanRead) {
  const std::string text = "n\xc3\xb6 such \xe2\x80\xae user\xff";
  const smtp::Reply said = smtp::Reply::relayed(550, {5, 1, 1}, text);
  host.sinks.on_recipient = [&said](const message::Recipient& recipient) {
    return recipient.forward_path.starts_with("no") ? said : smtp::Reply(smtp::replies::kRecipientOk);
  };
  host.sinks.word = said;
  client().log_in();
  for (const auto& [parameter, want] : {std::pair{"", "5.1.1 n\\x{F6} such \\x{202E} user?"},
                                        std::pair{" SMTPUTF8", "5.1.1 n\xc3\xb6 such \\x{202E} user?"}}) {
    EXPECT_EQ(client().say(std::string(kMail) + parameter), 250);
    client().send("RCPT TO:<no@example.net>\r\n");
    EXPECT_THAT(client().reply().text, StartsWith(want));
    EXPECT_EQ(client().say(kRcpt), 250);
    EXPECT_THAT(content().text, StartsWith(want));
  }
}

}  // namespace
}  // namespace sluice::session
