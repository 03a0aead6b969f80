#include "auth/backend/file_backend.h"

#include <sys/stat.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "auth/store/passwd_file.h"
#include "auth/store/password_scheme.h"
#include "auth/store/store_values.h"
#include "engine/io/files.h"

namespace sluice::auth {
namespace {

using Kind = Verdict::Kind;

constexpr Duration kLookInterval = std::chrono::seconds(1);
// What is written over in place is read once it has been left alone for so long.
constexpr std::int64_t kSettleMs = 1000;

struct Stamp {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t modified_ns = 0;
  std::int64_t changed_ns = 0;
  std::int64_t bytes = -1;  // there is none
  bool operator==(const Stamp&) const = default;
};

Stamp stamp_of(const std::string& path) {
  constexpr std::int64_t kNanosecondsInSecond = 1'000'000'000;
  struct stat found{};
  if (::stat(path.c_str(), &found) != 0) return {};
  return {.device = found.st_dev,
          .inode = found.st_ino,
          .modified_ns = found.st_mtim.tv_sec * kNanosecondsInSecond + found.st_mtim.tv_nsec,
          .changed_ns = found.st_ctim.tv_sec * kNanosecondsInSecond + found.st_ctim.tv_nsec,
          .bytes = found.st_size};
}

// One in the process; thread-safe.
class FollowedFile {
 public:
  explicit FollowedFile(std::string path) : path_(std::move(path)) {}

  // Blocks: reads it anew if it is another than the one before.  The error is a sentence for the operator; what was
  // read before stays.
  std::expected<void, std::string> read(std::optional<WallMillis> now);
  // What is to be warned of after read(), once; empty: nothing.
  std::string look(WallMillis now);
  // Whether it is the caller's turn to look.
  bool takes_look(Instant now);
  [[nodiscard]] std::shared_ptr<const PasswdFile> content() const {
    const std::lock_guard lock(mutex_);
    return content_;
  }

 private:
  [[nodiscard]] bool is_being_written(const Stamp& stamp, WallMillis now) const;
  const std::string path_;
  mutable std::mutex mutex_;  // over what follows
  std::shared_ptr<const PasswdFile> content_;
  std::string warned_;
  std::optional<Instant> looked_;
  std::mutex reading_;          // one look at a time
  std::optional<Stamp> stamp_;  // of what was read; under reading_
};

bool FollowedFile::takes_look(Instant now) {
  const std::lock_guard lock(mutex_);
  if (looked_ && now - *looked_ < kLookInterval) return false;
  looked_ = now;
  return true;
}

// The same file with other bytes, just now.  A file that was put into its place is whole.
bool FollowedFile::is_being_written(const Stamp& stamp, WallMillis now) const {
  constexpr std::int64_t kNanosecondsInMillisecond = 1'000'000;
  const std::int64_t age_ms = now - stamp.modified_ns / kNanosecondsInMillisecond;
  return stamp_ && stamp.device == stamp_->device && stamp.inode == stamp_->inode && age_ms >= 0 && age_ms < kSettleMs;
}

std::expected<void, std::string> FollowedFile::read(std::optional<WallMillis> now) {
  const std::lock_guard reading(reading_);
  const Stamp before = stamp_of(path_);
  if (before == stamp_ || (now && is_being_written(before, *now))) return {};
  auto text = io::read_file(path_, kPasswdFileBytesMax);
  if (!text) return std::unexpected(text.error());
  auto parsed = PasswdFile::parse(*text);
  wipe_bytes(text->data(), text->size());
  if (!parsed) return std::unexpected(absl::StrCat(path_, ": ", parsed.error()));
  if (stamp_of(path_) != before) return std::unexpected(path_ + ": it changed while it was read");
  auto content = std::make_shared<const PasswdFile>(*std::move(parsed));
  stamp_ = before;
  const std::lock_guard lock(mutex_);
  content_ = std::move(content);
  return {};
}

std::string FollowedFile::look(WallMillis now) {
  const auto done = read(now);
  std::string what = done ? "" : done.error();
  const std::lock_guard lock(mutex_);
  if (what == warned_) return {};
  warned_ = what;
  return what.empty() ? what : what + "; the accounts that it had before stay in force";
}

class FileBackend final : public Backend {
 public:
  FileBackend(const BackendParts& parts, FollowedFile& file, PlainPasswords plain)
      : parts_(parts), file_(file), plain_(plain) {}
  Task<Verdict> check(const Credentials& credentials) override;
  Task<MailboxState> look_up(const Name& name) override {
    const std::string warning = co_await look(kOwnShare);
    // What the file had before it was damaged is no answer to that.
    if (!warning.empty()) co_return MailboxState::untold;
    co_return file_.content()->find(name.text()) != nullptr ? MailboxState::exists : MailboxState::gone;
  }

