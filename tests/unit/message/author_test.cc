// The author of a message, and every way known to us of making two readers disagree on it.
#include "engine/message/author.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "engine/message/header_scan.h"

namespace sluice::message {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

AuthorVerdict parse(std::string_view value, bool smtputf8 = false) {
  return parse_author(value, {.smtputf8 = smtputf8});
}

AuthorVerdict judge(std::string_view header, bool smtputf8 = false) {
  HeaderScan scan;
  scan.feed(header);
  EXPECT_EQ(scan.finish(), HeaderState::complete) << header;
  return judge_author(scan, {.smtputf8 = smtputf8});
}

void expect_author(std::string_view value, std::string_view local_part, std::string_view domain,
                   bool smtputf8 = false) {
  const AuthorVerdict verdict = parse(value, smtputf8);
  ASSERT_NE(verdict.single(), nullptr) << value << ": " << author_fault_text(verdict.fault);
  EXPECT_EQ(verdict.single()->local_part, local_part) << value;
  EXPECT_EQ(verdict.single()->domain, domain) << value;
}

struct Refusal {
  std::string_view value;
  AuthorFault fault;
};

void expect_refused(const std::vector<Refusal>& rows, bool smtputf8 = false) {
  for (const Refusal& row : rows) {
    const AuthorVerdict verdict = parse(row.value, smtputf8);
    EXPECT_EQ(verdict.fault, row.fault) << row.value << ": " << author_fault_text(verdict.fault);
    EXPECT_EQ(verdict.single(), nullptr) << row.value;
    EXPECT_FALSE(author_fault_text(row.fault).empty());
  }
}

TEST(Author, PlainForms) {
  expect_author(" a@b.example", "a", "b.example");
  expect_author("a@b.example ", "a", "b.example");
  expect_author("<a@b.example>", "a", "b.example");
  expect_author("Name <a@b.example>", "a", "b.example");
  expect_author("A Longer Name<a@b.example>", "a", "b.example");
  expect_author("\"Name, with comma\" <a@b.example>", "a", "b.example");
  expect_author("John Q. Public <a@b.example>", "a", "b.example");
  expect_author("\"\" <a@b.example>", "a", "b.example");
  expect_author("a!#$%&'*+-/?=^_`{|}~.z@b.example", "a!#$%&'*+-/?=^_`{|}~.z", "b.example");
}

TEST(Author, LocalPartKeepsItsCaseAndDomainLosesIt) { expect_author("Some.One@B.EXAMPLE", "Some.One", "b.example"); }

TEST(Author, QuotedLocalPartIsItsMeaning) {
  expect_author("\"john doe\"@b.example", "john doe", "b.example");
  expect_author("<\"a\\\"b\\\\c\"@b.example>", "a\"b\\c", "b.example");
  expect_author("\"ab\"@b.example", "ab", "b.example");
  expect_author("\"A Name\" <\"a b\"@b.example>", "a b", "b.example");
  expect_author("\"a\r\n b\"@b.example", "a b", "b.example");
}

TEST(Author, AddressIsQuotedAgainWhereItMustBe) {
  EXPECT_EQ((Mailbox{.local_part = "a.b", .domain = "c.example"}.address()), "a.b@c.example");
  EXPECT_EQ((Mailbox{.local_part = "a b", .domain = "c.example"}.address()), "\"a b\"@c.example");
  EXPECT_EQ((Mailbox{.local_part = "a\"\\", .domain = "c.example"}.address()), "\"a\\\"\\\\\"@c.example");
  EXPECT_EQ((Mailbox{.local_part = ".a", .domain = "c.example"}.address()), "\".a\"@c.example");
  EXPECT_EQ((Mailbox{.local_part = "a..b", .domain = "c.example"}.address()), "\"a..b\"@c.example");
}

TEST(Author, CommentsAndWhiteSpaceAreNoPartOfTheAddress) {
  expect_author("a@b.example (Name)", "a", "b.example");
  expect_author("(x) a (y (z)) @ (v) b.example (w)", "a", "b.example");
  expect_author("Name (x) < a @ b.example > (y\\) still)", "a", "b.example");
  expect_author("(a quote \" is nothing here) a@b.example", "a", "b.example");
  expect_author("\"(\" <a@b.example>", "a", "b.example");
}

TEST(Author, FoldingIsWhiteSpace) {
  expect_author("\r\n Name\r\n\t<a@b.example>", "a", "b.example");
  expect_author("\"Na\r\n me\" (com\r\n ment) <a@b.example>", "a", "b.example");
}

TEST(Author, DisplayNameThatIsAnAddressIsOnlyAName) {
  expect_author("\"victim@bank.example\" <a@b.example>", "a", "b.example");
  expect_author("\"<victim@bank.example>\" <a@b.example>", "a", "b.example");
  expect_author("\"victim@bank.example\\\" \" <a@b.example>", "a", "b.example");
  expect_refused({{"<victim@bank.example> <a@b.example>", AuthorFault::syntax},
                  {"<victim@bank.example>a@b.example", AuthorFault::syntax},
                  {"<victim@bank.example>\\, <a@b.example>", AuthorFault::syntax},
                  {"a@b.example \"victim@bank.example\"", AuthorFault::syntax}});
}

TEST(Author, EncodedWordIsANameAndNeverAnAddress) {
  // victim@bank.example, in base64.
  expect_author("=?utf-8?B?dmljdGltQGJhbmsuZXhhbXBsZQ==?= <a@b.example>", "a", "b.example");
  expect_author("=?utf-8?Q?victim=40bank.example?=\r\n =?utf-8?Q?_x?= <a@b.example>", "a", "b.example");
  expect_refused({{"=?utf-8?B?dmljdGltQGJhbmsuZXhhbXBsZQ==?=", AuthorFault::no_domain},
                  {"=?utf-8?B?dmljdGltQGJhbmsuZXhhbXBsZQ==?=, <a@b.example>", AuthorFault::no_domain},
                  {"<=?utf-8?Q?victim=40bank.example?=>", AuthorFault::no_domain},
                  {"=?utf-8?Q?victim?=@b.example", AuthorFault::encoded_word},
                  {"<\"=?utf-8?Q?victim?=\"@b.example>", AuthorFault::encoded_word},
                  {"victim@=?utf-8?Q?bank.example?=", AuthorFault::encoded_word},
                  {"=?utf-8?Q?victim@bank.example?= <a@b.example>", AuthorFault::encoded_word}});
}

// A reader that looks for encoded words first finds other quotes, comments and angle brackets than the grammar has.
TEST(Author, QuotesInAnEncodedWordMakeNoOtherAuthor) {
  expect_refused(
      {{"=?utf-8?q?x\"?= <victim@(y)bank.test> (\"?= <a@b.example> (z)", AuthorFault::encoded_word},
       {"=?utf-8?q?x\"?= <victim@(y)bank.test>, =?utf-8?q?\"?= <a@b.example>", AuthorFault::encoded_word},
       {"=?utf-8?q?x(?=@b.example, victim@(y)bank.test, =?utf-8?q?)?= <a@b.example>", AuthorFault::encoded_word},
       {"=?utf-8?q?victim=40bank.test(?=) <a@b.example>", AuthorFault::encoded_word},
       {"=?utf-8?q?victim=40bank.test? <a@b.example> (?=)", AuthorFault::encoded_word},
       {"\"=?utf-8?q?x\\?=\" <a@b.example>", AuthorFault::encoded_word},
       {"=?u?q?(=?u?q?)?= <a@b.example>", AuthorFault::encoded_word},
       {"=?u?q?=?u?q?(?=) <a@b.example>", AuthorFault::encoded_word},
       {"=?u?q?a=?u?q?=(?=) <a@b.example>", AuthorFault::encoded_word}});
  for (const std::string_view value :
       {"=?utf-8?q?Ann_=28Sales=29?= <a@b.example>", "=?utf-8?q?Ann (Sales)?= <a@b.example>",
        "\"=?utf-8?q?Sales, Ann?=\" <a@b.example>", "Ann (=?utf-8?q?Sales?=) <a@b.example>",
        "=?utf-8?q?Ann Sales?= <a@b.example>", "=?utf-8 <a@b.example>", "what=? <a@b.example> (x)",
        "=?utf-8?q?A?= =?utf-8?b?QQ==?= <a@b.example>"})
    expect_author(value, "a", "b.example");
}

// Readers that end a quoted string or a comment where its line ends, of which Python's parseaddr() is one.
TEST(Author, AFoldInQuotesMakesNoOtherAuthor) {
  expect_refused({{"\"Bank\r\n <victim@(y)bank.test> (\"\r\n <a@b.example> (z)", AuthorFault::bad_folding},
                  {"\"x\r\n <victim@(y)bank.test>\" <a@b.example>", AuthorFault::bad_folding},
                  {"<a@b.example> (x\r\n victim@y)", AuthorFault::bad_folding},
                  {"\"x\\\"\r\n y\" <a@b.example>", AuthorFault::bad_folding}});
  expect_author("\"A long name of some department\r\n of ours\" <a@b.example>", "a", "b.example");
  expect_author("<a@b.example> (some department\r\n of ours)", "a", "b.example");
  expect_author("(x) \"a, b\"\r\n <a@b.example>\r\n (y (z))", "a", "b.example");
}

// What a receiver that compares bytes takes for another domain, which publishes nothing about what is sent from it.
TEST(Author, AnInternationalDomainIsWrittenAsItIs) {
  for (const std::string_view value : {"a@exam\u00adple.com", "a@example.com\u200b", "a@example\u3002com",
                                       "a@\uff45xample.com", "a@b\u00fc\u00adcher.example"})
    EXPECT_EQ(parse_author(value, {.smtputf8 = true}).fault, AuthorFault::bad_domain) << value;
  for (const std::string_view value : {"a@b\u00fccher.example", "a@B\u00dcCHER.example", "a@\u4f8b\u3048.test"})
    EXPECT_TRUE(parse_author(value, {.smtputf8 = true}).ok()) << value;
  for (const std::string_view value :
       {"x\uff20bank.test@b.example", "x\ufe6bbank.test@b.example", "x\u202eb@b.example", "x\u2067b@b.example"})
    EXPECT_EQ(parse_author(value, {.smtputf8 = true}).fault, AuthorFault::ambiguous) << value;
}

TEST(Author, SeveralMailboxesAreReturnedAndAreNoSingleAuthor) {
  const AuthorVerdict verdict = parse("A <a@b.example>, \"C, D\" <c@d.example> (x),\r\n e@f.example");
  ASSERT_TRUE(verdict.ok());
  ASSERT_EQ(verdict.mailboxes.size(), 3U);
  EXPECT_EQ(verdict.mailboxes[0].address(), "a@b.example");
  EXPECT_EQ(verdict.mailboxes[1].address(), "c@d.example");
  EXPECT_EQ(verdict.mailboxes[2].address(), "e@f.example");
  EXPECT_EQ(verdict.single(), nullptr);
}

TEST(Author, MoreMailboxesThanTheLimitAreRefused) {
  const AuthorOptions two{.mailboxes_max = 2};
  EXPECT_TRUE(parse_author("a@b.example,c@d.example", two).ok());
  EXPECT_EQ(parse_author("a@b.example,c@d.example,", two).fault, AuthorFault::too_many);
  EXPECT_EQ(parse_author("a@b.example,c@d.example,e@f.example", two).fault, AuthorFault::too_many);
}

TEST(Author, EmptyPlacesInTheListAreRefused) {
  expect_refused({{",a@b.example", AuthorFault::syntax},
                  {"a@b.example,", AuthorFault::syntax},
                  {"a@b.example,,c@d.example", AuthorFault::syntax},
                  {"a@b.example, (x)", AuthorFault::syntax}});
}

TEST(Author, NothingIsNoAuthor) {
  expect_refused({{"", AuthorFault::empty},
                  {" ", AuthorFault::empty},
                  {"(a@b.example)", AuthorFault::empty},
                  {"<>", AuthorFault::empty},
                  {"Name <>", AuthorFault::empty},
                  {"Name < (x) >", AuthorFault::empty}});
}

TEST(Author, GroupsAreRefused) {
  expect_refused({{"friends: a@b.example, c@d.example;", AuthorFault::group},
                  {"undisclosed-recipients:;", AuthorFault::group},
                  {"\"a@b.example\": c@d.example;", AuthorFault::group},
                  {"a@b.example: c@d.example;", AuthorFault::syntax},
                  {": a@b.example;", AuthorFault::syntax},
                  {"a@b.example;", AuthorFault::syntax}});
}

TEST(Author, SourceRoutesAreRefused) {
  expect_refused({{"<@a.example,@b.example:c@d.example>", AuthorFault::source_route},
                  {"Name < @a.example:c@d.example>", AuthorFault::source_route},
                  {"<,@a.example:c@d.example>", AuthorFault::source_route},
                  {"@a.example:c@d.example", AuthorFault::syntax},
                  {"<c@d.example,@a.example>", AuthorFault::syntax}});
}

TEST(Author, AddressWithoutADomainOrWithTwo) {
  expect_refused({{"root", AuthorFault::no_domain},
                  {"<root>", AuthorFault::no_domain},
                  {"root@", AuthorFault::no_domain},
                  {"<root@>", AuthorFault::no_domain},
                  {"root, a@b.example", AuthorFault::no_domain},
                  {"a@b.example@c.example", AuthorFault::syntax},
                  {"<a@b.example@c.example>", AuthorFault::syntax},
                  {"@b.example", AuthorFault::syntax},
                  {"<a@b.example", AuthorFault::syntax},
                  {"a@b.example>", AuthorFault::syntax},
                  {"<<a@b.example>>", AuthorFault::syntax}});
}

TEST(Author, LocalPartIsADotAtomOrAQuotedString) {
  expect_refused({{".a@b.example", AuthorFault::syntax},
                  {"a.@b.example", AuthorFault::syntax},
                  {"a..b@b.example", AuthorFault::syntax},
                  {"a b@b.example", AuthorFault::syntax},
                  {"a . b@b.example", AuthorFault::syntax},
                  {"a(x).b@b.example", AuthorFault::syntax},
                  {"\"a\".b@b.example", AuthorFault::syntax},
                  {"<a \"b\"@b.example>", AuthorFault::syntax},
                  {"\"\"@b.example", AuthorFault::syntax},
                  {"\"a@b.example", AuthorFault::syntax},
                  {"a\\@c@b.example", AuthorFault::syntax}});
}

TEST(Author, DomainIsAHostName) {
  expect_author("a@localhost", "a", "localhost");
  expect_author("a@b_c.example", "a", "b_c.example");
  expect_author("a@xn--bcher-kva.example", "a", "xn--bcher-kva.example");
  expect_refused({{"a@.b.example", AuthorFault::bad_domain},
                  {"a@b.example.", AuthorFault::bad_domain},
                  {"a@b..example", AuthorFault::bad_domain},
                  {"a@-b.example", AuthorFault::bad_domain},
                  {"a@b-.example", AuthorFault::bad_domain},
                  {"a@b.example/x", AuthorFault::bad_domain},
                  {"a@b . example", AuthorFault::syntax},
                  {"a@b example", AuthorFault::syntax},
                  {"a@\"b.example\"", AuthorFault::no_domain}});
}

TEST(Author, AddressLiteralIsMarked) {
  const AuthorVerdict verdict = parse("a@[IPv6:2001:DB8::1]");
  ASSERT_NE(verdict.single(), nullptr);
  EXPECT_EQ(verdict.single()->domain, "[ipv6:2001:db8::1]");
  EXPECT_TRUE(verdict.single()->is_literal);
  const AuthorVerdict two = parse("a@[192.0.2.1], c@d.example");
  ASSERT_EQ(two.mailboxes.size(), 2U);
  EXPECT_TRUE(two.mailboxes[0].is_literal);
  EXPECT_FALSE(two.mailboxes[1].is_literal);
  expect_author("<a@[192.0.2.1]>", "a", "[192.0.2.1]");
  expect_refused({{"a@[]", AuthorFault::bad_domain},
                  {"a@[192.0.2.1", AuthorFault::bad_domain},
                  {"a@[192.0.2.1]b.example", AuthorFault::syntax},
                  {"a@[x:b.example>]", AuthorFault::bad_domain},
                  {"a@[b.example]", AuthorFault::bad_domain},
                  {"a@[192.0.2.256]", AuthorFault::bad_domain},
                  {"a@[ 192.0.2.1 ]", AuthorFault::bad_domain}});
}

TEST(Author, LimitsOfAnAddressHoldToTheByte) {
  const std::string label(63, 'b');
  const std::string domain = label + "." + label + "." + label + "." + std::string(63, 'c');
  ASSERT_EQ(domain.size(), 255U);
  expect_author(std::string(64, 'a') + "@" + domain, std::string(64, 'a'), domain);
  EXPECT_EQ(parse(std::string(65, 'a') + "@b.example").fault, AuthorFault::address_too_long);
  EXPECT_EQ(parse("\"" + std::string(65, 'a') + "\"@b.example").fault, AuthorFault::address_too_long);
  EXPECT_EQ(parse("a@d." + domain).fault, AuthorFault::address_too_long);
  EXPECT_EQ(parse("a@b" + label + ".example").fault, AuthorFault::address_too_long);
  EXPECT_EQ(parse("a@[x:" + std::string(252, '1') + "]").fault, AuthorFault::bad_domain);
  expect_author("\"" + std::string(10'000, 'n') + "\" <a@b.example>", "a", "b.example");
}

TEST(Author, EightBitAddressNeedsSmtputf8) {
  expect_author(
      "j\xC3\xB6rg@b\xC3\xBC"
      "cher.example",
      "j\xC3\xB6rg",
      "b\xC3\xBC"
      "cher.example",
      true);
  expect_refused({{"j\xC3\xB6rg@b.example", AuthorFault::eight_bit},
                  {"\"j\xC3\xB6rg\"@b.example", AuthorFault::eight_bit},
                  {"a@b\xC3\xBC"
                   "cher.example",
                   AuthorFault::eight_bit}});
  // Latin-1, a cut sequence, an overlong slash, a surrogate, a C1 control.
  expect_refused({{"j\xF6rg@b.example", AuthorFault::eight_bit},
                  {"j\xC3@b.example", AuthorFault::eight_bit},
                  {"j\xC0\xAFrg@b.example", AuthorFault::eight_bit},
                  {"j\xED\xA0\x80@b.example", AuthorFault::eight_bit},
                  {"j\xC2\x85@b.example", AuthorFault::eight_bit},
                  {"a@b\xFF.example", AuthorFault::eight_bit}},
                 true);
}

TEST(Author, RawEightBitDisplayNameIsTolerated) {
  expect_author("J\xC3\xB6rg <a@b.example>", "a", "b.example");
  expect_author("\"J\xF6rg\" (gr\xFC\xDF) <a@b.example>", "a", "b.example");
}

TEST(Author, ControlCharactersAndLooseLineEndsAreRefused) {
  expect_refused({{"a\0@b.example"sv, AuthorFault::control},
                  {"\0a@b.example"sv, AuthorFault::control},
                  {"\"\0\" <a@b.example>"sv, AuthorFault::control},
                  {"\"\\\0\" <a@b.example>"sv, AuthorFault::control},
                  {"(\x1B[2J) a@b.example", AuthorFault::control},
                  {"a@b.example\x7F", AuthorFault::syntax},
                  {"a@b.example\rc", AuthorFault::bad_folding},
                  {"a@b.example\nFrom: c@d.example", AuthorFault::bad_folding},
                  {"a@b.example\r\nFrom: c@d.example", AuthorFault::bad_folding},
                  {"\"a\r\nb\" <a@b.example>", AuthorFault::bad_folding},
                  {"\"victim@bank.example\"\r\n \r\n <a@b.example>", AuthorFault::bad_folding},
                  {"a@b.example\r\n ", AuthorFault::bad_folding},
                  {"(\r\n\t\r\n x) a@b.example", AuthorFault::bad_folding}});
}

TEST(Author, WhatSomeReadersTakeForTheAddressIsRefused) {
  expect_refused({{"a@b.example (<victim@bank.example>)", AuthorFault::ambiguous},
                  {"(<victim@bank.example>) <a@b.example>", AuthorFault::ambiguous},
                  {"a@b.example (\\<victim@bank.example\\>)", AuthorFault::ambiguous},
                  {"<a(>victim@bank.example)@b.example>", AuthorFault::ambiguous},
                  {"\"victim@bank.example\"@b.example", AuthorFault::ambiguous},
                  {"<\"victim@bank.example> \"@b.example>", AuthorFault::ambiguous},
                  {"\"a, b\"@b.example", AuthorFault::ambiguous}});
}

TEST(Author, UnfinishedPiecesAreRefused) {
  expect_refused({{"(", AuthorFault::syntax},
                  {"(x\\", AuthorFault::syntax},
                  {"\"x\\", AuthorFault::syntax},
                  {"a@b.example (", AuthorFault::syntax},
                  {"<", AuthorFault::syntax},
                  {"<a", AuthorFault::syntax},
                  {"\\", AuthorFault::syntax},
                  {"a@b.example )", AuthorFault::syntax}});
}

TEST(Author, CommentsNestToADepth) {
  const AuthorOptions three{.comment_depth_max = 3};
  EXPECT_TRUE(parse_author("(((x))) a@b.example ((()())())", three).ok());
  EXPECT_EQ(parse_author("((((x)))) a@b.example", three).fault, AuthorFault::nested_too_deep);
}

// Steps are counted, not seconds: twice the input, twice the work, whatever it is made of.
TEST(Author, WorkIsLinearInTheSizeOfTheValue) {
  constexpr std::size_t kTimes = 5'000;
  const std::vector<std::string> shapes = {
      "a@b.example,",
      "\"x\" <a@b.example>,",
      "(",
      "()",
      "(\\)",
      "\"a\" ",
      "\"",
      "\\",
      "a ",
      "a.",
      "a",
      "\xC3\xBC",
      " ",
      "\r\n ",
      "\r\n x",
      "(x\r\n y)",
      "<",
      "=?",
      "\"\\\"",
      "a@",
      "@a,",
      "a:",
      "[",
  };
  for (const std::string& shape : shapes) {
    for (const std::string& begin : {""s, "a@"s, "<"s, "\""s, "("s}) {
      std::string value = begin;
      for (std::size_t i = 0; i < kTimes; ++i) value += shape;
      const AuthorVerdict verdict =
          parse_author(value, {.smtputf8 = true, .mailboxes_max = 2 * kTimes, .comment_depth_max = 2 * kTimes});
      EXPECT_LE(verdict.steps, 8 * value.size() + 16) << begin << shape;
    }
  }
}

TEST(Author, HundredThousandAddressesAreParsedOrStoppedAtTheLimit) {
  std::string value = "a@b.example";
  for (int i = 1; i < 100'000; ++i) value += ", a@b.example";
  EXPECT_EQ(parse_author(value, {.mailboxes_max = 100'000}).mailboxes.size(), 100'000U);
  const AuthorVerdict verdict = parse(value);
  EXPECT_EQ(verdict.fault, AuthorFault::too_many);
  EXPECT_LE(verdict.steps, 2000U);
}

// --- The From field of a header.

TEST(JudgeAuthor, OneFieldWithOneMailbox) {
  const AuthorVerdict verdict = judge("Subject: x\r\nFrom: \"N\"\r\n <A@B.example>\r\nSender: c@d.example\r\n\r\nbody");
  ASSERT_NE(verdict.single(), nullptr);
  EXPECT_EQ(verdict.single()->address(), "A@b.example");
}

TEST(JudgeAuthor, TheWaysOfHavingNoOneAuthor) {
  const struct {
    std::string_view header;
    AuthorFault fault;
  } rows[] = {
      {"Subject: x\r\n\r\nFrom: a@b.example\r\n", AuthorFault::missing},
      {"Sender: a@b.example\r\nResent-From: a@b.example\r\n\r\n", AuthorFault::missing},
      {"Subject: x\r\n From: a@b.example\r\n\r\n", AuthorFault::missing},
      {"From: a@b.example\r\nFrom: a@b.example\r\n\r\n", AuthorFault::several_fields},
      {"From: a@b.example\r\nfrom: c@d.example\r\n\r\n", AuthorFault::several_fields},
      {"From: a@b.example\r\nFrom : c@d.example\r\n\r\n", AuthorFault::several_fields},
      {"From : a@b.example\r\n\r\n", AuthorFault::space_before_colon},
      {"From\t: a@b.example\r\n\r\n", AuthorFault::space_before_colon},
      {"From:\r\n\r\n", AuthorFault::empty},
      {"From: a@b.example, c@d.example\r\nSender: a@b.example\r\n\r\n", AuthorFault::several_mailboxes},
      {"From: all: a@b.example;\r\n\r\n", AuthorFault::group},
  };
  for (const auto& row : rows) {
    const AuthorVerdict verdict = judge(row.header);
    EXPECT_EQ(verdict.fault, row.fault) << row.header << author_fault_text(verdict.fault);
    EXPECT_EQ(verdict.single(), nullptr);
  }
}

TEST(JudgeAuthor, ValueThatWasCutIsNeverParsed) {
  HeaderScan scan({.from_bytes_max = 20});
  scan.feed("From: a@b.example,      victim@bank.example\r\n\r\n");
  EXPECT_EQ(judge_author(scan, {}).fault, AuthorFault::too_long);
}

}  // namespace
}  // namespace sluice::message
