// What a report says: its envelope, header, and three parts.
#include "engine/dsn/dsn.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/dsn/sample.h"

namespace sluice::dsn {
namespace {

using message::Fate;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST(Report, GoesToTheReversePathFromTheNullOne) {
  const auto report = Sample().build();
  ASSERT_TRUE(report);
  EXPECT_EQ(report->envelope.id, "0REPORT");
  EXPECT_EQ(report->envelope.reverse_path, "");
  ASSERT_EQ(report->envelope.recipients.size(), 1U);
  EXPECT_EQ(report->envelope.recipients[0].forward_path, "alice@example.com");
  EXPECT_FALSE(report->envelope.smtputf8);
  EXPECT_EQ(report->envelope.body, smtp::Body::unstated);
}

TEST(Report, IsNotBuiltWithoutASenderToSendItTo) {
  for (const char* reverse_path : {"", "nobody", "a b@example.com", "a@b@c", "x@example.com\r\n",
                                   "x\r\nBcc: y@example.com", "<x@example.com>", "@example.com"}) {
    Sample sample;
    sample.envelope.reverse_path = reverse_path;
    EXPECT_FALSE(sample.build()) << reverse_path;
  }
  Sample nothing_to_say;
  nothing_to_say.envelope.recipients.clear();
  nothing_to_say.status.recipients.clear();
  EXPECT_FALSE(nothing_to_say.build());
}

TEST(Report, HasTheHeaderOfAnAutomaticAnswer) {
  Sample sample;
  sample.content = "Message-ID: <1@example.com>\r\n";
  EXPECT_EQ(pieces_of(sample).header,
            "From: Mail Delivery System <MAILER-DAEMON@isp.example>\r\n"
            "To: <alice@example.com>\r\n"
            "Subject: Your message could not be delivered\r\n"
            "Date: Tue, 01 Jul 2003 10:52:39 +0000\r\n"
            "Message-ID: <1057056759.z.0REPORT@relay.isp.example>\r\n"
            "In-Reply-To: <1@example.com>\r\n"
            "References: <1@example.com>\r\n"
            "Auto-Submitted: auto-replied\r\n"
            "MIME-Version: 1.0\r\n"
            "Content-Type: multipart/report; report-type=delivery-status;\r\n"
            " boundary=\"report.z.end\"\r\n"
            "Content-Transfer-Encoding: 7bit\r\n");
}

TEST(Report, TellsTheMachineAllOfAFailure) {
  Sample sample;
  sample.envelope.envid = "QQ+2B1";
  sample.recipient().orcpt = "rfc822;Bob+40old.example";
  EXPECT_EQ(pieces_of(sample).parts[1],
            "Content-Type: message/delivery-status\r\n"
            "Content-Transfer-Encoding: 7bit\r\n"
            "\r\n"
            "Original-Envelope-Id: QQ+1\r\n"
            "Reporting-MTA: dns; relay.isp.example\r\n"
            "X-Sluice-Queue-ID: 0ORIGINAL\r\n"
            "Arrival-Date: Tue, 01 Jul 2003 10:52:37 +0000\r\n"
            "\r\n"
            "Original-Recipient: rfc822; Bob@old.example\r\n"
            "Final-Recipient: rfc822; bob@example.net\r\n"
            "Action: failed\r\n"
            "Status: 5.1.1\r\n"
            "Remote-MTA: dns; mx.example.net\r\n"
            "Diagnostic-Code: smtp; 550 5.1.1 No such user\r\n"
            "Last-Attempt-Date: Tue, 01 Jul 2003 10:52:38 +0000\r\n");
}

TEST(Report, TellsTheReaderWhoFailedAndWhy) {
  Sample sample;
  sample.policy_url = "https://isp.example/mail";
  const std::string words = pieces_of(sample).parts[0];
  EXPECT_THAT(words, StartsWith("Content-Type: text/plain; charset=us-ascii\r\n"));
  EXPECT_THAT(words, HasSubstr("  bob@example.net\r\n"
                               "      mx.example.net said: 550 5.1.1 No such user\r\n"));
  EXPECT_THAT(words, HasSubstr("not tried any more"));
  EXPECT_THAT(words, HasSubstr("https://isp.example/mail\r\n"));
  EXPECT_THAT(words, HasSubstr("queue id: 0ORIGINAL\r\n"));
}

TEST(Report, OfADelaySaysUntilWhenItIsTried) {
  Sample sample;
  sample.kind = ReportKind::delay;
  sample.retry_until = kArrived + 86'400'000;
  sample.last() = {.text = "connection refused", .next_hop = "192.0.2.1:25", .at = kArrived};
  const Pieces pieces = pieces_of(sample);
  EXPECT_THAT(pieces.header, HasSubstr("Subject: Your message is delayed\r\n"));
  EXPECT_THAT(pieces.parts[0], HasSubstr("[192.0.2.1]: connection refused\r\n"));
  EXPECT_THAT(pieces.parts[0], HasSubstr("Wed, 02 Jul 2003"));
  EXPECT_THAT(unwrapped(pieces.parts[0]), HasSubstr("no need to send the message again"));
  EXPECT_THAT(pieces.parts[1], HasSubstr("Action: delayed\r\n"
                                         "Status: 4.4.1\r\n"
                                         "Remote-MTA: dns; [192.0.2.1]\r\n"
                                         "Diagnostic-Code: X-Sluice; connection refused\r\n"));
  EXPECT_THAT(pieces.parts[1], HasSubstr("Will-Retry-Until: Wed, 02 Jul 2003 10:52:37 +0000\r\n"));
}

TEST(Report, OnlyADelayHasARetry) {
  Sample sample;
  sample.retry_until = kArrived;
  EXPECT_THAT(pieces_of(sample).parts[1], Not(HasSubstr("Will-Retry-Until")));
}

TEST(Report, OfSuccessTellsRelayedFromDelivered) {
  Sample sample;
  sample.kind = ReportKind::success;
  sample.last().fate = Fate::relayed;
  sample.last().code = 250;
  sample.last().enhanced = {};
  sample.last().text = "queued as 17";
  sample.add("carol@example.net");
  sample.last().fate = Fate::delivered;
  const Pieces pieces = pieces_of(sample);
  EXPECT_THAT(pieces.parts[0], HasSubstr("passed on to mx.example.net, which does not report"));
  EXPECT_THAT(pieces.parts[0], HasSubstr("delivered into the mailbox"));
  EXPECT_THAT(pieces.parts[1], HasSubstr("Final-Recipient: rfc822; bob@example.net\r\n"
                                         "Action: relayed\r\n"
                                         "Status: 2.0.0\r\n"));
  EXPECT_THAT(pieces.parts[1], HasSubstr("Diagnostic-Code: smtp; 250 queued as 17\r\n"));
  EXPECT_THAT(pieces.parts[1], HasSubstr("Final-Recipient: rfc822; carol@example.net\r\n"
                                         "Action: delivered\r\n"
                                         "Status: 2.0.0\r\n"));
}

TEST(Report, OfAnExpiredMessageKeepsTheLastWords) {
  Sample sample;
  sample.last().fate = Fate::expired;
  sample.last().code = 451;
  sample.last().enhanced = {4, 7, 1};
  sample.last().text = "Greylisted";
  const Pieces pieces = pieces_of(sample);
  EXPECT_THAT(pieces.parts[0],
              AllOf(HasSubstr("not delivered in the time allowed"), HasSubstr("451 4.7.1 Greylisted")));
  EXPECT_THAT(pieces.parts[1], HasSubstr("Action: failed\r\nStatus: 5.4.7\r\n"));
  EXPECT_THAT(pieces.parts[1], HasSubstr("Diagnostic-Code: smtp; 451 4.7.1 Greylisted\r\n"));
}

TEST(Report, StatusHasTheClassOfTheAction) {
  struct {
    ReportKind kind;
    std::uint16_t code;
    smtp::EnhancedCode enhanced;
    const char* status;
  } const cases[] = {
      {ReportKind::failure, 550, {5, 7, 1}, "5.7.1"}, {ReportKind::failure, 450, {4, 2, 1}, "5.2.1"},
      {ReportKind::failure, 550, {2, 1, 5}, "5.0.0"}, {ReportKind::failure, 0, {}, "5.0.0"},
      {ReportKind::failure, 0, {5, 1, 10}, "5.1.10"}, {ReportKind::failure, 552, {}, "5.2.2"},
      {ReportKind::failure, 553, {}, "5.1.3"},        {ReportKind::failure, 554, {}, "5.0.0"},
      {ReportKind::failure, 556, {}, "5.1.10"},       {ReportKind::failure, 599, {}, "5.0.0"},
      {ReportKind::failure, 250, {}, "5.0.0"},        {ReportKind::delay, 421, {}, "4.3.2"},
      {ReportKind::delay, 450, {4, 7, 25}, "4.7.25"}, {ReportKind::delay, 550, {5, 1, 1}, "4.1.1"},
      {ReportKind::delay, 452, {}, "4.3.1"},          {ReportKind::delay, 0, {}, "4.4.1"},
      {ReportKind::success, 250, {2, 6, 0}, "2.6.0"}, {ReportKind::success, 250, {}, "2.0.0"},
      {ReportKind::success, 550, {5, 1, 1}, "2.0.0"}, {ReportKind::success, 452, {}, "2.0.0"},
  };
  for (const auto& one : cases) {
    Sample sample;
    sample.kind = one.kind;
    sample.last().code = one.code;
    sample.last().enhanced = one.enhanced;
    EXPECT_THAT(pieces_of(sample).parts[1], HasSubstr("\r\nStatus: " + std::string(one.status) + "\r\n"))
        << static_cast<int>(one.kind) << ' ' << one.code;
  }
}

TEST(Report, NamesOnlyHostsAsRemoteMta) {
  const std::pair<const char*, const char*> cases[] = {
      {"mx.example.net:25", "mx.example.net"},
      {"mx.example.net.:25", "mx.example.net"},
      {"mx.example.net", "mx.example.net"},
      {"192.0.2.1:2525", "[192.0.2.1]"},
      {"[2001:db8::1]:25", "[IPv6:2001:db8::1]"},
      {"", nullptr},
      {"/var/mail/alice", nullptr},
      {"mx evil:25", nullptr},
      {"mx\r\nBcc:25", nullptr},
      {"[mx]:25", nullptr},
      {":25", nullptr},
  };
  for (const auto& [next_hop, host] : cases) {
    Sample sample;
    sample.last().next_hop = next_hop;
    const Pieces pieces = pieces_of(sample);
    if (host == nullptr) {
      EXPECT_THAT(pieces.parts[1], Not(HasSubstr("Remote-MTA"))) << next_hop;
      EXPECT_THAT(pieces.parts[0], HasSubstr("      the next server said: 550")) << next_hop;
    } else {
      EXPECT_THAT(pieces.parts[1], HasSubstr("Remote-MTA: dns; " + std::string(host) + "\r\n"));
    }
  }
}

TEST(Report, IsAboutTheRecipientsGivenOnly) {
  Sample sample;
  sample.add("carol@example.net");
  const std::size_t second = 1;
  const auto report =
      build_report({.envelope = sample.envelope, .status = sample.status, .recipients = std::span(&second, 1)});
  ASSERT_TRUE(report);
  EXPECT_THAT(report->content, AllOf(HasSubstr("carol@"), Not(HasSubstr("bob@"))));
}

TEST(Report, FoldsWords) {
  Sample sample;
  sample.last().text = "one two three four five six seven eight nine ten eleven twelve thirteen";
  EXPECT_THAT(pieces_of(sample).parts[1],
              HasSubstr("Diagnostic-Code: smtp; 550 5.1.1 one two three four five six seven eight "
                        "nine\r\n ten eleven twelve thirteen\r\n"));
}

TEST(Report, TenThousandRecipientsAreAllThere) {
  Sample sample;
  for (int i = 0; i < 9'999; ++i) {
    const message::RecipientStatus status = sample.last();
    sample.add("user" + std::to_string(i) + "@example.net");
    sample.last() = status;
    sample.last().text = std::string(512, 'x');
  }
  const Pieces pieces = pieces_of(sample);
  std::size_t at = 0;
  for (int i = 0; i < 9'999; ++i) {
    at = pieces.parts[1].find(
        "Final-Recipient: rfc822; user" + std::to_string(i) + "@example.net\r\nAction: failed\r\nStatus: 5.1.1\r\n",
        at);
    ASSERT_NE(at, std::string::npos) << i;
  }
  EXPECT_LT(pieces.parts[1].size(), kDetailedStatusBytesMax + 10'000 * 100);
  EXPECT_THAT(pieces.parts[0], HasSubstr("And 9900 more."));
}

}  // namespace
}  // namespace sluice::dsn
