#include "auth/store/sqlite.h"

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

}  // namespace

bool Row::is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

std::int64_t Row::integer(int column) const { return sqlite3_column_int64(statement_, column); }

std::string Row::text(int column) const {
  const void* bytes = sqlite3_column_blob(statement_, column);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
  return bytes == nullptr ? std::string() : std::string(static_cast<const char*>(bytes), size);
}

StoreResult<std::unique_ptr<Database>> Database::open(const std::string& path, int busy_timeout_ms, Access access) {
  sqlite3* handle = nullptr;
  const int mode = access == Access::read_write ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
  const int code = sqlite3_open_v2(uri_of(path, access == Access::glance).c_str(), &handle,
                                   mode | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI, nullptr);
  if (handle == nullptr) return store_error(StoreError::Kind::failed, "SQLite cannot start: not enough memory");
  std::unique_ptr<Database> database(new Database(handle));
  if (code != SQLITE_OK) return database->failure(code);
  sqlite3_busy_timeout(handle, busy_timeout_ms);
  // A file that was tampered with is not to run code of its own.
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_FKEY, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
  return database;
}

Database::~Database() { sqlite3_close_v2(handle_); }

std::unexpected<StoreError> Database::failure(int code) const {
  return status_of(code & 0xFF, sqlite3_extended_errcode(handle_), sqlite3_errmsg(handle_));
}

StoreResult<> Database::query(Sql sql, std::initializer_list<Bound> values, const OnRow& on_row) {
  sqlite3_stmt* prepared = nullptr;
  int code = sqlite3_prepare_v2(handle_, sql.text(), -1, &prepared, nullptr);
  const Statement statement(prepared);
  if (code != SQLITE_OK) return failure(code);
  int index = 0;
  for (const Bound& value : values) {
    ++index;
    switch (value.kind_) {
      case Bound::Kind::null:
        code = sqlite3_bind_null(prepared, index);
        break;
      case Bound::Kind::number:
        code = sqlite3_bind_int64(prepared, index, value.number_);
        break;
      case Bound::Kind::text:
        // The values outlive the statement: they are the caller's arguments.
        code = sqlite3_bind_text64(prepared, index, value.text_.data(), value.text_.size(), SQLITE_STATIC, SQLITE_UTF8);
        break;
    }
    if (code != SQLITE_OK) return failure(code);
  }
  while ((code = sqlite3_step(prepared)) == SQLITE_ROW) on_row(Row(prepared));
  return code == SQLITE_DONE ? StoreResult<>() : StoreResult<>(failure(code));
}

StoreResult<> Database::run(Sql sql, std::initializer_list<Bound> values) {
  return query(sql, values, [](const Row&) {});
}

StoreResult<> Database::script(Sql sql) {
  const int code = sqlite3_exec(handle_, sql.text(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? StoreResult<>() : StoreResult<>(failure(code));
}

std::int64_t Database::last_row_id() const { return sqlite3_last_insert_rowid(handle_); }

std::int64_t Database::rows_changed() const { return sqlite3_changes64(handle_); }

StoreResult<std::unique_ptr<Transaction>> Transaction::to_write(Database& database) {
  if (StoreResult<> begun = database.run("BEGIN IMMEDIATE"); !begun) return std::unexpected(begun.error());
  return std::unique_ptr<Transaction>(new Transaction(database));
}

StoreResult<std::unique_ptr<Transaction>> Transaction::to_read(Database& database) {
  if (StoreResult<> begun = database.run("BEGIN DEFERRED"); !begun) return std::unexpected(begun.error());
  return std::unique_ptr<Transaction>(new Transaction(database));
}

Transaction::~Transaction() {
  // A failure here means that SQLite has rolled back by itself.
  if (open_) static_cast<void>(database_.run("ROLLBACK"));
}

StoreResult<> Transaction::commit() {
  StoreResult<> committed = database_.run("COMMIT");
  if (committed) open_ = false;
  return committed;
}

}  // namespace sluice::auth
