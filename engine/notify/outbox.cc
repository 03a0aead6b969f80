#include "engine/notify/outbox.h"

#include <algorithm>
#include <utility>

#include "engine/io/service_thread.h"

namespace sluice::notify {

Outbox::Outbox(std::size_t items_max, io::Clock& clock, Deliver deliver, std::function<void()> changed)
    : items_max_(items_max), clock_(clock), deliver_(std::move(deliver)), changed_(std::move(changed)) {}

void Outbox::add(std::shared_ptr<const OutboxItem> item) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return lose(1, "the relay ends");
  if (items_.size() >= items_max_) return lose(1, "its queue is full");
  items_.push_back(std::move(item));
  woken_.notify_one();
}

void Outbox::count_lost(std::string reason) {
  const std::lock_guard lock(mutex_);
  lose(1, std::move(reason));
}

void Outbox::lose(std::size_t items, std::string reason) {
  news_.lost += items;
  news_.lost_reason = std::move(reason);
}

void Outbox::start() {
  thread_ = io::start_service_thread("sluice-notify", [this] { run(); });
}

void Outbox::run() {
  for (;;) {
    const Instant next = step();
    Lock lock(mutex_);
    if (stopping_ && (items_.empty() || give_up_.load())) break;
    if (stopping_) continue;
    const auto has_work = [&] { return stopping_ || (next == Instant::max() && !items_.empty()); };
    if (next == Instant::max()) {
      woken_.wait(lock, has_work);
    } else {
      woken_.wait_for(lock, std::max(next - clock_.now(), Duration::zero()), has_work);
    }
  }
  const std::lock_guard lock(mutex_);
  ended_ = true;
  ended_now_.notify_all();
}

Instant Outbox::step() {
  std::shared_ptr<const OutboxItem> item;
  {
    const std::lock_guard lock(mutex_);
    if (items_.empty()) return Instant::max();
    if (clock_.now() < due_ && !stopping_) return due_;
    item = items_.front();
  }
  const Outcome outcome = deliver_(*item, give_up_);
  bool something_new = false;
  Instant next = clock_.now();
  {
    Lock lock(mutex_);
    const bool failing = failing_;
    const std::uint64_t lost = news_.lost;
    settle(outcome, lock);
    something_new = failing != failing_ || lost != news_.lost;
    next = items_.empty() ? Instant::max() : due_;
  }
  if (something_new) changed_();
  return next;
}

void Outbox::settle(const Outcome& outcome, Lock& /*held*/) {
  const bool delivered = outcome.result == Outcome::Result::delivered;
  ++tries_;
  if (!delivered) news_.reason = outcome.words;
  if (!delivered && !std::exchange(failing_, true)) {
    // That it was back is then not worth a word.
    if (!std::exchange(news_.back, false)) news_.failed = true;
  }
  if (delivered && std::exchange(failing_, false)) news_.back = true;
  const bool again = outcome.result == Outcome::Result::later && tries_ <= kRetryWaits.size() && !stopping_;
  if (again) {
    due_ = clock_.now() + std::max(kRetryWaits[tries_ - 1], std::min(outcome.wait, kRetryWaitMax));
    return;
  }
  if (!delivered) lose(1, outcome.words);
  items_.pop_front();
  tries_ = 0;
  due_ = Instant();
}

void Outbox::begin_stop() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  woken_.notify_one();
}

void Outbox::stop(Duration timeout) {
  begin_stop();
  if (thread_.joinable()) {
    {
      Lock lock(mutex_);
      ended_now_.wait_for(lock, timeout, [this] { return ended_; });
    }
    give_up_.store(true);
    thread_.join();
  }
  const std::lock_guard lock(mutex_);
  if (!items_.empty()) lose(items_.size(), "the relay ends");
  items_.clear();
}

Outbox::News Outbox::take_news() {
  const std::lock_guard lock(mutex_);
  News news = news_;
  news.waiting = items_.size();
  news_.failed = false;
  news_.back = false;
  return news;
}

}  // namespace sluice::notify
