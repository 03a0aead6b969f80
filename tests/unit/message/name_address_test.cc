// Addresses that people see in a name: however they are hidden from a program that looks for them.
#include "engine/message/name_address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "engine/message/author.h"
#include "engine/message/encoded_word.h"

namespace sluice::message {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using namespace std::string_literals;

TEST(NameAddress, IsFoundInPlainText) {
  EXPECT_THAT(domains_in_name("victim@bank.example"), ElementsAre("bank.example"));
  EXPECT_THAT(domains_in_name("write to <victim@Bank.example>, or (x@y.example)."),
              ElementsAre("Bank.example", "y.example"));
  EXPECT_THAT(domains_in_name("victim @ bank.example"), ElementsAre("bank.example"));
  EXPECT_THAT(domains_in_name("mailto:victim@bank.example."), ElementsAre("bank.example"));
  EXPECT_THAT(domains_in_name("victim@[192.0.2.1]"), ElementsAre("[192.0.2.1]"));
  EXPECT_THAT(domains_in_name("a@b.example@c.example"), ElementsAre("b.example", "c.example"));
}

TEST(NameAddress, IsNotFoundWhereThereIsNone) {
  for (const std::string text : {"", "Ann", "Sales@work", "@", "@ann", "ann@", "Ann @ Acme Inc. Berlin", "a@.example",
                                 "@home.example", "C++ @ .NET", "root@server1 (Cron Daemon)", "50% @ 3.", "a@[x"})
    EXPECT_THAT(domains_in_name(text), IsEmpty()) << text;
}

TEST(NameAddress, IsFoundInEncodedWords) {
  for (const std::string text :
       {"=?utf-8?B?dmljdGltQGJhbmsuZXhhbXBsZQ==?=", "=?utf-8?q?victim=40bank.example?=",
        "=?UTF-8*en?Q?victim=40bank=2Eexample?=", "=?iso-8859-1?Q?victim=40?= =?utf-8?Q?bank.example?=",
        "=?utf-8?Q?victim=40bank?=\r\n\t=?utf-8?B?LmV4YW1wbGU=?=", "=?utf-8?Q?J=C3=B6rg_?=victim@bank.example",
        "=?x-unknown?Q?victim=40bank.example?=", "=?us-ascii?q?victim@bank.example?=",
        "=?utf-16be?B?AHYAaQBjAHQAaQBtAEAAYgBhAG4AawAuAGUAeABhAG0AcABsAGU=?=", "=?utf-7?Q?victim+AEA-bank.example?=",
        "=?iso-2022-jp?B?GyRCJCIbKEIgdmljdGltQGJhbmsuZXhhbXBsZQ==?=", "=?utf-8?Q?victim=40 bank.example?=",
        "=?utf-8?Q?victim=00=40bank.example?=", "=?utf-8 ?Q?victim=40bank.example?=",
        "=?utf7?Q?victim+AEA-bank.example?="})
    EXPECT_THAT(domains_in_name(text), ElementsAre("bank.example")) << text << ": " << readable_words(text).text;
}

TEST(NameAddress, IsFoundBehindALongLanguage) {
  EXPECT_THAT(domains_in_name("=?utf-8*en-" + std::string(300, 'a') + "?Q?victim=40bank.example?="),
              ElementsAre("bank.example"));
}

// In double width: the "@" was found in UTF-8 alone.
TEST(NameAddress, IsFoundInDoubleWidthOfEachCharset) {
  for (const std::string text :
       {"=?utf-16be?B?AHYAaQBjAHQAaQBt/yAAYgBhAG4Aa/8OAGUAeABhAG0AcABsAGU=?=",
        "=?utf-16le?B?dgBpAGMAdABpAG0AIP9iAGEAbgBrAA7/ZQB4AGEAbQBwAGwAZQA=?=",
        "=?gb18030?Q?victim=A3=C0bank=A3=AEexample?=", "=?gb2312?Q?victim=A3=C0bank=A1=A3example?=",
        "=?euc-kr?Q?victim=A3=C0bank=A3=AEexample?=", "=?shift_jis?Q?victim=81=97bank=81=44example?=",
        "=?euc-jp?Q?victim=A1=F7bank=A1=A5example?=", "=?big5?Q?victim=A2=49bank=A1=44example?=",
        "=?iso-2022-jp?Q?victim=1B$B!w=1B(Bbank=1B$B!%=1B(Bexample?=",
        "=?iso-2022-kr?Q?=1B$)Cvictim=0E#@=0Fbank=0E#.=0Fexample?=", "=?iso-2022-kr?Q?=1B$)Cvictim@bank.example?="})
    EXPECT_THAT(domains_in_name(text), ElementsAre("bank.example")) << text << ": " << readable_words(text).text;
  EXPECT_THAT(domains_in_name("=?utf-16?B?AHYAaQBjAHQAaQBt/yAAYgBhAG4Aa/8OAGUAeABhAG0AcABsAGU=?="),
              ::testing::Not(IsEmpty()));
}

// Each passes for a dot.
// What is in doubt counts as an address of others.
TEST(NameAddress, IsSupposedInACharsetThatIsNotKnown) {
  for (const std::string charset :
       {"cp037", "IBM500", "cp1140", "ebcdic-cp-us", "u7", "unicode_escape", "raw_unicode_escape", "hz", ""})
    EXPECT_THAT(domains_in_name("=?" + charset + "?q?=A5=89=83?="),
                ElementsAre("=?" + (charset.empty() ? "?" : charset) + "?="))
        << charset;
  for (const std::string charset :
       {"utf-8",      "UTF8",     "us-ascii",       "iso-8859-1",  "ISO8859-15", "latin1",    "windows-1252",
        "cp1251",     "koi8-r",   "KOI8-U",         "iso-2022-jp", "iso2022jp",  "gb2312",    "GB18030",
        "big5-hkscs", "euc-kr",   "ks_c_5601-1987", "Shift_JIS",   "tis-620",    "macintosh", "ibm850",
        "cp866",      "utf-8*de", "unknown-8bit",   "x-unknown"})
    EXPECT_THAT(domains_in_name("=?" + charset + "?q?Ann?="), IsEmpty()) << charset;
}

TEST(NameAddress, IsFoundWhateverTheCharsetIsWrittenLike) {
  const std::string language(1100, 'a');
  for (const std::string& charset : std::vector<std::string>{"utf/8", "utf%8", "utf&8", "utf 8", "utf-8*" + language})
    EXPECT_THAT(domains_in_name("=?" + charset + "?q?victim=40bank.example?="), ElementsAre("bank.example")) << charset;
  for (const std::string charset : {"iso2022jp", "iso_2022_jp", "csiso2022jp"})
    EXPECT_THAT(domains_in_name("=?" + charset + "?b?dmljdGltGyRCIXcbKEJiYW5rLnRlc3Q=?="), ElementsAre("bank.test"))
        << charset;
}

TEST(NameAddress, IsSupposedInBase64ThatGoesOnBehindItsEnd) {
  EXPECT_THAT(domains_in_name("=?utf-8?b?dmljdGltQA==YmFuay50ZXN0?="), ElementsAre("=?utf-8?="));
  EXPECT_THAT(domains_in_name("=?utf-8?b?QW5u?= =?utf-8?b?QQ==?="), IsEmpty());
}

TEST(NameAddress, IsSupposedAmongLettersWhoseOrderIsChanged) {
  EXPECT_THAT(domains_in_name("\u202etset.knab@mitciv"), ElementsAre("(reversed)"));
  EXPECT_THAT(domains_in_name("=?utf-8?q?=E2=80=AEtset.knab=40mitciv?="), ElementsAre("(reversed)"));
  EXPECT_THAT(domains_in_name("\u2067a@b\u2069"), ElementsAre("(reversed)"));
  EXPECT_THAT(domains_in_name("\u202eAnn\u202c"), IsEmpty());
}

TEST(NameAddress, IsFoundBehindWhatIsWrittenAround) {
  for (const std::string_view text :
       {"victim@(x)bank.example", "victim@'bank.example'", "victim@ <bank.example>", "victim@((x)bank.example",
        "victim@ (bank.example)", "victim@ (x) (y) bank.example", "victim@\"bank.example\""})
    EXPECT_THAT(domains_in_name(text), ElementsAre("bank.example")) << text;
  for (const std::string_view text : {"Ann @ work (Berlin)", "Sales @ Acme Inc. Berlin", "x@(y)"})
    EXPECT_THAT(domains_in_name(text), IsEmpty()) << text;
}

TEST(NameAddress, IsFoundBehindEachLetterThatPassesForADot) {
  for (const std::string dot : {"\u2024", "\uFE52", "\u0660", "\u06D4", "\u06F0", "\u0701", "\u0702", "\uA4F8",
                                "\uA60E", "\U00010A50", "\U0001D16D"})
    EXPECT_THAT(domains_in_name("victim@bank" + dot + "example"), ElementsAre("bank.example")) << dot;
}

TEST(NameAddress, IsFoundBehindLettersThatOnlyLookAlike) {
  for (const std::string text :
       {"victim\uFF20bank.example", "victim\uFE6Bbank\u3002example", "vic\u200Btim@ba\u200Bnk.example",
        "victim\u00AD@\u00A0bank.example", "victim@bank\uFF0Eexample", "\uFEFFvictim@bank.example",
        "victim\u3000@\u2003bank.example"})
    EXPECT_THAT(domains_in_name(text), ElementsAre("bank.example")) << text;
  EXPECT_THAT(domains_in_name("x@b\u00fccher.example"), ElementsAre("b\u00fccher.example"));
}

// The second byte of a character was taken for an "@".
TEST(NameAddress, BytesOfOtherCharactersAreNoAddress) {
  EXPECT_THAT(domains_in_name("=?shift_jis?Q?a=81@b.c?="), IsEmpty());
  EXPECT_THAT(domains_in_name("=?big5?B?YaFAYi5j?="), IsEmpty());
  EXPECT_THAT(domains_in_name("=?iso-2022-jp?Q?a=1B$B0@1.2A=1B(B?="), IsEmpty());
  EXPECT_THAT(domains_in_name("=?gbk?Q?=C4=E3 victim@bank.example?="), ElementsAre("bank.example"));
}

TEST(EncodedWord, WhatIsNoneStaysAsItIs) {
  for (const std::string text :
       {"=?utf-8?X?abc?=", "=?utf-8?Q?abc", "=?utf-8?QQ?abc?=", "=?", "?=", "=?\?=", "a=?b", "=?utf-8?Q"})
    EXPECT_EQ(readable_words(text).text, text);
  EXPECT_EQ(readable_words("=?utf-8?Q?a?= b =?utf-8?Q?c?=").text, "a b c");
  EXPECT_EQ(readable_words("=?utf-8?Q?a=3?= =?utf-8?B?Yg?=").text, "a=3b");
  EXPECT_EQ(readable_words("=?utf-8?Q?=3D=3Futf-8=3FQ=3Fx=3F=3D?=").text, "=?utf-8?Q?x?=");
}

TEST(EncodedWord, WorkIsLinear) {
  for (const std::string shape : {"=?a?q?x", "=?", "=?a?b?=40", "=?utf-8?q?\?= ", "@", "a@[", "@a.b"}) {
    std::string text;
    while (text.size() < 50'000) text += shape;
    domains_in_name(text);  // at the square of it this would not end
  }
}

// ------------------------------------------------------------------------------------------ in a From field

std::vector<std::string> named(std::string_view value) {
  const AuthorVerdict verdict = parse_author(value, {});
  EXPECT_NE(verdict.single(), nullptr) << value;
  std::vector<std::string> domains;
  for (const NamedDomain& each : verdict.in_names) {
    EXPECT_FALSE(each.unquoted);
    domains.push_back(each.domain);
  }
  return domains;
}

TEST(NameAddress, OfAnAuthorIsSaidWhereverItStands) {
  for (const std::string_view value :
       {"\"victim@bank.example\" <a@b.example>", "=?utf-8?B?dmljdGltQGJhbmsuZXhhbXBsZQ==?= <a@b.example>",
        "a@b.example (victim@bank.example)", "(victim@bank.example) a@b.example",
        "Ann <a@b.example (victim@bank.example)>", "\"=?utf-8?Q?victim=40bank.example?=\" <a@b.example>",
        "a@b.example (=?utf-8?Q?victim=40bank.example?=)", "\"victim\"\"@bank.example\" <a@b.example>",
        "\"victim\\@bank.example\" <a@b.example>", "\"victim\" \"@bank.example\" <a@b.example>",
        "=?utf-8?Q?victim=40?=\r\n =?utf-8?Q?bank.example?= <a@b.example>", "(x (victim@bank.example)) a@b.example",
        "a (victim@bank.example) @b.example"})
    EXPECT_THAT(named(value), ElementsAre("bank.example")) << value;
}

TEST(NameAddress, TheAddressItselfIsNone) {
  for (const std::string_view value : {"a@b.example", "<a@b.example>", "Ann <a@b.example>", "(Ann) a @ b.example (x)",
                                       "\"x y\"@b.example", "\"Ann\" <\"x y\"@b.example>"})
    EXPECT_THAT(named(value), IsEmpty()) << value;
}

}  // namespace
}  // namespace sluice::message
