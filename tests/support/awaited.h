// Runs a task on a loop of a simulated world to its end, so that a test can be written from top to bottom.
// The test's thread only.
#pragma once

#include <functional>
#include <optional>
#include <stdexcept>
#include <utility>

#include "engine/base/task.h"
#include "tests/support/platforms.h"

namespace sluice::testing {

// A task that is under way; its result once it is done.  Outlives the task (checked).
template <typename T>
class Running {
 public:
  Running(Platforms& platforms, io::Loop& loop, std::function<Task<T>()> make) : platforms_(platforms) {
    loop.post([this, make = std::move(make)] { tasks_.add(keep(make, result_)); });
  }
  [[nodiscard]] bool done() const { return result_.has_value(); }
  T wait() {
    if (!platforms_.run_until([this] { return done() && tasks_.live() == 0; }))
      throw std::runtime_error("a task that never ended");
    return *std::move(result_);
  }

 private:
  static Task<void> keep(std::function<Task<T>()> make, std::optional<T>& result) { result.emplace(co_await make()); }
  Platforms& platforms_;
  std::optional<T> result_;
  TaskSet tasks_;
};

struct Done {};
inline Task<Done> and_done(Task<void> task) {
  co_await task;
  co_return Done{};
}

template <typename T>
T await(Platforms& platforms, io::Loop& loop, std::function<Task<T>()> make) {
  return Running<T>(platforms, loop, std::move(make)).wait();
}
inline void await_done(Platforms& platforms, io::Loop& loop, const std::function<Task<void>()>& make) {
  await<Done>(platforms, loop, [&] { return and_done(make()); });
}

}  // namespace sluice::testing
