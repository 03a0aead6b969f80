// Asks one core, from another thread, whether it still turns, and for its metrics.  What it answers is kept: a core
// that does not answer any more costs its caller no more than the time that it is waited for. Made, asked and left by
// other threads than the core's; thread-safe.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "engine/io/platform.h"
#include "engine/metrics/histogram.h"
#include "engine/server/core_metrics.h"

namespace sluice::server {

class CoreProbe {
 public:
  // Runs what it is given on the core, in one of its next turns, in order; or never, where the core ends before.
  using Post = std::function<void(std::function<void()>)>;
  // On the core.
  using Look = std::function<CoreMetrics()>;

  // `clock` outlives all that was posted.
  // `step` is what the core does at each beat.
  CoreProbe(Post post, Look look, std::function<void()> step, io::Clock& clock);

  // Whether it turns: unless that was asked and is not answered yet.
  void beat();
  // For its metrics, likewise.
  void ask();
  // Those that came last, with those that ask() was for where they come within `most`.  Null: none came ever.
  [[nodiscard]] std::shared_ptr<const CoreMetrics> wait(Duration most);
  // For how long the oldest beat that is not answered has been waiting; zero: none is.
  [[nodiscard]] Duration behind(Instant now) const;
  // How long beats have waited for their turn.
  [[nodiscard]] metrics::Histogram delays() const;
  // From now on nothing is posted: it is as it was.
  void leave();

 private:
  // What the core's thread writes to as well.
  struct State {
    mutable std::mutex mutex;
    std::condition_variable answered;
    std::optional<Instant> beaten;  // when; not answered yet
    bool asked = false;             // likewise
    std::shared_ptr<const CoreMetrics> metrics;
    metrics::Histogram delays{metrics::kStageSeconds};
  };

  [[nodiscard]] bool begin_beat();
  [[nodiscard]] bool begin_ask();

  const Post post_;
  const Look look_;
  const std::function<void()> step_;
  io::Clock& clock_;
  const std::shared_ptr<State> state_ = std::make_shared<State>();
  std::mutex posting_;  // over the next one, and while something is posted; the core does not take it for an answer
  bool left_ = false;
};

}  // namespace sluice::server
