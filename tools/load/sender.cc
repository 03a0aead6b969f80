#include "tools/load/sender.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "tools/load/send_session.h"

namespace sluice::load {
namespace {

// After a connection that could not be opened.
constexpr Duration kPause = std::chrono::milliseconds(100);

// Of `whole`, spread over `parts`, what this part has.
std::uint64_t share_of(std::uint64_t whole, std::uint32_t part, std::uint32_t parts) {
  return whole / parts + (part < whole % parts ? 1 : 0);
}

}  // namespace

void SenderCounters::add(const SenderCounters& other) {
  connections += other.connections;
  connect_failures += other.connect_failures;
  tls_full += other.tls_full;
  tls_resumed += other.tls_resumed;
  accepted += other.accepted;
  bytes += other.bytes;
}

Sender::Sender(io::Loop& loop, const LoadOptions& options, const Content& content, io::Address target,
               std::uint32_t part, std::uint32_t parts)
    : loop_(loop),
      options_(options),
      content_(content),
      target_(target),
      part_(part),
      parts_(parts),
      messages_max_(
          share_of(options.messages > 0 ? options.messages : NumberSet::kNumberMax / options.recipients, part, parts)),
      sessions_(static_cast<std::size_t>(share_of(options.sessions, part, parts))),
      outcomes_(options.recipients, part, parts),
      logins_(part) {}

Sender::~Sender() { CHECK(tasks_.live() == 0); }

Task<void> Sender::run() {
  begin_ = loop_.platform().clock.now();
  if (options_.rate > 0) {
    pace_.emplace(options_.rate, options_.arrivals, options_.seed, part_, parts_);
    plan_next();
    tasks_.add(arrive());
  }
  for (std::size_t i = 0; i < sessions_; ++i) tasks_.add(run_session(i));
  co_await tasks_.join("the sessions of a run");
}

void Sender::stop() {
  stopped_ = true;
  due_.clear();
  wake_all();
}

// ------------------------------------------------------------------------------------------ what is due

bool Sender::over() const { return stopped_ || outcomes_.messages() + due_.size() >= messages_max_; }

void Sender::plan_next() {
  const Duration offset = pace_->next();
  const bool late = options_.duration > Duration::zero() && offset >= options_.duration;
  next_due_ = late ? Instant::max() : later(begin_, offset);
  if (late || over()) {
    next_due_ = Instant::max();
    arrivals_over_ = true;
  }
}

void Sender::release_due() {
  if (!pace_ || arrivals_over_) return;
  const Instant now = loop_.platform().clock.now();
  while (next_due_ <= now) {
    due_.push_back({.due = next_due_});
    plan_next();
    if (!idle_.empty()) {
      idle_.back()->set();
      idle_.pop_back();
    }
  }
  if (due_.size() > kBacklogMax) {
    gave_up_ = "more than " + std::to_string(kBacklogMax) + " messages wait: the rate is beyond what can be sent";
    stop();
  }
  if (stopped_) arrivals_over_ = true;
  if (arrivals_over_) wake_all();
}

Task<void> Sender::arrive() {
  while (!arrivals_over_) {
    co_await loop_.sleep(std::min<Duration>(kPause, std::max(next_due_, loop_.now()) - loop_.now()),
                         "the next arrival");
    release_due();
  }
}

void Sender::wake_all() {
  for (AsyncEvent* event : std::exchange(idle_, {})) event->set();
}

Task<std::optional<Work>> Sender::next(AsyncEvent& idle) {
  if (!pace_) {
    const Instant now = loop_.platform().clock.now();
    const bool late = options_.duration > Duration::zero() && now - begin_ >= options_.duration;
    if (late || over()) co_return std::nullopt;
    co_return Work{.number = outcomes_.begin(), .due = now};
  }
  while (due_.empty()) {
    if (arrivals_over_ || stopped_) co_return std::nullopt;
    idle_.push_back(&idle);
    co_await idle.wait("a message that is due");
  }
  Work work = due_.front();
  due_.pop_front();
  work.number = outcomes_.begin();
  co_return work;
}

// ------------------------------------------------------------------------------------------ the sessions

Task<void> Sender::run_session(std::size_t /*number*/) {
  SendSession session(*this);
  AsyncEvent idle;
  for (;;) {
    const std::optional<Work> work = co_await next(idle);
    if (!work) break;
    co_await session.send(*work);
    done(*work);
    if (session.spent()) co_await session.close();
    if (session.connected()) {
      session.watch();
    } else if (failures_ > 0 && !stopped_) {
      co_await loop_.sleep(kPause, "a pause after a failure");
    }
  }
  co_await session.close();
}

void Sender::done(const Work& work) {
  took_ = loop_.platform().clock.now() - begin_;
  bool accepted = false;
  for (std::uint32_t copy = 1; copy <= options_.recipients; ++copy)
    accepted = accepted || outcomes_.get(work.number, copy) == Outcome::accepted;
  counters_.accepted += accepted;
  progress_.fetch_add(1, std::memory_order_relaxed);
}

void Sender::count_error(std::string_view what) {
  const auto found = errors_.find(std::string(what));
  if (found != errors_.end()) {
    ++found->second;
  } else if (errors_.size() < kErrorsMax) {
    errors_.emplace(what, 1);
  }
}

void Sender::opened(bool good, std::string_view why) {
  if (good) {
    failures_ = 0;
    ++counters_.connections;
    return;
  }
  ++counters_.connect_failures;
  if (++failures_ < kFailuresMax || stopped_) return;
  gave_up_ = why;
  stop();
}

std::size_t Sender::next_login() {
  const std::size_t login = logins_ % std::max<std::size_t>(options_.logins.size(), 1);
  logins_ += parts_;
  return login;
}

}  // namespace sluice::load
