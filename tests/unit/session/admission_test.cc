// The bounds that sessions share: how many there are, how many shake hands, and how many of each from one client
// address.
#include "engine/session/admission.h"

#include <list>

#include "tests/unit/session/session_fixture.h"

namespace sluice::session {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

io::Address address(std::string_view ip) { return *io::Address::from_ip(ip, 1000); }

TEST(AdmissionTest, AnIpv6ClientCountsByItsBlock) {
  Admission admission;
  admission.set_limits({.sessions_per_address = 2});
  std::vector<Admission::Place> places;
  for (const char* ip : {"2001:db8:0:1::1", "2001:db8:0:1:ffff::9"}) {
    auto place = admission.session_of(address(ip));
    ASSERT_TRUE(place) << ip;
    places.push_back(*std::move(place));
  }
  EXPECT_EQ(admission.session_of(address("2001:db8:0:1::3")).error(), EndReason::sessions_per_address);
  EXPECT_TRUE(admission.session_of(address("2001:db8:0:2::1")));
  places.clear();
  EXPECT_TRUE(admission.session_of(address("2001:db8:0:1::3")));
}

TEST(AdmissionTest, TheBlockIsASettingAndAReloadLosesNoPlace) {
  Admission admission;
  admission.set_limits({.sessions_per_address = 1, .ipv6_bits = 48});
  auto place = admission.session_of(address("2001:db8:0:1::1"));
  ASSERT_TRUE(place);
  EXPECT_FALSE(admission.session_of(address("2001:db8:0:2::1")));
  admission.set_limits({.sessions_per_address = 1, .ipv6_bits = 128});
  EXPECT_TRUE(admission.session_of(address("2001:db8:0:2::1")));
  place->give_back();
  EXPECT_TRUE(admission.session_of(address("2001:db8:0:1::1")));
}

TEST(AdmissionTest, AnIpv4ClientCountsByItself) {
  Admission admission;
  admission.set_limits({.sessions_per_address = 1});
  auto place = admission.session_of(address("192.0.2.1"));
  ASSERT_TRUE(place);
  EXPECT_TRUE(admission.session_of(address("192.0.2.2")));
  EXPECT_FALSE(admission.session_of(address("::ffff:192.0.2.1"))) << "mapped into IPv6 it is the same";
}

TEST(AdmissionTest, HandshakesHaveABoundBelowThatOfSessions) {
  Admission admission;
  admission.set_limits({.handshakes = 3, .handshakes_per_address = 2});
  const io::Address one = address("192.0.2.1");
  auto first = admission.handshake(&one);
  auto second = admission.handshake(&one);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(admission.handshake(&one).error(), EndReason::handshakes_per_address);
  auto third = admission.handshake(nullptr);
  ASSERT_TRUE(third);
  EXPECT_EQ(admission.handshake(nullptr).error(), EndReason::handshakes_per_core);
  first->give_back();
  EXPECT_TRUE(admission.handshake(&one));
}

// ------------------------------------------------------------------------------------------ sessions

class AdmittedSessionTest : public SessionFixture {
 protected:
  ~AdmittedSessionTest() override { others.clear(); }
  SessionClient& another() { return others.emplace_back(platforms, there, host.address()); }
  std::list<SessionClient> others;
};

TEST_F(AdmittedSessionTest, ASessionOverTheLimitOfItsAddressIsTold) {
  host.admission.set_limits({.sessions_per_address = 2});
  EXPECT_EQ(another().reply().code, 220);
  EXPECT_EQ(another().reply().code, 220);
  SessionClient& third = another();
  const ClientReply reply = third.reply();
  EXPECT_EQ(reply.code, 421);
  EXPECT_THAT(reply.text, HasSubstr("Too many connections"));
  EXPECT_EQ(third.rest(), "");
  EXPECT_EQ(end().reason, EndReason::sessions_per_address);
  EXPECT_EQ(host.counters.refused_sessions, 1U);
  others.pop_front();
  EXPECT_TRUE(platforms.run_for(5s));
  EXPECT_EQ(another().reply().code, 220) << "one has gone";
}

TEST_F(AdmittedSessionTest, ASessionOverTheLimitOfTheCoreIsTold) {
  host.admission.set_limits({.sessions = 1});
  EXPECT_EQ(another().reply().code, 220);
  EXPECT_EQ(another().reply().code, 421);
  EXPECT_EQ(end().reason, EndReason::sessions_per_core);
}

TEST_F(AdmittedSessionTest, WhoIsTrustedIsNotCountedByAddress) {
  host.rules().trusted = {*Network::parse("198.51.100.0/24")};
  host.admission.set_limits({.sessions_per_address = 1});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(another().reply().code, 220);
}

TEST_F(AdmittedSessionTest, ClientsBehindABalancerAreCountedByTheirOwnAddress) {
  host.rules().proxy = {*Network::parse("198.51.100.0/24")};
  host.admission.set_limits({.sessions_per_address = 1});
  for (const char* ip : {"203.0.113.1", "203.0.113.2"}) {
    SessionClient& one = another();
    one.send("PROXY TCP4 " + std::string(ip) + " 192.0.2.1 1000 587\r\n");
    EXPECT_EQ(one.reply().code, 220) << ip;
  }
  SessionClient& third = another();
  third.send("PROXY TCP4 203.0.113.2 192.0.2.1 1001 587\r\n");
  EXPECT_EQ(third.reply().code, 421);
}

// Handshakes that stalled took all the sessions of an address, and others from there were closed without a word.
TEST_F(AdmittedSessionTest, StalledHandshakesLeaveRoomForOthers) {
  host.admission.set_limits({.sessions_per_address = 10, .handshakes_per_address = 3});
  std::vector<int> codes;
  for (int i = 0; i < 6; ++i) {
    SessionClient& one = another();
    EXPECT_EQ(one.reply().code, 220);
    EXPECT_EQ(one.say("EHLO client.example"), 250);
    codes.push_back(one.say("STARTTLS"));
  }
  EXPECT_THAT(codes, ::testing::ElementsAre(220, 220, 220, 421, 421, 421));
  EXPECT_THAT(host.notes.ends, SizeIs(3));
  for (const auto& one : host.notes.ends) EXPECT_EQ(one.reason, EndReason::handshakes_per_address);
  SessionClient& honest = another();
  honest.log_in();
  EXPECT_EQ(honest.say(kMail), 250);
}

// One that is refused was a session, and must not count as one while the 421 is sent.
TEST_F(AdmittedSessionTest, ARefusedHandshakeGivesItsPlacesBack) {
  host.admission.set_limits({.sessions_per_address = 3, .handshakes_per_address = 1});
  for (int i = 0; i < 2; ++i) {
    SessionClient& one = another();
    EXPECT_EQ(one.reply().code, 220);
    EXPECT_EQ(one.say("EHLO client.example"), 250);
    EXPECT_EQ(one.say("STARTTLS"), i == 0 ? 220 : 421);
  }
  EXPECT_EQ(host.live(), 2U) << "the 421 is still being sent";
  EXPECT_EQ(host.admission.sessions(), 1U);
  EXPECT_EQ(another().reply().code, 220);
  EXPECT_EQ(another().reply().code, 220);
}

TEST_F(AdmittedSessionTest, AHandshakeThatIsDoneMakesRoom) {
  host.admission.set_limits({.sessions_per_address = 10, .handshakes_per_address = 1});
  for (int i = 0; i < 3; ++i) {
    SessionClient& one = another();
    EXPECT_EQ(one.reply().code, 220);
    EXPECT_EQ(one.say("EHLO client.example"), 250);
    EXPECT_TRUE(one.start_tls());
    EXPECT_EQ(one.say("NOOP"), 250);
  }
  EXPECT_TRUE(platforms.run_until([this] { return host.admission.handshakes() == 0; }));
}

// ------------------------------------------------------------------------------------------ the end of TLS

// RFC 8446 6.1: an end that is not said inside TLS may be an attacker's.
TEST_F(AdmittedSessionTest, EveryOrderlyEndInTlsSaysCloseNotify) {
  for (const bool quit : {true, false}) {
    SessionClient& one = another();
    EXPECT_EQ(one.reply().code, 220);
    EXPECT_EQ(one.say("EHLO client.example"), 250);
    ASSERT_TRUE(one.start_tls());
    EXPECT_EQ(one.say("EHLO client.example"), 250);
    if (quit) {
      EXPECT_EQ(one.say("QUIT"), 221);
    } else {
      host.drain();
      EXPECT_EQ(one.reply().code, 421);
    }
    EXPECT_EQ(one.rest(), "");
    EXPECT_TRUE(one.heard_close_notify());
  }
}

}  // namespace
}  // namespace sluice::session
