// What a ClientHello offers against what is set here: versions, groups, and more cipher suites than the library keeps.
#include <gtest/gtest.h>

#include "tests/unit/tls/tls_fixture.h"

namespace sluice::tls {
namespace {

using testing::counted;
using testing::drain;
using testing::extension;
using testing::Listener;
using testing::number;
using testing::RawClient;
using testing::talk;

constexpr std::uint8_t kHandshakeFailure = 40;
constexpr std::uint8_t kProtocolVersion = 70;

struct Offer {
  std::string suites;      // two bytes each
  std::size_t group = 23;  // P-256
  bool tls13 = false;
};

// RFC 8446 4.1.2, in one record.
std::string hello(const Offer& offer) {
  std::string extensions = extension(10, counted(number(offer.group, 2), 2));
  extensions += extension(13, counted(std::string("\x04\x03\x08\x04\x04\x01", 6), 2));
  if (offer.tls13) {
    extensions += extension(43, counted(std::string("\x03\x04", 2), 1));
    // Any 32 bytes are a key of X25519.
    const std::string share = number(offer.group, 2) + counted(std::string(32, '\x09'), 2);
    extensions += extension(51, counted(share, 2));
  } else {
    extensions += extension(11, counted(std::string("\0", 1), 1));
  }
  const std::string body = "\x03\x03" + std::string(32, 'r') + counted(offer.tls13 ? std::string(32, 's') : "", 1) +
                           counted(offer.suites, 2) + counted(std::string("\0", 1), 1) + counted(extensions, 2);
  return "\x16\x03\x01" + counted(number(1, 1) + counted(body, 3), 2);
}

// So many that no host has, then `last`.
std::string many_suites(std::size_t count, std::string_view last) {
  std::string suites;
  for (std::size_t i = 0; i < count; ++i) suites += number(0xd100 + i % 0x1000, 2);
  return suites.append(last);
}

// The first byte of the answer: 22 with a ServerHello, 21 with an alert, whose code is the last byte then.
std::string answer(Listener& listener, const std::string& bytes, std::string* error = nullptr) {
  auto server = listener.accept();
  Chain heard;
  testing::feed(*server, bytes, heard);
  if (error != nullptr) *error = server->error();
  return drain(server->outgoing());
}

TEST(TlsOffer, MoreCipherSuitesThanTheLibraryKeepsAreNoReasonToRefuse) {
  Listener listener;
  for (const std::size_t count :
       {std::size_t{149}, std::size_t{150}, std::size_t{151}, std::size_t{400}, std::size_t{7000}}) {
    SCOPED_TRACE(count);
    std::string error;
    const std::string old = answer(listener, hello({.suites = many_suites(count, "\xc0\x2b")}), &error);
    ASSERT_GT(old.size(), 6U) << error;
    EXPECT_EQ(old[0], 22) << error;
    EXPECT_EQ(old[5], 2) << "a ServerHello";
    const std::string now =
        answer(listener, hello({.suites = many_suites(count, "\x13\x01"), .group = 29, .tls13 = true}), &error);
    ASSERT_GT(now.size(), 6U) << error;
    EXPECT_EQ(now[0], 22) << error;
    EXPECT_EQ(now[5], 2) << "a ServerHello";
  }
}

TEST(TlsOffer, ManySuitesOfWhichNoneIsOursAreRefused) {
  Listener listener;
  const std::string refusal = answer(listener, hello({.suites = many_suites(400, "\xc0\x13")}));
  EXPECT_EQ(refusal[0], 21);
  EXPECT_EQ(refusal.back(), kHandshakeFailure);
}

TEST(TlsOffer, NoCommonGroupIsAHandshakeFailure) {
  Listener listener;
  for (const bool tls13 : {false, true}) {
    std::string error;
    const std::string refusal =
        answer(listener, hello({.suites = "\x13\x01\xc0\x2b", .group = 30, .tls13 = tls13}), &error);  // X448
    ASSERT_EQ(refusal.size(), 7U);
    EXPECT_EQ(refusal[0], 21);
    EXPECT_EQ(refusal.back(), kHandshakeFailure) << (tls13 ? "TLS 1.3" : "TLS 1.2");
    EXPECT_NE(error.find("group"), std::string::npos) << error;
  }
}

TEST(TlsOffer, AClientBelowTheLeastVersionIsRefused) {
  Listener listener;
  TlsContext strict({.listener = "strict", .min_version = TlsVersion::tls_1_3}, listener.certificates, listener.keys);
  auto server = TlsSession::server(strict);
  RawClient old({.version = WOLFSSL_TLSV1_2});
  talk(*server, old);
  EXPECT_EQ(server->state(), TlsState::failed);
  EXPECT_FALSE(old.done);
  Chain heard;
  auto raw = TlsSession::server(strict);
  testing::feed(*raw, hello({.suites = "\xc0\x2b"}), heard);
  EXPECT_EQ(drain(raw->outgoing()).back(), kProtocolVersion);
  auto again = TlsSession::server(strict);
  RawClient now({.version = WOLFSSL_TLSV1_3});
  talk(*again, now);
  EXPECT_TRUE(now.done) << again->error();
  auto lax = listener.accept();
  RawClient other({.version = WOLFSSL_TLSV1_2});
  talk(*lax, other);
  EXPECT_TRUE(other.done) << "another listener is not concerned";
}

TEST(TlsOffer, AServerBelowTheLeastVersionIsRefused) {
  Listener listener;
  auto context = TlsClientContext::make({.verify = TlsVerify::none, .min_version = TlsVersion::tls_1_3});
  ASSERT_TRUE(context);
  auto client = TlsSession::client(**context, "a.example.com");
  // RFC 5246 7.4.1.3: a server that answers in TLS 1.2.
  const std::string body = "\x03\x03" + std::string(32, 'r') + counted("", 1) + "\xc0\x2b" + std::string("\0", 1);
  Chain heard;
  client->feed("\x16\x03\x03" + counted(number(2, 1) + counted(body, 3), 2), heard);
  EXPECT_EQ(client->state(), TlsState::failed);
  auto server = listener.accept();
  auto other = TlsSession::client(**context, "a.example.com");
  talk(*server, *other);
  EXPECT_EQ(other->state(), TlsState::open) << other->error();
  EXPECT_STREQ(other->version(), "TLSv1.3");
}

}  // namespace
}  // namespace sluice::tls
