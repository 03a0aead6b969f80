#include "tools/load/load_run.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <iostream>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "engine/io/names.h"
#include "engine/io/process.h"
#include "tools/load/ledger_service.h"
#include "tools/load/numbers.h"
#include "tools/load/own_loop.h"

namespace sluice::load {
namespace {

constexpr Duration kTurnMax = std::chrono::milliseconds(100);
// And for at least so many times as long as the last answer took, so that asking does not slow the sink down.
constexpr Duration kAskAgain = std::chrono::milliseconds(16);
constexpr int kAskShare = 10;
constexpr Duration kProgressEvery = std::chrono::seconds(5);

std::expected<io::Address, std::string> look_up(const std::string& text) {
  if (const auto address = io::Address::parse(text)) return *address;
  const std::size_t colon = text.rfind(':');
  const auto port = colon == std::string::npos ? std::nullopt : parse_bytes(text.substr(colon + 1));
  if (!port || *port == 0 || *port > 65535) return std::unexpected(text + " is not HOST:PORT");
  const auto found = io::make_real_names()->look_up(text.substr(0, colon), static_cast<std::uint16_t>(*port));
  if (!found) return std::unexpected(found.error());
  return found->front();
}

std::string date_of(WallMillis wall) {
  return absl::FormatTime(absl::RFC1123_full, absl::FromUnixMillis(wall), absl::UTCTimeZone());
}

// All threads of a run.
class LoadRun {
 public:
  LoadRun(const LoadCommand& command, io::Address target, std::optional<io::Address> ledger)
      : command_(command),
        target_(target),
        ledger_(ledger),
        content_(date_of(io::make_real_clock()->wall()), boot_number(io::boot_id())) {}

  std::expected<LoadResult, std::string> run();

 private:
  struct Thread {
    std::promise<std::expected<void, std::string>> ready;
    std::promise<void> idle;  // nothing runs on its loop any more
    // The thread's own, from `ready` until `leave_`.
    io::Loop* loop = nullptr;
    Sender* sender = nullptr;
    TaskSet* tasks = nullptr;
    std::thread thread;
  };
  std::expected<void, std::string> start();
  // Runs it on the first thread.
  template <typename Work>
  void post_first(Work work) {
    Thread* first = threads_.front().get();
    first->loop->post([first, work] { work(*first); });
  }
  void run_thread(std::uint32_t part);
  Task<void> send(Sender& sender);
  Task<void> show_progress(io::Loop& loop);
  Task<void> settle(io::Loop& loop);
  void wait_for_all();
  void wait_for_settling();
  [[nodiscard]] std::vector<const Outcomes*> outcomes() const;
  [[nodiscard]] LoadResult result() const;

