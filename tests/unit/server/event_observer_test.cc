// What a line of the log says of a delivery: enough to answer where a message is.
#include "engine/server/event_observer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "auth/backend/chain.h"
#include "engine/log/log.h"
#include "engine/log/sink.h"
#include "tests/support/platforms.h"

namespace sluice::server {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class EventObserverTest : public ::testing::Test {
 protected:
  std::string line_of(const relay::DeliveryRecord& record) {
    observer_.delivery(record);
    return take();
  }
  std::string take() {
    std::string text = sink_.text();
    sink_.clear();
    return text;
  }
  const std::unique_ptr<io::Clock> clock_ = io::make_real_clock();
  log::MemoryLogSink sink_;
  event::Dispatcher events_{{}, *clock_};
  log::Log log_{{}, *clock_, sink_, events_};
  sluice::testing::Platforms platforms_{sluice::testing::PlatformKind::simulated};
  EventObserver observer_{events_.open(), platforms_.add_loop("192.0.2.1")};
};

TEST_F(EventObserverTest, ADeliverySaysWhoseItIsForWhomAndWhereItWent) {
  const std::string line = line_of({.id = "Q1",
                                    .message_id = "<1@example.com>",
                                    .customer = "acme",
                                    .account = "ann@example.com",
                                    .sender = "bounce@example.com",
                                    .destination = "mx/example.net",
                                    .next_hop = "mx1.example.net:25",
                                    .next_hop_address = "192.0.2.25:25",
                                    .tls = {.version = "TLSv1.3", .group = "x25519", .verified = true},
                                    .attempt = 3,
                                    .outcome = relay::DeliveryOutcome::deferred,
                                    .code = 451,
                                    .enhanced = {4, 2, 1},
                                    .text = "Not now",
                                    .recipients = "bob@example.net, eve@example.net",
                                    .count = 2});
  for (const char* part : {R"("event":"delivery")",
                           R"("id":"Q1")",
                           R"("verdict":"deferred")",
                           R"("code":451)",
                           R"("enhanced":"4.2.1")",
                           R"("customer":"acme")",
                           R"("account":"ann@example.com")",
                           R"("from":"bounce@example.com")",
                           R"("to":"bob@example.net, eve@example.net")",
                           R"("message_id":"<1@example.com>")",
                           R"("by":"queue")",
                           R"("destination":"mx/example.net")",
                           R"("next_hop":"mx1.example.net:25")",
                           R"("next_hop_address":"192.0.2.25:25")",
                           R"("next_hop_tls":"TLSv1.3")",
                           R"("next_hop_tls_group":"x25519")",
                           R"("next_hop_certificate":"verified")",
                           R"("attempt":3)",
                           R"("deferred":2)",
                           R"("taken":0)",
                           R"("detail":"Not now")"})
    EXPECT_THAT(line, HasSubstr(part));
}

// Whatever has no connection behind it is not called relayed.
TEST_F(EventObserverTest, AnAttemptThatWasNoneSaysSo) {
  EXPECT_THAT(line_of({.id = "Q1", .text = "all connections are in use", .recipients = "bob@example.net", .count = 1}),
              AllOf(HasSubstr(R"("verdict":"not_attempted")"), HasSubstr(R"("taken":0)"), Not(HasSubstr("relayed")),
                    Not(HasSubstr("attempt\":")), Not(HasSubstr("next_hop_certificate"))));
}

// Each login of a customer of many accounts would write one.
// What was granted without the back end's word is to be seen among the others.
TEST_F(EventObserverTest, AGrantedLoginIsALineOfTheUsualLevelAndAWarningInTheGraceTime) {
  const io::Address client = *io::Address::from_ip("198.51.100.7", 40000);
  session::LoginRecord record{.listener = "submission",
                              .client = client,
                              .name = "ann@example.com",
                              .given = {},
                              .result = session::AuthResult::granted,
                              .source = auth::kFirstBackendSource + 1,
                              .took = std::chrono::microseconds(2500),
                              .reason = {}};
  observer_.set_login_sources(
      auth::source_names(std::vector<auth::BackendCounters>{{.name = "pop"}, {.name = "ldap"}}));
  observer_.login(record);
  EXPECT_THAT(take(), AllOf(HasSubstr("\"level\":\"info\""), HasSubstr("\"event\":\"login\""),
                            HasSubstr("\"result\":\"granted\""), HasSubstr("\"account\":\"ann@example.com\""),
                            HasSubstr("\"backend\":\"ldap\""), HasSubstr("\"ms\":2.5")));
  record.source = auth::kStoreSource;
  observer_.login(record);
  EXPECT_THAT(take(), HasSubstr("\"backend\":\"store\""));
  record.source = auth::kNoSource;
  observer_.login(record);
  EXPECT_THAT(take(), Not(HasSubstr("backend")));
  record.reason = "grace: ldap: no answer";
  observer_.login(record);
  EXPECT_THAT(take(), HasSubstr("\"level\":\"warning\""));
}

// The log has one line a minute of a limit; the counters have all.
TEST_F(EventObserverTest, EachTimeThatALimitIsMetIsCounted) {
  policy::LimitNotice notice{.kind = policy::LimitNotice::Kind::refused, .limit = {}};
  notice.limit.name = "ann@example.com";
  for (int i = 0; i < 3; ++i) observer_.limit(notice);
  notice.kind = policy::LimitNotice::Kind::near;
  observer_.limit(notice);
  std::uint64_t refused = 0;
  observer_.limits().for_each([&refused](auto, auto, auto, policy::Action action, std::uint64_t count) {
    if (action == policy::Action::refuse) refused += count;
  });
  EXPECT_EQ(refused, 3U);
}

// Who is told of mail that is held goes by it.
TEST_F(EventObserverTest, ALimitSaysWhatIsDoneToWhatIsBeyondIt) {
  constexpr std::array kEffects =
      std::to_array<std::pair<policy::Action, const char*>>({{policy::Action::refuse, "refuse"},
                                                             {policy::Action::defer, "defer"},
                                                             {policy::Action::slow, "slow"},
                                                             {policy::Action::hold, "hold"},
                                                             {policy::Action::tell, "told"}});
  for (const auto& [action, effect] : kEffects) {
    const auto kind = policy::refuses(action) ? policy::LimitNotice::Kind::refused : policy::LimitNotice::Kind::passed;
    observer_.limit(
        {.kind = kind, .limit = {.name = std::string("of ") + effect, .window = {.limit = {.action = action}}}});
    EXPECT_THAT(take(), HasSubstr(std::string(R"("effect":")") + effect + "\""));
  }
}

// RCPT and RSET in turns come near a limit each time.
TEST_F(EventObserverTest, ALimitThatIsNearIsOneLineAMinute) {
  const policy::LimitNotice near{.kind = policy::LimitNotice::Kind::near, .limit = {.name = "ann@example.com"}};
  observer_.limit(near);
  EXPECT_THAT(take(), HasSubstr("submission_limit_near"));
  observer_.limit(near);
  EXPECT_EQ(take(), "");
  // That it is reached is told all the same.
  observer_.limit({.kind = policy::LimitNotice::Kind::refused, .limit = {.name = "ann@example.com"}});
  EXPECT_THAT(take(), HasSubstr("submission_limit_reached"));
}

TEST_F(EventObserverTest, AnUnknownClassIsToldOfAndNotWithoutEnd) {
  const session::UnknownClassRecord record{.listener = "l",
                                           .customer = "Acme",
                                           .account = "ann@example.com",
                                           .policy_class = "schoool",
                                           .default_class = "home"};
  observer_.unknown_class(record);
  const std::string line = take();
  for (const char* part : {R"("event":"unknown_class")", R"("policy_class":"schoool")", R"("default_class":"home")",
                           R"("customer":"Acme")", R"("account":"ann@example.com")", R"("level":"warning")"})
    EXPECT_THAT(line, HasSubstr(part));
  for (int i = 0; i < 1000; ++i) observer_.unknown_class(record);
  EXPECT_LT(take().size(), 20 * line.size());
  observer_.close();
}

TEST_F(EventObserverTest, AMessageThatIsGivenUpSaysWhoseItWasAndHowFarItCame) {
  session::MessageRecord record;
  record.id = "Q1";
  record.reason = "content_cut_off";
  record.account = "ann@example.com";
  record.reverse_path = "ann@example.com";
  record.recipients = "bob@example.net, eve@example.net";
  record.message_id = "<1@example.com>";
  record.recipients_offered = 2;
  record.recipients_taken = 1;
  record.bytes = 4711;
  record.next_hop = "mx1.example.net:25";
  record.next_hop_address = "192.0.2.25:25";
  record.detail = "451 Not now";
  observer_.aborted(record);
  const std::string line = take();
  for (const char* part :
       {R"("event":"message_aborted")", R"("id":"Q1")", R"("reason":"content_cut_off")",
        R"("account":"ann@example.com")", R"("from":"ann@example.com")", R"("to":"bob@example.net, eve@example.net")",
        R"("message_id":"<1@example.com>")", R"("recipients":2)", R"("recipients_taken":1)", R"("bytes":4711)",
        R"("next_hop":"mx1.example.net:25")", R"("next_hop_address":"192.0.2.25:25")", R"("detail":"451 Not now")"})
    EXPECT_THAT(line, HasSubstr(part));
}

TEST_F(EventObserverTest, AMessageSaysItsRecipientsAndTheAddressOfItsNextHop) {
  observer_.message({.id = "Q1",
                     .recipients = "bob@example.net, eve@example.org",
                     .message_id = "<1@example.com>",
                     .next_hop = "mx:25",
                     .next_hop_address = "192.0.2.25:25",
                     .next_hop_tls = "TLSv1.3",
                     .code = 250});
  const std::string line = take();
  for (const char* part : {R"("to":"bob@example.net, eve@example.org")", R"("message_id":"<1@example.com>")",
                           R"("next_hop_address":"192.0.2.25:25")", R"("next_hop_tls":"TLSv1.3")"})
    EXPECT_THAT(line, HasSubstr(part));
}

TEST_F(EventObserverTest, RecipientsThatTheLineOfAMessageHasNoRoomForHaveLinesBehindIt) {
  observer_.message({.id = "Q1", .recipients = "a@example.com", .more_recipients = {"b@example.com", "c@example.com"}});
  const std::string lines = take();
  EXPECT_THAT(lines, HasSubstr(R"("event":"message_recipients","id":"Q1","part":2,"to":"b@example.com"})"));
  EXPECT_THAT(lines, HasSubstr(R"("event":"message_recipients","id":"Q1","part":3,"to":"c@example.com"})"));
  EXPECT_LT(lines.find(R"("event":"message",)"), lines.find("message_recipients"));
}

// ------------------------------------------------------------------------------------------ sessions

TEST_F(EventObserverTest, AnEndOfASessionSaysWhoAndWhy) {
  observer_.ended({.reason = session::EndReason::content_cut_off,
                   .listener = "0.0.0.0:587",
                   .client = *io::Address::from_ip("198.51.100.7", 1000),
                   .account = "ann@example.com",
                   .id = "Q1",
                   .bytes_received = 700,
                   .content_bytes = 500});
  const std::string line = take();
  for (const char* part :
       {R"("event":"session_ended")", R"("reason":"content_cut_off")", R"("client":"198.51.100.7")",
        R"("account":"ann@example.com")", R"("id":"Q1")", R"("bytes":700)", R"("content_bytes":500)"})
    EXPECT_THAT(line, HasSubstr(part));
}

// 2,000 of them would otherwise be 2,000 lines; those of one IPv6 block are one burst.
TEST_F(EventObserverTest, ABurstOfEndsFromOneBlockIsOneLineAndACount) {
  const auto end = [this](const std::string& ip) {
    observer_.ended(
        {.reason = session::EndReason::handshake_timeout, .lines_max = 1, .client = *io::Address::from_ip(ip, 1000)});
  };
  for (int i = 1; i <= 2000; ++i) end("2001:db8::" + std::to_string(i % 1000));
  const std::string text = take();
  EXPECT_THAT(text, HasSubstr("session_ended"));
  EXPECT_EQ(text.find("session_ended"), text.rfind("session_ended"));
  end("2001:db8:0:1::1");
  EXPECT_THAT(take(), HasSubstr("handshake_timeout")) << "another block";
  observer_.close();
  EXPECT_THAT(take(),
              AllOf(HasSubstr(R"("event":"repeated")"), HasSubstr(R"("count":1999)"), HasSubstr("2001:db8::/64")));
}

TEST_F(EventObserverTest, AFailedAcceptIsOneLineForABurst) {
  for (int i = 0; i < 50; ++i) observer_.accept_failed("0.0.0.0:587", EMFILE);
  const std::string text = take();
  EXPECT_THAT(text, AllOf(HasSubstr(R"("event":"accept_failed")"), HasSubstr("open files")));
  EXPECT_EQ(text.find("accept_failed"), text.rfind("accept_failed"));
  observer_.close();
  EXPECT_THAT(take(), HasSubstr(R"("count":49)"));
}

TEST_F(EventObserverTest, ThatOutgoingConnectionsAreUsedUpIsOneLineForABurst) {
  for (int i = 0; i < 50; ++i) observer_.outgoing_used_up(7);
  const std::string text = take();
  EXPECT_THAT(text,
              AllOf(HasSubstr(R"("event":"limit_reached")"), HasSubstr(R"("is":7)"), HasSubstr("outgoing_per_core")));
  EXPECT_EQ(text.find("outgoing connections"), text.rfind("outgoing connections"));
  observer_.close();
  EXPECT_THAT(take(), HasSubstr(R"("count":49)"));
}

TEST_F(EventObserverTest, ARefusalSaysTheIdThatTheClientWasTold) {
  observer_.refused({.id = "Q7",
                     .client = "198.51.100.7",
                     .account = "ann@example.com",
                     .command = "MAIL",
                     .argument = "FROM:<eve@evil.example>",
                     .code = 550,
                     .reason = "sender_domain"});
  const std::string line = take();
  for (const char* part : {R"("event":"refused")", R"("id":"Q7")", R"("account":"ann@example.com")",
                           R"("command":"MAIL")", R"("reason":"sender_domain")", R"("code":550)"})
    EXPECT_THAT(line, HasSubstr(part));
}

}  // namespace
}  // namespace sluice::server
