// SQLite, as much of it as the store needs, and in the one way in which it may be used: statements
// are text that is fixed at compile time, and every value is bound. So no name, however written,
// becomes SQL.
//
// A Database is one connection, owned by its store; one thread at a time (the store holds a mutex).
// Calls block.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "auth/store/store_error.h"

struct sqlite3;
struct sqlite3_stmt;

namespace sluice::auth {

// A statement's text. Only a constant can become one.
class Sql {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor): a literal is to be usable where Sql is asked for.
  consteval Sql(const char* text) : text_(text) {}
  [[nodiscard]] constexpr const char* text() const { return text_; }

 private:
  const char* text_;
};

// The row at which a statement stands. Valid within the callback only; columns count from 0.
class Row {
 public:
  explicit Row(sqlite3_stmt* statement) : statement_(statement) {}
  [[nodiscard]] bool is_null(int column) const;
  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] std::string text(int column) const;

 private:
  sqlite3_stmt* statement_;
};

// A value for a "?": implicit, so that a call lists plain values.
class Bound {
 public:
  Bound(std::int64_t number) : kind_(Kind::number), number_(number) {}  // NOLINT(google-explicit-constructor)
  Bound(std::string_view text) : kind_(Kind::text), text_(text) {}      // NOLINT(google-explicit-constructor)
  Bound(const std::string& text) : kind_(Kind::text), text_(text) {}    // NOLINT(google-explicit-constructor)
  Bound(std::nullptr_t) : kind_(Kind::null) {}                          // NOLINT(google-explicit-constructor)

  template <typename Value>
  [[nodiscard]] static Bound or_null(const std::optional<Value>& value) {
    return value ? Bound(*value) : Bound(nullptr);
  }

 private:
  friend class Database;
  enum class Kind : std::uint8_t { null, number, text };
  Kind kind_;
  std::int64_t number_ = 0;
  std::string_view text_;
};

// Errors: `exists` for a broken UNIQUE, `unavailable`, `damaged`, and `failed` for the rest; the text has SQLite's own
// words.
class Database {
 public:
  enum class Access : std::uint8_t {
    read_write,
    read_only,
    // Of a file that no other process has open: takes no lock, looks at no journal and leaves no trace, so that it
    // shows what is in the file alone.
    glance,
  };
  [[nodiscard]] static StoreResult<std::unique_ptr<Database>> open(const std::string& path, int busy_timeout_ms,
                                                                   Access access = Access::read_write);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // One statement; `on_row` is called for each row of its result.
  using OnRow = std::function<void(const Row&)>;
  [[nodiscard]] StoreResult<> query(Sql sql, std::initializer_list<Bound> values, const OnRow& on_row);
  [[nodiscard]] StoreResult<> run(Sql sql, std::initializer_list<Bound> values = {});
  // Several statements without values: schemas and pragmas.
  [[nodiscard]] StoreResult<> script(Sql sql);

  [[nodiscard]] std::int64_t last_row_id() const;
  [[nodiscard]] std::int64_t rows_changed() const;  // by the last run()

 private:
  explicit Database(sqlite3* handle) : handle_(handle) {}
  [[nodiscard]] std::unexpected<StoreError> failure(int code) const;
  sqlite3* handle_;
};

// All or nothing: rolled back when it goes, unless committed.
class Transaction {
 public:
  // For writing: takes the lock at once, so that it cannot be refused half-way.
  [[nodiscard]] static StoreResult<std::unique_ptr<Transaction>> to_write(Database& database);
  // For reading: everything read within is of one moment.
  [[nodiscard]] static StoreResult<std::unique_ptr<Transaction>> to_read(Database& database);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  [[nodiscard]] StoreResult<> commit();

 private:
  explicit Transaction(Database& database) : database_(database) {}
  Database& database_;
  bool open_ = true;
};

}  // namespace sluice::auth
