// What waits for one recipient (a webhook, or the server of [notify]), and the thread that delivers it: in order, tried
// again in growing intervals, given up in the end.  Nothing else waits for that thread: what comes while the queue is
// full is lost, and counted.  It is all in memory: a process that is killed loses it.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/base/time.h"
#include "engine/io/platform.h"
#include "engine/notify/outcome.h"

namespace sluice::notify {

// Behind each failed try but the last; five tries within about seven minutes.
inline constexpr std::array<Duration, 4> kRetryWaits{std::chrono::seconds(2), std::chrono::seconds(15),
                                                     std::chrono::minutes(1), std::chrono::minutes(5)};
// What the other end may ask for instead.
inline constexpr Duration kRetryWaitMax = std::chrono::minutes(10);

struct OutboxItem {
  std::string id;               // the notification's
  std::vector<std::string> to;  // of a mail
  std::string text;
};

class Outbox {
 public:
  // Blocks, for a bounded time; ends soon once `give_up` is true.  On the outbox's thread alone.
  using Deliver = std::function<Outcome(const OutboxItem&, const std::atomic<bool>& give_up)>;

  // `changed` is called on the outbox's thread when take_news() has something to say.  `clock` outlives the outbox.
  Outbox(std::size_t items_max, io::Clock& clock, Deliver deliver, std::function<void()> changed);
  ~Outbox() { stop(Duration::zero()); }
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  // Any thread; never waits for a delivery.
  void add(std::shared_ptr<const OutboxItem> item);
  // What should have been added, and could not be made.
  void count_lost(std::string reason);

  void start();
  // From now on each item gets one try; what is left when stop() ends is lost.
  void begin_stop();
  // Gives deliveries that are under way `timeout`, and joins the thread.
  void stop(Duration timeout);

  // What has come about since the last call.  Any thread.
  struct News {
    bool failed = false;  // tries fail, as they did not before
    bool back = false;    // one worked again
    std::string reason;   // the last failure
    std::size_t waiting = 0;
    std::uint64_t lost = 0;   // since the start
    std::string lost_reason;  // the last one
  };
  [[nodiscard]] News take_news();

  // One try of the first item, if it is due.  Returns when there is something to do next; never: when there is
  // something new.  The thread's; where start() is never called, the caller's.
  Instant step();

 private:
  using Lock = std::unique_lock<std::mutex>;
  void run();
  void settle(const Outcome& outcome, Lock& lock);
  void lose(std::size_t items, std::string reason);

  const std::size_t items_max_;
  io::Clock& clock_;
  const Deliver deliver_;
  const std::function<void()> changed_;
  std::atomic<bool> give_up_{false};

  std::mutex mutex_;  // over what follows; never held over a delivery
  std::condition_variable woken_;
  std::condition_variable ended_now_;
  std::deque<std::shared_ptr<const OutboxItem>> items_;
  std::size_t tries_ = 0;  // of the first one
  Instant due_;            // the next of them
  bool failing_ = false;
  News news_;
  bool stopping_ = false;
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace sluice::notify
