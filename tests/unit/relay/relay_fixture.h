// What the relay's tests share: a simulated host that relays, next hops on others, a pool between them.
// Owned by one test; its thread only.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "engine/hop/pool.h"
#include "engine/net/resolver.h"
#include "engine/relay/cut_through.h"
#include "engine/smtp/ascii.h"
#include "engine/tls/client_context.h"
#include "tests/support/awaited.h"
#include "tests/support/next_hop.h"
#include "tests/unit/relay/memory_writer.h"

namespace sluice::relay {

inline const std::vector<std::string> kTwo = {"a@example.net", "b@example.net"};
inline const std::vector<std::string> kThree = {"a@example.net", "b@example.net", "c@example.net"};
// With a dot to be stuffed.
inline constexpr std::string_view kDottedText = "From: <ann@example.com>\r\nSubject: x\r\n\r\n.hello\r\n";
inline constexpr std::string_view kText = "From: <ann@example.com>\r\nSubject: x\r\n\r\nhello\r\n";

using namespace std::chrono_literals;
using testing::HopFault;
using testing::HopStage;
using testing::kAlways;

// How many times.
template <const auto& kBounds>
std::uint64_t observed(const SpanHistogram<kBounds>& times) {
  return std::accumulate(times.counts().begin(), times.counts().end(), std::uint64_t{0});
}

class Fixture {
 public:
  static constexpr const char* kRelay = "192.0.2.1";
  static constexpr const char* kFirst = "192.0.2.25";
  static constexpr const char* kSecond = "192.0.2.26";

  explicit Fixture(std::uint64_t seed = 1, const sim::SimOptions& options = {}, int hops = 1)
      : platforms(testing::PlatformKind::simulated, seed, options), loop(platforms.add_loop(kRelay)) {
    route.name = "test";
    route.tls = route::RouteTls::none;
    for (int i = 0; i < hops; ++i) add_hop(i == 0 ? kFirst : kSecond);
  }
  ~Fixture() {
    close();
    for (const auto& hop : hops) EXPECT_THAT(hop->violations, ::testing::IsEmpty());
  }
  Fixture(const Fixture&) = delete;
  Fixture& operator=(const Fixture&) = delete;

  testing::NextHop& add_hop(const char* ip) {
    route.hosts.push_back({.name = ip, .port = 25});
    io::Loop& own = platforms.add_loop(ip);
    return *hops.emplace_back(std::make_unique<testing::NextHop>(own, platforms.address(ip, 25)));
  }
  testing::NextHop& hop() { return *hops.front(); }
  // Made at the first use, with the route as it is then.
  hop::Pool& pool() {
    if (pool_ == nullptr) {
      auto context = tls::TlsClientContext::make({.verify = tls::TlsVerify::none});
      tls_ = *std::move(context);
      pool_ = std::make_unique<hop::Pool>(pool_parts(), route, "relay.example", tls_.get());
    }
    return *pool_;
  }
  hop::Pool::Parts pool_parts() { return {loop, resolver_, dialer_, budget, memory, counters}; }
  hop::Pool::Acquired acquire() {
    return testing::await<hop::Pool::Acquired>(platforms, loop, [this] { return pool().acquire({}); });
  }
  void release(hop::Pool::Acquired acquired) {
    auto hop = *std::move(acquired);
    loop.post([this, &hop] { pool().release(std::move(hop)); });
    ASSERT_TRUE(platforms.run_until([&] { return hop == nullptr; }));
  }
  void run_for(Duration duration) { ASSERT_TRUE(platforms.run_for(duration)); }

  void close() {
    if (std::exchange(closed_, true)) return;
    if (pool_ != nullptr) testing::await_done(platforms, loop, [this] { return pool_->close(); });
    for (const auto& hop : hops) hop->stop();
    EXPECT_TRUE(platforms.run_until(
        [this] { return std::ranges::all_of(hops, [](const auto& hop) { return hop->stopped(); }); }));
    pool_ = nullptr;
    platforms.run_for(1s);
    platforms.run_until([] { return true; });
  }

