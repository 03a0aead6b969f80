// A connection to the tables in PostgreSQL.
#include <libpq-fe.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "auth/first_line.h"
#include "auth/store/postgresql_store.h"
#include "auth/store/postgresql_tables.h"

namespace sluice::auth {
namespace {

// https://www.postgresql.org/docs/current/errcodes-appendix.html
StoreError::Kind kind_of(std::string_view state) {
  if (state == "23505") return StoreError::Kind::exists;
  if (state.starts_with("XX")) return StoreError::Kind::damaged;  // an internal error: a page that is corrupted
  // A connection, a role or a right that is not to be had; resources; an operator; a lock that was not to be had.
  for (const std::string_view of_class : {"08", "28", "42501", "40", "53", "57", "55P03", "25006"})
    if (state.starts_with(of_class)) return StoreError::Kind::unavailable;
  return StoreError::Kind::failed;
}

class PostgresqlRow final : public Row {
 public:
  PostgresqlRow(const PGresult* result, int row) : result_(result), row_(row) {}
  [[nodiscard]] bool is_null(int column) const override { return PQgetisnull(result_, row_, column) != 0; }
  [[nodiscard]] std::int64_t integer(int column) const override {
    const std::string_view value = view(column);
    std::int64_t number = 0;
    std::from_chars(value.data(), value.data() + value.size(), number);
    return number;
  }
  [[nodiscard]] std::string text(int column) const override { return std::string(view(column)); }

 private:
  [[nodiscard]] std::string_view view(int column) const {
    return {PQgetvalue(result_, row_, column), static_cast<std::size_t>(PQgetlength(result_, row_, column))};
  }
  const PGresult* result_;
  int row_;
};

// Values as libpq takes them.  Text goes as it is, with its length; numbers go in words.
class Values {
 public:
  explicit Values(std::span<const Bound> values) {
    constexpr Oid kInt8 = 20;  // as in every catalogue, pg_type.dat
    constexpr Oid kText = 25;
    numbers_.reserve(values.size());
    for (const Bound& value : values) {
      const bool number = value.kind() == Bound::Kind::number;
      if (number) numbers_.push_back(std::to_string(value.number()));
      const std::string_view text = number ? std::string_view(numbers_.back()) : value.text();
      types_.push_back(number ? kInt8 : kText);
      formats_.push_back(number ? 0 : 1);
      lengths_.push_back(static_cast<int>(text.size()));
      pointers_.push_back(value.is_null() ? nullptr : text.empty() ? "" : text.data());
    }
  }
  [[nodiscard]] int count() const { return static_cast<int>(pointers_.size()); }
  [[nodiscard]] const Oid* types() const { return types_.data(); }
  [[nodiscard]] const char* const* pointers() const { return pointers_.data(); }
  [[nodiscard]] const int* lengths() const { return lengths_.data(); }
  [[nodiscard]] const int* formats() const { return formats_.data(); }

 private:
  std::vector<std::string> numbers_;
  std::vector<Oid> types_;
  std::vector<const char*> pointers_;
  std::vector<int> lengths_;
  std::vector<int> formats_;
};

class PostgresqlDatabase final : public Database {
 public:
  PostgresqlDatabase(std::shared_ptr<const PostgresqlStore> store, StoreTables tables, const StoreWaits& waits)
      : store_(std::move(store)),
        tables_(tables),
        lock_wait_(waits.lock),
        timeout_(waits.statement == Duration::zero() ? store_->timeout : waits.statement) {}

  [[nodiscard]] StoreResult<> execute(Sql sql, std::span<const Bound> values, const OnRow& on_row) override;
  [[nodiscard]] StoreResult<> script(Sql sql) override;
  [[nodiscard]] std::int64_t rows_changed() const override { return rows_changed_; }
  [[nodiscard]] std::size_t rows_in_one_statement() const override { return 1000; }
  [[nodiscard]] StoreResult<> begin_to_write() override;
  [[nodiscard]] StoreResult<> begin_to_read() override;
  [[nodiscard]] StoreResult<> commit() override { return end("COMMIT"); }
  void roll_back() override { static_cast<void>(end("ROLLBACK")); }

 private:
  [[nodiscard]] StoreResult<> begin(Sql how);
  [[nodiscard]] StoreResult<> end(Sql how);
  [[nodiscard]] StoreResult<> connect();
  [[nodiscard]] StoreResult<> make_connection();
  [[nodiscard]] StoreResult<> ask(Sql sql, std::span<const Bound> values, const OnRow& on_row);
  [[nodiscard]] StoreResult<PostgresqlResult> send(Sql sql, const Values& values);
  void drop_connection();
  [[nodiscard]] std::unexpected<StoreError> lost(std::string_view why);
  [[nodiscard]] std::unexpected<StoreError> refused(const PGresult* result);

