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

struct Forget {
  void operator()(PGnotify* notice) const { PQfreemem(notice); }
};

class PostgresqlListener final : public StoreListener {
 public:
  PostgresqlListener(std::shared_ptr<const PostgresqlStore> store, std::function<void()> changed)
      : store_(std::move(store)), changed_(std::move(changed)), thread_(io::make_real_workers(1, 1)) {
    thread_->submit([this] { run(); }, 0);
  }
  ~PostgresqlListener() override {
    stopping_ = true;
    thread_ = nullptr;
  }

 private:
  void run();
  void listen(PostgresqlConnection& connection);

  const std::shared_ptr<const PostgresqlStore> store_;
  const std::function<void()> changed_;
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
        listen(**connection);
    }
    const io::BlockingDeadline pause(kAgain);
    while (!stopping_ && !pause.is_over()) static_cast<void>(io::BlockingDeadline(kSlice).wait(-1, false, false));
  }
}

// Until the connection is lost.
void PostgresqlListener::listen(PostgresqlConnection& connection) {
  if (PQsendQuery(connection.handle(), "LISTEN sluice_change") == 0) return;
  const auto listening = connection.finish(io::BlockingDeadline(store_->timeout));
  if (!listening || PQresultStatus(listening->get()) != PGRES_COMMAND_OK) return;
  // What came before was not heard.
  changed_();
  while (!stopping_) {
    if (!io::BlockingDeadline(kSlice).wait(PQsocket(connection.handle()), true, false)) continue;
    if (!connection.is_open()) return;
    bool heard = false;
    while (const auto notice = std::unique_ptr<PGnotify, Forget>(PQnotifies(connection.handle()))) heard = true;
    if (heard) changed_();
  }
}

}  // namespace

std::unique_ptr<StoreListener> listen_to_postgresql(std::shared_ptr<const PostgresqlStore> store,
                                                    std::function<void()> changed) {
  return std::make_unique<PostgresqlListener>(std::move(store), std::move(changed));
}

}  // namespace sluice::auth
