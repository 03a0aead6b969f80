#include "engine/smtp/path.h"

#include <gtest/gtest.h>

#include <string>

#include "engine/smtp/limits.h"

namespace sluice::smtp {
namespace {

using std::string_literals::operator""s;

std::string forward(std::string_view text, bool utf8 = false) {
  const PathParse parsed = parse_path(text, PathKind::forward, utf8);
  return parsed.fault == PathFault::none && parsed.size == text.size() ? parsed.path.mailbox.canonical() : "refused";
}

PathFault fault_of(std::string_view text, bool utf8 = false, PathKind kind = PathKind::forward) {
  return parse_path(text, kind, utf8).fault;
}

TEST(Path, TakesPlainMailboxes) {
  EXPECT_EQ(forward("<user@example.com>"), "user@example.com");
  EXPECT_EQ(forward("<First.Last+tag@EXAMPLE.Com>"), "First.Last+tag@example.com");
  EXPECT_EQ(forward("<!#$%&'*+-/=?^_`{|}~@x>"), "!#$%&'*+-/=?^_`{|}~@x");
  EXPECT_EQ(forward("<a@b_c.example>"), "a@b_c.example");
  EXPECT_EQ(forward("<a@xn--bcher-kva.example>"), "a@xn--bcher-kva.example");
}

TEST(Path, SizeStopsBehindTheBracket) {
  const PathParse parsed = parse_path("<a@b> SIZE=1", PathKind::reverse, false);
  EXPECT_EQ(parsed.fault, PathFault::none);
  EXPECT_EQ(parsed.size, 5U);
}

TEST(Path, NullIsForReversePathsOnly) {
  const PathParse parsed = parse_path("<>", PathKind::reverse, false);
  EXPECT_EQ(parsed.fault, PathFault::none);
  EXPECT_TRUE(parsed.path.null());
  EXPECT_EQ(fault_of("<>"), PathFault::syntax);
}

TEST(Path, PostmasterIsForForwardPathsOnly) {
  const PathParse parsed = parse_path("<PostMaster>", PathKind::forward, false);
  EXPECT_EQ(parsed.fault, PathFault::none);
  EXPECT_EQ(parsed.path.mailbox.local_part, "PostMaster");
  EXPECT_EQ(parsed.path.mailbox.domain, "");
  EXPECT_EQ(fault_of("<Postmaster>", false, PathKind::reverse), PathFault::syntax);
  EXPECT_EQ(fault_of("<Postmasters>"), PathFault::syntax);
  EXPECT_EQ(fault_of("<root>"), PathFault::syntax);
}

TEST(Path, SourceRoutesAreDropped) {
  const PathParse parsed = parse_path("<@a.example,@[192.0.2.1]:c@d.example>", PathKind::forward, false);
  EXPECT_EQ(parsed.fault, PathFault::none);
  EXPECT_TRUE(parsed.path.had_route);
  EXPECT_EQ(parsed.path.mailbox.text(), "c@d.example");
  for (const char* bad :
       {"<@a:>", "<@a>", "<@:a@b>", "<@a,b:c@d>", "<@a,:c@d>", "<@a,@b c@d>", "<@a:@b:c@d>", "<@a;c@d>"}) {
    EXPECT_NE(fault_of(bad), PathFault::none) << bad;
  }
}

// The relay hacks of old are ordinary local parts: kept as they are, and never looked into.
TEST(Path, PercentAndBangStayInTheLocalPart) {
  EXPECT_EQ(forward("<victim%elsewhere.example@here.example>"), "victim%elsewhere.example@here.example");
  EXPECT_EQ(forward("<elsewhere.example!victim@here.example>"), "elsewhere.example!victim@here.example");
  EXPECT_EQ(forward("<\"victim@elsewhere.example\"@here.example>"), "\"victim@elsewhere.example\"@here.example");
  EXPECT_EQ(forward("<victim@elsewhere.example@here.example>"), "refused");
}

TEST(Path, QuotedLocalParts) {
  EXPECT_EQ(forward("<\"john smith\"@example.com>"), "\"john smith\"@example.com");
  EXPECT_EQ(forward("<\"john\"@example.com>"), "john@example.com");
  EXPECT_EQ(forward("<\"j\\ohn\"@example.com>"), "john@example.com");
  EXPECT_EQ(forward("<\"a\\\"b\\\\c\"@example.com>"), "\"a\\\"b\\\\c\"@example.com");
  EXPECT_EQ(forward("<\"\"@example.com>"), "\"\"@example.com");
  EXPECT_EQ(forward("<\"a>b\"@example.com>"), "\"a>b\"@example.com");
  for (const char* bad : {"<\"a@b>", "<\"a\"b@c>", "<a\"b\"@c>", "<\"a\\\">", "<\"a\".b@c>", "<\"a\"@>"}) {
    EXPECT_NE(fault_of(bad), PathFault::none) << bad;
  }
}

TEST(Path, RefusesWhatIsNoMailbox) {
  for (const char* bad :
       {"",       "<",       ">",        "a@b",     "<a@b",     "<a@>",    "<@b>",    "<a>",      "< a@b>",
        "<a@b >", "<a b@c>", "<.a@b>",   "<a.@b>",  "<a..b@c>", "<a@.b>",  "<a@b.>",  "<a@b..c>", "<a@-b>",
        "<a@b->", "<a@b,c>", "<a(x)@b>", "<a@b:c>", "<a@b;c>",  "<<a@b>>", "<a@b@c>", "<a,b@c>"}) {
    EXPECT_NE(fault_of(bad), PathFault::none) << bad;
  }
}

TEST(Path, ControlCharactersNever) {
  for (int c = 0; c < 0x20; ++c) {
    const std::string control(1, static_cast<char>(c));
    for (const std::string& text : {"<a" + control + "b@c>", "<\"a" + control + "b\"@c>", "<\"a\\" + control + "b\"@c>",
                                    "<a@b" + control + "c>", "<a@b" + control + ">", "<" + control + "a@b>"}) {
      EXPECT_NE(fault_of(text, true), PathFault::none) << ::testing::PrintToString(text);
    }
  }
  EXPECT_EQ(fault_of("<\"a\x7f\"@c>"), PathFault::control);
  EXPECT_EQ(fault_of("<a\xc2\x85@c>", true), PathFault::control) << "NEL, a C1 control character";
  EXPECT_EQ(fault_of("<a\xe2\x80\xa8@c>", true), PathFault::control) << "line separator";
}

TEST(Path, Limits64And255And256) {
  const std::string local64(64, 'l');
  const std::string label63(63, 'd');
  EXPECT_EQ(fault_of("<" + local64 + "@d>"), PathFault::none);
  EXPECT_EQ(fault_of("<" + local64 + "l@d>"), PathFault::local_too_long);
  EXPECT_EQ(fault_of("<a@" + label63 + ">"), PathFault::none);
  EXPECT_EQ(fault_of("<a@" + label63 + "d>"), PathFault::domain_too_long);
  const std::string domain = label63 + "." + label63 + "." + label63;  // 191
  EXPECT_EQ(fault_of("<a@" + domain + "." + std::string(60, 'e') + ">"),
            PathFault::none);  // 1 + 252 + 3 = 256
  EXPECT_EQ(fault_of("<a@" + domain + "." + std::string(61, 'e') + ">"), PathFault::path_too_long);
  EXPECT_EQ(fault_of("<a@" + domain + "." + label63 + ">"), PathFault::path_too_long);  // 255
  EXPECT_EQ(fault_of("<a@" + domain + "." + label63 + ".e>"), PathFault::domain_too_long);
  EXPECT_EQ(fault_of("<@" + domain + ":" + local64 + "@d>"), PathFault::none) << "a route is dropped, and not counted";
}

TEST(Path, EightBitOnlyWithSmtputf8) {
  EXPECT_EQ(fault_of("<j\xc3\xb6rg@example.com>", false), PathFault::eight_bit);
  EXPECT_EQ(fault_of("<a@b\xc3\xbc.example>", false), PathFault::eight_bit);
  EXPECT_EQ(fault_of("<\"j\xc3\xb6rg\"@example.com>", false), PathFault::eight_bit);
  const PathParse parsed = parse_path("<j\xc3\xb6rg@b\xc3\xbc.example>", PathKind::forward, true);
  EXPECT_EQ(parsed.fault, PathFault::none);
  EXPECT_TRUE(parsed.path.mailbox.eight_bit);
  EXPECT_FALSE(parse_path("<a@b>", PathKind::forward, true).path.mailbox.eight_bit);
}

TEST(Path, BadUtf8Never) {
  for (const char* bad : {"\xff", "\xc3", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                          "\xf0\x80\x80\xaf", "\x80", "\xc3("}) {
    EXPECT_NE(fault_of("<a" + std::string(bad) + "@b>", true), PathFault::none) << ::testing::PrintToString(bad);
    EXPECT_NE(fault_of("<a@b" + std::string(bad) + ">", true), PathFault::none) << ::testing::PrintToString(bad);
    EXPECT_NE(fault_of("<\"a" + std::string(bad) + "\"@b>", true), PathFault::none) << ::testing::PrintToString(bad);
  }
}

TEST(AddressLiteral, Ipv4) {
  for (const char* good : {"[192.0.2.1]", "[0.0.0.0]", "[255.255.255.255]"})
    EXPECT_TRUE(is_address_literal(good)) << good;
  for (const char* bad : {"[]", "[", "[1.2.3]", "[1.2.3.4", "1.2.3.4]", "[1.2.3.256]", "[1.2.3.4.5]", "[1.2.3.]",
                          "[1..3.4]", "[1.2.3.4 ]", "[0x7f.1.1.1]", "[1.2.3.0001]", "[-1.2.3.4]"}) {
    EXPECT_FALSE(is_address_literal(bad)) << bad;
  }
}

TEST(AddressLiteral, Ipv6) {
  for (const char* good : {"[IPv6:2001:db8::1]", "[ipv6:::1]", "[IPv6:::]", "[IPv6:1:2:3:4:5:6:7:8]",
                           "[IPv6:::ffff:192.0.2.1]", "[IPv6:1:2:3:4:5:6:192.0.2.1]", "[IPv6:1::]"}) {
    EXPECT_TRUE(is_address_literal(good)) << good;
  }
  for (const char* bad : {"[IPv6:]", "[IPv6:1:2:3:4:5:6:7]", "[IPv6:1:2:3:4:5:6:7:8:9]", "[IPv6:1::2::3]",
                          "[IPv6:12345::1]", "[IPv6:g::1]", "[IPv6:1:2:3:4:5:6::7]", "[IPv6:1:2:3:4:5:6:7::8]",
                          "[IPv6:::1:192.0.2.1:2]", "[IPv6:192.0.2.1::]", "[IPv6:::192.0.2.256]", "[IPv6:1:]",
                          "[IPv6::1]", "[2001:db8::1]x", "[IPv6:::1%eth0]", "[IPv6:1:2:3:4:5:6:7:192.0.2.1]"}) {
    EXPECT_FALSE(is_address_literal(bad)) << bad;
  }
}

TEST(AddressLiteral, General) {
  EXPECT_TRUE(is_address_literal("[X400:c=de;a=x]"));
  EXPECT_FALSE(is_address_literal("[X400:]"));
  EXPECT_FALSE(is_address_literal("[:x]"));
  EXPECT_FALSE(is_address_literal("[X400:a b]"));
  EXPECT_FALSE(is_address_literal("[X-:a]"));
  EXPECT_EQ(forward("<a@[192.0.2.1]>"), "a@[192.0.2.1]");
  EXPECT_EQ(fault_of("<a@[192.0.2.999]>"), PathFault::bad_literal);
}

TEST(ParseMailbox, TakesAllOrNothing) {
  Mailbox mailbox;
  EXPECT_EQ(parse_mailbox("a@b", false, mailbox), PathFault::none);
  EXPECT_EQ(mailbox.domain, "b");
  for (const char* bad : {"", "a@b ", "a@b>", "<a@b>", "a@b c", "@a:b@c"}) {
    EXPECT_NE(parse_mailbox(bad, false, mailbox), PathFault::none) << bad;
    EXPECT_TRUE(mailbox.empty());
  }
}

TEST(SameDomain, IgnoresCaseAndOneFinalDot) {
  EXPECT_TRUE(same_domain("Example.COM", "example.com"));
  EXPECT_TRUE(same_domain("example.com.", "example.com"));
  EXPECT_FALSE(same_domain("example.com..", "example.com"));
  EXPECT_FALSE(same_domain("example.com", "example.org"));
  EXPECT_TRUE(same_domain("XN--BCHER-KVA.example", "xn--bcher-kva.example"));
  EXPECT_TRUE(same_domain("b\xc3\xbc.example", "B\xc3\x9c.example"));
  EXPECT_TRUE(same_domain("xn--bcher-kva.example",
                          "b\xc3\xbc"
                          "cher.example."));
  EXPECT_FALSE(same_domain("", "."));
}

}  // namespace
}  // namespace sluice::smtp
