// One loop's part of a run: its sessions, what they send and when, how long it took, and what became of it.
// Owned by its thread; that thread only, but for progress().
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/task.h"
#include "engine/io/loop.h"
#include "tools/load/content.h"
#include "tools/load/histogram.h"
#include "tools/load/load_options.h"
#include "tools/load/pace.h"
#include "tools/load/settle.h"

namespace sluice::load {

// What is measured, each in a histogram of its own.
enum class Stage : std::uint8_t {
  connect,   // to the connection
  greeting,  // from there, or from the end of the handshake where TLS is implicit, to the 220
  tls,       // the handshake
  ehlo,      // each
  auth,
  envelope,  // MAIL to the last RCPT's reply
  data,      // DATA to 354; pipelined, from MAIL on
  content,   // the first byte of the content to the reply; pipelined with BDAT, from MAIL on
  whole,     // from when the message was due to its reply, a new connection included
};
inline constexpr std::size_t kStages = 9;
inline constexpr std::array<std::string_view, kStages> kStageNames = {"connect",  "greeting", "tls",     "ehlo", "auth",
                                                                      "envelope", "data",     "content", "whole"};

struct SenderCounters {
  std::uint64_t connections = 0;
  std::uint64_t connect_failures = 0;  // not opened as far as a transaction
  std::uint64_t tls_full = 0;
  std::uint64_t tls_resumed = 0;
  std::uint64_t accepted = 0;  // messages, for one recipient at least
  std::uint64_t bytes = 0;     // of the content of those
  void add(const SenderCounters& other);
};

// A message, and when it was due.
struct Work {
  std::uint64_t number = 0;
  Instant due;
};

class Sender {
 public:
  // Of `parts` such, this is part `part`. `content` outlives it.
  Sender(io::Loop& loop, const LoadOptions& options, const Content& content, io::Address target, std::uint32_t part,
         std::uint32_t parts);
  ~Sender();
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  // Sends all of it; open loop counts from now. When it returns, all connections are closed.
  Task<void> run();
  // No further message is begun.
  void stop();
  // Open loop: hands out what is due by now. The loop's timers are too coarse for that (TimerWheel::kTick): the
  // owner of the loop waits in no turn beyond next_due(), and calls this after each.
  void release_due();
  [[nodiscard]] Instant next_due() const { return next_due_; }

  // Any thread: messages that have their outcome.
  [[nodiscard]] std::uint64_t progress() const { return progress_.load(std::memory_order_relaxed); }

  // Once run() has returned.
  [[nodiscard]] const Outcomes& outcomes() const { return outcomes_; }
  [[nodiscard]] const Histogram& stage(Stage stage) const { return stages_[static_cast<std::size_t>(stage)]; }
  [[nodiscard]] const SenderCounters& counters() const { return counters_; }
  // What was refused and failed, in words, and how often; at most kErrorsMax different ones.
  [[nodiscard]] const std::map<std::string, std::uint64_t>& errors() const { return errors_; }
  // Why it gave up before the end; empty: it did not.
  [[nodiscard]] const std::string& gave_up() const { return gave_up_; }
  // From the beginning of run() to the last outcome.
  [[nodiscard]] Duration took() const { return took_; }

  static constexpr std::size_t kErrorsMax = 20;
  // Messages of an open loop that are due and wait.
  static constexpr std::size_t kBacklogMax = 10'000'000;
  // Connections in a row that could not be opened, after which the run is given up.
  static constexpr std::uint32_t kFailuresMax = 50;

 private:
  friend class SendSession;
  Task<void> run_session(std::size_t number);
  Task<void> arrive();
  // The next message; nothing: there is none any more.
  Task<std::optional<Work>> next(AsyncEvent& idle);
  void plan_next();
  [[nodiscard]] bool over() const;
  void wake_all();
  void record(Stage stage, Duration took) { stages_[static_cast<std::size_t>(stage)].record(took); }
  void count_error(std::string_view what);
  void opened(bool good, std::string_view why);
  void done(const Work& work);
  std::size_t next_login();

  io::Loop& loop_;
  const LoadOptions& options_;
  const Content& content_;
  io::Address target_;
  std::uint32_t part_;
  std::uint32_t parts_;
  std::uint64_t messages_max_;  // this part's
  std::size_t sessions_;        // likewise

  Outcomes outcomes_;
  std::array<Histogram, kStages> stages_;
  SenderCounters counters_;
  std::map<std::string, std::uint64_t> errors_;
  std::string gave_up_;
  std::uint32_t failures_ = 0;
  std::size_t logins_ = 0;
  std::atomic<std::uint64_t> progress_{0};

  Instant begin_;
  Duration took_{};
  bool stopped_ = false;
  bool arrivals_over_ = false;
  std::optional<Pace> pace_;
  std::deque<Work> due_;
  std::vector<AsyncEvent*> idle_;      // of sessions that wait for work
  Instant next_due_ = Instant::max();  // open loop: of what is not in `due_` yet
  TaskSet tasks_;
};

}  // namespace sluice::load