 private:
  Task<std::string> look(CustomerShare share);
  Task<Verdict> check(const Credentials& credentials, const PasswdFile& content);
  BackendParts parts_;
  FollowedFile& file_;
  PlainPasswords plain_;
};

// What there is to warn of.
Task<std::string> FileBackend::look(CustomerShare share) {
  if (!file_.takes_look(parts_.loop.now())) co_return "";
  const WallMillis now = parts_.loop.platform().clock.wall();
  auto looked = co_await io::run_on_worker<std::string>(
      parts_.loop, [this, now] { return file_.look(now); }, "a file of accounts", share);
  co_return looked ? *std::move(looked) : "";  // else the next second is as good
}

Task<Verdict> FileBackend::check(const Credentials& credentials) {
  std::string warning = co_await look(credentials.share);
  const std::shared_ptr<const PasswdFile> content = file_.content();
  Verdict verdict = co_await check(credentials, *content);
  verdict.warning = std::move(warning);
  co_return verdict;
}

// A name that is not there, or locked, takes the work of one that is.
Task<Verdict> FileBackend::check(const Credentials& credentials, const PasswdFile& content) {
  const std::string& name = credentials.name.text();
  const PasswdEntry* const entry = content.find(name);
  const bool open = entry != nullptr && !entry->locked();
  const PasswdEntry* const worked_at = open ? entry : content.stand_in(name);
  SchemeMatch match;
  if (worked_at != nullptr) {
    const auto matched = co_await io::run_on_workers<SchemeMatch>(
        parts_.loop, parts_.hash_threads,
        [&] { return match_password(worked_at->password, credentials.secret, plain_); }, "a password hash",
        credentials.share);
    if (!matched) co_return Verdict::of(Kind::unavailable, "too many password hashes wait");
    match = *matched;
  }
  if (entry == nullptr) co_return Verdict::of(Kind::unknown);
  if (!open || match.match == PasswordMatch::wrong) co_return Verdict::of(Kind::wrong);
  if (match.match == PasswordMatch::unknown) co_return unmatched(credentials.name, match.reason);
  Verdict verdict = Verdict::of(Kind::granted);
  if (entry->no_login) {
    const auto reason = stored_reason(entry->reason);
    verdict = Verdict::of(Kind::suspended, suspension_text(reason ? *reason : ""));
  }
  verdict.account = entry->name;
  verdict.customer = entry->customer;
  verdict.domains = entry->domains;
  co_return verdict;
}

class FileSource final : public BackendSource {
 public:
  explicit FileSource(const BackendOptions& options)
      : file_(options.path), plain_(options.plain_passwords ? PlainPasswords::allowed : PlainPasswords::refused) {}
  [[nodiscard]] std::expected<void, std::string> read() { return file_.read(std::nullopt); }
  [[nodiscard]] std::unique_ptr<Backend> on_core(const BackendParts& parts) override {
    return std::make_unique<FileBackend>(parts, file_, plain_);
  }

 private:
  FollowedFile file_;
  PlainPasswords plain_;
};

}  // namespace

OpenedBackend make_file_source(const BackendOptions& options) {
  if (options.path.empty()) return std::unexpected("path is missing: the file that the accounts are in");
  auto source = std::make_unique<FileSource>(options);
  if (auto read = source->read(); !read) return std::unexpected(read.error());
  return source;
}

}  // namespace sluice::auth
