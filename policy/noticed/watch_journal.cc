#include "policy/noticed/watch_journal.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "engine/io/files.h"

namespace sluice::noticing {
namespace {

using Unwritten = AccountWatch::Unwritten;

constexpr std::size_t kPieceBytes = std::size_t{1} << 20;
constexpr std::size_t kRecordsUnderLock = 16;                       // some 10 us, 40 where all know thousands
constexpr std::uint64_t kGrowthBytesMin = std::uint64_t{64} << 20;  // before it is worth a copy
constexpr std::uint64_t kGrowthTimes = 3;
constexpr auto kChangesInterval = std::chrono::minutes(10);
// Behind a fault, and twice as long behind the next one, to kChangesInterval: each attempt fills a disk that is full.
constexpr auto kRetryInterval = std::chrono::seconds(10);

}  // namespace

WatchJournal::WatchJournal(std::function<WallMillis()> now, std::string path,
                           std::function<void(const std::string&)> changed)
    : now_(std::move(now)), path_(std::move(path)), changed_(std::move(changed)) {}

WatchJournal::~WatchJournal() { stop(); }

// ------------------------------------------------------------------------------------------ reading

struct WatchJournal::Reading {
  Duration since_1970;
  std::span<const WatchedClass> classes;
  std::unique_ptr<AccountWatch> watch = nullptr;  // once the head is read
  std::uint8_t version = 0;
  std::uint64_t records = 0;
  std::uint64_t damaged_bytes = 0;
  WallMillis written = 0;  // the latest

  std::size_t take(std::string_view bytes, bool end) {
    std::string_view rest = bytes;
    if (watch == nullptr) {
      const auto head = take_head(rest);
      if (!head) return 0;
      version = head->version;
      watch = std::make_unique<AccountWatch>(head->key, since_1970);
    }
    do {
      while (auto record = take_record(rest, version)) {
        ++records;
        written = std::max(written, record->at);
        watch->restore(*std::move(record), classes);
      }
      const std::size_t skipped = skip_damage(rest, end, version);
      damaged_bytes += skipped;
      if (skipped == 0) break;
    } while (!rest.empty());
    return bytes.size() - rest.size();
  }
};

WatchJournal::Opened WatchJournal::open(const AccountWatch::Key& fresh, Duration since_1970,
                                        std::span<const WatchedClass> classes) {
  Opened opened;
  Reading reading{.since_1970 = since_1970, .classes = classes};
  if (io::stamp_file(path_).exists) {
    const auto left =
        io::read_pieces(path_, [&reading](std::string_view bytes, bool end) { return reading.take(bytes, end); });
    if (!left) {
      opened.fault = left.error();
    } else if (reading.watch == nullptr) {
      opened.fault = path_ + ": is no file of what was noticed, or of another version, or damaged at its beginning";
    } else {
      opened.damaged_bytes = reading.damaged_bytes + *left;
    }
  }
  const bool whole = reading.watch != nullptr && reading.version == kRecordVersion && opened.fault.empty() &&
                     opened.damaged_bytes == 0;
  opened.watch =
      reading.watch != nullptr ? std::move(reading.watch) : std::make_unique<AccountWatch>(fresh, since_1970);
  watch_ = opened.watch.get();
  if (reading.records > 0) opened.restored = watch_->restored(reading.written, now_());
  watch_->set_wake([this] {
    const std::lock_guard lock(mutex_);
    steps_ = true;
    woken_.notify_one();
  });
  // Else it is written anew at once, by the thread.
  const std::uint64_t accounts = opened.restored.accounts;
  if (whole && !opened.restored.clock_set && reading.records <= kGrowthTimes * accounts)
    if (auto file = io::AppendFile::extend(path_)) {
      size_at_start_ = file->size() / std::max<std::uint64_t>(1, reading.records) * accounts;
      file_.emplace(*std::move(file));
    }
  return opened;
}

// ------------------------------------------------------------------------------------------ the thread

void WatchJournal::start() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "sluice-noticed");
    run();
  });
}

