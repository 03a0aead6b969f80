// Reports about mail from people who wish to write into them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/dsn/sample.h"

namespace sluice::dsn {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

const std::string kPoison = std::string("\0\r\n", 3) +
                            ".\r\n\r\n--report.z.end\r\nBcc: evil@x\r\n\x1b[2J\x7f"
                            "\xff\xc3\xa9\xe2\x80\xae\r\rx\n" +
                            std::string(3000, 'w');

// The same lines begin with the same names: none was added.
std::vector<std::string> names_of(const std::string& text) {
  std::vector<std::string> names;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::string line = text.substr(at, text.find("\r\n", at) - at);
    if (!line.starts_with(' ') && !line.empty()) names.push_back(line.substr(0, line.find(':')));
    at += line.size() + 2;
  }
  return names;
}

TEST(HostileReport, NextHopsWordsStayWords) {
  Sample clean;
  Sample sample;
  sample.last().text = kPoison;
  const Pieces pieces = pieces_of(sample);
  EXPECT_EQ(names_of(pieces.parts[1]), names_of(pieces_of(clean).parts[1]));
  EXPECT_THAT(pieces.parts[1], HasSubstr("Diagnostic-Code: smtp; 550 5.1.1 ? . --report.z.end Bcc: evil@x ?[2J?"));
  EXPECT_THAT(pieces.parts[0], Not(HasSubstr("\r\nBcc")));
  EXPECT_THAT(pieces.parts[0], Not(HasSubstr("\x1b")));
}

TEST(HostileReport, ManyLinesOfWordsBecomeOne) {
  Sample sample;
  sample.last().text = "\n first \t line\n\n\nsecond\r\n";
  EXPECT_THAT(pieces_of(sample).parts[1], HasSubstr("Diagnostic-Code: smtp; 550 5.1.1 first line second\r\n"));
  sample.last().text = " \r\n\t ";
  EXPECT_THAT(pieces_of(sample).parts[1], HasSubstr("Diagnostic-Code: smtp; 550 5.1.1\r\n"));
}

TEST(HostileReport, EnvidAndOrcptAreOneLineWhateverTheyHide) {
  Sample clean;
  clean.envelope.envid = "x";
  clean.recipient().orcpt = "rfc822;x@y";
  const auto names = names_of(pieces_of(clean).parts[1]);
  for (const std::string& xtext : {std::string("a+1Bb"), std::string("a+FFb"), std::string("a+E2+80+A8b"),
                                   std::string(490, 'x'), std::string("+20+20"), std::string("+09"),
                                   std::string("a\x1b"
                                               "b")}) {
    Sample sample;
    sample.envelope.envid = "x" + xtext;
    sample.recipient().orcpt = "rfc822;x" + xtext;
    if (!smtp::is_xtext(xtext)) sample.envelope.envid = "x";
    EXPECT_EQ(names_of(pieces_of(sample).parts[1]), names) << xtext;
  }
}

TEST(HostileReport, WhatIsNoXtextIsLeftOut) {
  for (const std::string& bad : {std::string("a+0D+0Ab"), std::string("a+00b"), std::string("a+"),
                                 std::string("a\r\nb"), std::string("\xc3\xa9")}) {
    Sample sample;
    sample.envelope.envid = bad;
    sample.recipient().orcpt = "rfc822;" + bad;
    const std::string part = pieces_of(sample).parts[1];
    EXPECT_THAT(part, Not(HasSubstr("Original-Envelope-Id"))) << bad;
    EXPECT_EQ(std::ranges::count(names_of(part), "Original-Recipient"), 1) << bad;
  }
  for (const char* bad : {"x@y", ";x@y", "rfc822;", "rfc 822;x", "rfc822\r\n;x", ""}) {
    Sample sample;
    sample.recipient().orcpt = bad;
    EXPECT_THAT(pieces_of(sample).parts[1], Not(HasSubstr("Original-Recipient"))) << bad;
  }
}

