// The PROXY header: what an honest balancer sends is read, however it is cut; what any other peer
// sends is refused.
#include "engine/net/proxy_protocol.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>

namespace sluice::net {
namespace {

using namespace std::string_literals;

const std::string kV2Start = "\r\n\r\n\0\r\nQUIT\n"s;

std::string v2(int command, int family, std::string_view body) {
  std::string bytes = kV2Start + static_cast<char>(command) + static_cast<char>(family);
  bytes += static_cast<char>(body.size() >> 8);
  bytes += static_cast<char>(body.size());
  return bytes.append(body);
}

const std::string kBody4 = "\xc0\x00\x02\x01\xc6\x33\x64\x02\xd4\x31\x02\x4b"s;  // 192.0.2.1:54321 198.51.100.2:587
const std::string kBody6 =
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02\xd4\x31\x02\x4b"s;

// A "no operation" of so many bytes: section 2.2.4.
std::string tlv(std::size_t size) {
  return "\x04"s + static_cast<char>(size >> 8) + static_cast<char>(size) + std::string(size, 'x');
}

void expect_pair(const ProxyHeader& header, std::string_view source, std::string_view destination) {
  ASSERT_EQ(header.result, ProxyResult::done) << header.error;
  ASSERT_TRUE(header.has_addresses);
  EXPECT_EQ(header.source.to_string(), source);
  EXPECT_EQ(header.destination.to_string(), destination);
}

void expect_bad(std::string_view bytes) {
  const ProxyHeader header = parse_proxy(bytes);
  EXPECT_EQ(header.result, ProxyResult::bad) << bytes;
  EXPECT_STRNE(header.error, "");
  EXPECT_FALSE(header.has_addresses);
}

// What follows is the connection's own, and every shorter beginning is incomplete, never wrong.
void expect_any_split(const std::string& bytes) {
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_EQ(parse_proxy(std::string_view(bytes).substr(0, size)).result, ProxyResult::need_more) << size;
  const ProxyHeader header = parse_proxy(bytes + "EHLO x\r\n");
  EXPECT_EQ(header.result, ProxyResult::done);
  EXPECT_EQ(header.consumed, bytes.size());
}

TEST(ProxyV1, Tcp4AndTcp6) {
  expect_pair(parse_proxy("PROXY TCP4 192.0.2.1 198.51.100.2 54321 587\r\n"), "192.0.2.1:54321", "198.51.100.2:587");
  expect_pair(parse_proxy("PROXY TCP6 2001:db8::1 2001:db8::2 54321 587\r\n"), "[2001:db8::1]:54321",
              "[2001:db8::2]:587");
}

TEST(ProxyV1, UnknownKeepsTheRealAddress) {
  for (const char* line : {"PROXY UNKNOWN\r\n", "PROXY UNKNOWN ffff::1 whatever 1 2\r\n"}) {
    const ProxyHeader header = parse_proxy(line);
    EXPECT_EQ(header.result, ProxyResult::done) << line;
    EXPECT_FALSE(header.has_addresses);
    EXPECT_EQ(header.consumed, std::string_view(line).size());
  }
}

TEST(ProxyV1, SplitAtAnyByte) {
  expect_any_split("PROXY TCP4 192.0.2.1 198.51.100.2 54321 587\r\n");
  expect_any_split("PROXY UNKNOWN\r\n");
}

TEST(ProxyV1, Up107BytesAndNoMore) {
  const std::string start = "PROXY UNKNOWN ";
  const std::string longest = start + std::string(kProxyV1BytesMax - start.size() - 2, 'x') + "\r\n";
  ASSERT_EQ(longest.size(), kProxyV1BytesMax);
  EXPECT_EQ(parse_proxy(longest).result, ProxyResult::done);
  expect_bad(start + std::string(kProxyV1BytesMax - start.size() - 1, 'x') + "\r\n");
  expect_bad(start + std::string(kProxyV1BytesMax - start.size(), 'x'));
}

TEST(ProxyV1, TheLongestPairFits) {
  const std::string ip = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
  EXPECT_EQ(parse_proxy("PROXY TCP6 " + ip + " " + ip + " 65535 65535\r\n").result, ProxyResult::done);
}

TEST(ProxyV1, WhatTheGrammarDoesNotHaveIsBad) {
  for (const std::string& line : {
           "PROXY TCP4 192.0.2.1 198.51.100.2 54321\r\n"s,        // a port short
           "PROXY TCP4 192.0.2.1 198.51.100.2 54321 587 \r\n"s,   // a space more
           "PROXY TCP4  192.0.2.1 198.51.100.2 54321 587\r\n"s,   // two spaces
           "PROXY TCP4 192.0.2.1 198.51.100.2 54321 587 1\r\n"s,  // a field more
           "PROXY TCP4 2001:db8::1 2001:db8::2 54321 587\r\n"s,   // the wrong family
           "PROXY TCP6 192.0.2.1 198.51.100.2 54321 587\r\n"s,
           "PROXY TCP4 192.0.2.1 198.51.100.2 65536 587\r\n"s,   // past 65,535
           "PROXY TCP4 192.0.2.1 198.51.100.2 054321 587\r\n"s,  // a leading zero
           "PROXY TCP4 192.0.2.1 198.51.100.2 +5432 587\r\n"s,
           "PROXY TCP4 192.0.2.1 198.51.100.2 -1 587\r\n"s,
           "PROXY TCP4 192.0.2.1 198.51.100.2 54321 \r\n"s,
           "PROXY TCP4 192.0.2.256 198.51.100.2 54321 587\r\n"s,
           "PROXY TCP4 192.0.2.1\0 198.51.100.2 54321 587\r\n"s,  // a NUL
           "PROXY TCP6 fe80::1%eth0 ::1 54321 587\r\n"s,
           "PROXY TCP4 192.0.2.1 198.51.100.2 54321 587\n\r\n"s,  // a bare LF
           "PROXY tcp4 192.0.2.1 198.51.100.2 54321 587\r\n"s,
           "PROXY UDP4 192.0.2.1 198.51.100.2 54321 587\r\n"s,
           "PROXY \r\n"s,
           "PROXY\r\n"s,
           "proxy TCP4 192.0.2.1 198.51.100.2 54321 587\r\n"s,
       })
    expect_bad(line);
}

TEST(ProxyV2, Ipv4AndIpv6) {
  expect_pair(parse_proxy(v2(0x21, 0x11, kBody4)), "192.0.2.1:54321", "198.51.100.2:587");
  expect_pair(parse_proxy(v2(0x21, 0x21, kBody6)), "[2001:db8::1]:54321", "[2001:db8::2]:587");
}

TEST(ProxyV2, SplitAtAnyByte) {
  expect_any_split(v2(0x21, 0x11, kBody4));
  expect_any_split(v2(0x21, 0x21, kBody6 + "\x03\x00\x04\x01\x02\x03\x04"s));
  expect_any_split(v2(0x20, 0x00, ""));
}

TEST(ProxyV2, LocalUnspecifiedAndUnixKeepTheRealAddress) {
  for (const std::string& bytes : {
           v2(0x20, 0x00, ""),                                                 // LOCAL: a health check
           v2(0x20, 0x11, kBody4),                                             // LOCAL: the addresses are to be dropped
           v2(0x20, 0x11, "odd"),                                              // ... whatever they are
           v2(0x21, 0x00, ""),                                                 // UNSPEC
           v2(0x21, 0x00, "anything"), v2(0x21, 0x31, std::string(216, 'x')),  // UNIX stream
       }) {
    const ProxyHeader header = parse_proxy(bytes);
    EXPECT_EQ(header.result, ProxyResult::done) << header.error;
    EXPECT_FALSE(header.has_addresses);
    EXPECT_EQ(header.consumed, bytes.size());
  }
}

TEST(ProxyV2, ExtensionsAreSkippedAndMustFit) {
  const std::string crc = "\x03\x00\x04\x01\x02\x03\x04"s;
  const std::string empty = "\x04\x00\x00"s;
  expect_pair(parse_proxy(v2(0x21, 0x11, kBody4 + crc + empty)), "192.0.2.1:54321", "198.51.100.2:587");
  expect_bad(v2(0x21, 0x11, kBody4 + crc + "\x04"));
  expect_bad(v2(0x21, 0x11, kBody4 + crc + "\x04\x00"s));
  expect_bad(v2(0x21, 0x11, kBody4 + crc + "\x04\x00\x01"s));
  expect_bad(v2(0x21, 0x11, kBody4 + "\x04\xff\xff"s));
}

// A balancer's 1,010 bytes, for instance of the client's certificate, closed the connection.
TEST(ProxyV2, LongExtensionsAreSkippedByTheirLength) {
  for (const std::size_t size : {1'009U, 1'010U, 2'000U, 4'096U, 8'192U}) {
    const std::string bytes = v2(0x21, 0x11, kBody4 + tlv(size) + tlv(5));
    expect_pair(parse_proxy(bytes), "192.0.2.1:54321", "198.51.100.2:587");
    expect_any_split(bytes);
    expect_bad(v2(0x21, 0x11, kBody4 + tlv(size) + "\x04\x00\x05x"s));
    expect_bad(v2(0x21, 0x11, kBody4 + tlv(size).substr(0, size)));
  }
}

TEST(ProxyV2, LengthsAreBounded) {
  static_assert(kProxyV2BodyBytesMax >= 4'096 + 2 * (16 + 2) + 3);
  const std::string most = kBody4 + tlv(kProxyV2BodyBytesMax - kBody4.size() - 3);
  ASSERT_EQ(most.size(), kProxyV2BodyBytesMax);
  EXPECT_EQ(parse_proxy(v2(0x21, 0x11, most)).result, ProxyResult::done);
  // Refused at the header: no wait for 65,535 bytes.
  expect_bad(v2(0x21, 0x11, std::string(65'535, 'x')).substr(0, kProxyV2HeaderBytes));
  expect_bad(v2(0x21, 0x11, std::string(kProxyV2BodyBytesMax + 1, 'x')).substr(0, kProxyV2HeaderBytes));
  expect_bad(v2(0x20, 0x00, std::string(65'535, 'x')).substr(0, kProxyV2HeaderBytes));
  expect_bad(v2(0x21, 0x11, kBody4.substr(1)));
  expect_bad(v2(0x21, 0x21, kBody4));
  expect_bad(v2(0x21, 0x31, std::string(215, 'x')));
}

TEST(ProxyV2, OtherVersionsCommandsAndFamiliesAreBad) {
  for (const int command : {0x00, 0x01, 0x10, 0x11, 0x22, 0x2f, 0x31}) expect_bad(v2(command, 0x11, kBody4));
  for (const int family : {0x13, 0x1f, 0x41, 0xf1, 0x12, 0x22}) expect_bad(v2(0x21, family, kBody4 + kBody6));
}

TEST(Proxy, AnythingElseIsBadAtItsFirstByte) {
  for (const std::string& bytes : {"EHLO x\r\n"s, "\x16\x03\x01"s, "P R"s, "\r\n\r\nQUIT"s, "\0"s}) expect_bad(bytes);
  EXPECT_EQ(parse_proxy("").result, ProxyResult::need_more);
  expect_bad("E");
}

TEST(Proxy, ASecondHeaderIsSeen) {
  const std::string line = "PROXY TCP4 192.0.2.1 198.51.100.2 54321 587\r\n";
  for (const std::string& twice : {line + line, v2(0x21, 0x11, kBody4) + v2(0x21, 0x11, kBody4), line + kV2Start}) {
    const ProxyHeader first = parse_proxy(twice);
    ASSERT_EQ(first.result, ProxyResult::done);
    EXPECT_TRUE(starts_like_proxy(std::string_view(twice).substr(first.consumed)));
  }
  for (const char* bytes : {"", "EHLO x\r\n", "\x16\x03\x01", "PING\r\n"}) EXPECT_FALSE(starts_like_proxy(bytes));
}

}  // namespace
}  // namespace sluice::net
