#include "engine/server/service_notices.h"

#include <algorithm>

#include "engine/text/escape.h"

namespace sluice::server {
namespace {

constexpr std::size_t kStatusBytesMax = 400;
// A core beats twice for each look, and four looks are due until the manager gives up: a core that stands still for
// less than half of its time is not ended for it.
constexpr int kLooksPerWatchdog = 4;
constexpr int kBeatsPerLook = 2;
constexpr Duration kStopMargin = std::chrono::seconds(30);

// A fault may repeat what comes from outside: one line, and not without end.
std::string status_line(std::string_view what) {
  std::string text = text::escaped_line(what);
  if (text.size() > kStatusBytesMax) text = text.substr(0, kStatusBytesMax) + "...";
  return "STATUS=" + text;
}

}  // namespace

// ------------------------------------------------------------------------------------------ a core's

Heart::Heart(io::Loop& loop, Heartbeats& beats, Duration every) : loop_(loop), beats_(beats), every_(every) {
  if (every_ > Duration::zero()) beat(this);
}

Heart::~Heart() {
  loop_.timers().disarm(timer_);
  beats_.count = Heartbeats::kEnded;
}

void Heart::beat(void* self) {
  Heart& heart = *static_cast<Heart*>(self);
  ++heart.beats_.count;
  heart.loop_.timers().arm(heart.timer_, later(heart.loop_.now(), heart.every_));
}

// ------------------------------------------------------------------------------------------ the main thread's

Duration ServiceNotices::watch_every() const {
  return manager_ ? manager_->watchdog() / kLooksPerWatchdog : Duration();
}
Duration ServiceNotices::beat_every() const { return watch_every() / kBeatsPerLook; }

void ServiceNotices::notify(const std::string& lines) const {
  // What it does not take is lost: there is nobody else to be told.
  if (manager_) static_cast<void>(manager_->notify(lines));
}

void ServiceNotices::starting(std::string_view what) const { notify(status_line(what)); }

void ServiceNotices::ready(Instant now, std::size_t cores, std::uint64_t queued) {
  due_ = later(now, watch_every());
  notify("READY=1\n" + status_line("Relaying mail on " + std::to_string(cores) + (cores == 1 ? " core" : " cores") +
                                   "; messages queued at the start: " + std::to_string(queued)));
}

void ServiceNotices::reloading() const {
  notify("RELOADING=1\n" + io::monotonic_usec_line() + "\n" + status_line("Reading the configuration again"));
}

void ServiceNotices::reloaded(const std::string& fault) const {
  notify("READY=1\n" + status_line(fault.empty()
                                       ? "Relaying mail; the configuration was read again"
                                       : "Relaying mail; the last reload failed, the log has all reasons: " + fault));
}

void ServiceNotices::stopping(Duration drain) const {
  using std::chrono::duration_cast;
  const auto seconds = duration_cast<std::chrono::seconds>(drain).count();
  const auto extended = duration_cast<std::chrono::microseconds>(drain + kStopMargin).count();
  notify("STOPPING=1\nEXTEND_TIMEOUT_USEC=" + std::to_string(extended) + "\n" +
         status_line("Draining; open sessions have " + std::to_string(seconds) + " s to end"));
}

void ServiceNotices::watch(Instant now, const std::vector<const Heartbeats*>& beats) {
  const Duration every = watch_every();
  if (every == Duration::zero() || now < due_) return;
  due_ = later(now, every);
  seen_.resize(beats.size(), 0);
  std::vector<std::uint64_t> counts;
  for (const Heartbeats* each : beats) counts.push_back(each->count);
  for (std::size_t core = 0; core < counts.size(); ++core) {
    if (counts[core] != seen_[core] || counts[core] == Heartbeats::kEnded) continue;
    if (stuck_ != core) notify(status_line("Core " + std::to_string(core) + " makes no turns"));
    stuck_ = core;
    return;
  }
  seen_ = std::move(counts);
  notify(stuck_ ? "WATCHDOG=1\n" + status_line("Relaying mail; a core had made no turns for a while") : "WATCHDOG=1");
  stuck_.reset();
}

Duration ServiceNotices::until_watch(Instant now) const {
  if (watch_every() == Duration::zero() || due_ == Instant::max()) return Duration::max();
  return due_ <= now ? Duration::zero() : due_ - now;
}

}  // namespace sluice::server