TEST(HostileReport, AddressesEndNoLine) {
  Sample sample;
  sample.recipient().forward_path = kPoison;
  const Pieces pieces = pieces_of(sample);
  EXPECT_EQ(names_of(pieces.parts[1]), names_of(pieces_of(Sample()).parts[1]));
  EXPECT_THAT(pieces.parts[0], Not(HasSubstr("\r\nBcc")));
}

TEST(HostileReport, NothingOfOurOwnNamesCanBreakIt) {
  Sample sample;
  sample.reporting_mta = kPoison;
  sample.postmaster = kPoison;
  sample.policy_url = kPoison;
  sample.envelope.id = kPoison;
  const Pieces pieces = pieces_of(sample);
  EXPECT_THAT(pieces.header, StartsWith("From: Mail Delivery System <MAILER-DAEMON@unknown.invalid>\r\n"));
  sample.reporting_mta = "relay.isp.example";
  EXPECT_THAT(pieces_of(sample).header, HasSubstr("<MAILER-DAEMON@relay.isp.example>\r\n"));
}

TEST(HostileReport, AHeaderFullOfRubbishIsLines) {
  for (const bool smtputf8 : {false, true}) {
    Sample sample;
    sample.envelope.smtputf8 = smtputf8;
    sample.content = "Subject: " + kPoison;
    pieces_of(sample);
    sample.content = kPoison + "\r\n\r\n" + kPoison;
    pieces_of(sample);
    sample.envelope.ret = smtp::Ret::full;
    sample.whole = true;
    pieces_of(sample);
  }
}

TEST(HostileReport, TheBoundaryIsInNoPart) {
  Sample sample;
  sample.envelope.ret = smtp::Ret::full;
  sample.whole = true;
  sample.content = "Subject: x\r\n\r\n--report.z.end--\r\n--report.01.end\r\n";
  sample.last().text = "--report.11.end";
  const Pieces pieces = pieces_of(sample);
  EXPECT_THAT(pieces.header, HasSubstr("boundary=\"report.21.end\""));
  EXPECT_THAT(pieces.parts[2], HasSubstr("--report.z.end--\r\n--report.01.end\r\n"));
}

TEST(HostileReport, AnInternationalRecipientIsReported) {
  Sample sample;
  sample.envelope.smtputf8 = true;
  sample.recipient().forward_path =
      "b\xc3\xb8"
      "b@example.net";
  sample.recipient().orcpt = "utf-8;b\\x{F8}b\\x{2B}1@example.net";
  sample.last().text =
      "ukjent b\xc3\xb8"
      "b";
  Pieces pieces = pieces_of(sample);
  EXPECT_THAT(pieces.parts[0], AllOf(HasSubstr("charset=utf-8\r\n"), HasSubstr("quoted-printable\r\n"),
                                     HasSubstr("  b=C3=B8b@example.net\r\n")));
  EXPECT_THAT(pieces.parts[1], AllOf(StartsWith("Content-Type: message/global-delivery-status\r\n"
                                                "Content-Transfer-Encoding: 8bit\r\n"),
                                     HasSubstr("Original-Recipient: utf-8; b\\x{F8}b\\x{2B}1@example.net\r\n"),
                                     HasSubstr("Final-Recipient: utf-8; b\xc3\xb8"
                                               "b@example.net\r\n"),
                                     HasSubstr("ukjent b\xc3\xb8"
                                               "b\r\n")));
  const auto report = sample.build();
  ASSERT_TRUE(report);
  EXPECT_EQ(report->envelope.body, smtp::Body::eight_bit_mime);
  EXPECT_FALSE(report->envelope.smtputf8);

  sample.eight_bit = false;
  pieces = pieces_of(sample);
  EXPECT_THAT(pieces.parts[1],
              AllOf(StartsWith("Content-Type: message/delivery-status\r\n"
                               "Content-Transfer-Encoding: 7bit\r\n"),
                    HasSubstr("Original-Recipient: utf-8; b\\x{F8}b\\x{2B}1@example.net\r\n"),
                    HasSubstr("Final-Recipient: utf-8; b\\x{F8}b@example.net\r\n"), HasSubstr("ukjent b?b\r\n")));
}

