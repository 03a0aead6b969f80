// The consumer of events: what it takes off the cores whatever the log's level is, and where that goes.
#include "engine/notify/notifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "engine/event/dispatcher.h"
#include "engine/io/real_platform.h"
#include "engine/log/datagrams.h"
#include "tests/unit/notify/settable_clock.h"

namespace sluice::notify {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A syslog server.
class Datagrams {
 public:
  Datagrams() {
    std::string pattern = "/tmp/sluice-notify-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    path().copy(address.sun_path, sizeof address.sun_path - 1);
    socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    EXPECT_EQ(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  ~Datagrams() {
    ::close(socket_);
    ::unlink(path().c_str());
    ::rmdir(directory_.c_str());
  }
  Datagrams(const Datagrams&) = delete;
  Datagrams& operator=(const Datagrams&) = delete;

  [[nodiscard]] std::string path() const { return directory_ + "/log"; }
  std::vector<std::string> take() {
    std::vector<std::string> all;
    std::array<char, 65536> bytes;
    for (ssize_t size; (size = ::recv(socket_, bytes.data(), bytes.size(), 0)) >= 0;)
      all.emplace_back(bytes.data(), static_cast<std::size_t>(size));
    return all;
  }

 private:
  std::string directory_;
  int socket_ = -1;
};

// Remembers the events that have these kinds.
class Witness final : public event::Consumer {
 public:
  explicit Witness(event::Dispatcher& events) { events.add(*this); }
  void take(const event::Event& event) override {
    seen.emplace_back(event.row.name);
    if (event.kind == event::Kind::NotificationsLost) lost += std::get<std::uint64_t>(event.values[1]);
  }
  event::Rest turn(event::Emitter& /*own*/) override { return {}; }
  std::vector<std::string> seen;
  std::uint64_t lost = 0;
};

class NotifierTest : public ::testing::Test {
 protected:
  void emit_containment() {
    emitter_.emit(event::Containment{.step = "contain", .kind = "account", .subject = "alice@example.com"});
  }
  SettableClock clock_;
  std::unique_ptr<io::Random> random_ = io::make_real_random();
  event::Dispatcher events_{event::DispatcherOptions(), clock_};
  Witness witness_{events_};
  event::Emitter& emitter_ = events_.open();
};

TEST_F(NotifierTest, NotifiesOfWhatTheLogDoesNotShow) {
  Datagrams server;
  Notifier notifier({.host = "relay.example.net", .syslog = {.place = server.path()}}, clock_, *random_, events_);
  events_.set_least(witness_, event::Severity::error);  // as a log does
  emitter_.emit(event::Login{.result = "granted"}, event::Severity::debug);
  emit_containment();
  EXPECT_THAT(witness_.seen, ElementsAre("containment"));
  EXPECT_THAT(server.take(),
              ElementsAre(HasSubstr(
                  "<20>1 2026-11-29T01:23:45.678Z relay.example.net sluice - contained - \xef\xbb\xbf{\"time\"")));
}

TEST_F(NotifierTest, WhatAWebhookDoesNotTakeCostsItsOwnQueue) {
  Datagrams server;
  WebhookOptions webhook{.name = "webhook[1] http://127.0.0.1:9", .url = "http://127.0.0.1:9/", .queue = 3};
  Notifier notifier({.host = "relay.example.net", .webhooks = {webhook}, .syslog = {.place = server.path()}}, clock_,
                    *random_, events_);
  // Its thread does not run: as if it hung.
  for (int i = 0; i < 10; ++i) emit_containment();
  EXPECT_EQ(server.take().size(), 10U);
  EXPECT_EQ(std::ranges::count(witness_.seen, "notifications_lost"), 1) << "at most once a minute";
  clock_.pass(std::chrono::minutes(1));
  events_.request_turn();
  EXPECT_EQ(std::ranges::count(witness_.seen, "notifications_lost"), 2);
  EXPECT_EQ(witness_.lost, 7U);
  notifier.stop();
  EXPECT_EQ(witness_.lost, 10U) << "a stop reports what it leaves";
}

TEST_F(NotifierTest, OnlyTheChosenCausesGoToAWebhook) {
  WebhookOptions webhook{
      .name = "webhook[1] http://127.0.0.1:9", .url = "http://127.0.0.1:9/", .causes = Causes::none(), .queue = 10};
  webhook.causes.add(Cause::shield);
  Notifier notifier({.host = "relay.example.net", .webhooks = {webhook}}, clock_, *random_, events_);
  for (int i = 0; i < 10; ++i) emit_containment();
  emitter_.emit(event::ShieldRaised{.kind = "overall"});
  notifier.stop();
  EXPECT_EQ(witness_.lost, 1U);
}

TEST_F(NotifierTest, MailsAreOneAnHourAndTheirCountIsMailedAtAStop) {
  MailOptions mail{
      .server = "127.0.0.1:9", .from = "sluice@relay.example.net", .operators = {"noc@example.net"}, .owner = true};
  Notifier notifier({.host = "relay.example.net", .mail = mail}, clock_, *random_, events_);
  for (int i = 0; i < 10; ++i) emit_containment();
  notifier.stop();
  // One to the operator, one to the owner, and of each the count.
  EXPECT_EQ(witness_.lost, 4U);
}

TEST_F(NotifierTest, ASyslogThatIsGoneIsReported) {
  Notifier notifier({.host = "relay.example.net", .syslog = {.place = "/nowhere/log"}}, clock_, *random_, events_);
  for (int i = 0; i < 10; ++i) emit_containment();
  EXPECT_EQ(witness_.lost, 0U);
  clock_.pass(log::DatagramChannel::kWaitMax);
  events_.request_turn();
  EXPECT_EQ(witness_.lost, 10U);
}

// With all threads: whatever several of them emit before a stop is delivered or counted.
TEST(NotifierThreads, EveryNotificationIsDeliveredOrCounted) {
  constexpr int kThreads = 3;
  constexpr int kEach = 50;
  const auto clock = io::make_real_clock();
  const auto random = io::make_real_random();
  event::Dispatcher events(event::DispatcherOptions(), *clock);
  Witness witness(events);
  WebhookOptions webhook{.name = "webhook[1] http://127.0.0.1:9", .url = "http://127.0.0.1:9/", .queue = 7};
  webhook.secret =
      std::make_shared<const WebhookSecret>(*WebhookSecret::make("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
  Notifier notifier({.host = "relay.example.net", .webhooks = {webhook}}, *clock, *random, events);
  events.start();
  notifier.start();
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back([&emitter = events.open()] {
      for (int n = 0; n < kEach; ++n) emitter.emit(event::SpoolFault{.what = "a test"});
    });
  for (std::thread& thread : threads) thread.join();
  notifier.stop();
  events.stop();
  EXPECT_EQ(witness.lost, std::uint64_t{kThreads * kEach});
  EXPECT_EQ(std::ranges::count(witness.seen, "spool"), kThreads * kEach);
  EXPECT_EQ(std::ranges::count(witness.seen, "webhook_failed"), 1);
}

}  // namespace
}  // namespace sluice::notify
