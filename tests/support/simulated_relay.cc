#include "tests/support/simulated_relay.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <utility>

#include "engine/config/config.h"

namespace sluice::testing {
namespace {

constexpr std::size_t kRingBytes = 64 * 1024;  // of events, which nobody consumes

}  // namespace

auth::StoreResult<std::optional<auth::StoredPassword>> Accounts::find(const auth::Name& name) {
  if (name.folded() != "ann@example.com") return std::nullopt;
  return auth::StoredPassword{.account_id = 1, .hash = "right"};
}

auth::AccountStore::Matched Accounts::match(const auth::StoredPassword* password, const auth::Secret& secret) {
  const bool right = password != nullptr && password->hash == secret.reveal();
  return {.match = right ? auth::PasswordMatch::right : auth::PasswordMatch::wrong, .renewed = {}};
}

auth::Answer Accounts::admit(const auth::StoredPassword& /*password*/, const std::string& /*renewed*/) {
  auto ann = std::make_shared<auth::Identity>();
  ann->account_id = 1;
  ann->account_name = "ann@example.com";
  ann->customer_id = 1;
  ann->customer_name = "acme";
  ann->domains = std::make_shared<auth::DomainList>(std::vector<std::string>{"example.com"});
  ann->known_change = known_change;
  if (suspended) return auth::Answer::suspended("for a test", std::move(ann));
  return auth::Answer::granted(std::move(ann));
}

std::shared_ptr<const server::Plan> plan_of(const std::string& text) {
  auto config = config::load_config(text, "sluice.toml");
  if (!config) {
    for (const config::ConfigError& error : config.error()) ADD_FAILURE() << error.to_string();
    return nullptr;
  }
  config->spool.segment_bytes = spool::kSegmentBytesSetMin;
  auto plan = server::make_plan(*std::move(config));
  if (plan) return *std::move(plan);
  for (const std::string& error : plan.error()) ADD_FAILURE() << error;
  return nullptr;
}

// ------------------------------------------------------------------------------------------ one start to its end

struct SimulatedRelay::Life {
  io::Disk* disk = nullptr;
  server::OpenedSpool spool;
  auth::SharedShield shield;
  std::unique_ptr<policy::Budgets> budgets;
  noticing::AccountWatch watch{noticing::AccountWatch::Key{}};
  bool lost = false;  // nothing is written any more
  std::atomic<std::uint32_t> last_segment{0};
  std::unique_ptr<server::Shared> shared;
  std::vector<std::unique_ptr<AsyncEvent>> control_closed;  // one a core
  std::vector<std::unique_ptr<server::Core>> cores;
};

// As Server::outlast_control().
Task<void> SimulatedRelay::outlast_control(AsyncEvent& closed) {
  co_await closed.wait("the control socket to be closed");
}

SimulatedRelay::SimulatedRelay(Platforms& platforms, std::size_t cores)
    : platforms_(platforms),
      cores_(cores),
      first_platform_(platforms.world().platform(kRelayHost)),
      dispatcher_({.ring_bytes = kRingBytes}, first_platform_.clock),
      certificates_(
          std::make_shared<tls::CertificateStore>(source_, tls::CertificateOptions{.default_host = "relay.example"},
                                                  first_platform_.clock, [](std::string_view, std::string_view) {})) {
  if (const char* const file = std::getenv("SLUICE_LOG")) {
    log_sink_ = log::open_log_file(file).value();
    log_ = std::make_unique<log::Log>(log::LogOptions{.level = event::Severity::debug}, first_platform_.clock,
                                      *log_sink_, dispatcher_);
  }
  for (std::size_t i = 0; i < cores; ++i) events_.push_back(&dispatcher_.open());
}

SimulatedRelay::~SimulatedRelay() { EXPECT_FALSE(running()); }

std::expected<void, std::string> SimulatedRelay::start(const std::shared_ptr<const server::Plan>& plan) {
  CHECK(!running());
  auto life = std::make_unique<Life>();
  std::vector<io::Platform> platforms;
  for (std::size_t i = 0; i < cores_; ++i) platforms.push_back(platforms_.world().platform(kRelayHost));
  const io::Platform& first = platforms.front();
  life->disk = &first.disk;
  auto opened = server::open_spool(first.disk, *plan, cores_, [](const std::string&) {});
  if (!opened) return std::unexpected(opened.error());
  life->spool = *std::move(opened);
  life->last_segment = life->spool.last_segment;
  life->shield.set_limits(server::shield_limits(plan->config), plan->config.limits.ipv6_prefix);
  life->budgets = std::make_unique<policy::Budgets>(first.clock, static_cast<std::uint32_t>(cores_));
  restore_budgets(*life);
  life->shared = std::make_unique<server::Shared>(server::Shared{.store = accounts,
                                                                 .backends = backends_,
                                                                 .shield = life->shield,
                                                                 .hash_threads = first.workers,
                                                                 .store_threads = nullptr,
                                                                 .signing_threads = first.workers,
                                                                 .names = platforms_.world().names(),
                                                                 .dns = platforms_.world().dns(),
                                                                 .budgets = *life->budgets,
                                                                 .watch = life->watch,
                                                                 .last_segment = life->last_segment,
                                                                 .cache_key = {},
                                                                 .ticket_secret = {}});
  draining_ = false;
  drained_ = 0;
  for (std::size_t i = 0; i < cores_; ++i) add_core(*life, platforms[i], plan);
  life_ = std::move(life);
  on_each([](server::Core& core) { core.begin(); });
  return {};
}

// As Journal::open(), and in place of its thread: what is wanted is recorded at once, until the process is lost.
void SimulatedRelay::restore_budgets(Life& life) {
  policy::Budgets& budgets = *life.budgets;
  std::string_view rest = budget_journal;
  while (const auto record = policy::take_record(rest)) budgets.shared.restore(*record, budgets.clock.now());
  EXPECT_TRUE(rest.empty());
  static_cast<void>(budgets.shared.restored(budgets.clock.now()));
  budgets.shared.set_wake([this, &life](bool) {
    auto writing = life.budgets->shared.gather(life.budgets->clock.now());
    if (!life.lost) budget_journal += writing.bytes;
    life.budgets->shared.recorded(writing);
  });
}

// As Server::run_core().
void SimulatedRelay::add_core(Life& life, const io::Platform& platform,
                              const std::shared_ptr<const server::Plan>& plan) {
  const std::size_t number = life.cores.size();
  std::vector<server::BoundSocket> sockets;
  for (std::size_t listener = 0; listener < plan->listeners.size(); ++listener)
    for (const io::Address& address : plan->listeners[listener].addresses)
      sockets.push_back({.socket = platform.sockets.listen(address, {}).value(), .listener = listener});
  const config::StoreConfig& store = plan->config.store;
  server::SpoolShare& share = life.spool.shares[number];
  const auto index = static_cast<std::uint32_t>(number);
  server::Core& core = *life.cores.emplace_back(
      std::make_unique<server::Core>(platform, *life.shared, *events_[number],
                                     server::Core::Options{.index = index,
                                                           .cache = {.granted_max = store.cached_logins,
                                                                     .granted_ttl = store.granted_ttl,
                                                                     .refused_ttl = store.refused_ttl},
                                                           .sockets = std::move(sockets),
                                                           .spool = server::spool_options(plan->config.spool),
                                                           .spool_share = std::move(share.share),
                                                           .queue = server::queue_options(*plan, index),
                                                           .last_id = life.spool.last_id,
                                                           .drained = [this] { core_drained(); },
                                                           .settled = [] {}}));
  core.services().add(outlast_control(*life.control_closed.emplace_back(std::make_unique<AsyncEvent>())));
  platforms_.add_foreign(kRelayHost, core.loop());
  EXPECT_TRUE(core.adopt(plan, certificates_));
  for (const relay::Restored& restored : std::exchange(share.restored, {}))
    core.restore(restored, life.spool.customers[restored.customer], life.spool.destinations[restored.destination]);
}

void SimulatedRelay::on_each(const std::function<void(server::Core&)>& act) {
  for (const auto& core : life_->cores) core->post([act, &core = *core] { act(core); });
}

server::Core& SimulatedRelay::core(std::size_t number) { return *life_->cores.at(number); }

std::uint64_t SimulatedRelay::messages() {
  std::uint64_t sum = 0;
  for (const auto& core : life_->cores) sum += core->spool().messages();
  return sum;
}

std::uint64_t SimulatedRelay::counter(std::string_view name) {
  std::uint64_t sum = 0;
  for (const auto& core : life_->cores) {
    const std::vector<control::Counter> all = core->status().counters;
    const auto found = std::ranges::find(all, name, &control::Counter::name);
    CHECK(found != all.end());
    sum += found->value;
  }
  return sum;
}

// ------------------------------------------------------------------------------------------ what is changed

void SimulatedRelay::reload(const std::shared_ptr<const server::Plan>& plan) {
  life_->shield.set_limits(server::shield_limits(plan->config), plan->config.limits.ipv6_prefix);
  on_each([this, plan](server::Core& core) {
    if (!core.adopt(plan, certificates_)) ++reloads_failed_;
  });
}

void SimulatedRelay::forget_credentials(std::uint64_t upto) {
  on_each([upto](server::Core& core) { core.forget_credentials({.upto = upto, .accounts = {"ann@example.com"}}); });
}

void SimulatedRelay::set_machine_addresses(const std::vector<std::string>& ips) {
  std::vector<io::Address> addresses;
  for (const std::string& ip : ips) addresses.push_back(*io::Address::from_ip(ip, 0));
  const auto shared = std::make_shared<const std::vector<io::Address>>(std::move(addresses));
  on_each([shared](server::Core& core) { core.set_machine_addresses(shared); });
}

// ------------------------------------------------------------------------------------------ the end

void SimulatedRelay::drain(Duration timeout) {
  draining_ = true;
  on_each([timeout](server::Core& core) { core.drain(timeout); });
}

// As Server::close_services(): a core that is drained goes on until all are.
void SimulatedRelay::core_drained() {
  if (++drained_ < cores_) return;
  on_each([this](server::Core& core) {
    core.queue().end_orders();
    life_->control_closed[core.index()]->set();
  });
}

bool SimulatedRelay::settled() const {
  return std::ranges::all_of(life_->cores, [](const auto& core) {
    // As Loop::run() ends.
    return core->settled() && core->loop().operations_live() == 0 && core->loop().due() == Instant::max();
  });
}

server::CoreLeftOver SimulatedRelay::end() {
  EXPECT_TRUE(platforms_.run_until([this] { return settled(); })) << "cores that never settled";
  server::CoreLeftOver sum;
  for (const auto& core : life_->cores) {
    core->finish();
    const server::CoreLeftOver left = core->left_over();
    // These two are counted for the thread, which is that of all cores.
    sum.frames = left.frames;
    sum.heap_blocks = left.heap_blocks;
    sum.buffers += left.buffers;
    sum.operations += left.operations;
  }
  life_->spool.directory->leave();
  for (const auto& core : life_->cores) platforms_.remove_foreign(core->loop());
  life_ = nullptr;
  return sum;
}

void SimulatedRelay::lose(Loss how) {
  life_->lost = true;
  if (how == Loss::process) {
    platforms_.world().process_loss(kRelayHost);
  } else {
    platforms_.world().power_loss(kRelayHost);
  }
  // A program whose life is over is told to stop, so that its frames end.
  if (!draining_) drain(Duration::zero());
  end();
}

}  // namespace sluice::testing
