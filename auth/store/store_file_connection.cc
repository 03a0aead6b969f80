// A store's file, which another one may take the place of.
#include <utility>

#include "auth/store/store_address.h"
#include "auth/store/store_file.h"

namespace sluice::auth {
namespace {

class StoreFileConnection final : public StoreConnection {
 public:
  StoreFileConnection(std::string path, const StoreWaits& waits) : path_(std::move(path)), waits_(waits) {}
  [[nodiscard]] StoreResult<> open();

  [[nodiscard]] Database* database() override { return database_.get(); }
  [[nodiscard]] StoreResult<> follow() override;
  [[nodiscard]] bool was_replaced() override { return std::exchange(replaced_, false); }
  void settle() override;

 private:
  const std::string path_;
  const StoreWaits waits_;
  std::unique_ptr<Database> database_;
  StoreStamp stamp_;  // of the file that `database_` is
  bool replaced_ = false;
};

// What the journal holds goes into the file, which is then as it was left until another process puts another in its
// place.
void StoreFileConnection::settle() {
  const StoreStamp before = stamp_store_file(path_);
  if (!before.same_file(stamp_)) return;
  // Not being able to is no harm: another process reads it at this moment, and the next change is another occasion.
  static_cast<void>(database_->settle());
  stamp_ = stamp_store_file(path_);
}

// A file that was replaced, or written over, is opened anew.
StoreResult<> StoreFileConnection::follow() {
  const StoreStamp now = stamp_store_file(path_);
  if (database_ != nullptr && now == stamp_) return StoreResult<>();
  // As long as the new one is not whole and ours, the old one is better than none.
  if (StoreResult<> fit = check_store_file(path_); !fit) return std::unexpected(fit.error());
  // SQLite finds a journal by its name alone: what ours holds is not for the new file.
  if (database_ != nullptr && !now.same_file(stamp_))
    if (StoreResult<> settled = database_->settle(); !settled) return std::unexpected(settled.error());
  // Closed first, as the index of the journal is one for all processes that have the file of that name open.
  database_ = nullptr;
  // The same file with other bytes: another process has emptied its journal into it, or written a copy over it, whose
  // changes then lie behind those that were returned before.
  replaced_ = replaced_ || !now.same_file(stamp_);
  return open();
}

StoreResult<> StoreFileConnection::open() {
  // Before it is opened: a file that comes between is found to be another.
  const StoreStamp stamp = stamp_store_file(path_);
  auto opened = open_store_file(path_, IfMissing::fail, waits_);
  if (!opened) return std::unexpected(opened.error());
  database_ = *std::move(opened);
  stamp_ = stamp;
  settle();
  return StoreResult<>();
}

}  // namespace

StoreResult<std::unique_ptr<StoreConnection>> connect_store_file(const std::string& path, const StoreWaits& waits) {
  auto connection = std::make_unique<StoreFileConnection>(path, waits);
  if (StoreResult<> opened = connection->open(); !opened) return std::unexpected(opened.error());
  return connection;
}

}  // namespace sluice::auth
