// The fields that the relay inserts, and what a client might try to put into them.
#include "engine/message/trace.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "engine/message/header_scan.h"

namespace sluice::message {
namespace {

constexpr WallMillis kTime = 1'057'056'757'999;  // Tue, 01 Jul 2003 10:52:37 +0000

ReceivedField sample() {
  return {.helo = "laptop.customer.example",
          .client_ip = "192.0.2.1",
          .by_host = "relay.isp.example",
          .queue_id = "4Fq2x-1",
          .tls_version = "TLSv1.3",
          .tls_cipher = "TLS_AES_128_GCM_SHA256",
          .only_recipient = "rcpt@other.example",
          .tls = true,
          .authenticated = true,
          .time = kTime};
}

std::string received(const ReceivedField& field) {
  std::string out;
  append_received(out, field);
  return out;
}

std::string unfolded(std::string text) {
  for (std::size_t at = 0; (at = text.find("\r\n\t", at)) != std::string::npos;) text.replace(at, 3, " ");
  return text;
}

// Whatever is inserted: whole lines, folded well, no control, no dot in front, one field.
void expect_well_formed(std::string_view out, bool eight_bit_allowed = false) {
  ASSERT_TRUE(out.ends_with("\r\n")) << out;
  HeaderScan scan({.dot_stuffed = true});
  scan.feed(out);
  EXPECT_EQ(scan.finish(), HeaderState::complete) << out;
  EXPECT_EQ(scan.counts().fields, 1U) << out;
  std::string_view rest = out;
  while (!rest.empty()) {
    const std::size_t end = rest.find("\r\n");
    ASSERT_NE(end, std::string_view::npos);
    const std::string_view line = rest.substr(0, end);
    EXPECT_LE(line.size(), 998U);
    EXPECT_FALSE(line.empty());
    EXPECT_NE(line.find_first_not_of(" \t"), std::string_view::npos) << out;
    EXPECT_NE(line.front(), '.');
    for (const char c : line) {
      const auto byte = static_cast<unsigned char>(c);
      EXPECT_TRUE((byte >= 0x20 && byte < 0x7F) || c == '\t' || (eight_bit_allowed && byte >= 0x80)) << out;
    }
    rest.remove_prefix(end + 2);
  }
}

std::size_t longest_line(std::string_view out) {
  std::size_t longest = 0;
  for (std::size_t at = 0; at < out.size();) {
    const std::size_t end = out.find("\r\n", at);
    longest = std::max(longest, end - at);
    at = end + 2;
  }
  return longest;
}

TEST(Received, OfASubmission) {
  EXPECT_EQ(received(sample()),
            "Received: from laptop.customer.example ([192.0.2.1])\r\n"
            "\tby relay.isp.example (Sluice) with ESMTPSA (TLSv1.3) id 4Fq2x-1\r\n"
            "\tfor <rcpt@other.example> tls TLS_AES_128_GCM_SHA256;\r\n"
            "\tTue, 01 Jul 2003 10:52:37 +0000\r\n");
  expect_well_formed(received(sample()));
}

TEST(Received, AppendsAndLeavesWhatIsThere) {
  std::string out = "X: y\r\n";
  append_received(out, sample());
  EXPECT_EQ(out, "X: y\r\n" + received(sample()));
}

TEST(Received, ShortOneIsNotFoldedWithoutNeed) {
  EXPECT_EQ(received({.helo = "a", .client_ip = "192.0.2.1", .by_host = "b", .time = kTime}),
            "Received: from a ([192.0.2.1]) by b (Sluice) with ESMTP;\r\n\tTue, 01 Jul 2003 "
            "10:52:37 +0000\r\n");
}

TEST(Received, WithWordsOfRfc3848And6531) {
  const auto with = [](bool esmtp, bool tls, bool authenticated, bool smtputf8) {
    return with_protocol({.esmtp = esmtp, .tls = tls, .authenticated = authenticated, .smtputf8 = smtputf8});
  };
  EXPECT_EQ(with(false, false, false, false), "SMTP");
  EXPECT_EQ(with(true, false, false, false), "ESMTP");
  EXPECT_EQ(with(true, false, true, false), "ESMTPA");
  EXPECT_EQ(with(true, true, false, false), "ESMTPS");
  EXPECT_EQ(with(true, true, true, false), "ESMTPSA");
  EXPECT_EQ(with(true, false, false, true), "UTF8SMTP");
  EXPECT_EQ(with(true, false, true, true), "UTF8SMTPA");
  EXPECT_EQ(with(true, true, false, true), "UTF8SMTPS");
  EXPECT_EQ(with(true, true, true, true), "UTF8SMTPSA");
}

TEST(Received, AddressLiterals) {
  ReceivedField field = sample();
  field.helo = "[192.0.2.7]";
  field.client_ip = "2001:db8::1";
  EXPECT_TRUE(unfolded(received(field)).starts_with("Received: from [192.0.2.7] ([IPv6:2001:db8::1]) by "));
  field.helo = "";
  EXPECT_TRUE(unfolded(received(field)).starts_with("Received: from [IPv6:2001:db8::1] ([IPv6:2001:db8::1]) by "));
  field.client_ip = "";
  EXPECT_TRUE(received(field).starts_with("Received: from unknown by relay.isp.example (Sluice) "));
}

TEST(Received, HiddenClientIsNowhereInIt) {
  ReceivedField field = sample();
  field.hide_client = true;
  const std::string out = received(field);
  expect_well_formed(out);
  EXPECT_FALSE(out.contains("192.0.2.1"));
  EXPECT_FALSE(out.contains("laptop"));
  EXPECT_TRUE(
      unfolded(out).starts_with("Received: from relay.isp.example (client not shown) by "
                                "relay.isp.example (Sluice) with ESMTPSA"));
}

TEST(Received, OneRecipientOrNone) {
  ReceivedField field = sample();
  field.only_recipient = "";
  EXPECT_FALSE(unfolded(received(field)).contains(" for "));
  // Better no clause than another address.
  for (const std::string_view odd : {"a>, <b@c.example", "a\r\nX: y@b.example", "a b@c.example", "(a@b.example",
                                     "a@b.example;", "\"a b\"@c.example", "j\xC3\xB6rg@b.example", "a\x7F@b.example"}) {
    field.only_recipient = odd;
    EXPECT_FALSE(unfolded(received(field)).contains(" for ")) << odd;
    expect_well_formed(received(field));
  }
  const std::string too_long = std::string(400, 'a') + "@b.example";
  field.only_recipient = too_long;
  EXPECT_FALSE(unfolded(received(field)).contains(" for "));
  field.only_recipient = "a@[IPv6:2001:db8::1]";
  EXPECT_TRUE(unfolded(received(field)).contains(" for <a@[IPv6:2001:db8::1]> "));
}

// With SMTPUTF8 it went raw to next hops that do not have that, although nothing else in the message needed it.
TEST(Received, IsAlwaysAscii) {
  ReceivedField field = sample();
  field.helo =
      "b\xC3\xBC"
      "cher.example";
  field.only_recipient = "j\xC3\xB6rg@b.example";
  expect_well_formed(received(field));
  // With SMTPUTF8 or without: our own fields need none.
  EXPECT_TRUE(received(field).contains("from xn--bcher-kva.example "));
  field.smtputf8 = true;
  expect_well_formed(received(field));
  EXPECT_TRUE(received(field).contains("from xn--bcher-kva.example "));
  EXPECT_FALSE(received(field).contains("for <"));
  field.only_recipient =
      "bob@b\xC3\xBC"
      "cher.example";
  expect_well_formed(received(field));
  EXPECT_TRUE(received(field).contains("for <bob@xn--bcher-kva.example>"));
  field.helo =
      "b\xFC"
      "cher.example";
  EXPECT_TRUE(received(field).contains("from b?cher.example "));
  field.only_recipient = "j\xF6rg@b.example";
  EXPECT_FALSE(unfolded(received(field)).contains(" for "));
}

TEST(Received, TlsWithoutARegisteredCipherName) {
  ReceivedField field = sample();
  field.tls_cipher = "ECDHE-RSA-AES128-GCM-SHA256";
  EXPECT_TRUE(unfolded(received(field)).contains("with ESMTPSA (TLSv1.3 ECDHE-RSA-AES128-GCM-SHA256) id "));
  field.tls_cipher = "a) by evil (";
  EXPECT_TRUE(unfolded(received(field)).contains("(TLSv1.3 a\\) by evil \\()"));
  field.tls_cipher = "";
  EXPECT_TRUE(unfolded(received(field)).contains("(TLSv1.3) id "));
  field.tls_version = "";
  EXPECT_TRUE(unfolded(received(field)).contains("with ESMTPSA id "));
}

// Every value in turn is every byte, a way out of the line, and far too long.
TEST(Received, NoValueCanEndALineOrAComment) {
  std::string every_byte;
  for (int byte = 0; byte < 256; ++byte) every_byte += static_cast<char>(byte);
  const std::string attacks[] = {every_byte,
                                 "x\r\nFrom: victim@bank.example\r\n\r\n.\r\n",
                                 "x) from y (",
                                 "[x\r\n]",
                                 std::string(5000, 'a'),
                                 std::string(5000, '('),
                                 "[" + std::string(5000, ':') + "]"};
  std::string_view ReceivedField::* const members[] = {
      &ReceivedField::helo,        &ReceivedField::client_ip,  &ReceivedField::by_host,       &ReceivedField::queue_id,
      &ReceivedField::tls_version, &ReceivedField::tls_cipher, &ReceivedField::only_recipient};
  for (const auto member : members) {
    for (const std::string& attack : attacks) {
      for (const bool smtputf8 : {false, true}) {
        ReceivedField field = sample();
        field.smtputf8 = smtputf8;
        field.*member = attack;
        expect_well_formed(received(field), smtputf8);
      }
    }
  }
}

TEST(Received, LinesStayWithin78WhereTheWordsDo) {
  for (std::size_t size = 1; size < 76; ++size) {
    const std::string word(size, 'a');
    ReceivedField field = sample();
    field.helo = field.by_host = word;
    field.queue_id = std::string_view(word).substr(0, 60);
    for (const std::string_view cipher : {"TLS_AES_128_GCM_SHA256", "AES128-SHA", ""}) {
      field.tls_cipher = cipher;
      EXPECT_LE(longest_line(received(field)), 78U) << received(field);
      expect_well_formed(received(field));
    }
  }
}

TEST(Received, FoldingLosesNothing) {
  ReceivedField field = sample();
  const std::string longest(255, 'a');
  field.helo = field.by_host = longest;
  EXPECT_EQ(unfolded(received(field)), "Received: from " + longest + " ([192.0.2.1]) by " + longest +
                                           " (Sluice) with ESMTPSA (TLSv1.3) id 4Fq2x-1 for "
                                           "<rcpt@other.example> tls TLS_AES_128_GCM_SHA256; "
                                           "Tue, 01 Jul 2003 10:52:37 +0000\r\n");
}

TEST(Date, FieldIsOneLine) {
  std::string out;
  append_date(out, kTime);
  EXPECT_EQ(out, "Date: Tue, 01 Jul 2003 10:52:37 +0000\r\n");
  out.clear();
  append_date(out, -1);
  EXPECT_EQ(out, "Date: Wed, 31 Dec 1969 23:59:59 +0000\r\n");
}

TEST(MessageId, HasTimeRandomBitsAndQueueId) {
  std::string out;
  append_message_id(
      out, {.time = kTime, .random = 0xFFFF'FFFF'FFFF'FFFF, .queue_id = "4Fq2x-1", .host = "relay.isp.example"});
  EXPECT_EQ(out, "Message-ID: <1057056757.3w5e11264sgsf.4Fq2x-1@relay.isp.example>\r\n");
  out.clear();
  append_message_id(out, {});
  EXPECT_EQ(out, "Message-ID: <0.0@unknown.invalid>\r\n");
}

TEST(MessageId, ValuesCannotEndIt) {
  std::string out;
  append_message_id(out, {.time = -5, .random = 1, .queue_id = "..>\r\n(", .host = "a>\r\nb \xC3\xBC"});
  EXPECT_EQ(out,
            "Message-ID: <0.1.??????@"
            "a???b???"
            ">\r\n");
  expect_well_formed(out);
}

}  // namespace
}  // namespace sluice::message
