// Session tickets: where they resume a session, and above all where they must not.
#include <gtest/gtest.h>

#include <array>

#include "tests/unit/tls/tls_fixture.h"

namespace sluice::tls {
namespace {

using testing::Listener;
using testing::RawClient;
using testing::SeededRandom;
using testing::StoppedClock;
using testing::talk;

struct SessionDeleter {
  void operator()(WOLFSSL_SESSION* session) const { wolfSSL_SESSION_free(session); }
};
using Session = std::unique_ptr<WOLFSSL_SESSION, SessionDeleter>;

class TlsTickets : public ::testing::TestWithParam<int> {
 protected:
  // A full handshake with `listener` under `name`, and the ticket that it left.
  Session ticket_from(Listener& listener, const std::string& name) {
    auto server = listener.accept();
    RawClient client({.version = GetParam(), .sni = name});
    talk(*server, client);
    EXPECT_EQ(server->state(), TlsState::open) << server->error();
    EXPECT_FALSE(server->resumed());
    return Session(client.session());
  }
  // Whether the ticket resumes a session; where it does not, that a full handshake is begun instead
  // is checked.
  bool resumes(Listener& listener, const std::string& name, const Session& ticket) {
    auto server = listener.accept();
    RawClient client({.version = GetParam(), .sni = name, .resume = ticket.get()});
    if (GetParam() == WOLFSSL_TLSV1_2) {
      client.step();
      Chain none;
      testing::feed(*server, client.to_server, none);
      client.to_server.clear();
      // In TLS 1.2 the certificate is in the clear.  wolfSSL's client breaks off at its sight, as
      // it reckoned with its ticket (others go on, RFC 5077 section 3.4: see tls_openssl_test.cc).
      if (server->outgoing().to_string().find("example.") != std::string::npos) return false;
    }
    talk(*server, client);
    EXPECT_EQ(server->state(), TlsState::open) << server->error();
    EXPECT_EQ(server->sni(), name);
    client.write("NOOP\r\n");
    EXPECT_EQ(talk(*server, client), "NOOP\r\n");
    EXPECT_EQ(server->resumed(), client.resumed());
    return server->resumed();
  }
  Listener listener_;
};

INSTANTIATE_TEST_SUITE_P(Both, TlsTickets, ::testing::Values(WOLFSSL_TLSV1_2, WOLFSSL_TLSV1_3),
                         [](const auto& version) { return version.param == WOLFSSL_TLSV1_2 ? "Tls12" : "Tls13"; });

TEST_P(TlsTickets, ResumesUnderTheSameNameAtTheSameListener) {
  EXPECT_TRUE(resumes(listener_, "a.example.com", ticket_from(listener_, "a.example.com")));
  EXPECT_TRUE(resumes(listener_, "", ticket_from(listener_, "")));
}

TEST_P(TlsTickets, NotUnderAnotherName) {
  EXPECT_FALSE(resumes(listener_, "b.example.com", ticket_from(listener_, "a.example.com")));
  EXPECT_FALSE(resumes(listener_, "", ticket_from(listener_, "a.example.com")));
  EXPECT_FALSE(resumes(listener_, "a.example.com", ticket_from(listener_, "")));
}

TEST_P(TlsTickets, NotUnderAnotherNameOfTheSameCertificate) {
  EXPECT_FALSE(resumes(listener_, "y.example.org", ticket_from(listener_, "x.example.org")));
  EXPECT_FALSE(resumes(listener_, "unknown.test", ticket_from(listener_, "mx.example.com")));
}

TEST_P(TlsTickets, NotAtAnotherListener) {
  Listener other("submissions");  // same secret, same names, same core
  const Session ticket = ticket_from(listener_, "a.example.com");
  EXPECT_FALSE(resumes(other, "a.example.com", ticket));
}

TEST_P(TlsTickets, AtTheSameListenerOnAnotherCore) {
  Listener other_core("submission");
  EXPECT_TRUE(resumes(other_core, "a.example.com", ticket_from(listener_, "a.example.com")));
}

TEST_P(TlsTickets, NotInAnotherProcess) {
  Listener other_process("submission", 2);
  EXPECT_FALSE(resumes(other_process, "a.example.com", ticket_from(listener_, "a.example.com")));
}

TEST_P(TlsTickets, ForOneToTwoKeyLives) {
  Session ticket = ticket_from(listener_, "a.example.com");
  listener_.clock.advance(kTicketKeyLife);
  EXPECT_TRUE(resumes(listener_, "a.example.com", ticket));
  ticket = ticket_from(listener_, "a.example.com");
  listener_.clock.advance(2 * kTicketKeyLife);
  EXPECT_FALSE(resumes(listener_, "a.example.com", ticket));
}

TEST_P(TlsTickets, NoneWhereTheListenerGivesNone) {
  Listener without("submission", 1, false);
  const Session old = ticket_from(listener_, "a.example.com");
  EXPECT_FALSE(resumes(without, "a.example.com", old));
  auto server = without.accept();
  RawClient client({.version = GetParam(), .sni = "a.example.com"});
  talk(*server, client);
  const Session none(client.session());
  auto again = without.accept();
  RawClient second({.version = GetParam(), .sni = "a.example.com"});
  static_cast<void>(wolfSSL_set_session(second.ssl, none.get()));
  talk(*again, second);
  EXPECT_EQ(again->state(), TlsState::open) << again->error();
  EXPECT_FALSE(again->resumed());
}

class TicketKeysTest : public ::testing::Test {
 protected:
  static TicketSecret secret() {
    SeededRandom random(3);
    return make_ticket_secret(random);
  }
  struct Sealed {
    std::array<std::byte, 64> body{};
    std::array<std::byte, TicketKeys::kNameBytes> name{};
    std::array<std::byte, TicketKeys::kIvBytes> iv{};
    std::array<std::byte, TicketKeys::kTagBytes> tag{};
  };
  static Sealed seal(TicketKeys& keys, std::string_view scope) {
    Sealed sealed;
    EXPECT_TRUE(keys.seal(scope, sealed.body, sealed.name, sealed.iv, sealed.tag));
    return sealed;
  }
  static TicketKeys::Opened open(TicketKeys& keys, std::string_view scope, Sealed sealed) {
    const auto opened = keys.open(scope, sealed.body, sealed.name, sealed.iv, sealed.tag);
    if (opened != TicketKeys::Opened::refused) EXPECT_EQ(sealed.body, Sealed().body);
    return opened;
  }
  StoppedClock clock_;
  SeededRandom random_{4};
};

TEST_F(TicketKeysTest, ACoreThatStartsLaterHasTheSameKeys) {
  TicketKeys early(secret(), clock_, random_);
  clock_.advance(100 * kTicketKeyLife);
  TicketKeys late(secret(), clock_, random_);
  EXPECT_EQ(open(late, "s", seal(early, "s")), TicketKeys::Opened::good);
  clock_.advance(kTicketKeyLife);
  EXPECT_EQ(open(early, "s", seal(late, "s")), TicketKeys::Opened::good);
}

TEST_F(TicketKeysTest, RenewsWhatThePreviousKeySealed) {
  TicketKeys keys(secret(), clock_, random_);
  const Sealed sealed = seal(keys, "s");
  EXPECT_EQ(open(keys, "s", sealed), TicketKeys::Opened::good);
  clock_.advance(kTicketKeyLife);
  EXPECT_EQ(open(keys, "s", sealed), TicketKeys::Opened::good_but_renew);
  clock_.advance(kTicketKeyLife);
  EXPECT_EQ(open(keys, "s", sealed), TicketKeys::Opened::refused);
}

TEST_F(TicketKeysTest, AnyFlippedBitIsRefused) {
  TicketKeys keys(secret(), clock_, random_);
  const Sealed sealed = seal(keys, "s");
  EXPECT_NE(sealed.body, Sealed().body);
  EXPECT_EQ(open(keys, "t", sealed), TicketKeys::Opened::refused);
  for (std::size_t bit = 0; bit < 8 * sealed.body.size(); ++bit) {
    Sealed flipped = sealed;
    flipped.body[bit / 8] ^= std::byte(1U << bit % 8);
    EXPECT_EQ(open(keys, "s", flipped), TicketKeys::Opened::refused);
  }
  for (std::size_t bit = 0; bit < 8UL * 16; ++bit) {
    Sealed flipped = sealed;
    flipped.tag[bit / 8] ^= std::byte(1U << bit % 8);
    EXPECT_EQ(open(keys, "s", flipped), TicketKeys::Opened::refused);
    flipped = sealed;
    flipped.name[bit / 8] ^= std::byte(1U << bit % 8);
    EXPECT_EQ(open(keys, "s", flipped), TicketKeys::Opened::refused);
  }
}

}  // namespace
}  // namespace sluice::tls