  testing::Platforms platforms;
  io::Loop& loop;
  route::Route route;
  hop::ConnectionBudget budget{1000};
  hop::HostMemory memory;
  hop::HopCounters counters;
  signing::Signer* signer = nullptr;
  MemoryBudget message_memory{std::uint64_t{256} << 20U};
  std::vector<std::unique_ptr<testing::NextHop>> hops;

 private:
  sim::SimNames& names_{platforms.world().names()};
  net::Resolver resolver_{loop, names_, platforms.world().dns()};
  net::Dialer dialer_{loop};
  std::unique_ptr<tls::TlsClientContext> tls_;
  std::unique_ptr<hop::Pool> pool_;
  bool closed_ = false;
};

// What a session says of a message's bytes.
inline message::ContentFacts facts_of(std::string_view text, bool whole) {
  return {.header_eight_bit = smtp::has_eight_bit(text.substr(0, text.find("\r\n\r\n"))),
          .eight_bit = smtp::has_eight_bit(text),
          .whole = whole};
}

// One message on its way through.
class Passing {
 public:
  explicit Passing(Fixture& fixture, std::string from = "ann@example.com")
      : Passing(fixture, nullptr, std::move(from)) {}
  // `memory`: null where there is no place to keep it.
  Passing(Fixture& fixture, Memory* memory, std::string from = "ann@example.com")
      : fixture_(fixture),
        sink_(fixture.pool(), fixture.message_memory, memory == nullptr ? OpenWriter() : memory->open_writer(), {},
              fixture.signer) {
    envelope.id = "Q1";
    envelope.reverse_path = std::move(from);
  }
  // The codes of the answers.
  std::vector<int> offer(const std::vector<std::string>& recipients) {
    const std::size_t first = envelope.recipients.size();
    for (const std::string& each : recipients) envelope.recipients.push_back({.forward_path = each});
    answers.clear();
    run([&] { return sink_.add_recipients(envelope, first, answers); });
    std::vector<int> codes;
    for (const smtp::Reply& answer : answers) codes.push_back(answer.code());
    return codes;
  }
  // Those that are in the envelope already.
  void offer_all() {
    run([&] { return sink_.add_recipients(envelope, 0, answers); });
  }
  // `text`: all that will come, of which the header is known now.
  void begin(message::BodyForm form, std::string_view text = {}) {
    envelope.content = facts_of(text, /*whole=*/false);
    envelope.content.eight_bit = false;
    run([&] { return sink_.begin(form); });
  }
  void feed(std::string_view text) {
    run([&] { return feed_text(sink_, text); });
  }
  static Task<void> feed_text(CutThrough& sink, std::string_view text) {
    Chain chain;
    chain.append_copy(text);
    co_await sink.write(std::move(chain));
  }
  message::Outcome finish() {
    return testing::await<message::Outcome>(fixture_.platforms, fixture_.loop, [&] { return sink_.commit(); });
  }
  void abandon() {
    run([&] { return sink_.abort(); });
  }
  // The whole message, the code of the last word.
  int send(std::string_view text, message::BodyForm form = message::BodyForm::dot_stuffed,
           const std::vector<std::string>& recipients = {"bob@example.net"}) {
    const auto codes = offer(recipients);
    if (std::ranges::find(codes, 250) == codes.end()) {
      abandon();
      return codes.front();
    }
    begin(form, text);
    feed(text);
    envelope.content = facts_of(text, /*whole=*/true);
    outcome = finish();
    return outcome.reply.code();
  }
  CutThrough& sink() { return sink_; }

  message::Envelope envelope;
  std::vector<smtp::Reply> answers;
  message::Outcome outcome;

 private:
  void run(const std::function<Task<void>()>& make) { testing::await_done(fixture_.platforms, fixture_.loop, make); }
  Fixture& fixture_;
  CutThrough sink_;
};

}  // namespace sluice::relay
