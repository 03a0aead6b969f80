// The part of the embedded store that keeps, of each mailbox with device passwords, when a back end was last asked
// whether the mailbox is still there, and what it said.
#include <algorithm>

#include "auth/store/embedded_store.h"

namespace sluice::auth {
namespace {

constexpr WallMillis kHour = WallMillis{3600} * 1000;
constexpr WallMillis kAskedEvery = 24 * kHour;
// No answer is asked for again after so long; and a mailbox is gone when a second answer says so that much later: a
// table that is being filled anew has no mailbox for a moment.
constexpr WallMillis kAskedAgain = kHour;

}  // namespace

StoreResult<std::vector<std::string>> EmbeddedStore::mailboxes_to_ask(WallMillis now, std::size_t max) {
  const std::lock_guard lock(mutex_);
  if (database_ == nullptr) return store_error(StoreError::Kind::unavailable, failure(replaced()));
  std::vector<std::string> due;
  StoreResult<> read =
      database_->query("SELECT account FROM device WHERE dead = '' AND asked_ms < $1 ORDER BY asked_ms LIMIT $2",
                       {now - kAskedEvery, static_cast<std::int64_t>(max)}, [&](const Row& row) {
                         if (std::ranges::find(due, row.text(0)) == due.end()) due.emplace_back(row.text(0));
                       });
  if (!read) return std::unexpected(read.error());
  // What the store itself has takes its device passwords along when it goes.
  std::vector<std::string> elsewhere;
  for (std::string& account : due) {
    bool here = false;
    read = database_->query("SELECT 1 FROM account WHERE name = $1", {account}, [&](const Row&) { here = true; });
    if (read && here) read = database_->run("UPDATE device SET asked_ms = $1 WHERE account = $2", {now, account});
    if (!read) return std::unexpected(read.error());
    if (!here) elsewhere.push_back(std::move(account));
  }
  return elsewhere;
}

StoreResult<std::size_t> EmbeddedStore::note_mailbox(const std::string& account, MailboxState state, WallMillis now) {
  const std::lock_guard lock(mutex_);
  if (database_ == nullptr) return store_error(StoreError::Kind::unavailable, failure(replaced()));
  if (state == MailboxState::exists) {
    StoreResult<> done =
        database_->run("UPDATE device SET asked_ms = $1, gone_ms = 0 WHERE account = $2", {now, account});
    if (!done) return std::unexpected(done.error());
    return std::size_t{0};
  }
  auto transaction = Transaction::to_write(*database_);
  if (!transaction) return std::unexpected(transaction.error());
  StoreResult<> done =
      database_->run("UPDATE device SET asked_ms = $1 WHERE account = $2", {now - kAskedEvery + kAskedAgain, account});
  std::size_t dead = 0;
  if (done && state == MailboxState::gone) {
    done = database_->run(
        "UPDATE device SET dead = 'mailbox is gone' WHERE account = $1 AND dead = '' AND gone_ms > 0 AND gone_ms <= $2",
        {account, now - kAskedAgain});
    dead = static_cast<std::size_t>(database_->rows_changed());
  }
  if (done && state == MailboxState::gone)
    done = database_->run("UPDATE device SET gone_ms = $1 WHERE account = $2 AND gone_ms = 0", {now, account});
  if (done) done = (*transaction)->commit();
  if (!done) return std::unexpected(done.error());
  return dead;
}

}  // namespace sluice::auth
