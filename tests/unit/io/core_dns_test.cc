// A core that asks: the answer comes to its own thread, in bounded time, and to nobody who has
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

// Answers when the test wants.
class LateDns final : public Dns {
 public:
  void query(const std::string& name, DnsType, std::function<void(DnsReply)> told) override {
    asked.emplace_back(name, std::move(told));
  }
  void answer(std::size_t i) {
    DnsReply reply;
    reply.status = DnsStatus::no_data;
    reply.canonical = asked[i].first;
    asked[i].second(std::move(reply));
  }
  std::vector<std::pair<std::string, std::function<void(DnsReply)>>> asked;
};

struct Bench {
  explicit Bench(PlatformKind kind = PlatformKind::simulated) : platforms(kind) {}
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
  Bench bench;
  const auto first = bench.ask("first.example"), second = bench.ask("second.example");
  ASSERT_TRUE(bench.platforms.run_until([&] { return bench.core->waiting() == 2; }));
  bench.dns.answer(1);
  bench.dns.answer(0);
  EXPECT_EQ(first->wait().canonical, "first.example");
  EXPECT_EQ(second->wait().canonical, "second.example");
}

TEST(CoreDnsTest, TheAnswerMayComeFromAnotherThread) {
  Bench bench(PlatformKind::real);
  const auto waiting = bench.ask("a.example");
  std::thread other([&] { bench.dns.answer(0); });
  EXPECT_EQ(waiting->wait().status, DnsStatus::no_data);
  other.join();
}

TEST(CoreDnsTest, PatienceEnds) {
  Bench bench;
  const Instant before = bench.loop.now();
  const auto waiting = bench.ask("a.example");
  const DnsReply reply = waiting->wait();
  EXPECT_EQ(reply.status, DnsStatus::failed);
  EXPECT_GE(bench.loop.now() - before, std::chrono::seconds(30));
  bench.dns.answer(0);  // too late: nobody is told
  EXPECT_TRUE(bench.platforms.run_for(std::chrono::seconds(1)));
}

TEST(CoreDnsTest, StoppingEndsAllWaits) {
  Bench bench;
  const auto waiting = bench.ask("a.example");
  const Instant before = bench.loop.now();
  bench.loop.abort_all();
  EXPECT_EQ(waiting->wait().error, "the relay is shutting down");
  EXPECT_LT(bench.loop.now() - before, std::chrono::seconds(1));
  EXPECT_EQ(bench.ask("b.example")->wait().error, "the relay is shutting down");
  EXPECT_EQ(bench.dns.asked.size(), 1U);
}

TEST(CoreDnsTest, AnAnswerForWhoHasGoneIsDropped) {
  LateDns dns;
  std::function<void(DnsReply)> late;
  {
    Bench bench;
    const auto waiting = bench.ask("a.example");
    bench.loop.abort_all();
    waiting->wait();
    bench.dns.answer(0);  // lies in the core's inbox when the desk goes
    late = bench.dns.asked[0].second;
    bench.core.reset();
    EXPECT_TRUE(bench.platforms.run_for(std::chrono::seconds(1)));
  }
  late(dns_failure("the loop itself is gone"));
}

}  // namespace
}  // namespace sluice::io