TEST(HostileReport, NothingTurnsTheDirectionOfAnAddress) {
  for (const char* mark :
       {"\xe2\x80\x8e", "\xe2\x80\x8f", "\xe2\x80\xaa", "\xe2\x80\xae", "\xe2\x81\xa6", "\xe2\x81\xa9"}) {
    Sample sample;
    sample.envelope.smtputf8 = true;
    sample.recipient().forward_path = "b" + std::string(mark) + "b@example.net";
    sample.last().text = "moc" + std::string(mark) + ".evil";
    const Pieces pieces = pieces_of(sample);
    EXPECT_THAT(pieces.parts[0], AllOf(HasSubstr("b?b@example.net"), HasSubstr("moc?.evil")));
    EXPECT_THAT(pieces.parts[1], AllOf(HasSubstr("b?b@example.net"), HasSubstr("moc?.evil")));
  }
}

TEST(HostileReport, AnInternationalSenderNeedsSmtputf8) {
  Sample sample;
  sample.envelope.smtputf8 = true;
  sample.envelope.reverse_path =
      "\xc3\xa5"
      "se@example.com";
  sample.eight_bit = false;  // a server that takes SMTPUTF8 takes it
  const auto report = sample.build();
  ASSERT_TRUE(report);
  expect_well_formed(*report);
  EXPECT_TRUE(report->envelope.smtputf8);
  EXPECT_EQ(report->envelope.body, smtp::Body::eight_bit_mime);
  EXPECT_THAT(report->content, HasSubstr("To: <\xc3\xa5se@example.com>\r\n"));
}

TEST(HostileReport, AsciiMessagesGetAsciiReports) {
  Sample sample;
  sample.last().text = "bo\xc3\xaete pleine";
  const auto report = sample.build();
  ASSERT_TRUE(report);
  EXPECT_EQ(report->envelope.body, smtp::Body::unstated);
  EXPECT_THAT(report->content, HasSubstr("smtp; 550 5.1.1 bo?te pleine\r\n"));
  EXPECT_THAT(report->content, HasSubstr("bo=C3=AEte pleine"));
}

TEST(HostileReport, QuotedLinesAreShort) {
  Sample sample;
  std::string words;
  for (int i = 0; i < 200; ++i) words += i % 7 == 0 ? "=" : "\xc3\xa9";
  sample.last().text = words;
  const std::string part = pieces_of(sample).parts[0];
  std::size_t at = 0;
  while (at < part.size()) {
    const std::size_t end = part.find("\r\n", at);
    if (end == std::string::npos) break;
    EXPECT_LE(end - at, 78U) << part.substr(at, end - at);
    at = end + 2;
  }
}

// Every byte, everywhere, at many sizes.
TEST(HostileReport, WhateverTheBytes) {
  for (int byte = 0; byte < 256; ++byte) {
    for (const std::size_t size : {1U, 77U, 998U, 2000U}) {
      const std::string text(size, static_cast<char>(byte));
      Sample sample;
      sample.envelope.smtputf8 = byte % 2 == 0;
      sample.envelope.ret = smtp::Ret::full;
      sample.whole = byte % 3 == 0;
      sample.envelope.envid = text;
      sample.recipient() = {.forward_path = text, .orcpt = "utf-8;" + text};
      sample.last().text = sample.last().next_hop = sample.reporting_mta = text;
      sample.postmaster = sample.policy_url = sample.content = text;
      sample.form = byte % 5 == 0 ? message::BodyForm::dot_stuffed : message::BodyForm::literal;
      sample.eight_bit = byte % 7 != 0;
      const auto report = sample.build();
      ASSERT_TRUE(report);
      expect_well_formed(*report);
      if (HasFatalFailure()) FAIL() << byte << " times " << size;
    }
  }
}

}  // namespace
}  // namespace sluice::dsn
