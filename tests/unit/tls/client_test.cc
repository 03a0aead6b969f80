// TLS towards next hops: which CAs we trust, under which name, and what is not asked when we do not.
#include <gtest/gtest.h>

#include <array>

#include "tests/unit/tls/tls_fixture.h"

namespace sluice::tls {
namespace {

using testing::certificate_for;
using testing::Listener;
using testing::talk;

class TlsClient : public ::testing::Test {
 protected:
  std::unique_ptr<TlsClientContext> trusting(const std::string& ca_pem) {
    auto made = TlsClientContext::make({.verify = TlsVerify::required, .ca_pem = ca_pem});
    EXPECT_TRUE(made.has_value()) << made.error();
    return std::move(*made);
  }
  std::unique_ptr<TlsSession> connect(TlsClientContext& context, std::string_view name) {
    server_ = listener_.accept();
    auto client = TlsSession::client(context, name);
    talk(*server_, *client);
    return client;
  }
  Listener listener_;
  std::unique_ptr<TlsSession> server_;
};

TEST_F(TlsClient, ATrustedCertificateForTheNameIsVerified) {
  auto context = trusting(certificate_for("a.example.com").certificate_pem);
  auto client = connect(*context, "A.Example.COM.");
  EXPECT_EQ(client->state(), TlsState::open) << client->error();
  EXPECT_TRUE(client->verified());
  EXPECT_EQ(client->facts().version, "TLSv1.3");
  EXPECT_EQ(client->facts().group, "x25519");
  EXPECT_TRUE(client->facts().verified);
  EXPECT_EQ(client->sni(), "a.example.com");
  EXPECT_EQ(server_->sni(), "a.example.com");
}

TEST_F(TlsClient, ACertificateForAnotherNameIsRefused) {
  auto context = trusting(certificate_for("mx.example.com").certificate_pem);
  auto client = connect(*context, "elsewhere.test");  // the default, mx.example.com, is shown
  EXPECT_EQ(client->state(), TlsState::failed);
  EXPECT_FALSE(client->verified());
  EXPECT_NE(client->error().find("ame mismatch"), std::string_view::npos) << client->error();
  EXPECT_EQ(server_->error(), "handshake: the peer sent the alert bad_certificate") << "it gets the alert";
}

TEST_F(TlsClient, AnUnknownAuthorityIsRefused) {
  auto context = trusting(certificate_for("b.example.com").certificate_pem);
  auto client = connect(*context, "a.example.com");
  EXPECT_EQ(client->state(), TlsState::failed);
  EXPECT_FALSE(client->error().empty());
}

TEST_F(TlsClient, AWildcardStandsForOneLabel) {
  auto context = trusting(certificate_for("*.example.org").certificate_pem);
  EXPECT_EQ(connect(*context, "x.example.org")->state(), TlsState::open);
  listener_.source.put("x.y.example.org", certificate_for("*.example.org"));
  EXPECT_EQ(connect(*context, "x.y.example.org")->state(), TlsState::failed);
}

TEST_F(TlsClient, OpportunisticTakesAnybody) {
  auto context = TlsClientContext::make({.verify = TlsVerify::none});
  ASSERT_TRUE(context.has_value());
  for (const char* name : {"elsewhere.test", "192.0.2.1", "not_a_host", ""}) {
    auto client = connect(**context, name);
    EXPECT_EQ(client->state(), TlsState::open) << name << ": " << client->error();
    EXPECT_FALSE(client->verified());
  }
}

TEST_F(TlsClient, AddressesAreNotSentAsNames) {
  for (const std::string ip : {"192.0.2.1", "2001:db8::1"}) {
    listener_.source.put("mx.example.com", certificate_for(ip));
    listener_.clock.advance(std::chrono::seconds(2));
    auto context = trusting(certificate_for(ip).certificate_pem);
    auto client = connect(*context, ip);
    EXPECT_EQ(client->state(), TlsState::open) << client->error();
    EXPECT_TRUE(client->verified());
    EXPECT_EQ(server_->sni(), "");
    EXPECT_EQ(connect(*context, ip == "192.0.2.1" ? "192.0.2.2" : "2001:db8::2")->state(), TlsState::failed);
  }
}

TEST_F(TlsClient, ANameThatCannotBeCheckedIsNotTrusted) {
  auto context = trusting(certificate_for("a.example.com").certificate_pem);
  auto client = TlsSession::client(*context, "not_a_host");
  EXPECT_EQ(client->state(), TlsState::failed);
  EXPECT_FALSE(client->error().empty());
  EXPECT_TRUE(client->outgoing().empty());
}

TEST_F(TlsClient, ComesBackWithItsTicket) {
  auto context = trusting(certificate_for("a.example.com").certificate_pem);
  EXPECT_FALSE(connect(*context, "a.example.com")->resumed());
  auto second = connect(*context, "a.example.com");
  EXPECT_TRUE(second->resumed());
  EXPECT_TRUE(second->verified()) << "it was checked when the ticket was given";
  // Each ticket is used once: while `second` lives there is none.
  EXPECT_FALSE(connect(*context, "a.example.com")->resumed());
}

TEST_F(TlsClient, AContextThatDoesNotResumeKeepsNoTicket) {
  auto context = TlsClientContext::make({.verify = TlsVerify::none, .resume = false});
  ASSERT_TRUE(context.has_value());
  for (int i = 0; i < 3; ++i) {
    const auto client = connect(**context, "a.example.com");
    EXPECT_EQ(client->state(), TlsState::open) << client->error();
    EXPECT_FALSE(client->resumed());
  }
}

TEST_F(TlsClient, ATicketThatIsNoLongerTakenCostsAFullHandshakeOnly) {
  auto context = trusting(certificate_for("a.example.com").certificate_pem);
  connect(*context, "a.example.com");
  listener_.clock.advance(2 * kTicketKeyLife);
  auto client = connect(*context, "a.example.com");
  EXPECT_EQ(client->state(), TlsState::open) << client->error();
  EXPECT_FALSE(client->resumed());
  EXPECT_TRUE(client->verified());
}

TEST_F(TlsClient, TicketsStayWithTheContextThatChecked) {
  auto careless = TlsClientContext::make({.verify = TlsVerify::none});
  ASSERT_TRUE(careless.has_value());
  EXPECT_FALSE(connect(**careless, "a.example.com")->resumed());
  auto careful = trusting(certificate_for("b.example.com").certificate_pem);
  EXPECT_EQ(connect(*careful, "a.example.com")->state(), TlsState::failed);
}

TEST_F(TlsClient, TrustNeedsACertificateAuthority) {
  EXPECT_FALSE(TlsClientContext::make({.verify = TlsVerify::required}).has_value());
  const auto made = TlsClientContext::make({.verify = TlsVerify::required, .ca_pem = "nothing of the sort"});
  ASSERT_FALSE(made.has_value());
  EXPECT_NE(made.error().find("no certificate to trust"), std::string::npos) << made.error();
}

TEST_F(TlsClient, TakesWhatItCanOfABundle) {
  auto context = trusting("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" +
                          certificate_for("a.example.com").certificate_pem);
  EXPECT_EQ(connect(*context, "a.example.com")->state(), TlsState::open);
}

TEST_F(TlsClient, EndlessHandshakesFromAServerAreCutOff) {
  auto context = TlsClientContext::make({.verify = TlsVerify::none});
  auto client = TlsSession::client(**context, "a.example.com");
  Chain heard;
  std::size_t fed = 0;
  // A handshake message that goes on and on, in the clear as TLS 1.2 has it.
  std::string record("\x16\x03\x03\x40\x00", 5);
  record += std::string("\x02\xff\xff\xff", 4) + std::string(16'380, 'x');
  while (client->state() == TlsState::handshaking && fed < 10'000'000) {
    client->feed(record, heard);
    fed += record.size();
  }
  EXPECT_EQ(client->state(), TlsState::failed);
  EXPECT_LT(fed, 200'000U);
}

}  // namespace
}  // namespace sluice::tls
