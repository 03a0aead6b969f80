// A simulated relay with all that delivery takes: spool on a simulated disk, queue, routes, next hops on other hosts.
// What a process is goes with stop(); what is on the disk stays, and start() finds it again.
// Owned by one test; its thread only.
#pragma once

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/relay/incoming.h"
#include "engine/spool/recovery.h"
#include "tests/sim/world.h"
#include "tests/support/mx_rules.h"
#include "tests/unit/relay/relay_fixture.h"

namespace sluice::relay {

inline constexpr const char* kQueuedText = "From: ann@example.com\r\nSubject: x\r\n\r\nHello.\r\n";

// What the log would be told.
struct Delivery {
  std::string id;
  DeliveryOutcome outcome = DeliveryOutcome::not_attempted;
  int code = 0;
  std::string text;
  std::string recipients;
  std::uint32_t count = 0;
  std::string sender;
  std::string account;
  std::string message_id;
  std::string destination;
  std::string next_hop;
  std::string next_hop_address;
  WallMillis next_try = 0;
  std::uint32_t attempt = 0;
  bool cut_through = false;
};

class NoteTaker final : public QueueObserver {
 public:
  void delivery(const DeliveryRecord& record) override {
    codes.push_back(record.code);
    deliveries.push_back({.id = std::string(record.id),
                          .outcome = record.outcome,
                          .code = record.code,
                          .text = std::string(record.text),
                          .recipients = std::string(record.recipients),
                          .count = record.count,
                          .sender = std::string(record.sender),
                          .account = std::string(record.account),
                          .message_id = std::string(record.message_id),
                          .destination = std::string(record.destination),
                          .next_hop = std::string(record.next_hop),
                          .next_hop_address = std::string(record.next_hop_address),
                          .next_try = record.next_try,
                          .attempt = record.attempt,
                          .cut_through = record.cut_through});
  }
  void event(std::string_view /*id*/, std::string_view what, std::string_view /*detail*/) override {
    ++events[std::string(what)];
  }
  [[nodiscard]] std::size_t count(DeliveryOutcome outcome) const {
    return static_cast<std::size_t>(std::ranges::count(deliveries, outcome, &Delivery::outcome));
  }
  std::vector<int> codes;  // of all records
  std::vector<Delivery> deliveries;
  std::map<std::string, int> events;
};

// A route in front of the one that takes all.
struct ExtraRoute {
  route::Route route;
  route::RouteConditions conditions;
};

class QueueFixture {
 public:
  explicit QueueFixture(std::uint64_t seed = 1, const sim::SimOptions& options = {}, int hops = 1)
      : fixture(seed, options, hops) {
    fixture.route.name = "farm";
    fixture.route.connect_timeout = 5s;
    fixture.route.command_timeout = 20s;
    fixture.route.data_timeout = 20s;
    fixture.route.block_timeout = 20s;
    fixture.route.final_timeout = 20s;
    options_.curve = schedule::RetryCurve({60s}, 0);
    options_.expire = 1h;
    options_.hostname = "relay.example";
    options_.schedule.throttle = {.suspend_first = 10s, .suspend_max = 10s, .pause_first = 1s, .pause_max = 1s};
  }
  ~QueueFixture() {
    stop();
    fixture.close();
  }
  QueueFixture(const QueueFixture&) = delete;
  QueueFixture& operator=(const QueueFixture&) = delete;

  QueueOptions& options() { return options_; }

  void start() {
    io::Disk& disk = fixture.loop.platform().disk;
    ASSERT_TRUE(disk.make_directory(kDirectory));
    spool::Recovery recovery(disk, kDirectory, [](const std::string&) {});
    struct Found {
      spool::QueueId id;
      spool::Stored stored;
      message::DeliveryStatus status;
    };
    std::vector<Found> waiting;
    ASSERT_TRUE(recovery.run(
        [&](const spool::Recovered& message) { waiting.push_back({message.id, message.stored, message.status}); }));
    ids_.stay_above(recovery.last_id());
    last_segment_ = recovery.last_segment();
    life_.emplace(*this, std::move(recovery.divide(1).front()));
    fixture.loop.post([this, &waiting] {
      life_->spool.start();
      for (const Found& each : waiting) life_->queue.add(each.id, each.stored, each.status);
      life_->queue.run();
      waiting.clear();
    });
    ASSERT_TRUE(fixture.platforms.run_until([&] { return waiting.empty() && life_->spool.settled(); }));
  }
  void stop() {
    if (!life_) return;
    EXPECT_EQ(life_->queue.index_fault(), "");
    life_->queue.stop();
    background_.clear();
    testing::await_done(fixture.platforms, fixture.loop, [this] { return life_->end(); });
    life_.reset();
  }

