// Answers of name servers, good ones and such as no server should send.
#include "engine/io/dns_answer.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "tests/support/dns_wire.h"

namespace sluice::io {
namespace {

using testing::DnsSection;
using testing::DnsWire;

DnsReply read(std::string_view bytes, std::string_view name, DnsType type) {
  // On the heap and of its own size, so that the sanitizers see a step too far.
  const std::vector<std::uint8_t> exact(bytes.begin(), bytes.end());
  return read_dns_answer(exact, name, type);
}
DnsReply read(const DnsWire& wire, std::string_view name, DnsType type) { return read(wire.bytes(), name, type); }

void expect_malformed(const DnsWire& wire, std::string_view name, DnsType type) {
  const DnsReply reply = read(wire, name, type);
  EXPECT_EQ(reply.status, DnsStatus::failed);
  EXPECT_EQ(reply.error, "the name server's answer is malformed");
}

TEST(DnsNameTest, IsAHostNameOrNot) {
  const std::string label(63, 'a');
  const std::string longest = label + "." + label + "." + label + "." + std::string(61, 'a');
  for (const std::string& good :
       {std::string("example"), std::string("MX-1.example.net"), std::string("example.net."),
        std::string("_dmarc.example"), std::string("1.2.3.4.example"), longest, longest + "."})
    EXPECT_TRUE(dns_host_name(good)) << good;
  for (const std::string& bad :
       {std::string(), std::string("."), std::string("a..b"), std::string(".a"), std::string("a.."), label + "a",
        longest + "a", std::string("192.0.2.1"), std::string("192.0.2.1."), std::string("a b"), std::string("a\\.b"),
        std::string("a\0b", 3), std::string("[192.0.2.1]"), std::string("2001:db8::1"), std::string("m\xC3\xBCller"),
        std::string("a\r\nb")})
    EXPECT_FALSE(dns_host_name(bad)) << bad;
  EXPECT_EQ(fold_dns_name("Mx.EXAMPLE.net."), "mx.example.net");
  EXPECT_EQ(fold_dns_name("."), ".");
  EXPECT_EQ(fold_dns_name(""), "");
}

TEST(DnsAnswerTest, TellsMxLookupWithTheirTimes) {
  DnsWire wire("Example.NET", DnsType::mx);
  wire.mx("example.net", 20, "MX2.example.net", 600).mx("EXAMPLE.net", 10, "mx1.example.net", 300);
  const DnsReply reply = read(wire, "example.NET.", DnsType::mx);
  EXPECT_EQ(reply.status, DnsStatus::ok);
  ASSERT_EQ(reply.records.size(), 2U);
  EXPECT_EQ(reply.records[0].name, "mx2.example.net");
  EXPECT_EQ(reply.records[0].preference, 20);
  EXPECT_EQ(reply.records[0].ttl_s, 600U);
  EXPECT_EQ(reply.records[1].name, "mx1.example.net");
  EXPECT_EQ(reply.records[1].ttl_s, 300U);
  EXPECT_EQ(reply.canonical, "");
}

TEST(DnsAnswerTest, TellsAddresses) {
  DnsWire four("mx.example", DnsType::a), six("mx.example", DnsType::aaaa);
  four.address("mx.example", "192.0.2.1").address("mx.example", "192.0.2.2");
  six.address("mx.example", "2001:db8::1", 7);
  const DnsReply v4 = read(four, "mx.example", DnsType::a);
  ASSERT_EQ(v4.records.size(), 2U);
  EXPECT_EQ(v4.records[1].address.ip(), "192.0.2.2");
  const DnsReply v6 = read(six, "mx.example", DnsType::aaaa);
  ASSERT_EQ(v6.records.size(), 1U);
  EXPECT_EQ(v6.records[0].address.ip(), "2001:db8::1");
  EXPECT_EQ(v6.records[0].ttl_s, 7U);
}

TEST(DnsAnswerTest, JoinsTheStringsOfATextAndReadsNames) {
  DnsWire wire("example.net", DnsType::txt, DnsWire::kAnswer | 0x0020);
  wire.record("example.net", 16, 300, std::string("\x07v=spf1 \x04-all", 13))
      .record("example.net", 16, 300, std::string("\0", 1));
  const DnsReply text = read(wire, "example.net", DnsType::txt);
  ASSERT_EQ(text.records.size(), 2U);
  EXPECT_EQ(text.records[0].text, "v=spf1 -all");
  EXPECT_EQ(text.records[1].text, "");
  EXPECT_TRUE(text.authenticated);
  expect_malformed(DnsWire("a.example", DnsType::txt).record("a.example", 16, 300, "\x05v=sp"), "a.example",
                   DnsType::txt);
  DnsWire names("1.2.0.192.in-addr.arpa", DnsType::ptr);
  names.record("1.2.0.192.in-addr.arpa", 12, 300, DnsWire::encode("Host.Example.net"));
  const DnsReply name = read(names, "1.2.0.192.in-addr.arpa", DnsType::ptr);
  ASSERT_EQ(name.records.size(), 1U);
  EXPECT_EQ(name.records[0].name, "host.example.net");
  EXPECT_FALSE(name.authenticated);
}

TEST(DnsAnswerTest, TheNullMxIsTheRoot) {
  DnsWire wire("example", DnsType::mx);
  wire.mx("example", 0, ".");
  const DnsReply reply = read(wire, "example", DnsType::mx);
  ASSERT_EQ(reply.records.size(), 1U);
  EXPECT_EQ(reply.records[0].name, ".");
}

TEST(DnsAnswerTest, CompressedNamesAreWrittenOut) {
  DnsWire wire("example.net", DnsType::mx);
  const std::string data = DnsWire::u16(5) + std::string("\x02mx", 3) + DnsWire::pointer(12);
  wire.raw(DnsWire::pointer(12) + DnsWire::u16(15) + DnsWire::u16(1) + DnsWire::u32(60) +
           DnsWire::u16(static_cast<std::uint16_t>(data.size())) + data);
  const DnsReply reply = read(wire, "example.net", DnsType::mx);
  ASSERT_EQ(reply.records.size(), 1U);
  EXPECT_EQ(reply.records[0].name, "mx.example.net");
}

// ------------------------------------------------------------------------------------------
// nothing there

TEST(DnsAnswerTest, NothingThereHoldsForTheLesserOfTheTwoTimes) {
  DnsWire none("example", DnsType::mx), no_name("example", DnsType::mx, DnsWire::kAnswer | DnsWire::kNoSuchName);
  none.soa("example", 900, 60);
  no_name.soa("example", 30, 3600);
  const DnsReply no_data = read(none, "example", DnsType::mx);
  EXPECT_EQ(no_data.status, DnsStatus::no_data);
  EXPECT_EQ(no_data.negative_ttl_s, 60U);
  const DnsReply no_such_name = read(no_name, "example", DnsType::mx);
  EXPECT_EQ(no_such_name.status, DnsStatus::no_such_name);
  EXPECT_EQ(no_such_name.negative_ttl_s, 30U);
  EXPECT_EQ(read(DnsWire("example", DnsType::mx), "example", DnsType::mx).negative_ttl_s, std::nullopt);
}

TEST(DnsAnswerTest, AFailureIsSaidInWords) {
  const DnsReply reply = read(DnsWire("a", DnsType::mx, DnsWire::kAnswer | DnsWire::kServFail), "a", DnsType::mx);
  EXPECT_EQ(reply.status, DnsStatus::failed);
  EXPECT_NE(reply.error.find("SERVFAIL"), std::string::npos);
  EXPECT_NE(read(DnsWire(DnsWire::kAnswer | DnsWire::kRefused), "a", DnsType::mx).error.find("REFUSED"),
            std::string::npos);
  EXPECT_NE(read(DnsWire(DnsWire::kAnswer | 9), "a", DnsType::mx).error.find("code 9"), std::string::npos);
  EXPECT_NE(read(DnsWire(DnsWire::kAnswer | DnsWire::kCutOff), "a", DnsType::mx).error.find("cut off"),
            std::string::npos);
}

// ------------------------------------------------------------------------------------------
// aliases

TEST(DnsAnswerTest, FollowsAliasesInAnyOrder) {
  DnsWire wire("a.example", DnsType::a);
  wire.address("c.example", "192.0.2.3", 1000).alias("b.example", "c.example", 20).alias("a.example", "b.example", 500);
  const DnsReply reply = read(wire, "a.example", DnsType::a);
  ASSERT_EQ(reply.records.size(), 1U);
  EXPECT_EQ(reply.canonical, "c.example");
  EXPECT_EQ(reply.canonical_ttl_s, 20U);
  EXPECT_EQ(reply.records[0].ttl_s, 20U);
}

TEST(DnsAnswerTest, TellsWhereTheServerStopped) {
  DnsWire wire("a.example", DnsType::mx);
  wire.alias("a.example", "b.elsewhere");
  const DnsReply reply = read(wire, "a.example", DnsType::mx);
  EXPECT_EQ(reply.status, DnsStatus::no_data);
  EXPECT_EQ(reply.canonical, "b.elsewhere");
  EXPECT_FALSE(reply.negative_ttl_s);
}

TEST(DnsAnswerTest, AliasesThatDoNotEndAreAFailure) {
  DnsWire round("a.example", DnsType::a);
  round.alias("a.example", "b.example").alias("b.example", "a.example").address("a.example", "192.0.2.1");
  EXPECT_EQ(read(round, "a.example", DnsType::a).error, "its CNAME records lead on and on");
  for (const unsigned length : {kDnsAliasesMax, kDnsAliasesMax + 1}) {
    DnsWire wire("n0", DnsType::a);
    for (unsigned i = 0; i < length; ++i) wire.alias("n" + std::to_string(i), "n" + std::to_string(i + 1));
    wire.address("n" + std::to_string(length), "192.0.2.1");
    EXPECT_EQ(read(wire, "n0", DnsType::a).status, length > kDnsAliasesMax ? DnsStatus::failed : DnsStatus::ok);
  }
}

// ------------------------------------------------------------------------------------------
// hostile ones

TEST(DnsAnswerTest, BelievesNothingThatWasNotAskedFor) {
  DnsWire wire("example", DnsType::mx);
  wire.mx("victim.example", 0, "evil.example").address("example", "192.0.2.66").alias("other.example", "evil.example");
  wire.raw(DnsWire::encode("example") + DnsWire::u16(15) + DnsWire::u16(3) + DnsWire::u32(60) + DnsWire::u16(4) +
           DnsWire::u16(1) + std::string("\1a", 2));  // class CHAOS; its data is not looked at
  wire.mx("example", 10, "good.example");
  const DnsReply reply = read(wire, "example", DnsType::mx);
  ASSERT_EQ(reply.records.size(), 1U);
  EXPECT_EQ(reply.records[0].name, "good.example");
}

TEST(DnsAnswerTest, RecordsOfAnotherSectionAreNoAnswer) {
  DnsWire wire("example", DnsType::a);
  wire.record("example", 1, 60, std::string("\xC0\0\2\1", 4), DnsSection::authority);
  wire.record("example", 1, 60, std::string("\xC0\0\2\1", 4), DnsSection::additional);
  EXPECT_EQ(read(wire, "example", DnsType::a).status, DnsStatus::no_data);
}

TEST(DnsAnswerTest, AnMxHostThatIsNoHostNameDoesNotBecomeOne) {
  DnsWire wire("example", DnsType::mx);
  wire.record("example", 15, 60, DnsWire::u16(1) + std::string("\5a.b\r\n\0", 7));
  wire.record("example", 15, 60, DnsWire::u16(2) + std::string("\1\0\0", 3));
  const DnsReply reply = read(wire, "example", DnsType::mx);
  ASSERT_EQ(reply.records.size(), 2U);
  EXPECT_EQ(reply.records[0].name, "a\\046b\\013\\010");
  EXPECT_EQ(reply.records[1].name, "\\000");
  for (const DnsRecord& record : reply.records) EXPECT_FALSE(dns_host_name(record.name));
}

TEST(DnsAnswerTest, PointersMustLeadToTheFront) {
  for (const int ahead : {0, 2, 100, 0x3000}) {
    DnsWire wire("example", DnsType::mx);
    const auto at = static_cast<std::uint16_t>(wire.at() + ahead);
    wire.raw(DnsWire::pointer(at) + DnsWire::u16(15) + DnsWire::u16(1) + DnsWire::u32(60) + DnsWire::u16(0));
    expect_malformed(wire, "example", DnsType::mx);
  }
  // Two that lead to each other.
  DnsWire wire("example", DnsType::mx);
  const std::uint16_t at = wire.at();
  wire.raw(DnsWire::pointer(static_cast<std::uint16_t>(at + 2)) + DnsWire::pointer(at) + std::string(8, '\0'));
  expect_malformed(wire, "example", DnsType::mx);
}

TEST(DnsAnswerTest, NamesAndLabelsHaveTheirBounds) {
  for (const unsigned labels : {63U, 64U}) {  // of one byte: 127 and 129 bytes; then twice as long by a pointer
    DnsWire wire(".", DnsType::mx);
    std::string name;
    for (unsigned i = 0; i < labels; ++i) name += "\1a";
    const std::uint16_t at = static_cast<std::uint16_t>(wire.at() + 10 + 1);
    wire.record(".", 99, 60, name + '\0');
    wire.record(".", 15, 60, DnsWire::u16(1) + name + DnsWire::pointer(at));
    EXPECT_EQ(read(wire, ".", DnsType::mx).status, labels == 63 ? DnsStatus::ok : DnsStatus::failed) << labels;
  }
  DnsWire wire(".", DnsType::mx);
  wire.record(".", 15, 60, DnsWire::u16(1) + std::string("\x40") + std::string(64, 'a') + '\0');
  expect_malformed(wire, ".", DnsType::mx);
}

TEST(DnsAnswerTest, DataMustFillItsLength) {
  DnsWire four("a", DnsType::a), six("a", DnsType::aaaa), mx("a", DnsType::mx), beyond("a", DnsType::mx);
  four.record("a", 1, 60, "12345");
  six.record("a", 28, 60, "1234");
  mx.record("a", 15, 60, DnsWire::u16(1) + DnsWire::encode("mx") + "x");
  beyond.raw(DnsWire::encode("a") + DnsWire::u16(15) + DnsWire::u16(1) + DnsWire::u32(1) + DnsWire::u16(3) +
             DnsWire::u16(1) + DnsWire::encode("mx.example"));
  expect_malformed(four, "a", DnsType::a);
  expect_malformed(six, "a", DnsType::aaaa);
  expect_malformed(mx, "a", DnsType::mx);
  expect_malformed(beyond, "a", DnsType::mx);
}

TEST(DnsAnswerTest, ATimeThatLooksNegativeIsNone) {
  DnsWire wire("a", DnsType::a);
  wire.address("a", "192.0.2.1", 0x80000001U);
  EXPECT_EQ(read(wire, "a", DnsType::a).records.at(0).ttl_s, 0U);
}

TEST(DnsAnswerTest, KeepsNoMoreThanItsBound) {
  DnsWire wire("a", DnsType::a);
  for (unsigned i = 0; i < 1000; ++i) wire.address("a", "192.0.2.1");
  EXPECT_EQ(read(wire, "a", DnsType::a).records.size(), kDnsRecordsMax);
}

TEST(DnsAnswerTest, WhatIsNoAnswerIsNone) {
  expect_malformed(DnsWire("a", DnsType::a, 0x0100), "a", DnsType::a);                     // a question
  expect_malformed(DnsWire("a", DnsType::a, DnsWire::kAnswer | 0x2000), "a", DnsType::a);  // NOTIFY
  for (const auto section : {DnsSection::question, DnsSection::answer, DnsSection::authority}) {
    DnsWire wire;
    wire.count(section, 65535);
    expect_malformed(wire, "a", DnsType::a);
  }
}

DnsWire one_of_all() {
  DnsWire wire("a.example", DnsType::mx);
  wire.alias("a.example", "b.example").mx("b.example", 10, "mx.example").soa("example", 60, 60);
  return wire;
}

TEST(DnsAnswerTest, CutAnywhereItIsMalformed) {
  const std::string whole = one_of_all().bytes();
  const std::size_t answer = whole.size() - one_of_all().bytes().find("\2ns");  // the SOA record is not looked at
  for (std::size_t size = 0; size + answer < whole.size() - 40; ++size)
    EXPECT_EQ(read(whole.substr(0, size), "a.example", DnsType::mx).status, DnsStatus::failed) << size;
}

TEST(DnsAnswerTest, AnyByteMayBeAnother) {
  std::minstd_rand random(1);
  const std::string whole = one_of_all().bytes();
  for (unsigned i = 0; i < 50'000; ++i) {
    std::string bytes = whole;
    for (unsigned n = 0; n < 1 + i % 4; ++n) bytes[random() % bytes.size()] = static_cast<char>(random());
    const DnsReply reply = read(bytes, "a.example", DnsType::mx);
    EXPECT_EQ(reply.status == DnsStatus::ok, !reply.records.empty());
    EXPECT_EQ(reply.status == DnsStatus::failed, !reply.error.empty());
  }
}

}  // namespace
}  // namespace sluice::io
