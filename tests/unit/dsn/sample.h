// A message and what became of it, for the tests of reports; and what is true of every report.
#pragma once

#include <gtest/gtest.h>

#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/dsn/dsn.h"

namespace sluice::dsn {

constexpr WallMillis kArrived = 1'057'056'757'999;  // Tue, 01 Jul 2003 10:52:37 +0000

// A failure of bob@example.net, of a message with a small header, sent by alice@example.com.
struct Sample {
  message::Envelope envelope;
  message::DeliveryStatus status;
  ReportKind kind = ReportKind::failure;
  std::string content = "From: alice@example.com\r\nSubject: Lunch\r\n";
  bool whole = false;
  message::BodyForm form = message::BodyForm::literal;
  bool eight_bit = true;
  bool original_eight_bit = false;
  std::string reporting_mta = "relay.isp.example";
  std::string postmaster = "MAILER-DAEMON@isp.example";
  std::string policy_url;
  WallMillis retry_until = 0;
  std::uint64_t random = 35;  // "z"

  Sample() {
    envelope.id = "0ORIGINAL";
    envelope.reverse_path = "alice@example.com";
    add("bob@example.net");
    last() = {.fate = message::Fate::failed,
              .code = 550,
              .enhanced = {5, 1, 1},
              .text = "No such user",
              .next_hop = "mx.example.net:25",
              .at = kArrived + 1000};
  }

  void add(std::string address) {
    envelope.recipients.push_back({.forward_path = std::move(address)});
    status.recipients.emplace_back();
  }
  message::Recipient& recipient() { return envelope.recipients.back(); }
  message::RecipientStatus& last() { return status.recipients.back(); }

  // About every recipient.
  [[nodiscard]] std::optional<Report> build() const {
    std::vector<std::size_t> all(envelope.recipients.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    return build_report({.envelope = envelope,
                         .status = status,
                         .kind = kind,
                         .recipients = all,
                         .header_or_content = content,
                         .content_is_whole = whole,
                         .form = form,
                         .eight_bit = eight_bit,
                         .original_eight_bit = original_eight_bit,
                         .reporting_mta = reporting_mta,
                         .queue_id = "0REPORT",
                         .arrived = kArrived,
                         .now = kArrived + 2000,
                         .retry_until = retry_until,
                         .random = random,
                         .postmaster = postmaster,
                         .policy_url = policy_url});
  }
};

// Whole lines that end in CRLF, none too long, no NUL, no bare CR or LF, and no 8-bit byte that
// the envelope does not announce.
inline void expect_well_formed(const Report& report) {
  const std::string& text = report.content;
  ASSERT_TRUE(text.ends_with("\r\n"));
  bool eight_bit = false;
  std::size_t line = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    ASSERT_NE(text[i], '\0') << "at " << i;
    if (static_cast<unsigned char>(text[i]) >= 0x80) eight_bit = true;
    if (text[i] == '\n') {
      ASSERT_TRUE(i > 0 && text[i - 1] == '\r') << "a bare LF at " << i;
      ASSERT_LE(i - 1 - line, 998U) << text.substr(line, 80);
      line = i + 1;
    }
    if (text[i] == '\r') {
      ASSERT_TRUE(i + 1 < text.size() && text[i + 1] == '\n') << "a bare CR at " << i;
    }
  }
  if (eight_bit) {
    EXPECT_EQ(report.envelope.body, smtp::Body::eight_bit_mime);
  }
  EXPECT_TRUE(report.envelope.reverse_path.empty());
  EXPECT_EQ(report.envelope.recipients.size(), 1U);
  EXPECT_EQ(report.envelope.size, text.size());
}

// The header of a report, and its parts, each with its own fields.
struct Pieces {
  std::string header;
  std::vector<std::string> parts;
};

inline Pieces take_apart(const std::string& content) {
  Pieces pieces;
  const std::size_t end = content.find("\r\n\r\n");
  pieces.header = content.substr(0, end + 2);
  const std::size_t name = pieces.header.find("boundary=\"") + 10;
  const std::string line = "\r\n--" + pieces.header.substr(name, pieces.header.find('"', name) - name);
  std::string rest = content.substr(end + 2);
  EXPECT_TRUE(rest.starts_with(line + "\r\n"));
  EXPECT_TRUE(rest.ends_with(line + "--\r\n"));
  for (;;) {
    rest = rest.substr(line.size() + 2);
    const std::size_t next = rest.find(line);
    if (next == std::string::npos) break;
    pieces.parts.push_back(rest.substr(0, next));
    rest = rest.substr(next);
  }
  return pieces;
}

// Words without the line ends between them.
inline std::string unwrapped(std::string text) {
  for (std::size_t at = 0; (at = text.find("\r\n", at)) != std::string::npos;)
    text.replace(at, text.substr(at + 2).starts_with(' ') ? 3 : 2, " ");
  return text;
}

// Builds it, checks it, takes it apart.
inline Pieces pieces_of(const Sample& sample) {
  const auto report = sample.build();
  EXPECT_TRUE(report.has_value());
  if (!report) return {};
  expect_well_formed(*report);
  Pieces pieces = take_apart(report->content);
  pieces.parts.resize(3);
  return pieces;
}

}  // namespace sluice::dsn