  // One more route, for this domain, to the first of the next hops.
  void add_route(const std::string& name, const std::string& domain) {
    routes.push_back({.route = fixture.route, .conditions = {.recipients = {domain}, .senders = {}, .customers = {}}});
    routes.back().route.name = name;
  }
  // Gives a message to the sink that sessions use; the code of the last word.
  int send(const std::string& text, std::vector<std::string> recipients = {"bob@example.net"},
           std::string from = "ann@example.com", smtp::Notify notify = {}) {
    Incoming sink({.loop = fixture.loop,
                   .router = life_->router,
                   .spool = life_->spool,
                   .queue = life_->queue,
                   .memory = fixture.message_memory,
                   .may_keep = life_->spool.accepting()},
                  {.customer = "acme", .account = from});
    message::Envelope envelope;
    envelope.id = next_id();
    envelope.message_id = "<" + envelope.id + "@example.com>";
    envelope.reverse_path = std::move(from);
    // As a session has it, of a message that begins with From.
    const std::size_t domain = text.find('@') + 1;
    envelope.author_domain = text.substr(domain, text.find_first_of(">\r", domain) - domain);
    for (std::string& each : recipients)
      envelope.recipients.push_back({.forward_path = std::move(each), .notify = notify});
    const auto outcome =
        testing::await<message::Outcome>(fixture.platforms, fixture.loop, [&] { return pass(sink, envelope, text); });
    return outcome.reply.code();
  }
  // The same while the test goes on; its recipient is bob@example.net.
  void send_in_background(const std::string& text) {
    fixture.loop.post([this, text] {
      Background& one = *background_.emplace_back(std::make_unique<Background>(*this, text));
      tasks_.add(one.run());
    });
  }
  bool background_done() { return tasks_.live() == 0; }
  bool run_until(const std::function<bool()>& until) { return fixture.platforms.run_until(until); }
  bool empty() { return life_->spool.messages() == 0; }
  spool::Spool& spool() { return life_->spool; }
  Queue& queue() { return life_->queue; }
  Router& router() { return life_->router; }
  std::string next_id() { return message::queue_id_text(ids_.next(fixture.loop.platform().clock.wall())); }
  testing::NextHop& hop(std::size_t number = 0) { return *fixture.hops[number]; }

  static constexpr const char* kDirectory = "/spool";
  Fixture fixture;
  NoteTaker notes;
  std::vector<ExtraRoute> routes;        // from the next start() on
  std::optional<std::size_t> dsn_route;  // which of them is for our own DSNs

 private:
  struct Life {
    Life(QueueFixture& of, spool::Share share)
        : resolver(of.fixture.loop, of.fixture.platforms.world().names(), of.fixture.platforms.world().dns()),
          dialer(of.fixture.loop),
          routes(of.routes),
          table(conditions(), "relay.example", of.dsn_route),
          router({.loop = of.fixture.loop,
                  .resolver = resolver,
                  .dns = of.fixture.platforms.world().dns(),
                  .dialer = dialer,
                  .budget = of.fixture.budget,
                  .memory = of.fixture.memory,
                  .counters = of.fixture.counters,
                  .signer = of.fixture.signer,
                  .rules = testing::mx_rules()},
                 table, configured_routes(of.fixture.route), "relay.example"),
          spool(of.fixture.loop, of.last_segment_,
                {.log = {.directory = kDirectory, .segment_bytes = 2 * spool::kBatchBytesMax}}, std::move(share),
                [](const std::string&) {}),
          queue({.loop = of.fixture.loop,
                 .spool = spool,
                 .router = [this]() -> Router& { return router; },
                 .next_id = [&of] { return of.ids_.next(of.fixture.loop.platform().clock.wall()); },
                 .observer = of.notes},
                of.options_) {}
    Task<void> end() {
      co_await queue.close();
      EXPECT_EQ(queue.index_fault(), "");
      co_await router.close();
      co_await spool.close();
    }
    [[nodiscard]] std::vector<route::RouteConditions> conditions() const {
      std::vector<route::RouteConditions> all;
      for (const ExtraRoute& each : routes) all.push_back(each.conditions);
      all.emplace_back();
      return all;
    }
    [[nodiscard]] std::vector<Router::ConfiguredRoute> configured_routes(const route::Route& last) const {
      std::vector<Router::ConfiguredRoute> all;
      for (const ExtraRoute& each : routes) all.push_back({.route = each.route});
      all.push_back({.route = last});
      return all;
    }
    net::Resolver resolver;
    net::Dialer dialer;
    const std::vector<ExtraRoute> routes;
    route::RouteTable table;
    Router router;
    spool::Spool spool;
    Queue queue;
  };

  struct Background {
    Background(QueueFixture& fixture, std::string content)
        : text(std::move(content)),
          sink({.loop = fixture.fixture.loop,
                .router = fixture.router(),
                .spool = fixture.spool(),
                .queue = fixture.queue(),
                .memory = fixture.fixture.message_memory},
               {.customer = "acme", .account = "ann@example.com"}) {
      envelope.id = fixture.next_id();
      envelope.reverse_path = "ann@example.com";
      envelope.recipients.push_back({.forward_path = "bob@example.net"});
    }
    Task<void> run() { static_cast<void>(co_await pass(sink, envelope, text)); }
    std::string text;
    Incoming sink;
    message::Envelope envelope;
  };
  static Task<message::Outcome> pass(Incoming& sink, const message::Envelope& envelope, const std::string& text) {
    std::vector<smtp::Reply> answers;
    co_await sink.add_recipients(envelope, 0, answers);
    co_await sink.begin(message::BodyForm::literal);
    Chain content;
    content.append_copy(text);
    co_await sink.write(std::move(content));
    co_return co_await sink.commit();
  }

  QueueOptions options_;
  std::atomic<std::uint32_t> last_segment_{0};
  message::QueueIdSequence ids_{0};
  std::optional<Life> life_;
  std::vector<std::unique_ptr<Background>> background_;
  TaskSet tasks_;
};

}  // namespace sluice::relay
