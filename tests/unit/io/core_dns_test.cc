// A core that asks: the answer comes to its own thread, in bounded time, and to no caller that has
// gone.
#include "engine/io/core_dns.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/awaited.h"

namespace sluice::io {
namespace {

using testing::PlatformKind;
using testing::Platforms;
using testing::Running;

// Answers when the test says.
class LateDns final : public Dns {
 public:
  void query(const std::string& name, DnsType, CustomerShare, std::function<void(DnsReply)> on_reply) override {
    asked.emplace_back(name, std::move(on_reply));
  }
  void answer(std::size_t i) {
    DnsReply reply;
    reply.status = DnsStatus::no_data;
    reply.canonical = asked[i].first;
    asked[i].second(std::move(reply));
  }
  std::vector<std::pair<std::string, std::function<void(DnsReply)>>> asked;
};

struct Fixture {
  explicit Fixture(PlatformKind kind = PlatformKind::simulated) : platforms(kind) {}
  std::unique_ptr<Running<DnsReply>> ask(const std::string& name) {
    auto running =
        std::make_unique<Running<DnsReply>>(platforms, loop, [this, name] { return core->ask(name, DnsType::mx); });
    EXPECT_TRUE(platforms.run_until([&] { return core->waiting() != 0 || running->done(); }));
    return running;
  }
  Platforms platforms;
  Loop& loop = platforms.add_loop("192.0.2.1");
  LateDns dns;
  std::unique_ptr<CoreDns> core = std::make_unique<CoreDns>(loop, dns, std::chrono::seconds(30));
};

TEST(CoreDnsTest, TellsWhoAskedWhateverTheOrder) {
  Fixture fixture;
  const auto first = fixture.ask("first.example"), second = fixture.ask("second.example");
  ASSERT_TRUE(fixture.platforms.run_until([&] { return fixture.core->waiting() == 2; }));
  fixture.dns.answer(1);
  fixture.dns.answer(0);
  EXPECT_EQ(first->wait().canonical, "first.example");
  EXPECT_EQ(second->wait().canonical, "second.example");
}

TEST(CoreDnsTest, TheAnswerMayComeFromAnotherThread) {
  Fixture fixture(PlatformKind::real);
  const auto waiting = fixture.ask("a.example");
  std::thread other([&] { fixture.dns.answer(0); });
  EXPECT_EQ(waiting->wait().status, DnsStatus::no_data);
  other.join();
}

TEST(CoreDnsTest, TheTimeoutEndsAQuestion) {
  Fixture fixture;
  const Instant before = fixture.loop.now();
  const auto waiting = fixture.ask("a.example");
  const DnsReply reply = waiting->wait();
  EXPECT_EQ(reply.status, DnsStatus::failed);
  EXPECT_GE(fixture.loop.now() - before, std::chrono::seconds(30));
  fixture.dns.answer(0);  // too late: no caller is left
  EXPECT_TRUE(fixture.platforms.run_for(std::chrono::seconds(1)));
}

TEST(CoreDnsTest, StoppingEndsAllWaits) {
  Fixture fixture;
  const auto waiting = fixture.ask("a.example");
  const Instant before = fixture.loop.now();
  fixture.loop.abort_all();
  EXPECT_EQ(waiting->wait().error, "the relay is shutting down");
  EXPECT_LT(fixture.loop.now() - before, std::chrono::seconds(1));
  EXPECT_EQ(fixture.ask("b.example")->wait().error, "the relay is shutting down");
  EXPECT_EQ(fixture.dns.asked.size(), 1U);
}

TEST(CoreDnsTest, AnAnswerForWhoHasGoneIsDropped) {
  LateDns dns;
  std::function<void(DnsReply)> late;
  {
    Fixture fixture;
    const auto waiting = fixture.ask("a.example");
    fixture.loop.abort_all();
    waiting->wait();
    fixture.dns.answer(0);  // lies in the core's inbox when the desk goes
    late = fixture.dns.asked[0].second;
    fixture.core.reset();
    EXPECT_TRUE(fixture.platforms.run_for(std::chrono::seconds(1)));
  }
  late(dns_failure("the loop itself is gone"));
}

}  // namespace
}  // namespace sluice::io
