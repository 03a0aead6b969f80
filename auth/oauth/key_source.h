// The issuer's keys in the process: fetched when they are first needed and again when they have grown old, on a thread
// of their own, so that logins whose key is known never wait for the issuer.  Thread-safe; its callers may block.
#pragma once

#include <condition_variable>
#include <expected>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "auth/oauth/key_set.h"
#include "engine/base/time.h"
#include "engine/io/platform.h"

namespace sluice::auth {

// How long after a try keys are not asked for again where there are none at all.
inline constexpr Duration kNoKeysRetry = std::chrono::seconds(5);

class KeySource {
 public:
  struct Options {
    Duration refresh = std::chrono::hours(1);  // fetched again when they are so old; the old ones serve meanwhile
    Duration keep = std::chrono::hours(24);    // no longer used when they are so old
    // How long after a try they are not asked for again, because a token names one that is not among them or because
    // that try failed.
    Duration retry = std::chrono::minutes(1);
  };
  // Gives a JWK Set's text; blocks for a bounded time.
  using Fetch = std::function<std::expected<std::string, std::string>()>;
  // Whether there is something new; may be empty.  Called often, so to be cheap.
  using Changed = std::function<bool()>;

  // `clock` outlives it and is thread-safe; `thread` has one thread, takes one job at least, and ends before this.
  KeySource(const Options& options, Fetch fetch, Changed changed, io::Clock& clock, io::Workers& thread)
      : options_(options), fetch_(std::move(fetch)), changed_(std::move(changed)), clock_(clock), thread_(thread) {}
  KeySource(const KeySource&) = delete;
  KeySource& operator=(const KeySource&) = delete;

  using Keys = std::shared_ptr<const KeySet>;
  // Waits only where there are none.  The error is a sentence.
  [[nodiscard]] std::expected<Keys, std::string> current();
  // A token names a key that is not in `known`.  `known` itself where the issuer was asked within Options::retry and
  // said so; an error where it did not answer.
  [[nodiscard]] std::expected<Keys, std::string> newer_than(const Keys& known);
  // What keeps newer keys from being had although older ones serve, once; empty: nothing new to be said.
  [[nodiscard]] std::string take_warning();

 private:
  using Lock = std::unique_lock<std::mutex>;
  [[nodiscard]] bool usable(Instant now) const { return keys_ != nullptr && now - fetched_ < options_.keep; }
  [[nodiscard]] bool tried_within(Duration time, Instant now) const { return tried_ && now - *tried_ < time; }
  void start_fetch(Instant now);
  void wait(Lock& lock);
  void fetch();

  const Options options_;
  const Fetch fetch_;
  const Changed changed_;
  io::Clock& clock_;
  io::Workers& thread_;
  std::mutex mutex_;  // over what follows; never held over a fetch
  std::condition_variable fetched_now_;
  Keys keys_;
  Instant fetched_;  // when keys_ were asked for
  std::optional<Instant> tried_;
  bool fetching_ = false;
  std::string error_;  // of the last try
  std::string warned_;
};

}  // namespace sluice::auth
