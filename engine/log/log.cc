#include "engine/log/log.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include "engine/base/check.h"
#include "engine/io/service_thread.h"

namespace sluice::log {
namespace {

// How long a sink that fails, or one that cannot be polled, is left alone.
constexpr int kRetryFailedMs = 200;
constexpr int kRetryBlockedMs = 1000;
// Written at once, some 60 us: then others that want the CPU go first.
constexpr std::size_t kWriteBytesMax = 32 * 1024;
constexpr Duration kFollowEvery = std::chrono::seconds(1);

}  // namespace

Log::Log(const LogOptions& options, io::Clock& clock, LogSink& sink, event::Dispatcher& events)
    : options_(options), clock_(clock), sink_(sink), events_(events), format_(options.format), level_(options.level) {
  CHECK(options.unwritten_bytes_max >= kLogLineBytesMax);
  unwritten_.reserve(options.unwritten_bytes_max);
  events_.add(*this, options.level);
}

void Log::set(LogFormat format, event::Severity level) {
  format_.store(format, std::memory_order_relaxed);
  level_.store(level, std::memory_order_relaxed);
  events_.set_least(*this, level);
}

std::expected<void, std::string> Log::reopen(std::string file) {
  std::future<std::expected<void, std::string>> done;
  {
    const std::lock_guard lock(mutex_);
    Reopening& asked = reopenings_.emplace_back(Reopening{.file = std::move(file), .done = {}});
    done = asked.done.get_future();
  }
  events_.request_turn();
  return done.get();
}

void Log::take(const event::Event& event) {
  if (event.severity < level_.load(std::memory_order_relaxed)) return;
  const LogLine line(format_.load(std::memory_order_relaxed), event);
  if (unwritten_.size() - written_ + line.text().size() > options_.unwritten_bytes_max) {
    dropped_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  // What was written goes when its room is needed.
  if (unwritten_.size() + line.text().size() > options_.unwritten_bytes_max)
    unwritten_.erase(0, std::exchange(written_, 0));
  unwritten_ += line.text();
}

event::Rest Log::turn(event::Emitter& own) {
  reopen_if_asked(own);
  follow(own);
  event::Rest rest = write_out();
  if (!rest.pending) emit_dropped(own);
  rest.full = options_.unwritten_bytes_max - (unwritten_.size() - written_) < kLogLineBytesMax;
  return rest;
}

event::Rest Log::write_out() {
  while (written_ < unwritten_.size()) {
    const std::string_view bytes = std::string_view(unwritten_).substr(written_, kWriteBytesMax);
    const auto size = sink_.write(bytes);
    if (!size) {
      last_error_ = size.error();
      if (last_error_ == EAGAIN)
        return {.pending = true, .timeout_ms = kRetryBlockedMs, .writable = sink_.descriptor()};
      return {.pending = true, .timeout_ms = kRetryFailedMs};
    }
    CHECK(*size > 0 && *size <= bytes.size());
    written_ += *size;
    if (written_ < unwritten_.size()) io::give_way();
  }
  unwritten_.clear();
  written_ = 0;
  return {};
}

void Log::emit_dropped(event::Emitter& own) {
  const std::uint64_t now = dropped();
  if (now == dropped_emitted_) return;
  const int error = std::exchange(last_error_, 0);
  own.emit(event::LogDropped{.dropped = now - std::exchange(dropped_emitted_, now),
                             .reason = error == 0        ? ""
                                       : error == EAGAIN ? "the log could not be written fast enough"
                                                         : std::strerror(error)});
}

void Log::reopen_if_asked(event::Emitter& own) {
  std::vector<Reopening> asked;
  {
    const std::lock_guard lock(mutex_);
    asked.swap(reopenings_);
  }
  for (Reopening& one : asked) one.done.set_value(reopen_now(one.file, own));
}

std::expected<void, std::string> Log::reopen_now(const std::string& file, event::Emitter& own) {
  auto done = sink_.reopen(file);
  if (!done) {
    own.emit(event::LogReopenFailed{.file = file, .reason = done.error()});
    return done;
  }
  follow_error_.clear();
  drop_rest_of_line();
  return done;
}

// A rotation without a signal: lines must not go on into a file that is about to be packed or deleted.
void Log::follow(event::Emitter& own) {
  const Instant now = clock_.now();
  if (now - followed_ < kFollowEvery) return;
  followed_ = now;
  if (!sink_.moved()) return;
  const std::string file = sink_.file();
  if (const auto done = sink_.reopen(file); done) {
    follow_error_.clear();
    drop_rest_of_line();
  } else if (done.error() != follow_error_) {
    follow_error_ = done.error();
    own.emit(event::LogReopenFailed{.file = file, .reason = follow_error_});
  }
}

// Its beginning is elsewhere.
void Log::drop_rest_of_line() {
  if (written_ == 0 || unwritten_[written_ - 1] == '\n') return;
  written_ = unwritten_.find('\n', written_) + 1;  // lines are kept whole
  dropped_.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace sluice::log
