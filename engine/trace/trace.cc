#include "engine/trace/trace.h"

#include <algorithm>
#include <utility>

#include "engine/io/service_thread.h"

namespace sluice::trace {
namespace {

constexpr Duration kRetryInterval = std::chrono::seconds(5);
constexpr Duration kLookInterval = std::chrono::minutes(1);

// What is found by nothing is of no message, account or client.
bool is_recorded(const event::Row& row) {
  return std::ranges::any_of(row.keys, [](const event::Key& key) {
    const KeyRole role = role_of(key.name);
    return role.form != KeyForm::none && role.kind != KeyKind::verdict;
  });
}

}  // namespace

Trace::Trace(const TraceOptions& options, io::Clock& clock, io::Disk& disk, event::Dispatcher& events)
    : options_(options), clock_(clock), events_(events), writer_(disk, options.directory, options.limits) {
  for (const event::Row& row : event::rows()) recorded_.push_back(is_recorded(row));
  events_.add(*this, kLeast);
}

Trace::~Trace() {
  events_.stop();
  stop();
}

// ------------------------------------------------------------------------------------------ the event thread

void Trace::take(const event::Event& event) {
  if (event.severity < kLeast || !recorded_[static_cast<std::size_t>(event.kind)]) return;
  if (!taken_.add(event, options_.queue_bytes_max)) ++dropped_;
}

event::Rest Trace::turn(event::Emitter& own) {
  News news;
  {
    const std::lock_guard lock(mutex_);
    // What has no room stays for the next turn, within the same bound.
    if (queue_.bytes() + taken_.bytes() <= options_.queue_bytes_max) queue_.take_all(taken_);
    if (!queue_.empty()) woken_.notify_one();
    news_.lost += std::exchange(dropped_, 0);
    news = news_;
  }
  if (news.fault != reported_.fault) {
    if (news.fault.empty()) {
      own.emit(event::TraceWritten{.lost = news.lost - std::exchange(lost_reported_, news.lost)});
    } else {
      own.emit(event::TraceNotWritten{.reason = news.fault});
    }
    reported_.fault = news.fault;
  } else if (news.fault.empty() && news.lost != lost_reported_) {
    own.emit(event::TraceLost{.lost = news.lost - std::exchange(lost_reported_, news.lost)});
  }
  return {.pending = !taken_.empty(), .timeout_ms = taken_.empty() ? -1 : 100};
}

// ------------------------------------------------------------------------------------------ the trace's thread

void Trace::start() {
  thread_ = io::start_service_thread("sluice-trace", [this] { run(); });
}

void Trace::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    queue_.take_all(taken_);
    stopping_ = true;
    woken_.notify_one();
  }
  thread_.join();
}

void Trace::run() {
  // What cannot be written is known at the start, and what has no messages yet is found to have none.
  if (const auto prepared = writer_.prepare(clock_.wall()); !prepared) failed(prepared.error(), 0);
  EventRecords records;
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto has_work = [this] { return stopping_ || !queue_.empty(); };
    const Instant now = clock_.now();
    if (!block_.empty()) {
      woken_.wait_for(lock, std::max(flush_due_ - now, Duration::zero()), has_work);
    } else {
      woken_.wait_for(lock, kLookInterval, has_work);
    }
    records.clear();
    records.swap(queue_);
    const bool last = stopping_;
    lock.unlock();
    write(records);
    if (last || (!block_.empty() && clock_.now() >= flush_due_)) flush();
    if (clock_.now() >= look_at_) {
      look_at_ = clock_.now() + kLookInterval;
      static_cast<void>(writer_.remove_oldest(clock_.wall()));
      if (!writer_.fault().empty()) report(writer_.fault());
    }
    lock.lock();
    if (last && queue_.empty()) return;
  }
}

void Trace::write(const EventRecords& records) {
  records.each([this](const event::Event& event) {
    if (block_.empty()) flush_due_ = clock_.now() + kFlushInterval;
    block_.add(event);
    if (block_.full()) flush();
  });
}

void Trace::flush() {
  if (block_.empty()) return;
  const std::uint32_t events = block_.events();
  const std::string block = block_.finish();
  if (clock_.now() < retry_at_) {
    const std::lock_guard lock(mutex_);
    news_.lost += events;
    return;
  }
  if (const auto written = writer_.append(block, clock_.wall()); !written) {
    static_cast<void>(writer_.remove_oldest(clock_.wall()));
    return failed(written.error(), events);
  }
  report(writer_.fault());
}

// What is wrong though all is written; empty: nothing.
void Trace::report(std::string fault) {
  const std::lock_guard lock(mutex_);
  if (clock_.now() < retry_at_ || news_.fault == fault) return;
  news_.fault = std::move(fault);
  events_.request_turn();
}

void Trace::failed(std::string fault, std::uint32_t events) {
  retry_at_ = clock_.now() + kRetryInterval;
  const std::lock_guard lock(mutex_);
  news_.lost += events;
  // Once for each cause: the event thread compares.
  news_.fault = std::move(fault);
  events_.request_turn();
}

}  // namespace sluice::trace
