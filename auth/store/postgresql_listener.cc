// How a relay hears of changes in the tables in PostgreSQL.
#include <libpq-fe.h>

#include <atomic>
#include <utility>

#include "auth/store/postgresql_store.h"
#include "engine/io/real_platform.h"

namespace sluice::auth {
namespace {

// How long its end may have to wait for the thread.
constexpr Duration kSlice = std::chrono::milliseconds(200);
constexpr Duration kAgain = std::chrono::seconds(1);
// How long a notice of our own may take.
constexpr Duration kNotice = std::chrono::seconds(3);

struct Forget {
  void operator()(PGnotify* notice) const { PQfreemem(notice); }
};

class PostgresqlListener final : public StoreListener {
 public:
  PostgresqlListener(std::shared_ptr<const PostgresqlStore> store, std::function<void()> changed,
                     AccountStore::Unheard unheard)
      : store_(std::move(store)),
        changed_(std::move(changed)),
        unheard_(std::move(unheard)),
        thread_(io::make_real_workers(1, 1)) {
    thread_->submit([this] { run(); }, kOwnShare);
  }
  ~PostgresqlListener() override {
    stopping_ = true;
    thread_ = nullptr;
  }

 private:
  void run();
  void listen(PostgresqlConnection& connection, const PostgresqlPlace& place);
  [[nodiscard]] bool hears(PostgresqlConnection& connection, const PostgresqlPlace& place) const;

  const std::shared_ptr<const PostgresqlStore> store_;
  const std::function<void()> changed_;
  const AccountStore::Unheard unheard_;
  std::atomic<bool> stopping_{false};
  std::unique_ptr<io::Workers> thread_;
};

void PostgresqlListener::run() {
  while (!stopping_) {
    for (const PostgresqlPlace& place : store_->servers) {
      if (stopping_) break;
      PostgresqlPlace writable = place;
      writable.to_write = true;
      if (auto connection = PostgresqlConnection::open(writable, io::BlockingDeadline(store_->timeout)))
        listen(**connection, writable);
    }
    const io::BlockingDeadline pause(kAgain);
    while (!stopping_ && !pause.is_over()) static_cast<void>(io::BlockingDeadline(kSlice).wait(-1, false, false));
  }
}

bool take_notices(PostgresqlConnection& connection) {
  bool any = false;
  while (const auto notice = std::unique_ptr<PGnotify, Forget>(PQnotifies(connection.handle()))) any = true;
  return any;
}

bool done(PostgresqlConnection& connection, const char* statement, const io::BlockingDeadline& deadline) {
  if (PQsendQuery(connection.handle(), statement) == 0) return false;
  const auto result = connection.finish(deadline);
  return result && PQresultStatus(result->get()) == PGRES_COMMAND_OK;
}

// Behind a pooler that shares connections of the server out by the transaction, such as PgBouncer in that mode, LISTEN
// succeeds and no notice ever comes.  So one is sent, by another connection: the pooler may pass on what the server
// says to the very statement that is under way.
bool PostgresqlListener::hears(PostgresqlConnection& connection, const PostgresqlPlace& place) const {
  const io::BlockingDeadline connecting(store_->timeout);
  const auto sender = PostgresqlConnection::open(place, connecting);
  // A server that is going away, or has no connection left, shows nothing.
  if (!sender || !done(**sender, "NOTIFY sluice_change", connecting)) return true;
  const io::BlockingDeadline deadline(kNotice);
  while (!stopping_ && !deadline.is_over()) {
    if (!io::BlockingDeadline(kSlice).wait(PQsocket(connection.handle()), true, false)) continue;
    if (!connection.is_open() || take_notices(connection)) return true;
  }
  return stopping_;
}

// Until the connection is lost.
void PostgresqlListener::listen(PostgresqlConnection& connection, const PostgresqlPlace& place) {
  if (!done(connection, "LISTEN sluice_change", io::BlockingDeadline(store_->timeout))) return;
  // What came before was not heard.
  changed_();
  bool deaf = !hears(connection, place);
  changed_();  // the notice may have been another's
  if (deaf)
    unheard_(
        "no notice (LISTEN) comes through from the server: a pooler in front of it, such as PgBouncer, has to be in "
        "session mode, or store.server to name the server itself");
  io::BlockingDeadline next(kAgain);
  while (!stopping_) {
    const bool readable = io::BlockingDeadline(kSlice).wait(PQsocket(connection.handle()), true, false);
    if (readable && !connection.is_open()) return;
    if (readable && take_notices(connection)) {
      deaf = false;
      changed_();
    } else if (deaf && next.is_over()) {
      changed_();
      next = io::BlockingDeadline(kAgain);
    }
  }
}

}  // namespace

std::unique_ptr<StoreListener> listen_to_postgresql(std::shared_ptr<const PostgresqlStore> store,
                                                    std::function<void()> changed, AccountStore::Unheard unheard) {
  return std::make_unique<PostgresqlListener>(std::move(store), std::move(changed), std::move(unheard));
}

}  // namespace sluice::auth
