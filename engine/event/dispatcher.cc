#include "engine/event/dispatcher.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/check_hook.h"

namespace sluice::event {
namespace {

constexpr std::size_t kOwnRingBytes = 64 * 1024;
// The part of a ring that is kept for errors.
constexpr std::size_t kKeptForErrors = 8;
constexpr int kGatherMs = 1;
// Between two offers of the CPU to others, some 80 us of work.
constexpr std::size_t kRecordsBetweenOffers = 64;

int milliseconds(Duration span) {
  return static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(span).count());
}

int sooner(int one_ms, int other_ms) {
  return one_ms < 0 ? other_ms : other_ms < 0 ? one_ms : std::min(one_ms, other_ms);
}

// The one whose event thread runs, for a CHECK that fails on any thread.
std::atomic<Dispatcher*> running_dispatcher{nullptr};

}  // namespace

void Emitter::record(Kind kind, Severity severity, std::span<const Value> values) {
  if (severity < dispatcher_.least()) return;
  const bool error = severity == Severity::error;
  const auto room = ring_.reserve(record_bytes(values), error ? 0 : ring_.capacity() / kKeptForErrors);
  if (room.empty()) {
    if (error) errors_lost_.fetch_add(1, std::memory_order_relaxed);
    lost_.fetch_add(1, std::memory_order_release);
  } else {
    write_record(room, {.at = dispatcher_.wall(), .kind = kind, .severity = severity}, values);
    ring_.publish();
  }
  dispatcher_.recorded(*this);
}

Dispatcher::Dispatcher(const DispatcherOptions& options, io::Clock& clock)
    : options_(options), clock_(clock), wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)), own_(*this, kOwnRingBytes) {
  CHECK(wake_ >= 0);
  CHECK(options.interval >= std::chrono::milliseconds(1));
}

Dispatcher::~Dispatcher() {
  stop();
  ::close(wake_);
}

void Dispatcher::add(Consumer& consumer, Severity least) {
  CHECK(!thread_.joinable() && consumers_.size() < kConsumersMax);
  consumers_.push_back(&consumer);
  {
    const std::lock_guard lock(mutex_);
    consumers_least_.push_back(Severity::error);
  }
  set_least(consumer, least);
}

void Dispatcher::set_least(const Consumer& consumer, Severity severity) {
  const auto found = std::ranges::find(consumers_, &consumer);
  CHECK(found != consumers_.end());
  const std::lock_guard lock(mutex_);
  consumers_least_[static_cast<std::size_t>(found - consumers_.begin())] = severity;
  least_.store(std::ranges::min(consumers_least_), std::memory_order_relaxed);
}

void Dispatcher::set_privacy(const PrivacyOptions& options) {
  const std::lock_guard lock(mutex_);
  privacy_ = options.keeps_all() ? nullptr : std::make_shared<const Privacy>(options);
}

Emitter& Dispatcher::open() {
  const std::lock_guard lock(mutex_);
  emitters_.push_back(std::unique_ptr<Emitter>(new Emitter(*this, options_.ring_bytes)));
  return *emitters_.back();
}

void Dispatcher::start() {
  CHECK(!thread_.joinable());
  running_.store(true);
  thread_ = io::start_service_thread("sluice-events", [this] { run(); });
  running_dispatcher.store(this);
  set_check_hook([]() noexcept {
    if (Dispatcher* running = running_dispatcher.load()) running->flush_before_abort();
  });
}

void Dispatcher::stop() {
  if (!thread_.joinable()) return;
  running_dispatcher.store(nullptr);
  stopping_.store(true);
  wake();
  thread_.join();
  running_.store(false);
  stopping_.store(false);
  if (turn_requested_.load()) round();  // it came behind the last turn
}

void Dispatcher::request_turn() {
  turn_requested_.store(true);
  if (running_.load())
    wake();
  else
    round();
}

// After an event was put into a ring, or found no room there.
void Dispatcher::recorded(Emitter& emitter) {
  if (&emitter == &own_) return;
  if (!running_.load(std::memory_order_relaxed)) {
    round();
    return;
  }
  const bool slept = asleep_.load() && asleep_.exchange(false);
  if (slept || (emitter.ring_.half_full() && !half_full_.load() && !half_full_.exchange(true))) wake();
}

void Dispatcher::wake() {
  const std::uint64_t one = 1;
  // It only fails when the count is at its end: then the event thread is woken already.
  (void)!::write(wake_, &one, sizeof one);
}

void Dispatcher::run() {
  int rounds_left = milliseconds(options_.flush_timeout) / milliseconds(options_.interval);
  while (true) {
    const bool stopping = stopping_.load();
    const std::uint64_t flush = flushes_asked_.load();
    turn_requested_.store(false);
    const bool moved = drain();
    const Rest rest = take_turns();
    flushes_done_.store(flush);
    if (stopping) {
      if (!all_empty()) continue;
      if (!rest.pending || rounds_left-- <= 0) return;
    }
    sleep(moved, rest, stopping);
  }
}

