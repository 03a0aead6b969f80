// The database of a store, as much of SQL as it needs and in the one way in which it may be used: statements are text
// that is fixed at compile time, and every value is bound.  So no name, however written, becomes SQL.  SQLite and
// PostgreSQL are behind it; the text of a statement is one for both where it can be.
//
// A Database is one connection, owned by its store; one thread at a time.  Calls block.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "auth/store/store_error.h"

namespace sluice::auth {

// A statement's text.  Only a constant can become one.  Values are $1, $2, ..., which come up in this order: SQLite
// takes "$1" for a name, and numbers names as it meets them.
class Sql {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor): a literal is to be usable where Sql is asked for.
  consteval Sql(const char* text) : sqlite_(checked(text)), postgresql_(text) {}
  // Where one text cannot be for both.
  consteval Sql(const char* sqlite, const char* postgresql)
      : sqlite_(checked(sqlite)), postgresql_(checked(postgresql)) {}
  [[nodiscard]] constexpr const char* sqlite() const { return sqlite_; }
  [[nodiscard]] constexpr const char* postgresql() const { return postgresql_; }

 private:
  static consteval const char* checked(const char* text) {
    int last = 0;
    for (const char* at = text; *at != '\0'; ++at) {
      if (*at != '$') continue;
      int number = 0;
      while (at[1] >= '0' && at[1] <= '9') number = number * 10 + (*++at - '0');
      if (number > last + 1) throw "values are numbered as they come up";
      if (number > last) last = number;
    }
    return text;
  }
  const char* sqlite_;
  const char* postgresql_;
};

// The row at which a statement stands.  Valid within the callback only; columns count from 0.  NULL reads as 0 and "".
class Row {
 public:
  virtual ~Row() = default;
  Row(const Row&) = delete;
  Row& operator=(const Row&) = delete;
  [[nodiscard]] virtual bool is_null(int column) const = 0;
  [[nodiscard]] virtual std::int64_t integer(int column) const = 0;
  [[nodiscard]] virtual std::string text(int column) const = 0;

 protected:
  Row() = default;
};

// A value for a "$1": implicit, so that a call lists plain values.
class Bound {
 public:
  enum class Kind : std::uint8_t { number, text };
  Bound(std::int64_t number) : kind_(Kind::number), number_(number) {}  // NOLINT(google-explicit-constructor)
  Bound(std::string_view text) : kind_(Kind::text), text_(text) {}      // NOLINT(google-explicit-constructor)
  Bound(const std::string& text) : kind_(Kind::text), text_(text) {}    // NOLINT(google-explicit-constructor)

  template <typename Value>
  [[nodiscard]] static Bound or_null(const std::optional<Value>& value) {
    Bound bound = value ? Bound(*value) : Bound(Value());
    bound.null_ = !value;
    return bound;
  }

  // NULL has a type as well.
  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] bool is_null() const { return null_; }
  [[nodiscard]] std::int64_t number() const { return number_; }
  [[nodiscard]] std::string_view text() const { return text_; }

 private:
  Kind kind_;
  bool null_ = false;
  std::int64_t number_ = 0;
  std::string_view text_;
};

// Errors: `exists` for a broken UNIQUE, `unavailable`, `damaged`, and `failed` for the rest; the text has the
// database's own words.  Behind an error within a transaction nothing more is done in it.
class Database {
 public:
  virtual ~Database() = default;
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // One statement; `on_row` is called for each row of its result.
  using OnRow = std::function<void(const Row&)>;
  [[nodiscard]] virtual StoreResult<> execute(Sql sql, std::span<const Bound> values, const OnRow& on_row) = 0;
  [[nodiscard]] StoreResult<> query(Sql sql, std::initializer_list<Bound> values, const OnRow& on_row) {
    return execute(sql, {values.begin(), values.size()}, on_row);
  }
  [[nodiscard]] StoreResult<> run(Sql sql, std::initializer_list<Bound> values = {}) {
    return query(sql, values, [](const Row&) {});
  }
  // What a query of one row and one column says.
  [[nodiscard]] StoreResult<std::int64_t> number(Sql sql) {
    std::int64_t number = 0;
    StoreResult<> asked = query(sql, {}, [&number](const Row& row) { number = row.integer(0); });
    if (!asked) return std::unexpected(asked.error());
    return number;
  }
  // Several statements without values: schemas and settings.
  [[nodiscard]] virtual StoreResult<> script(Sql sql) = 0;
  [[nodiscard]] virtual std::int64_t rows_changed() const = 0;  // by the last statement
  // How many rows are best written by one: more than one where a statement is a round trip.
  [[nodiscard]] virtual std::size_t rows_in_one_statement() const { return 1; }

  // For writing: takes the lock over the store's changes at once, so that it cannot be refused half-way.
  [[nodiscard]] virtual StoreResult<> begin_to_write() = 0;
  // For reading: everything read within is of one moment.
  [[nodiscard]] virtual StoreResult<> begin_to_read() = 0;
  [[nodiscard]] virtual StoreResult<> commit() = 0;
  virtual void roll_back() = 0;
  // Of a file: writes what its journal holds into the file itself, so that the file alone is all there is: a copy of it
  // is whole, and one that takes its place does not meet our journal.
  [[nodiscard]] virtual StoreResult<> settle() { return {}; }

 protected:
  Database() = default;
};

// All or nothing: rolled back when it goes, unless committed.
class Transaction {
 public:
  // See Database.
  [[nodiscard]] static StoreResult<std::unique_ptr<Transaction>> to_write(Database& database) {
    return over(database, database.begin_to_write());
  }
  [[nodiscard]] static StoreResult<std::unique_ptr<Transaction>> to_read(Database& database) {
    return over(database, database.begin_to_read());
  }
  ~Transaction() {
    if (open_) database_.roll_back();
  }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  [[nodiscard]] StoreResult<> commit() {
    StoreResult<> committed = database_.commit();
    if (committed) open_ = false;
    return committed;
  }

 private:
  explicit Transaction(Database& database) : database_(database) {}
  [[nodiscard]] static StoreResult<std::unique_ptr<Transaction>> over(Database& database, const StoreResult<>& begun) {
    if (!begun) return std::unexpected(begun.error());
    return std::unique_ptr<Transaction>(new Transaction(database));
  }
  Database& database_;
  bool open_ = true;
};

}  // namespace sluice::auth
