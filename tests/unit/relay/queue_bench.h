// A simulated relay with all that delivery takes: spool on a simulated disk, queue, routes, next hops on other hosts.
// What a process is goes with stop(); what is on the disk stays, and start() finds it again.
// Owned by one test; its thread only.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/io/sim_world.h"
#include "engine/relay/incoming.h"
#include "engine/spool/recovery.h"
#include "tests/support/exchange_rules.h"
#include "tests/unit/relay/relay_bench.h"

namespace sluice::relay {

class NoteTaker final : public QueueObserver {
 public:
  void tried(const Try& what) override { codes.push_back(what.code); }
  void event(std::string_view /*id*/, std::string_view what, std::string_view /*detail*/) override { ++events[std::string(what)]; }
  std::vector<int> codes;  // of all tries
  std::map<std::string, int> events;
};

class QueueBench {
 public:
  explicit QueueBench(std::uint64_t seed = 1, const io::SimOptions& options = {}, int hops = 1)
      : bench(seed, options, hops) {
    bench.route.name = "farm";
    bench.route.connect_timeout = 5s;
    bench.route.command_timeout = 20s;
    bench.route.data_timeout = 20s;
    bench.route.block_timeout = 20s;
    bench.route.final_timeout = 20s;
    options_.curve = RetryCurve({60s}, 0);
    options_.expire = 1h;
    options_.hostname = "relay.example";
    options_.schedule.throttles = {{.suspend_first = 10s, .suspend_max = 10s, .pause_first = 1s, .pause_max = 1s}};
  }
  ~QueueBench() {
    stop();
    bench.close();
  }
  QueueBench(const QueueBench&) = delete;
  QueueBench& operator=(const QueueBench&) = delete;

  QueueOptions& options() { return options_; }

  void start() {
    io::Disk& disk = bench.loop.door().disk;
    ASSERT_TRUE(disk.make_directory(kDirectory));
    spool::Recovery recovery(disk, kDirectory, [](const std::string&) {});
    struct Found {
      spool::QueueId id;
      spool::Stored stored;
      message::DeliveryStatus status;
    };
    std::vector<Found> waiting;
    ASSERT_TRUE(recovery.run([&](const spool::Recovered& message) {
      waiting.push_back({message.id, message.stored, message.status});
    }));
    ids_.stay_above(recovery.last_id());
    last_segment_ = recovery.last_segment();
    life_.emplace(*this, std::move(recovery.divide(1).front()));
    bench.loop.post([this, &waiting] {
      life_->spool.start();
      for (const Found& each : waiting) life_->queue.add(each.id, each.stored, each.status);
      life_->queue.run();
      waiting.clear();
    });
    ASSERT_TRUE(bench.doors.run_until([&] { return waiting.empty() && life_->spool.accepting(); }));
  }
  void stop() {
    if (!life_) return;
    life_->queue.stop();
    testing::await_done(bench.doors, bench.loop, [this] { return life_->end(); });
    life_.reset();
  }

  // Gives a message to the taker that sessions use; the code of the last word.
  int send(const std::string& text, std::vector<std::string> recipients = {"bob@example.net"},
           std::string from = "ann@example.com", smtp::Notify notify = {}) {
    Incoming taker({.loop = bench.loop, .router = life_->router, .spool = life_->spool, .queue = life_->queue},
                   {.customer = "acme", .account = from});
    message::Envelope envelope;
    envelope.id = next_id();
    envelope.reverse_path = std::move(from);
    for (std::string& each : recipients) envelope.recipients.push_back({.forward_path = std::move(each), .notify = notify});
    const auto outcome = testing::await<message::Outcome>(bench.doors, bench.loop,
                                                          [&] { return pass(taker, envelope, text); });
    return outcome.reply.code();
  }
  bool run_until(const std::function<bool()>& until) { return bench.doors.run_until(until); }
  bool empty() { return life_->spool.messages() == 0; }
  spool::Spool& spool() { return life_->spool; }
  Queue& queue() { return life_->queue; }
  Router& router() { return life_->router; }
  std::string next_id() { return message::queue_id_text(ids_.next(bench.loop.door().clock.wall())); }
  testing::NextHop& hop(std::size_t number = 0) { return *bench.hops[number]; }

  static constexpr const char* kDirectory = "/spool";
  Bench bench;
  NoteTaker notes;

 private:
  struct Life {
    Life(QueueBench& of, spool::Share share)
        : resolver(of.bench.loop, of.bench.doors.world().names(), of.bench.doors.world().dns()),
          dialer(of.bench.loop),
          table(std::vector<RouteConditions>(1), "relay.example"),
          router({.loop = of.bench.loop,
                  .resolver = resolver,
                  .dns = of.bench.doors.world().dns(),
                  .dialer = dialer,
                  .budget = of.bench.budget,
                  .memory = of.bench.memory,
                  .rules = testing::exchange_rules()}, table,
                 {{.route = of.bench.route}}, "relay.example"),
          spool(of.bench.loop, of.last_segment_,
                {.log = {.directory = kDirectory, .segment_bytes = 2 * spool::kBatchBytesMax}}, std::move(share),
                [](const std::string&) {}),
          queue({.loop = of.bench.loop,
                 .spool = spool,
                 .router = [this]() -> Router& { return router; },
                 .next_id = [&of] { return of.ids_.next(of.bench.loop.door().clock.wall()); },
                 .observer = of.notes},
                of.options_) {}
    Task<void> end() {
      co_await queue.close();
      co_await router.close();
      co_await spool.close();
    }
    net::Resolver resolver;
    net::Dialer dialer;
    RouteTable table;
    Router router;
    spool::Spool spool;
    Queue queue;
  };

  static Task<message::Outcome> pass(Incoming& taker, const message::Envelope& envelope, const std::string& text) {
    std::vector<smtp::Reply> answers;
    co_await taker.offer(envelope, 0, answers);
    co_await taker.begin(message::BodyForm::literal);
    Chain content;
    content.append_copy(text);
    co_await taker.feed(std::move(content));
    co_return co_await taker.finish();
  }

  QueueOptions options_;
  std::atomic<std::uint32_t> last_segment_{0};
  message::QueueIdSequence ids_{0};
  std::optional<Life> life_;
};

}  // namespace sluice::relay
