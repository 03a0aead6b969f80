// Peers that mean harm or know no better: garbage, old versions, floods.  Each is refused, says
// why, and costs little.
#include <gtest/gtest.h>

#include <algorithm>

#include "engine/tls/limits.h"
#include "tests/unit/tls/tls_fixture.h"

namespace sluice::tls {
namespace {

using testing::drain;
using testing::Listener;
using testing::RawClient;
using testing::SeededRandom;
using testing::talk;

std::string record(std::uint8_t type, std::string_view body) {
  std::string bytes{static_cast<char>(type), 3, 1, static_cast<char>(body.size() >> 8), static_cast<char>(body.size())};
  return bytes += body;
}

// RFC 8446 section 6: a fatal alert in the clear.
std::string alert(std::uint8_t code) { return {21, 3, 3, 0, 2, 2, static_cast<char>(code)}; }

std::string hello_bytes(const std::string& sni = "a.example.com") {
  RawClient client({.sni = sni});
  client.step();
  return client.to_server;
}

TlsState feed(TlsSession& server, std::string_view bytes) {
  Chain heard;
  const TlsState state = testing::feed(server, bytes, heard);
  EXPECT_TRUE(heard.empty());
  return state;
}

TEST(TlsHostile, WhatIsNotTlsIsRefusedAtTheFirstByte) {
  Listener listener;
  for (const std::string_view bytes : {"EHLO x\r\n", "GET / HTTP/1.1\r\n\r\n", "\x80\x2e\x01\x03\x01", "\xff"}) {
    auto server = listener.accept();
    EXPECT_EQ(feed(*server, bytes.substr(0, 1)), TlsState::failed);
    EXPECT_EQ(server->error(), "not a TLS handshake");
    EXPECT_EQ(drain(server->outgoing()), alert(50));
    EXPECT_EQ(feed(*server, hello_bytes()), TlsState::failed) << "failed stays failed";
    EXPECT_TRUE(server->outgoing().empty());
    server->close();
    EXPECT_TRUE(server->outgoing().empty());
  }
}

TEST(TlsHostile, Tls11IsRefused) {
  // RFC 4346: version 3.2, no extensions, AES-128-CBC and ECDHE-ECDSA-AES-128-GCM.
  std::string body("\x03\x02", 2);
  body += std::string(32, 'r');
  body += std::string("\0\0\x04\x00\x2f\xc0\x2b\x01\0", 9);
  const std::string message = std::string("\x01\0\0", 3) + static_cast<char>(body.size()) + body;
  Listener listener;
  auto server = listener.accept();
  EXPECT_EQ(feed(*server, record(22, message)), TlsState::failed);
  EXPECT_NE(server->error(), "");
  EXPECT_EQ(drain(server->outgoing()).substr(5), alert(70).substr(5)) << "protocol_version";
}

TEST(TlsHostile, CiphersWithoutForwardSecrecyOrAuthenticationAreRefused) {
  std::string body("\x03\x03", 2);
  body += std::string(32, 'r');
  // RSA-AES-128-GCM, ECDHE-ECDSA-AES-128-CBC-SHA256, ECDHE-RSA-3DES.
  body += std::string("\0\0\x06\x00\x9c\xc0\x23\xc0\x12\x01\0", 11);
  // supported_groups: P-256; ec_point_formats; signature_algorithms: ecdsa_secp256r1_sha256.
  const std::string extensions("\0\x0a\0\x04\0\x02\0\x17\0\x0b\0\x02\x01\0\0\x0d\0\x04\0\x02\x04\x03", 22);
  body += std::string("\0", 1) + static_cast<char>(extensions.size()) + extensions;
  const std::string message = std::string("\x01\0\0", 3) + static_cast<char>(body.size()) + body;
  Listener listener;
  auto server = listener.accept();
  EXPECT_EQ(feed(*server, record(22, message)), TlsState::failed);
  EXPECT_EQ(drain(server->outgoing()).substr(5), alert(40).substr(5)) << "handshake_failure";
}

TEST(TlsHostile, AHelloThatNeverEndsIsCutOff) {
  Listener listener;
  auto server = listener.accept();
  // Says that 2^24 - 1 bytes follow.
  const std::string first = record(22, std::string("\x01\xff\xff\xff", 4));
  EXPECT_EQ(feed(*server, first), TlsState::failed);
  EXPECT_EQ(server->error(), "ClientHello too long");
}

TEST(TlsHostile, AHelloInCrumbsIsCutOff) {
  Listener listener;
  auto server = listener.accept();
  std::string crumbs;
  const std::string hello = hello_bytes();
  for (const char c : hello.substr(kTlsRecordHeaderBytes)) crumbs += record(22, std::string(1, c));
  EXPECT_EQ(feed(*server, crumbs), TlsState::failed);
  EXPECT_EQ(server->error(), "ClientHello in too many records");
}

TEST(TlsHostile, AHelloInSomeRecordsIsTaken) {
  Listener listener;
  auto server = listener.accept();
  RawClient client({.sni = "b.example.com"});
  client.step();
  const std::string hello = client.to_server.substr(kTlsRecordHeaderBytes);
  client.to_server = record(22, hello.substr(0, 4)) + record(22, hello.substr(4, 100)) + record(22, hello.substr(104));
  talk(*server, client);
  EXPECT_EQ(server->state(), TlsState::open) << server->error();
  EXPECT_EQ(server->host(), "b.example.com");
}

TEST(TlsHostile, AStalledHelloCostsItsBytesOnly) {
  Listener listener;
  auto server = listener.accept();
  const std::string hello = hello_bytes();
  EXPECT_EQ(feed(*server, std::string_view(hello).substr(0, hello.size() - 1)), TlsState::handshaking);
  EXPECT_STREQ(server->version(), "") << "no wolfSSL session has been made";
  EXPECT_EQ(listener.source.reads, 0);
}

TEST(TlsHostile, EveryByteOfAHelloChanged) {
  Listener listener;
  const std::string hello = hello_bytes();
  for (std::size_t at = 0; at < hello.size(); ++at) {
    for (const int flip : {0x01, 0x80, 0xff}) {
      std::string changed = hello;
      changed[at] = static_cast<char>(changed[at] ^ flip);
      auto server = listener.accept();
      EXPECT_NE(feed(*server, changed), TlsState::open);
      server->close();
    }
  }
}

TEST(TlsHostile, RandomBytesBehindAGoodHello) {
  Listener listener;
  SeededRandom random(11);
  for (int round = 0; round < 200; ++round) {
    auto server = listener.accept();
    feed(*server, hello_bytes());
    std::string noise(300, '\0');
    random.fill(std::as_writable_bytes(std::span(noise)));
    if (round % 2 == 0) noise = record(static_cast<std::uint8_t>(20 + round % 4), noise);
    EXPECT_NE(feed(*server, noise), TlsState::open);
  }
}

TEST(TlsHostile, ARecordThatIsTooLongIsRefusedAtItsHeader) {
  Listener listener;
  auto server = listener.accept();
  RawClient client({});
  talk(*server, client);
  EXPECT_EQ(feed(*server, std::string("\x17\x03\x03\xff\xff", 5)), TlsState::failed);
  EXPECT_NE(server->error().find("record too long"), std::string_view::npos) << server->error();
}

TEST(TlsHostile, KeyUpdatesAreCounted) {
  Listener listener;
  auto server = listener.accept();
  RawClient client({.version = WOLFSSL_TLSV1_3});
  talk(*server, client);
  std::size_t updates = 0;
  while (server->state() == TlsState::open && updates < 1'000) {
    ASSERT_EQ(wolfSSL_update_keys(client.ssl), WOLFSSL_SUCCESS);
    talk(*server, client);
    ++updates;
  }
  EXPECT_EQ(updates, kTlsIdleRecordsMax + 1);
  EXPECT_NE(server->error().find("too many records without data"), std::string_view::npos) << server->error();
}

TEST(TlsHostile, AByteInBetweenDoesNotResetTheWholeCount) {
  Listener listener;
  auto server = listener.accept();
  RawClient client({.version = WOLFSSL_TLSV1_3});
  talk(*server, client);
  std::size_t updates = 0;
  while (server->state() == TlsState::open && updates < 10'000) {
    ASSERT_EQ(wolfSSL_update_keys(client.ssl), WOLFSSL_SUCCESS);
    talk(*server, client);
    if (++updates % 16 != 0) continue;
    client.write("x");
    talk(*server, client);
  }
  EXPECT_NEAR(static_cast<double>(updates), kTlsIdleRecordsTotalMax, 32);
}

TEST(TlsHostile, ASecondHandshakeIsNotStarted) {
  // TLS 1.2 renegotiation: a ClientHello inside the session, which the client's wolfSSL would not
  // make; so the record is a handshake record that does not decrypt, and one in the clear.
  Listener listener;
  auto server = listener.accept();
  RawClient client({.version = WOLFSSL_TLSV1_2});
  talk(*server, client);
  EXPECT_EQ(feed(*server, hello_bytes()), TlsState::failed);
}

TEST(TlsHostile, AlertsAreNamed) {
  Listener listener;
  auto server = listener.accept();
  RawClient client({.version = WOLFSSL_TLSV1_2});
  client.step();
  feed(*server, client.to_server);
  EXPECT_EQ(feed(*server, alert(48)), TlsState::failed);
  EXPECT_EQ(server->error(), "handshake: the peer sent the alert unknown_ca");
}

TEST(TlsHostile, AHandshakeFloodIsCutOff) {
  Listener listener;
  auto server = listener.accept();
  feed(*server, hello_bytes());
  // RFC 8446 appendix D.4: change_cipher_spec is ignored in a handshake; not for ever.
  std::size_t sent = 0;
  while (server->state() == TlsState::handshaking && sent < 10'000) {
    feed(*server, std::string("\x14\x03\x03\0\x01\x01", 6));
    ++sent;
  }
  EXPECT_EQ(server->state(), TlsState::failed);
  EXPECT_LE(sent, kTlsHandshakeRecordsMax);
}

TEST(TlsHostile, NamesThatAreNoHostNamesGetTheDefault) {
  Listener listener;
  for (const std::string name : {"../../etc/passwd", "a/b", "_.example.org", "*.example.org", "a..b", "-a.test",
                                 "192.0.2.1", "\xc3\xa9.test", ".", "mx.example.com/"}) {
    auto server = listener.accept();
    RawClient client({.sni = name});
    talk(*server, client);
    EXPECT_EQ(server->state(), TlsState::open) << name << ": " << server->error();
    EXPECT_EQ(server->sni(), "") << name;
    EXPECT_EQ(server->host(), "mx.example.com") << name;
  }
}

}  // namespace
}  // namespace sluice::tls