// Where there is no event thread: all that it would do.
void Dispatcher::round() {
  do {
    turn_requested_.store(false);
    drain();
    take_turns();
  } while (!own_.ring_.empty());
}

// One round over all rings.  Whether there was anything.
bool Dispatcher::drain() {
  {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = seen_.size(); i < emitters_.size(); ++i) seen_.push_back(emitters_[i].get());
    privacy_in_use_ = privacy_;
  }
  bool moved = drain(own_);
  for (Emitter* emitter : seen_) moved |= drain(*emitter);
  return moved;
}

// At most about as much as the ring holds, as others wait, too.  A core that has the same CPU goes on after each few
// records, so that its clients wait for these only, and not for all: as long as the ring is not about to be full.
bool Dispatcher::drain(Emitter& emitter) {
  std::size_t moved = 0;
  std::size_t records = 0;
  std::array<Value, kKeysMax> values;
  while (moved < emitter.ring_.capacity() && !emitter.ring_.empty()) {
    const std::span<const char> record = emitter.ring_.front();
    moved += record.size();
    const Event event = read_record(record, values);
    give(event);
    emitter.ring_.pop();
    if (++records % kRecordsBetweenOffers == 0 && emitter.ring_.waiting() < emitter.ring_.capacity() / 2)
      options_.give_way();
  }
  return moved > 0;
}

void Dispatcher::give(const Event& event) {
  const Event kept = privacy_in_use_ == nullptr ? event : privacy_in_use_->apply(event, private_values_);
  for (Consumer* consumer : consumers_) consumer->take(consumer->keeps() ? kept : event);
}

void Dispatcher::emit_lost() {
  std::uint64_t lost = 0;
  std::uint64_t errors = 0;
  for (const Emitter* emitter : seen_) {
    lost += emitter->lost();  // first: what is counted there is among the errors by now
    errors += emitter->errors_lost_.load(std::memory_order_relaxed);
  }
  if (lost == lost_emitted_) return;
  own_.emit(EventsLost{.lost = lost - std::exchange(lost_emitted_, lost),
                       .errors = errors - std::exchange(errors_lost_emitted_, errors)});
}

Rest Dispatcher::take_turns() {
  Rest sum;
  writable_.fill(-1);
  for (std::size_t i = 0; i < consumers_.size(); ++i) {
    const Rest rest = consumers_[i]->turn(own_);
    sum.pending |= rest.pending;
    sum.full |= rest.full;
    sum.timeout_ms = sooner(sum.timeout_ms, rest.timeout_ms);
    writable_[i] = rest.writable;
  }
  if (!sum.full) emit_lost();
  return sum;
}

void Dispatcher::sleep(bool moved, Rest rest, bool stopping) {
  half_full_.store(false);
  if (moved || stopping) {
    wait(sooner(rest.timeout_ms, milliseconds(options_.interval)));
    return;
  }
  asleep_.store(true);
  if (all_empty() && !turn_requested_.load() && !stopping_.load()) {
    wait(rest.timeout_ms);
    // What belongs to the first event, such as all errors of a reload, is taken together with it.
    if (!turn_requested_.load() && !stopping_.load() && !all_empty()) wait(kGatherMs);
  }
  asleep_.store(false);
}

void Dispatcher::wait(int timeout_ms) {
  std::array<pollfd, 1 + kConsumersMax> ready{};
  ready[0] = {.fd = wake_, .events = POLLIN, .revents = 0};
  for (std::size_t i = 0; i < kConsumersMax; ++i) ready[i + 1] = {.fd = writable_[i], .events = POLLOUT, .revents = 0};
  ::poll(ready.data(), ready.size(), timeout_ms);
  std::uint64_t count = 0;
  if ((ready[0].revents & POLLIN) != 0) (void)!::read(wake_, &count, sizeof count);
}

bool Dispatcher::all_empty() {
  const std::lock_guard lock(mutex_);
  return own_.ring_.empty() && std::ranges::all_of(emitters_, [](const auto& one) { return one->ring_.empty(); });
}

// On the thread whose CHECK failed: waits until the event thread has been over all rings since.
void Dispatcher::flush_before_abort() {
  constexpr auto kLook = std::chrono::milliseconds(1);
  if (std::this_thread::get_id() == thread_.get_id()) return;
  const std::uint64_t asked = ++flushes_asked_;
  wake();
  for (auto waited = Duration(); waited < kCrashFlushMax && flushes_done_.load() < asked; waited += kLook)
    std::this_thread::sleep_for(kLook);
}

}  // namespace sluice::event