void WatchJournal::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    woken_.notify_one();
  }
  thread_.join();
}

void WatchJournal::run() {
  using std::chrono::milliseconds;
  constexpr WallMillis kIntervalMs = milliseconds(kChangesInterval).count();
  milliseconds retry = kRetryInterval;
  WallMillis due = now_() + kIntervalMs;
  std::unique_lock lock(mutex_);
  for (;;) {
    if (file_ || faulty_) {
      const auto span = faulty_ ? retry : milliseconds(std::max<WallMillis>(0, due - now_()));
      woken_.wait_for(lock, span, [this] { return stopping_ || (steps_ && !faulty_); });
    }
    const bool last = stopping_;
    steps_ = false;
    lock.unlock();
    const WallMillis now = now_();
    const bool changes = last || now >= due;
    if (changes) due = now + kIntervalMs;
    write(changes);
    retry = faulty_ ? std::min<milliseconds>(2 * retry, kChangesInterval) : milliseconds(kRetryInterval);
    lock.lock();
    if (last) return;
  }
}

void WatchJournal::write(bool changes) {
  std::string fault;
  if (file_) fault = append(changes ? Unwritten::changes : Unwritten::steps);
  if (fault.empty() && (!file_ || file_->size() > std::max(kGrowthBytesMin, kGrowthTimes * size_at_start_)))
    fault = write_anew();
  if (!fault.empty()) file_.reset();
  if (fault.empty() != faulty_) return;
  faulty_ = !fault.empty();
  changed_(fault);
}

bool WatchJournal::Pieces::next(std::string& bytes) {
  const std::size_t begin = bytes.size();
  // So that nothing is moved while a lock is held.
  bytes.reserve(begin + kPieceBytes + kRecordsUnderLock * kRecordBytesMax);
  while (bytes.size() < begin + kPieceBytes) {
    if (written_ == accounts_.size()) {
      if (shard_ == AccountWatch::kShards) return bytes.size() > begin;
      accounts_ = watch_.take_unwritten(shard_++, which_);
      written_ = 0;
      continue;
    }
    const std::size_t some = std::min(kRecordsUnderLock, accounts_.size() - written_);
    watch_.append_records(std::span(accounts_).subspan(written_, some), now_, bytes);
    written_ += some;
  }
  return true;
}

// What is wrong, if anything.
std::string WatchJournal::append(Unwritten which) {
  std::string bytes;
  for (Pieces pieces(*watch_, which, now_()); pieces.next(bytes); bytes.clear())
    if (const auto appended = file_->append(bytes); !appended) return appended.error();
  return {};
}

std::string WatchJournal::write_anew() {
  Pieces pieces(*watch_, Unwritten::all, now_());
  std::vector<std::uint64_t> meanwhile;  // whose steps have gone to the old file alone
  std::string bytes;
  std::string steps;
  watch_->append_head(bytes);
  bool head = true;
  auto fresh = io::AppendFile::replace(path_, [&]() -> std::string_view {
    if (!std::exchange(head, false)) bytes.clear();
    static_cast<void>(pieces.next(bytes));
    if (!file_) return bytes;
    steps.clear();
    for (std::size_t shard = 0; shard < AccountWatch::kShards; ++shard) {
      const auto accounts = watch_->take_unwritten(shard, Unwritten::steps);
      watch_->append_records(accounts, now_(), steps);
      meanwhile.insert(meanwhile.end(), accounts.begin(), accounts.end());
    }
    if (!steps.empty() && !file_->append(steps)) file_.reset();
    return bytes;
  });
  if (!fresh) return fresh.error();
  file_.emplace(*std::move(fresh));
  size_at_start_ = file_->size();
  bytes.clear();
  for (const std::uint64_t account : meanwhile) watch_->append_records(std::span(&account, 1), now_(), bytes);
  if (bytes.empty()) return {};
  const auto appended = file_->append(bytes);
  return appended ? std::string() : appended.error();
}

}  // namespace sluice::noticing
