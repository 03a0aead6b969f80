// The header's end and what is counted in it, for every way in which the bytes may arrive.
#include "engine/message/header_scan.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace sluice::message {
namespace {

struct Seen {
  HeaderState state;
  HeaderFault fault;
  std::size_t size;
  bool has_empty_line;
  HeaderCounts counts;
  std::string from;
  bool from_cut;
  bool from_spaced;
  std::vector<AuthorField> author_fields;
  std::vector<HeaderEdit> edits;
  friend bool operator==(const Seen&, const Seen&) = default;
};

Seen look(const HeaderScan& scan) {
  const bool complete = scan.state() == HeaderState::complete;
  return {scan.state(),
          scan.fault(),
          complete ? scan.header_size() : 0,
          scan.has_empty_line(),
          scan.counts(),
          std::string(scan.from_value()),
          scan.from_cut(),
          scan.from_space_before_colon(),
          {scan.author_fields().begin(), scan.author_fields().end()},
          {scan.edits().begin(), scan.edits().end()}};
}

// Feeds the pieces and ends the message.
Seen scan_pieces(const std::vector<std::string_view>& pieces, const HeaderScan::Options& options) {
  HeaderScan scan(options);
  for (const std::string_view piece : pieces) scan.feed(piece);
  scan.finish();
  return look(scan);
}

// Feeds `text` whole, in two pieces cut at every place, and byte by byte: all must see the same.
Seen scan_all_ways(std::string_view text, const HeaderScan::Options& options = {}) {
  const Seen whole = scan_pieces({text}, options);
  std::vector<std::string_view> bytes;
  for (std::size_t cut = 0; cut < text.size(); ++cut) {
    EXPECT_TRUE(scan_pieces({text.substr(0, cut), text.substr(cut)}, options) == whole) << "cut at " << cut;
    bytes.push_back(text.substr(cut, 1));
  }
  EXPECT_TRUE(scan_pieces(bytes, options) == whole) << "byte by byte";
  return whole;
}

constexpr HeaderScan::Options kStuffed{.dot_stuffed = true};

TEST(HeaderScan, EndsAfterTheEmptyLine) {
  const std::string header = "From: a@b.example\r\nSubject: x\r\n\r\n";
  const Seen seen = scan_all_ways(header + "Body\r\n\r\nFrom: c@d.example\r\n");
  EXPECT_EQ(seen.state, HeaderState::complete);
  EXPECT_EQ(seen.size, header.size());
  EXPECT_TRUE(seen.has_empty_line);
  EXPECT_EQ(seen.counts.fields, 2U);
  EXPECT_EQ(seen.counts.from, 1U);
  EXPECT_EQ(seen.from, " a@b.example");
}

TEST(HeaderScan, SaysNeedMoreUntilThenAndCompleteAtTheLastByte) {
  const std::string header = "From: a@b.example\r\n\r\n";
  HeaderScan scan;
  for (std::size_t i = 0; i + 1 < header.size(); ++i) {
    ASSERT_EQ(scan.feed(std::string_view(header).substr(i, 1)), HeaderState::need_more) << i;
  }
  EXPECT_EQ(scan.feed("\n"), HeaderState::complete);
  EXPECT_EQ(scan.feed("not a header line\r\n"), HeaderState::complete);
  EXPECT_EQ(scan.header_size(), header.size());
}

TEST(HeaderScan, EmptyHeaderIsTwoBytes) {
  const Seen seen = scan_all_ways("\r\nFrom: a@b.example\r\n");
  EXPECT_EQ(seen.state, HeaderState::complete);
  EXPECT_EQ(seen.size, 2U);
  EXPECT_EQ(seen.counts, HeaderCounts{});
}

TEST(HeaderScan, MessageWithoutBodyEndsWithItsHeader) {
  for (const std::string_view text :
       {"From: a@b.example\r\n", "From: a@b.example", "X-A: b\r\nFrom: a@b.example\r\n"}) {
    const Seen seen = scan_all_ways(text);
    EXPECT_EQ(seen.state, HeaderState::complete) << text;
    EXPECT_EQ(seen.size, text.size());
    EXPECT_FALSE(seen.has_empty_line);
    EXPECT_EQ(seen.from, " a@b.example");
  }
  EXPECT_EQ(scan_all_ways("").state, HeaderState::complete);
}

TEST(HeaderScan, CountsFieldsInAnyCase) {
  const Seen seen = scan_all_ways(
      "RECEIVED: 1\r\nreceived: 2\r\nReceived:3\r\nfrom: a@b\r\nSENDER: c\r\nReply-to: d\r\ndAtE: "
      "e\r\nMESSAGE-id: f\r\n"
      "Resent-From: g\r\nResent-Message-ID: h\r\nRESENT-X-Anything-At-All-However-Long-It-May-Be: "
      "i\r\n\r\n");
  const HeaderCounts expected{
      .fields = 11, .from = 1, .sender = 1, .reply_to = 1, .date = 1, .message_id = 1, .received = 3, .resent = 3};
  EXPECT_EQ(seen.counts, expected);
}

TEST(HeaderScan, NamesThatOnlyResembleAreNotCounted) {
  const Seen seen = scan_all_ways(
      "X-From: a\r\nFrom-X: a\r\nFro: a\r\nFrom.: a\r\nFro\x4d-: a\r\nResent: a\r\nResent-: "
      "a\r\nMessage_ID: a\r\n"
      "Message-ID-And-A-Name-That-Is-Longer-Than-What-Is-Kept-Of-It: a\r\nMessage\x4d"
      "ID: a\r\n\r\n");
  EXPECT_EQ(seen.counts, HeaderCounts{.fields = 10});
}

TEST(HeaderScan, FiftyReceivedFieldsOfALoopAreCounted) {
  std::string text;
  for (int i = 0; i < 51; ++i) text += "Received: from a by b\r\n\twith SMTP; today\r\n";
  EXPECT_EQ(scan_all_ways(text + "\r\n").counts.received, 51U);
}

TEST(HeaderScan, FieldsInsideAContinuationAreNotFields) {
  const Seen seen = scan_all_ways("Subject: a\r\n From: a@b.example\r\n\tFrom: c@d.example\r\n\r\n");
  EXPECT_EQ(seen.counts, HeaderCounts{.fields = 1});
}

TEST(HeaderScan, KeepsFromWithItsFolding) {
  const Seen seen = scan_all_ways("From:\r\n \"A\r\n\tB\"\r\n <a@b.example>\r\nSubject: x\r\n y\r\n\r\n");
  EXPECT_EQ(seen.from, "\r\n \"A\r\n\tB\"\r\n <a@b.example>");
  EXPECT_EQ(scan_all_ways("From:\r\n\r\n").from, "");
}

TEST(HeaderScan, SecondFromIsCountedAndTheFirstIsKept) {
  const Seen seen = scan_all_ways("From: a@b.example\r\nTo: x\r\nFROM: c@d.example\r\n e\r\n\r\n");
  EXPECT_EQ(seen.counts.from, 2U);
  EXPECT_EQ(seen.from, " a@b.example");
}

TEST(HeaderScan, SpaceBeforeTheColonIsStillFrom) {
  for (const std::string_view text : {"From : a@b.example\r\n\r\n", "from \t : a@b.example\r\n\r\n"}) {
    const Seen seen = scan_all_ways(text);
    EXPECT_EQ(seen.counts.from, 1U);
    EXPECT_TRUE(seen.from_spaced);
  }
  const Seen second = scan_all_ways("From: a@b.example\r\nFrom : c@d.example\r\n\r\n");
  EXPECT_EQ(second.counts.from, 2U);
  EXPECT_TRUE(second.from_spaced);
  EXPECT_TRUE(scan_all_ways("From : a@b.example\r\nFrom: c@d.example\r\n\r\n").from_spaced);
  EXPECT_FALSE(scan_all_ways("Subject : x\r\nFrom: a@b.example\r\n\r\n").from_spaced);
}

TEST(HeaderScan, MalformedLinesAreRefusedWithTheReason) {
  using namespace std::string_view_literals;
  const struct {
    std::string_view text;
    HeaderFault fault;
  } rows[] = {
      {" From: a@b.example\r\n\r\n"sv, HeaderFault::leading_space},
      {"\tFrom: a@b.example\r\n\r\n"sv, HeaderFault::leading_space},
      {" \r\nFrom: a@b.example\r\n\r\n"sv, HeaderFault::leading_space},
      {": x\r\n\r\n"sv, HeaderFault::no_field_name},
      {"no colon\r\n\r\n"sv, HeaderFault::no_colon},
      {"word\r\n\r\n"sv, HeaderFault::no_colon},
      {"word"sv, HeaderFault::no_colon},
      {"word "sv, HeaderFault::no_colon},
      {"From a@b.example Mon Jan 1\r\nFrom root Mon Jan 1\r\n\r\n"sv, HeaderFault::no_colon},
      {"from a@b.example Mon Jan 1\r\n\r\n"sv, HeaderFault::no_colon},
      {">>From a@b.example Mon Jan 1\r\n\r\n"sv, HeaderFault::no_colon},
      {"From \r\n : a@b.example\r\n\r\n"sv, HeaderFault::no_colon},
      {"Fr om: a@b.example\r\n\r\n"sv, HeaderFault::no_colon},
      {"From\0: a@b.example\r\n\r\n"sv, HeaderFault::bad_field_name},
      {"\0From: a@b.example\r\n\r\n"sv, HeaderFault::bad_field_name},
      {"Fr\xC3\xB6m: a@b.example\r\n\r\n"sv, HeaderFault::bad_field_name},
      {"\xEF\xBB\xBF"
       "From: a@b.example\r\n\r\n"sv,
       HeaderFault::bad_field_name},
      {"From\x7F: a\r\n\r\n"sv, HeaderFault::bad_field_name},
      {"From: a@b.example\n\r\n"sv, HeaderFault::bare_line_end},
      {"From:\n\r\n"sv, HeaderFault::bare_line_end},
      {"From\n: a\r\n\r\n"sv, HeaderFault::bare_line_end},
      {"X: a\r\n\n"sv, HeaderFault::bare_line_end},
      {"X: a\r\n \n"sv, HeaderFault::bare_line_end},
      {"X: a\r\n\rFrom: a\r\n\r\n"sv, HeaderFault::bare_line_end},
      {"X: a\r"sv, HeaderFault::bare_line_end},
      {"X: a\r\n\r"sv, HeaderFault::bare_line_end},
  };
  for (const auto& row : rows) {
    const Seen seen = scan_all_ways(row.text);
    EXPECT_EQ(seen.state, HeaderState::malformed) << row.text;
    EXPECT_EQ(seen.fault, row.fault) << row.text << ": " << header_fault_text(seen.fault);
    EXPECT_FALSE(header_fault_text(row.fault).empty());
  }
}

TEST(HeaderScan, NothingAfterAMalformedLineIsBelieved) {
  HeaderScan scan;
  EXPECT_EQ(scan.feed("bad line\r\nFrom: a@b.example\r\n\r\n"), HeaderState::malformed);
  EXPECT_EQ(scan.feed("\r\n\r\n"), HeaderState::malformed);
  EXPECT_EQ(scan.finish(), HeaderState::malformed);
  EXPECT_EQ(scan.counts().from, 0U);
}

// RFC 5321 4.5.2: the next hop deletes the first dot of every line, whatever follows it.
TEST(HeaderScan, StuffedDotCannotHideAField) {
  const Seen seen = scan_all_ways(".From: a@b.example\r\nFrom: c@d.example\r\n\r\n", kStuffed);
  EXPECT_EQ(seen.counts.from, 2U);
  EXPECT_EQ(scan_all_ways("From: a@b.example\r\n. c\r\n\r\n", kStuffed).from, " a@b.example\r\n c");
  EXPECT_EQ(scan_all_ways(". From: a@b.example\r\n\r\n", kStuffed).fault, HeaderFault::leading_space);
}

TEST(HeaderScan, StuffedFieldNameMayBeginWithADot) {
  EXPECT_EQ(scan_all_ways("..From: a@b.example\r\n\r\n", kStuffed).counts, HeaderCounts{.fields = 1});
  EXPECT_EQ(scan_all_ways(".From: a@b.example\r\n\r\n").counts, HeaderCounts{.fields = 1});
}

TEST(HeaderScan, StuffedHeaderSizeCountsBytesOnTheWire) {
  const std::string header = "..X: a\r\nFrom: a@b.example\r\n\r\n";
  EXPECT_EQ(scan_all_ways(header + "..\r\n", kStuffed).size, header.size());
}

TEST(HeaderScan, EndOfDataIsNotPartOfTheHeader) {
  EXPECT_EQ(scan_all_ways("From: a@b.example\r\n.\r\n", kStuffed).fault, HeaderFault::lone_dot);
  EXPECT_EQ(scan_all_ways("From: a@b.example\r\n.", kStuffed).fault, HeaderFault::lone_dot);
}

TEST(HeaderScan, LimitHoldsToTheByte) {
  const std::string header = "From: a@b.example\r\nSubject: x\r\n\r\n";
  EXPECT_EQ(scan_all_ways(header + "body", {.header_bytes_max = header.size()}).state, HeaderState::complete);
  EXPECT_EQ(scan_all_ways(header + "body", {.header_bytes_max = header.size() - 1}).state, HeaderState::too_large);
  const std::string no_body = "From: a@b.example\r\n";
  EXPECT_EQ(scan_all_ways(no_body, {.header_bytes_max = no_body.size()}).state, HeaderState::complete);
  EXPECT_EQ(scan_all_ways(no_body, {.header_bytes_max = no_body.size() - 1}).state, HeaderState::too_large);
}

TEST(HeaderScan, HeaderOfHundredMegabytesAndLineWithoutEndStopAtTheLimit) {
  const std::string block = [] {
    std::string lines;
    while (lines.size() < 64 * 1024) lines += "X-Filler: abcdefghijklmnopqrstuvwxyz\r\n";
    return lines;
  }();
  const std::string no_line_end(64 * 1024, 'a');
  for (const std::string& piece : {block, no_line_end}) {
    HeaderScan scan;
    std::size_t fed = 0;
    while (fed < 100'000'000 && scan.feed(piece) == HeaderState::need_more) fed += piece.size();
    EXPECT_EQ(scan.state(), HeaderState::too_large);
    EXPECT_LE(fed, 256U * 1024);
  }
}

TEST(HeaderScan, LongFromIsCutAndSaysSo) {
  const std::string value = " " + std::string(99, 'a');
  const Seen fits = scan_all_ways("From:" + value + "\r\n\r\n", {.from_bytes_max = 102});
  EXPECT_FALSE(fits.from_cut);
  EXPECT_EQ(fits.from, value);
  const Seen cut = scan_all_ways("From:" + value + "a\r\n\r\n", {.from_bytes_max = 102});
  EXPECT_TRUE(cut.from_cut);
  EXPECT_LE(cut.from.size(), 102U);
}

TEST(HeaderScan, ResetForgetsTheMessageBefore) {
  HeaderScan scan;
  scan.feed("From root\r\nFrom : a@b.example\r\nSender: x\r\n \r\nDate: x\n");
  ASSERT_EQ(scan.state(), HeaderState::malformed);
  scan.reset({.dot_stuffed = true});
  scan.feed("..X: y\r\n\r\n");
  scan.finish();
  EXPECT_TRUE(look(scan) == scan_pieces({"..X: y\r\n\r\n"}, kStuffed));
}

// The cost is that of finding line ends: a run for each name and each value, however long.
TEST(HeaderScan, StepsGrowWithLinesNotWithTheirLength) {
  constexpr std::size_t kBytes = 8 * 1024 * 1024;
  HeaderScan one_line({.header_bytes_max = 2 * kBytes});
  EXPECT_EQ(one_line.feed("X: " + std::string(kBytes, 'a') + "\r\n\r\n"), HeaderState::complete);
  EXPECT_LE(one_line.steps(), 8U);

  constexpr std::size_t kLines = 100'000;
  std::string text;
  for (std::size_t i = 0; i < kLines; ++i) text += "To: a@b.example,\r\n c@d.example\r\n";
  HeaderScan many_lines({.header_bytes_max = 2 * kBytes});
  EXPECT_EQ(many_lines.feed(text + "\r\n"), HeaderState::complete);
  EXPECT_LE(many_lines.steps(), 8 * kLines);

  HeaderScan bytes({.header_bytes_max = 2 * kBytes});
  for (const char& byte : text) bytes.feed({&byte, 1});
  EXPECT_LE(bytes.steps(), 2 * text.size());
}

TEST(HeaderScanTest, KeepsTheFirstMessageId) {
  const std::pair<std::string, std::string> cases[] = {
      {"From: a@b\r\nMessage-ID: <1@b>\r\nSubject: x\r\n\r\n", "<1@b>"},
      {"message-id:\r\n\t<folded@b> \r\nMessage-ID: <second@b>\r\n\r\n", "<folded@b>"},
      {"X-Message-ID: <1@b>\r\nSubject: <2@b>\r\n\r\n", ""},
      {"Message-ID:\r\n\r\n", ""},
      {"Message-ID: " + std::string(900, 'i') + "\r\n\r\n", std::string(kMessageIdBytesMax, 'i')}};
  for (const auto& [header, id] : cases) {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, header.size()}) {
      HeaderScan scan;
      for (std::size_t at = 0; at < header.size(); at += piece) scan.feed(std::string_view(header).substr(at, piece));
      ASSERT_EQ(scan.state(), HeaderState::complete) << header;
      EXPECT_EQ(scan.message_id(), id) << header;
      scan.reset({});
      EXPECT_EQ(scan.message_id(), "");
    }
  }
}

}  // namespace
}  // namespace sluice::message
