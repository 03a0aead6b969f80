// Headers that are mended on their way: what goes on is what every reader reads alike.
#include "engine/message/header_edit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "engine/message/header_scan.h"

namespace sluice::message {
namespace {

Chain chain_of(std::string_view text, std::size_t piece) {
  Chain chain;
  for (; !text.empty(); text.remove_prefix(std::min(piece, text.size()))) {
    Chain one;
    one.append_copy(text.substr(0, piece));
    chain.append(std::move(one));
  }
  return chain;
}

// `text` as it goes on, fed in pieces of every size; "malformed" where it does not.
std::string mended(std::string_view text, bool dot_stuffed = false) {
  std::string result;
  for (std::size_t piece = text.size() + 1; piece > 0; --piece) {
    HeaderScan scan({.dot_stuffed = dot_stuffed});
    for (std::size_t at = 0; at < text.size(); at += piece) scan.feed(text.substr(at, piece));
    scan.finish();
    std::string now = "malformed";
    if (scan.state() == HeaderState::complete) {
      Chain out;
      append_edited(chain_of(text, piece), {scan.edits().begin(), scan.edits().end()}, out);
      now = out.to_string();
    }
    if (piece == text.size() + 1) result = now;
    EXPECT_EQ(now, result) << "in pieces of " << piece;
  }
  return result;
}

TEST(HeaderEdit, RemovesAndInsertsInAnyOrder) {
  Chain out;
  append_edited(chain_of("0123456789", 3),
                {{.at = 8, .insert = "x"}, {.at = 2, .remove = 3}, {.at = 4, .remove = 2}, {.at = 10, .insert = "y"}},
                out);
  EXPECT_EQ(out.to_string(), "0167x89y");
}

TEST(HeaderEdit, LeavesAProperHeaderAsItIs) {
  for (const std::string_view text :
       {"From: a@b.example\r\n\r\nFrom root Mon\r\n \r\nno field\r\n", "From: a@b.example\r\n", "\r\nx\r\n",
        "From: a@b.example\r\nSubject: x\r\n y\r\n\r\n"})
    EXPECT_EQ(mended(text), text);
}

// ------------------------------------------------------------------------------------------ the line of a mailbox file

// 550 for what Unix programs have always sent.
TEST(HeaderEdit, TheFirstLineOfAMailboxFileGoes) {
  EXPECT_EQ(mended("From root Mon Nov 24 10:00:00 2025\r\nFrom: a@b.example\r\n\r\nx\r\n"),
            "From: a@b.example\r\n\r\nx\r\n");
  EXPECT_EQ(mended(">From root  Mon Nov 24\r\nFrom: a@b.example\r\n"), "From: a@b.example\r\n");
  EXPECT_EQ(mended("From  root@x.example:\r\nSubject: a\r\n\r\n"), "Subject: a\r\n\r\n");
  EXPECT_EQ(mended(".From root Mon Nov 24\r\n.From: a@b.example\r\n\r\n", true), ".From: a@b.example\r\n\r\n");
  EXPECT_EQ(mended("From root"), "");
}

TEST(HeaderEdit, OnlyTheFirstAndOnlyWhatIsOne) {
  EXPECT_EQ(mended("From a Mon\r\nFrom b Mon\r\nFrom: a@b.example\r\n\r\n"), "malformed");
  EXPECT_EQ(mended("From a Mon\r\n>From b Mon\r\nFrom: a@b.example\r\n\r\n"), "malformed");
  EXPECT_EQ(mended("From root Mon\r\n continued\r\nFrom: a@b.example\r\n\r\n"), "malformed");
  EXPECT_EQ(mended("From root Mon\nFrom: a@b.example\r\n\r\n"), "malformed");
  for (const std::string_view text :
       {"FROM root Mon\r\nFrom: a@b.example\r\n\r\n", "From\troot\r\n", "From \r\n", "Fromage x\r\n"})
    EXPECT_EQ(mended(text), text == "From\troot\r\n" ? "" : "malformed") << text;
  // A field with a space before its colon stays one.
  EXPECT_EQ(mended("From : a@b.example\r\n\r\n"), "From : a@b.example\r\n\r\n");
  EXPECT_EQ(mended("To: x\r\nFrom root Mon\r\nFrom: c@d.example\r\n\r\n"),
            "To: x\r\n\r\nFrom root Mon\r\nFrom: c@d.example\r\n\r\n");
}

// ------------------------------------------------------------------------------------------ no empty line

// 550 for a script that forgot it.
TEST(HeaderEdit, AnEmptyLineComesBeforeTheFirstLineThatIsNoField) {
  const std::string from = "From: a@b.example\r\n";
  for (const std::string_view body :
       {"Hello there,\r\nhow are you?\r\n", "Dear Sir: hello\r\n\r\nx\r\n", ":-)\r\n", "Gr\xc3\xbc\xc3\237e: hallo\r\n",
        "word\r\n", "word", "word ", "two words", "\x7f\r\n", "..\r\n", "From root Mon\r\n"})
    EXPECT_EQ(mended(from + std::string(body)), from + "\r\n" + std::string(body));
  EXPECT_EQ(mended("From: a@b.example\r\nSubject: x\r\n y\r\nHello there\r\nFrom: victim@bank.example\r\n\r\n"),
            "From: a@b.example\r\nSubject: x\r\n y\r\n\r\nHello there\r\nFrom: victim@bank.example\r\n\r\n");
  EXPECT_EQ(mended("From: a@b.example\r\n.hello there\r\n", true), "From: a@b.example\r\n\r\n.hello there\r\n");
  EXPECT_EQ(mended("From: a@b.example\r\n..\r\nFrom: x\r\n", true), "From: a@b.example\r\n\r\n..\r\nFrom: x\r\n");
}

TEST(HeaderEdit, WhatComesBehindIsNotOfTheHeader) {
  HeaderScan scan;
  EXPECT_EQ(scan.feed("From: a@b.example\r\nno field\r\nFrom: c@d.example\r\nSender: e@f.example\r\n\r\n"),
            HeaderState::complete);
  EXPECT_EQ(scan.counts().from, 1U);
  EXPECT_TRUE(scan.author_fields().empty());
  EXPECT_EQ(scan.header_size(), 19U);
  EXPECT_TRUE(scan.has_empty_line());
}

TEST(HeaderEdit, NoFieldAtAllIsNoHeader) {
  for (const std::string_view text : {"Hello there\r\n", ":-)\r\n", "\xc3\xbc: x\r\n", "word"})
    EXPECT_EQ(mended(text), "malformed") << text;
}

TEST(HeaderEdit, AHeaderThatEndsInBareLineEndsIsStillMalformed) {
  for (const std::string_view text :
       {"From: a@b.example\r\nhello\n", "From: a@b.example\r\nhello \n", "From: a@b.example\n"})
    EXPECT_EQ(mended(text), "malformed") << text;
}

// ------------------------------------------------------------------------------------------ lines of blanks

// Some readers ended the header there, and showed another author than the relay had seen.
TEST(HeaderEdit, ALineOfBlanksOnlyGoes) {
  EXPECT_EQ(mended("Subject: x\r\n \r\nFrom: a@b.example\r\n\r\nbody\r\n"),
            "Subject: x\r\nFrom: a@b.example\r\n\r\nbody\r\n");
  EXPECT_EQ(mended("From: a@b.example\r\n\t \t\r\n  \r\nSubject: x\r\n\r\n"),
            "From: a@b.example\r\nSubject: x\r\n\r\n");
  EXPECT_EQ(mended("From: a@b.example\r\n \r\n"), "From: a@b.example\r\n");
  EXPECT_EQ(mended("From: a@b.example\r\n \t"), "From: a@b.example\r\n");
  EXPECT_EQ(mended("From: a@b.example\r\n \r\n\r\nbody\r\n"), "From: a@b.example\r\n\r\nbody\r\n");
  EXPECT_EQ(mended("From: a@b.example\r\n \v\f\r\nSubject: x\r\n"), "From: a@b.example\r\nSubject: x\r\n");
  EXPECT_EQ(mended("From: a@b.example\r\n. \r\nSubject: x\r\n\r\n", true), "From: a@b.example\r\nSubject: x\r\n\r\n");
  EXPECT_EQ(mended("From: a@b.example\r\n \r\nHello there\r\n"), "From: a@b.example\r\n\r\nHello there\r\n");
}

TEST(HeaderEdit, AValueIsReadWithoutItsLinesOfBlanks) {
  HeaderScan scan;
  scan.feed("From: \"x\"\r\n \r\n <a@b.example>\r\n\t\r\nSender:\r\n \r\n c@d.example\r\n \r\n\r\n");
  ASSERT_EQ(scan.state(), HeaderState::complete);
  EXPECT_EQ(scan.from_value(), " \"x\"\r\n <a@b.example>");
  ASSERT_EQ(scan.author_fields().size(), 1U);
  EXPECT_EQ(scan.author_fields()[0].value, "\r\n c@d.example");
}

TEST(HeaderEdit, ABodysLinesOfBlanksStay) {
  EXPECT_EQ(mended("From: a@b.example\r\n\r\n \r\n\t\r\n"), "From: a@b.example\r\n\r\n \r\n\t\r\n");
}

TEST(HeaderEdit, LinesOfBlanksWithoutEndAreRefused) {
  std::string text = "From: a@b.example\r\n";
  for (std::size_t i = 0; i < kHeaderEditsMax; ++i) text += " \r\n";
  HeaderScan enough;
  EXPECT_EQ(enough.feed(text + "\r\n"), HeaderState::complete);
  HeaderScan one_more;
  EXPECT_EQ(one_more.feed(text + " \r\n\r\n"), HeaderState::malformed);
  EXPECT_EQ(one_more.fault(), HeaderFault::blank_lines);
}

TEST(HeaderEdit, ABareCrInALineOfBlanksIsMalformed) {
  for (const std::string_view text :
       {"From: a@b.example\r\n \r \r\n\r\n", "From: a@b.example\r\n \n\r\n", "From: a@b.example\r\n \r"})
    EXPECT_EQ(mended(text), "malformed") << text;
}

// ------------------------------------------------------------------------------------------ fields that show an author

TEST(HeaderScan, KeepsTheFieldsThatShowAnAuthor) {
  HeaderScan scan;
  const std::string_view text =
      "SENDER: a@b.example\r\nResent-From :\r\n c@d.example\r\nFrom: e@f.example\r\nresent-sender: g\r\nX-Sender: "
      "h\r\n\r\n";
  scan.feed(text);
  ASSERT_EQ(scan.state(), HeaderState::complete);
  ASSERT_EQ(scan.author_fields().size(), 3U);
  const AuthorField& sender = scan.author_fields()[0];
  const AuthorField& from = scan.author_fields()[1];
  EXPECT_EQ(sender.kind, AuthorField::Kind::sender);
  EXPECT_EQ(sender.value, " a@b.example");
  EXPECT_EQ(text.substr(sender.begin, sender.end - sender.begin), "SENDER: a@b.example\r\n");
  EXPECT_EQ(from.kind, AuthorField::Kind::resent_from);
  EXPECT_TRUE(from.space_before_colon);
  EXPECT_EQ(text.substr(from.begin, from.end - from.begin), "Resent-From :\r\n c@d.example\r\n");
  EXPECT_EQ(scan.author_fields()[2].kind, AuthorField::Kind::resent_sender);
}

TEST(HeaderScan, SaysWhereThereAreMoreFieldsThatShowAnAuthorThanItKeeps) {
  std::string text;
  for (std::size_t i = 0; i < kAuthorFieldsMax; ++i) text += "Resent-From: a@b.example\r\n";
  HeaderScan scan;
  scan.feed(text + "\r\n");
  EXPECT_FALSE(scan.too_many_author_fields());
  HeaderScan more;
  more.feed(text + "Sender: a@b.example\r\n\r\n");
  EXPECT_TRUE(more.too_many_author_fields());
  EXPECT_EQ(more.author_fields().size(), kAuthorFieldsMax);
}

}  // namespace
}  // namespace sluice::message
