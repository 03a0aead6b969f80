#include "auth/oauth/key_source.h"

#include <utility>

namespace sluice::auth {

std::expected<KeySource::Keys, std::string> KeySource::current() {
  Lock lock(mutex_);
  const Instant now = clock_.now();
  if (usable(now)) {
    const bool due = now - fetched_ >= options_.refresh && !tried_within(options_.retry, now);
    if (due || (!fetching_ && changed_ && changed_())) start_fetch(now);
    return keys_;
  }
  if (!tried_within(kNoKeysRetry, now)) start_fetch(now);
  wait(lock);
  if (usable(clock_.now())) return keys_;
  return std::unexpected(error_);
}

std::expected<KeySource::Keys, std::string> KeySource::newer_than(const Keys& known) {
  Lock lock(mutex_);
  const Instant now = clock_.now();
  if (keys_ == known && !tried_within(options_.retry, now)) start_fetch(now);
  wait(lock);
  if (!error_.empty()) return std::unexpected(error_);
  return keys_;
}

std::string KeySource::take_warning() {
  const Lock lock(mutex_);
  if (fetching_ || error_ == warned_) return {};
  warned_ = error_;
  return error_.empty() || keys_ == nullptr ? std::string() : error_ + "; the keys that it had before stay in force";
}

void KeySource::start_fetch(Instant now) {
  if (fetching_) return;
  tried_ = now;
  fetching_ = thread_.submit([this] { fetch(); }, kOwnShare);
  if (!fetching_) error_ = "too much waits for the thread that asks for keys";
}

void KeySource::wait(Lock& lock) {
  fetched_now_.wait(lock, [this] { return !fetching_; });
}

void KeySource::fetch() {
  const Instant asked = clock_.now();
  const auto text = fetch_();
  auto parsed = text ? KeySet::parse(*text) : std::unexpected(text.error());
  const Lock lock(mutex_);
  fetching_ = false;
  error_ = parsed ? std::string() : parsed.error();
  if (parsed) {
    keys_ = std::make_shared<const KeySet>(*std::move(parsed));
    fetched_ = asked;
  }
  fetched_now_.notify_all();
}

}  // namespace sluice::auth
