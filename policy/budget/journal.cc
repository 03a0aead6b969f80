#include "policy/budget/journal.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "engine/io/files.h"

namespace sluice::policy {
namespace {

constexpr std::size_t kJournalBytesMax = std::size_t{4} << 30;
constexpr std::uint64_t kGrowthBytesMin = std::uint64_t{16} << 20;  // before it is worth a copy
constexpr auto kFlushInterval = std::chrono::seconds(1);

}  // namespace

Journal::Journal(SharedBudget& budget, const PolicyClock& clock, std::string path,
                 std::function<void(const std::string&)> changed)
    : budget_(budget), clock_(clock), path_(std::move(path)), changed_(std::move(changed)) {
  budget_.set_wake([this](bool at_once) {
    const std::lock_guard lock(mutex_);
    something_ = true;
    if (at_once) wanted_ = true;
    woken_.notify_one();
  });
}

Journal::~Journal() { stop(); }

std::expected<Journal::Opened, std::string> Journal::open() {
  Opened opened;
  const WallMillis now = clock_.now();
  if (io::stamp_file(path_).exists) {
    const auto text = io::read_file(path_, kJournalBytesMax);
    if (!text) return std::unexpected(text.error());
    std::string_view rest = *text;
    if (!rest.starts_with(kJournalHead))
      return std::unexpected(
          path_ + ": is no journal of budgets, or of another version; move it away: all limits begin anew then");
    rest.remove_prefix(kJournalHead.size());
    while (const auto record = take_record(rest)) {
      budget_.restore(*record, now);
      ++opened.records;
    }
    opened.damaged_bytes = rest.size();
  }
  opened.remainder = budget_.restored(now);
  if (!write(true)) return std::unexpected(path_ + ": cannot be written");
  return opened;
}

void Journal::start() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "sluice-budgets");
    run();
  });
}

void Journal::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    woken_.notify_one();
  }
  thread_.join();
}

void Journal::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    woken_.wait(lock, [this] { return something_ || stopping_; });
    if (!wanted_ && !stopping_) woken_.wait_for(lock, kFlushInterval, [this] { return wanted_ || stopping_; });
    const bool last = stopping_;
    wanted_ = false;
    something_ = false;
    lock.unlock();
    sweep();
    write(!file_ || file_->size() > std::max(kGrowthBytesMin, 4 * size_at_start_));
    lock.lock();
    // What was marked behind the gathering of its shard, while others were still unwritten, has woken nobody.
    if (budget_.has_unwritten()) something_ = true;
    if (last) return;
  }
}

// Now and then what nothing is left of is forgotten.
void Journal::sweep() {
  constexpr WallMillis kSweepIntervalMs = 10 * 60 * 1000;
  const WallMillis now = clock_.now();
  if (now - swept_ < kSweepIntervalMs) return;
  swept_ = now;
  budget_.sweep(now);
}

// False: it could not be written.  What waits goes on all the same: a disk that is full must not stop mail that the
// limits allow.
bool Journal::write(bool all) {
  SharedBudget::Writing writing = all ? budget_.snapshot(clock_.now()) : budget_.gather(clock_.now());
  std::string fault;
  if (all) {
    auto file = io::AppendFile::replace(path_, writing.bytes);
    if (file) {
      file_.emplace(std::move(*file));
      size_at_start_ = writing.bytes.size();
    } else {
      fault = file.error();
    }
  } else if (!writing.bytes.empty()) {
    if (const auto appended = file_->append(writing.bytes); !appended) fault = appended.error();
  }
  if (!fault.empty()) file_.reset();
  if (fault.empty() == faulty_) {
    faulty_ = !fault.empty();
    changed_(fault);
  }
  budget_.recorded(writing);
  return fault.empty();
}

}  // namespace sluice::policy
