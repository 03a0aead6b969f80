// TLS sessions between two ends in memory: that they come about, however the bytes are cut, and how
// they end.
#include <gtest/gtest.h>

#include "engine/tls/limits.h"
#include "tests/unit/tls/tls_fixture.h"

namespace sluice::tls {
namespace {

using testing::drain;
using testing::Listener;
using testing::RawClient;
using testing::talk;

class TlsVersions : public ::testing::TestWithParam<int> {
 protected:
  Listener listener_;
};

INSTANTIATE_TEST_SUITE_P(Both, TlsVersions, ::testing::Values(WOLFSSL_TLSV1_2, WOLFSSL_TLSV1_3),
                         [](const auto& version) { return version.param == WOLFSSL_TLSV1_2 ? "Tls12" : "Tls13"; });

TEST_P(TlsVersions, HandshakeThenTalk) {
  auto server = listener_.accept();
  RawClient client({.version = GetParam(), .sni = "a.example.com"});
  talk(*server, client);
  ASSERT_EQ(server->state(), TlsState::open) << server->error();
  EXPECT_STREQ(server->version(), GetParam() == WOLFSSL_TLSV1_2 ? "TLSv1.2" : "TLSv1.3");
  EXPECT_EQ(server->sni(), "a.example.com");
  EXPECT_EQ(server->host(), "a.example.com");
  EXPECT_FALSE(server->resumed());
  client.write("EHLO client\r\n");
  EXPECT_EQ(talk(*server, client), "EHLO client\r\n");
  EXPECT_EQ(server->write("250 hello\r\n"), TlsState::open);
  talk(*server, client);
  EXPECT_EQ(client.heard, "250 hello\r\n");
}

TEST_P(TlsVersions, OneByteAtATime) {
  auto server = listener_.accept();
  RawClient client({.version = GetParam(), .sni = "a.example.com"});
  talk(*server, client, 1);
  ASSERT_EQ(server->state(), TlsState::open) << server->error();
  client.write("NOOP\r\n");
  EXPECT_EQ(talk(*server, client, 1), "NOOP\r\n");
}

TEST_P(TlsVersions, CutInTwoAtEveryByte) {
  // Long enough for the hello, the second flight and some data.
  for (std::size_t cut = 1; cut < 700; ++cut) {
    auto server = listener_.accept();
    RawClient client({.version = GetParam(), .sni = "a.example.com"});
    Chain heard;
    std::size_t sent = 0;
    client.step();
    bool written = false;
    while (!client.to_server.empty()) {
      const std::string bytes = std::exchange(client.to_server, {});
      const std::size_t first = cut > sent ? std::min(cut - sent, bytes.size()) : bytes.size();
      testing::feed(*server, std::string_view(bytes).substr(0, first), heard);
      testing::feed(*server, std::string_view(bytes).substr(first), heard);
      sent += bytes.size();
      client.from_server += drain(server->outgoing());
      if (client.step() && !std::exchange(written, true)) client.write("MAIL FROM:<a@example.com>\r\n");
    }
    ASSERT_EQ(server->state(), TlsState::open) << cut << ": " << server->error();
    ASSERT_EQ(heard.to_string(), "MAIL FROM:<a@example.com>\r\n") << cut;
  }
}

TEST_P(TlsVersions, AuthenticatedCiphersWithForwardSecrecyOnly) {
  auto server = listener_.accept();
  RawClient client({.version = GetParam()});
  talk(*server, client);
  const std::string cipher = server->cipher();
  EXPECT_EQ(cipher,
            GetParam() == WOLFSSL_TLSV1_2 ? "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256" : "TLS_AES_128_GCM_SHA256");
}

TEST_P(TlsVersions, LongWritesAreRecordsOf16KB) {
  auto server = listener_.accept();
  RawClient client({.version = GetParam()});
  talk(*server, client);
  const std::string text(100'000, 'x');
  server->write(text);
  const std::string wire = server->outgoing().to_string();
  std::size_t records = 0;
  for (std::size_t at = 0; at < wire.size(); ++records) {
    const std::size_t size = static_cast<std::size_t>(static_cast<unsigned char>(wire[at + 3])) << 8 |
                             static_cast<unsigned char>(wire[at + 4]);
    EXPECT_LE(size, kTlsPlaintextBytesMax + 256);
    at += kTlsRecordHeaderBytes + size;
  }
  EXPECT_EQ(records, 7U);
  talk(*server, client);
  EXPECT_EQ(client.heard, text);
}

TEST_P(TlsVersions, LongReadsComeInFull) {
  auto server = listener_.accept();
  RawClient client({.version = GetParam()});
  talk(*server, client);
  std::string text;
  for (int i = 0; text.size() < 200'000; ++i) text += std::to_string(i) + "\r\n";
  client.write(text);
  EXPECT_EQ(talk(*server, client, 1'400), text);
  client.write(text);
  EXPECT_EQ(talk(*server, client), text);
}

TEST_P(TlsVersions, CloseNotifyFromThePeer) {
  auto server = listener_.accept();
  RawClient client({.version = GetParam()});
  talk(*server, client);
  client.write("QUIT\r\n");
  wolfSSL_shutdown(client.ssl);
  EXPECT_EQ(talk(*server, client), "QUIT\r\n") << "what came before the close counts";
  EXPECT_EQ(server->state(), TlsState::closed);
  EXPECT_TRUE(server->error().empty());
  EXPECT_EQ(server->write("more"), TlsState::closed);
  EXPECT_TRUE(server->outgoing().empty());
  server->close();
  EXPECT_FALSE(server->outgoing().empty()) << "our own close_notify";
}

TEST_P(TlsVersions, CloseNotifyFromUsIsSaidOnce) {
  auto server = listener_.accept();
  RawClient client({.version = GetParam()});
  talk(*server, client);
  server->close();
  EXPECT_EQ(server->state(), TlsState::closed);
  const std::size_t size = server->outgoing().size();
  EXPECT_GT(size, 0U);
  server->close();
  EXPECT_EQ(server->outgoing().size(), size);
  client.write("late");
  Chain heard;
  EXPECT_EQ(server->feed(client.to_server, heard), TlsState::closed);
  EXPECT_TRUE(heard.empty()) << "input after close() is dropped";
}

TEST_P(TlsVersions, AFlippedBitInARecordFails) {
  auto server = listener_.accept();
  RawClient client({.version = GetParam()});
  talk(*server, client);
  client.write("MAIL FROM:<a@example.com>\r\n");
  client.to_server[20] = static_cast<char>(client.to_server[20] ^ 1);
  EXPECT_EQ(talk(*server, client), "");
  EXPECT_EQ(server->state(), TlsState::failed);
  EXPECT_FALSE(server->error().empty());
  EXPECT_TRUE(drain(server->outgoing()).empty()) << "talk() has passed on the alert";
}

TEST(TlsSession, OurOwnClientTalksToOurOwnServer) {
  Listener listener;
  auto context = TlsClientContext::make({.verify = TlsVerify::none});
  ASSERT_TRUE(context.has_value());
  auto server = listener.accept();
  auto client = TlsSession::client(**context, "b.example.com");
  EXPECT_FALSE(client->outgoing().empty()) << "the hello is there at once";
  talk(*server, *client);
  ASSERT_EQ(client->state(), TlsState::open) << client->error();
  EXPECT_STREQ(client->version(), "TLSv1.3");
  EXPECT_EQ(server->host(), "b.example.com");
  client->write("hello");
  server->write("world");
  const auto heard = talk(*server, *client);
  EXPECT_EQ(heard.server, "hello");
  EXPECT_EQ(heard.client, "world");
}

TEST(TlsSession, ACloseBeforeTheHandshakeSaysNothing) {
  Listener listener;
  auto server = listener.accept();
  server->close();
  EXPECT_EQ(server->state(), TlsState::closed);
  EXPECT_TRUE(server->outgoing().empty());
}

}  // namespace
}  // namespace sluice::tls
