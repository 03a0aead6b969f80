#include "auth/store/sqlite_database.h"

#include <sqlite3.h>

#include <utility>

namespace sluice::auth {
namespace {

struct Finalizer {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, Finalizer>;

std::unexpected<StoreError> status_of(int code, int extended, const std::string& text) {
  if (extended == SQLITE_CONSTRAINT_UNIQUE || extended == SQLITE_CONSTRAINT_PRIMARYKEY) {
    return store_error(StoreError::Kind::exists, text);
  }
  if (code == SQLITE_BUSY || code == SQLITE_LOCKED) return store_error(StoreError::Kind::unavailable, text);
  if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB) return store_error(StoreError::Kind::damaged, text);
  return store_error(StoreError::Kind::failed, text);
}

// https://www.sqlite.org/uri.html: what would end the path or begin an escape is escaped.
std::string uri_of(const std::string& path, bool immutable) {
  std::string uri = "file:";
  for (const char c : path) {
    switch (c) {
      case '%':
        uri += "%25";
        break;
      case '?':
        uri += "%3f";
        break;
      case '#':
        uri += "%23";
        break;
      default:
        uri += c;
    }
  }
  return immutable ? uri + "?immutable=1" : uri;
}

class SqliteRow final : public Row {
 public:
  explicit SqliteRow(sqlite3_stmt* statement) : statement_(statement) {}
  [[nodiscard]] bool is_null(int column) const override {
    return sqlite3_column_type(statement_, column) == SQLITE_NULL;
  }
  [[nodiscard]] std::int64_t integer(int column) const override { return sqlite3_column_int64(statement_, column); }
  [[nodiscard]] std::string text(int column) const override {
    const void* bytes = sqlite3_column_blob(statement_, column);
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
    return bytes == nullptr ? std::string() : std::string(static_cast<const char*>(bytes), size);
  }

 private:
  sqlite3_stmt* statement_;
};

class SqliteDatabase final : public Database {
 public:
  explicit SqliteDatabase(sqlite3* handle) : handle_(handle) {}
  ~SqliteDatabase() override { sqlite3_close_v2(handle_); }
  SqliteDatabase(const SqliteDatabase&) = delete;
  SqliteDatabase& operator=(const SqliteDatabase&) = delete;

  [[nodiscard]] StoreResult<> execute(Sql sql, std::span<const Bound> values, const OnRow& on_row) override;
  [[nodiscard]] StoreResult<> script(Sql sql) override {
    const int code = sqlite3_exec(handle_, sql.sqlite(), nullptr, nullptr, nullptr);
    return code == SQLITE_OK ? StoreResult<>() : StoreResult<>(failure(code));
  }
  [[nodiscard]] std::int64_t rows_changed() const override { return sqlite3_changes64(handle_); }
  [[nodiscard]] StoreResult<> begin_to_write() override { return run("BEGIN IMMEDIATE"); }
  [[nodiscard]] StoreResult<> begin_to_read() override { return run("BEGIN DEFERRED"); }
  [[nodiscard]] StoreResult<> commit() override { return run("COMMIT"); }
  // A failure here means that SQLite has rolled back by itself.
  void roll_back() override { static_cast<void>(run("ROLLBACK")); }
  [[nodiscard]] StoreResult<> settle() override;
  [[nodiscard]] std::unexpected<StoreError> failure(int code) const {
    return status_of(code & 0xFF, sqlite3_extended_errcode(handle_), sqlite3_errmsg(handle_));
  }

 private:
  sqlite3* handle_;
};

// The value outlives the statement: it is among the caller's arguments.
int bind(sqlite3_stmt* statement, int index, const Bound& value) {
  if (value.is_null()) return sqlite3_bind_null(statement, index);
  if (value.kind() == Bound::Kind::number) return sqlite3_bind_int64(statement, index, value.number());
  const std::string_view text = value.text();
  return sqlite3_bind_text64(statement, index, text.data() == nullptr ? "" : text.data(), text.size(), SQLITE_STATIC,
                             SQLITE_UTF8);
}

StoreResult<> SqliteDatabase::execute(Sql sql, std::span<const Bound> values, const OnRow& on_row) {
  sqlite3_stmt* prepared = nullptr;
  int code = sqlite3_prepare_v2(handle_, sql.sqlite(), -1, &prepared, nullptr);
  const Statement statement(prepared);
  if (code != SQLITE_OK) return failure(code);
  int index = 0;
  for (const Bound& value : values)
    if (code = bind(prepared, ++index, value); code != SQLITE_OK) return failure(code);
  while ((code = sqlite3_step(prepared)) == SQLITE_ROW) on_row(SqliteRow(prepared));
  return code == SQLITE_DONE ? StoreResult<>() : StoreResult<>(failure(code));
}

StoreResult<> SqliteDatabase::settle() {
  bool busy = false;
  StoreResult<> done =
      query("PRAGMA wal_checkpoint(TRUNCATE)", {}, [&busy](const Row& row) { busy = row.integer(0) != 0; });
  if (done && busy) return store_error(StoreError::Kind::unavailable, "another process is reading it");
  return done;
}

}  // namespace

StoreResult<std::unique_ptr<Database>> open_sqlite(const std::string& path, int busy_timeout_ms, SqliteAccess access) {
  sqlite3* handle = nullptr;
  const int mode = access == SqliteAccess::read_write ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
  const int code = sqlite3_open_v2(uri_of(path, access == SqliteAccess::glance).c_str(), &handle,
                                   mode | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI, nullptr);
  if (handle == nullptr) return store_error(StoreError::Kind::failed, "SQLite cannot start: not enough memory");
  auto database = std::make_unique<SqliteDatabase>(handle);
  if (code != SQLITE_OK) return database->failure(code);
  sqlite3_busy_timeout(handle, busy_timeout_ms);
  // A file that was tampered with is not to run code of its own.
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_FKEY, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
  return database;
}

}  // namespace sluice::auth