  const std::shared_ptr<const PostgresqlStore> store_;
  const StoreTables tables_;
  const Duration lock_wait_;
  const Duration timeout_;  // of a statement
  std::unique_ptr<PostgresqlConnection> connection_;
  std::map<const char*, std::string> prepared_;  // on this connection, by the constant
  bool connecting_ = false;
  bool in_transaction_ = false;
  std::int64_t rows_changed_ = 0;
};

void PostgresqlDatabase::drop_connection() {
  connection_.reset();
  prepared_.clear();
}

std::unexpected<StoreError> PostgresqlDatabase::lost(std::string_view why) {
  drop_connection();
  return store_error(StoreError::Kind::unavailable, std::string(why));
}

// The message alone: details may have what was in a row.
std::unexpected<StoreError> PostgresqlDatabase::refused(const PGresult* result) {
  const std::string state = first_line(PQresultErrorField(result, PG_DIAG_SQLSTATE));
  std::string text = first_line(PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
  // That the library made itself, as for a connection that broke.
  if (state.empty()) return lost(first_line(PQresultErrorMessage(result)));
  const StoreError::Kind kind = kind_of(state);
  // Prepared statements that do not fit the tables any more, or are gone.
  const bool outdated = state == "0A000" || state == "26000";
  if (outdated || PQstatus(connection_->handle()) != CONNECTION_OK) return lost(text);
  return store_error(kind, std::move(text));
}

// The servers in their order.
StoreResult<> PostgresqlDatabase::make_connection() {
  if (const std::string why = store_->pause->reason(); !why.empty())
    return store_error(StoreError::Kind::unavailable, why);
  const io::BlockingDeadline deadline(store_->timeout);
  const auto milliseconds = [](Duration wait) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(wait).count();
  };
  std::string errors;
  for (PostgresqlPlace place : store_->servers) {
    place.to_write = tables_ != StoreTables::look;
    place.settings = absl::StrCat("-c search_path=sluice -c lock_timeout=", milliseconds(lock_wait_),
                                  " -c statement_timeout=", milliseconds(timeout_), " -c synchronous_commit=on");
    auto opened = PostgresqlConnection::open(place, deadline);
    if (opened) {
      connection_ = *std::move(opened);
      store_->pause->end();
      return {};
    }
    absl::StrAppend(&errors, errors.empty() ? "" : "; ", opened.error());
    if (deadline.is_over()) break;
  }
  store_->pause->begin(errors, store_->timeout - deadline.left());
  return store_error(StoreError::Kind::unavailable, errors);
}

StoreResult<> PostgresqlDatabase::connect() {
  if (connection_ != nullptr && connection_->is_open()) return {};
  drop_connection();
  if (StoreResult<> made = make_connection(); !made) return made;
  connecting_ = true;
  StoreResult<> ready = ready_tables(*this, tables_);
  connecting_ = false;
  // Before the tables are as they should be it is of no use.
  if (!ready) drop_connection();
  return ready;
}

StoreResult<PostgresqlResult> PostgresqlDatabase::send(Sql sql, const Values& values) {
  const io::BlockingDeadline deadline(timeout_);
  PGconn* const handle = connection_->handle();
  const char* const text = sql.postgresql();
  auto known = prepared_.find(text);
  if (known == prepared_.end()) {
    const std::string name = absl::StrCat("s", prepared_.size());
    if (PQsendPrepare(handle, name.c_str(), text, values.count(), values.types()) == 0)
      return lost(connection_->error());
    auto prepared = connection_->finish(deadline);
    if (!prepared) return lost(prepared.error());
    if (PQresultStatus(prepared->get()) != PGRES_COMMAND_OK) return refused(prepared->get());
    known = prepared_.emplace(text, name).first;
  }
  if (PQsendQueryPrepared(handle, known->second.c_str(), values.count(), values.pointers(), values.lengths(),
                          values.formats(), 0) == 0)
    return lost(connection_->error());
  auto result = connection_->finish(deadline);
  if (!result) return lost(result.error());
  return *std::move(result);
}

StoreResult<> PostgresqlDatabase::ask(Sql sql, std::span<const Bound> values, const OnRow& on_row) {
  const auto result = send(sql, Values(values));
  if (!result) return std::unexpected(result.error());
  const ExecStatusType status = PQresultStatus(result->get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) return refused(result->get());
  const std::string_view rows = PQcmdTuples(result->get());
  rows_changed_ = 0;
  std::from_chars(rows.data(), rows.data() + rows.size(), rows_changed_);
  for (int row = 0; row < PQntuples(result->get()); ++row) on_row(PostgresqlRow(result->get(), row));
  return {};
}

StoreResult<> PostgresqlDatabase::execute(Sql sql, std::span<const Bound> values, const OnRow& on_row) {
  if (connecting_ || in_transaction_) {
    if (connection_ == nullptr)
      return store_error(StoreError::Kind::unavailable, "the connection was lost in the midst of a transaction");
    return ask(sql, values, on_row);
  }
  const bool kept = connection_ != nullptr;
  if (StoreResult<> connected = connect(); !connected) return connected;
  StoreResult<> done = ask(sql, values, on_row);
  // What only reads is asked again where it was a kept connection that had gone meanwhile.
  if (done || !kept || connection_ != nullptr || !std::string_view(sql.postgresql()).starts_with("SELECT")) return done;
  if (StoreResult<> connected = connect(); !connected) return connected;
  return ask(sql, values, on_row);
}

StoreResult<> PostgresqlDatabase::script(Sql sql) {
  if (!connecting_ && !in_transaction_)
    if (StoreResult<> connected = connect(); !connected) return connected;
  if (connection_ == nullptr) return lost("the connection was lost in the midst of a transaction");
  if (PQsendQuery(connection_->handle(), sql.postgresql()) == 0) return lost(connection_->error());
  const auto result = connection_->finish(io::BlockingDeadline(timeout_));
  if (!result) return lost(result.error());
  const ExecStatusType status = PQresultStatus(result->get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) return refused(result->get());
  return {};
}

StoreResult<> PostgresqlDatabase::begin(Sql how) {
  if (!connecting_)
    if (StoreResult<> connected = connect(); !connected) return connected;
  StoreResult<> begun = ask(how, {}, [](const Row&) {});
  in_transaction_ = begun.has_value();
  return begun;
}

StoreResult<> PostgresqlDatabase::begin_to_write() {
  if (StoreResult<> begun = begin("BEGIN ISOLATION LEVEL READ COMMITTED"); !begun) return begun;
  StoreResult<> locked = run(kLockChanges);
  if (!locked) roll_back();
  return locked;
}

StoreResult<> PostgresqlDatabase::begin_to_read() { return begin("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"); }

// Where that fails it is not known which it came to.
StoreResult<> PostgresqlDatabase::end(Sql how) {
  in_transaction_ = false;
  if (connection_ == nullptr)
    return store_error(StoreError::Kind::unavailable, "the connection was lost in the midst of a transaction");
  StoreResult<> ended = ask(how, {}, [](const Row&) {});
  if (!ended) static_cast<void>(lost(""));
  return ended;
}

class PostgresqlStoreConnection final : public StoreConnection {
 public:
  PostgresqlStoreConnection(std::shared_ptr<const PostgresqlStore> store, const StoreWaits& waits)
      : database_(make_postgresql_database(std::move(store), StoreTables::update, waits)) {}
  [[nodiscard]] Database* database() override { return database_.get(); }
  [[nodiscard]] StoreResult<> follow() override { return database_->run("SELECT 1"); }
  // One that was put back to an earlier state is known by its changes.
  [[nodiscard]] bool was_replaced() override { return false; }
  void settle() override {}

 private:
  const std::unique_ptr<Database> database_;
};

}  // namespace

std::string ConnectPause::reason() {
  const std::lock_guard lock(mutex_);
  return until_ && !until_->is_over() ? reason_ : "";
}

void ConnectPause::begin(std::string reason, Duration spent) {
  constexpr Duration kShortest = std::chrono::milliseconds(300);
  constexpr Duration kLongest = std::chrono::seconds(5);
  const std::lock_guard lock(mutex_);
  until_.emplace(std::clamp(spent, kShortest, kLongest));
  reason_ = std::move(reason);
}

void ConnectPause::end() {
  const std::lock_guard lock(mutex_);
  until_.reset();
}

std::unique_ptr<Database> make_postgresql_database(std::shared_ptr<const PostgresqlStore> store, StoreTables tables,
                                                   const StoreWaits& waits) {
  return std::make_unique<PostgresqlDatabase>(std::move(store), tables, waits);
}

std::unique_ptr<StoreConnection> make_postgresql_connection(std::shared_ptr<const PostgresqlStore> store,
                                                            const StoreWaits& waits) {
  return std::make_unique<PostgresqlStoreConnection>(std::move(store), waits);
}

}  // namespace sluice::auth