  const LoadCommand& command_;
  io::Address target_;
  std::optional<io::Address> ledger_;
  Content content_;
  SharedPlatform shared_;
  std::vector<std::unique_ptr<Thread>> threads_;
  std::promise<void> leave_;  // results are taken
  std::shared_future<void> left_ = leave_.get_future().share();
  std::atomic<std::uint32_t> finished_{0};
  std::atomic<bool> settled_{false};
  // The first thread's, and once it is settled the main thread's.
  std::optional<RunLedger> seen_;
  std::string ledger_fault_;
  Duration settling_{};
};

// Tasks are posted to its loop by the main thread, which also stops it.
void LoadRun::run_thread(std::uint32_t part) {
  Thread& thread = *threads_[part];
  auto made = OwnLoop::make(shared_);
  if (!made) return thread.ready.set_value(std::unexpected(made.error()));
  {
    io::Loop& loop = (*made)->loop();
    Sender sender(loop, command_.options, content_, target_, part, command_.threads);
    thread.loop = &loop;
    TaskSet tasks;
    thread.sender = &sender;
    thread.tasks = &tasks;
    thread.ready.set_value({});
    io::Clock& clock = loop.platform().clock;
    while (!(loop.stopping() && tasks.live() == 0 && loop.operations_live() == 0)) {
      loop.turn(std::clamp<Duration>(sender.next_due() - clock.now(), Duration::zero(), kTurnMax));
      sender.release_due();
    }
    thread.idle.set_value();
    left_.wait();
  }
}

std::expected<void, std::string> LoadRun::start() {
  for (std::uint32_t part = 0; part < command_.threads; ++part) threads_.push_back(std::make_unique<Thread>());
  for (std::uint32_t part = 0; part < command_.threads; ++part)
    threads_[part]->thread = std::thread([this, part] { run_thread(part); });
  std::expected<void, std::string> all;
  for (const auto& thread : threads_)
    if (auto ready = thread->ready.get_future().get(); !ready) all = ready;
  return all;
}

Task<void> LoadRun::send(Sender& sender) {
  co_await sender.run();
  // The last one wakes the main thread.
  if (finished_.fetch_add(1) + 1 == command_.threads) io::raise_stop();
}

Task<void> LoadRun::show_progress(io::Loop& loop) {
  const Instant begun = loop.now();
  Instant shown = begun;
  std::uint64_t before = 0;
  while (finished_ < command_.threads) {
    co_await loop.sleep(kTurnMax, "the next line of progress");
    if (loop.now() - shown < kProgressEvery) continue;
    std::uint64_t done = 0;
    for (const auto& thread : threads_) done += thread->sender->progress();
    std::cerr << absl::StrFormat("sluice-load: %.0f s: %d messages, %.0f a second\n", seconds(loop.now() - begun), done,
                                 static_cast<double>(done - before) / seconds(loop.now() - shown));
    shown = loop.now();
    before = done;
  }
}

// Until the sink has seen, or has refused, all that was accepted.
Task<void> LoadRun::settle(io::Loop& loop) {
  const Instant begun = loop.now();
  const std::vector<const Outcomes*> all = outcomes();
  for (;;) {
    const Instant asked = loop.now();
    auto ledger = co_await ask_ledger(loop, *ledger_, command_.options.run);
    settling_ = loop.now() - begun;
    if (!ledger) {
      ledger_fault_ = ledger.error();
      break;
    }
    const bool complete = under_way(all, *ledger) == 0;
    seen_ = *std::move(ledger);
    if (complete || settling_ >= command_.settle) break;
    co_await loop.sleep(std::max<Duration>(kAskAgain, (loop.now() - asked) * kAskShare), "the sink to see all of it");
  }
  settled_ = true;
  io::raise_stop();
}

// The first signal ends the sending, the second all that is under way.
void LoadRun::wait_for_all() {
  bool stopped = false;
  for (;;) {
    const io::Signal signal = io::wait_signal(-1, kLongestWait);
    if (finished_ == command_.threads) return;
    if (signal != io::Signal::stop) continue;
    for (const auto& thread : threads_) {
      if (stopped) {
        thread->loop->post([loop = thread->loop] { loop->abort_all(); });
      } else {
        thread->loop->post([sender = thread->sender] { sender->stop(); });
      }
    }
    stopped = true;
  }
}

void LoadRun::wait_for_settling() {
  if (!ledger_) return;
  post_first([this](Thread& first) { first.tasks->add(settle(*first.loop)); });
  while (!settled_) static_cast<void>(io::wait_signal(-1, kLongestWait));
}

std::vector<const Outcomes*> LoadRun::outcomes() const {
  std::vector<const Outcomes*> all;
  for (const auto& thread : threads_) all.push_back(&thread->sender->outcomes());
  return all;
}

std::expected<LoadResult, std::string> LoadRun::run() {
  std::expected<void, std::string> started = start();
  LoadResult result;
  if (started) {
    for (const auto& thread : threads_)
      thread->loop->post([this, one = thread.get()] { one->tasks->add(send(*one->sender)); });
    if (!command_.quiet) post_first([this](Thread& first) { first.tasks->add(show_progress(*first.loop)); });
    wait_for_all();
    wait_for_settling();
  }
  for (const auto& thread : threads_) {
    if (thread->loop == nullptr) continue;
    thread->loop->stop();
    thread->idle.get_future().wait();
  }
  if (started) result = this->result();
  leave_.set_value();
  for (const auto& thread : threads_) thread->thread.join();
  if (!started) return std::unexpected(started.error());
  return result;
}

LoadResult LoadRun::result() const {
  LoadResult result{.run = command_.options.run, .settling = settling_, .ledger_fault = ledger_fault_};
  for (const auto& thread : threads_) {
    const Sender& sender = *thread->sender;
    result.messages += sender.outcomes().messages();
    result.took = std::max(result.took, sender.took());
    for (std::size_t i = 0; i < kStages; ++i) result.stages[i].merge(sender.stage(static_cast<Stage>(i)));
    for (const auto& [what, count] : sender.errors()) result.errors[what] += count;
    if (!sender.gave_up().empty()) result.gave_up = sender.gave_up();
    result.counters.add(sender.counters());
  }
  result.account = load::settle(outcomes(), seen_ ? &*seen_ : nullptr);
  if (seen_) result.arrival = seen_->arrival();
  return result;
}

}  // namespace

std::expected<LoadResult, std::string> run_load(const LoadCommand& command) {
  const auto target = look_up(command.target);
  if (!target) return std::unexpected(target.error());
  std::optional<io::Address> ledger;
  if (!command.ledger.empty()) {
    const auto found = look_up(command.ledger);
    if (!found) return std::unexpected(found.error());
    ledger = *found;
  }
  io::raise_file_limit();
  return LoadRun(command, *target, ledger).run();
}

}  // namespace sluice::load
