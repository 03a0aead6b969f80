#include "auth/backend/sqlite_query.h"

#include <sqlite3.h>

#include <utility>

#include "auth/backend/client_library.h"
#include "auth/backend/sql_client.h"
#include "auth/backend/sql_query.h"

namespace sluice::auth {
namespace {

constexpr int kBusyMs = 1000;
constexpr int kStepsBetweenLooks = 10'000;  // of SQLite's virtual machine, until the deadline is looked at

struct CloseSqlite {
  void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
};
struct FinalizeSqlite {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using SqliteHandle = std::unique_ptr<sqlite3, CloseSqlite>;
using SqliteStatement = std::unique_ptr<sqlite3_stmt, FinalizeSqlite>;

class SqliteConnection final : public SqlConnection {
 public:
  SqliteConnection(SqliteHandle database, SqliteStatement statement, const SqlQuery& query)
      : database_(std::move(database)), statement_(std::move(statement)), query_(query) {}

  [[nodiscard]] std::expected<SqlRows, std::string> ask(const Credentials& credentials,
                                                        const io::BlockingDeadline& deadline) override {
    // A file that was replaced by another: the new one counts.
    int moved = 0;
    if (sqlite3_file_control(database_.get(), "main", SQLITE_FCNTL_HAS_MOVED, &moved) != SQLITE_OK || moved != 0)
      return std::unexpected("the file was replaced");
    sqlite3_progress_handler(database_.get(), kStepsBetweenLooks, &is_over,
                             const_cast<io::BlockingDeadline*>(&deadline));
    auto rows = step(credentials);
    sqlite3_reset(statement_.get());
    sqlite3_clear_bindings(statement_.get());
    sqlite3_progress_handler(database_.get(), 0, nullptr, nullptr);
    return rows;
  }

 private:
  static int is_over(void* deadline) { return static_cast<const io::BlockingDeadline*>(deadline)->is_over() ? 1 : 0; }

  std::expected<SqlRows, std::string> step(const Credentials& credentials) {
    for (std::size_t i = 0; i < query_.parameters.size(); ++i) {
      const std::string_view value = parameter_value(query_.parameters[i], credentials);
      if (sqlite3_bind_text64(statement_.get(), static_cast<int>(i + 1), value.data(), value.size(), SQLITE_STATIC,
                              SQLITE_UTF8) != SQLITE_OK)
        return failure();
    }
    SqlRows rows;
    for (;;) {
      const int code = sqlite3_step(statement_.get());
      if (code == SQLITE_DONE) return rows;
      if (code == SQLITE_INTERRUPT) return std::unexpected("the query took too long");
      if (code != SQLITE_ROW) return failure();
      if (++rows.count > 1) return rows;
      for (int column = 0; column < sqlite3_column_count(statement_.get()); ++column) add(rows, column);
    }
  }

  void add(SqlRows& rows, int column) {
    const char* const name = sqlite3_column_name(statement_.get(), column);
    SqlColumn added{.name = name != nullptr ? name : "", .value = std::nullopt};
    if (sqlite3_column_type(statement_.get(), column) != SQLITE_NULL) {
      const auto* const bytes = static_cast<const char*>(sqlite3_column_blob(statement_.get(), column));
      const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column));
      added.value.emplace(bytes != nullptr ? bytes : "", bytes != nullptr ? size : 0);
    }
    rows.first.push_back(std::move(added));
  }

  // A function of the operator's query may quote its argument.
  [[nodiscard]] std::unexpected<std::string> failure() const {
    sqlite3* const database = database_.get();
    return std::unexpected(query_.database_decides() ? std::string(sqlite3_errstr(sqlite3_errcode(database)))
                                                     : first_line(sqlite3_errmsg(database)));
  }

  SqliteHandle database_;
  SqliteStatement statement_;
  const SqlQuery& query_;
};

SqlOpened connect_sqlite(const SqlQuery& query, const std::string& path) {
  sqlite3* opened = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &opened,
                                   SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  SqliteHandle database(opened);
  if (code != SQLITE_OK)
    return std::unexpected(opened != nullptr ? first_line(sqlite3_errmsg(opened)) : "out of memory");
  sqlite3_busy_timeout(opened, kBusyMs);
  sqlite3_db_config(opened, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(opened, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  // Another file, which could be written: not from a query that asks for a login.
  sqlite3_limit(opened, SQLITE_LIMIT_ATTACHED, 0);
  sqlite3_limit(opened, SQLITE_LIMIT_LENGTH, 1 << 20);
  sqlite3_stmt* prepared = nullptr;
  const char* tail = nullptr;
  if (sqlite3_prepare_v3(opened, query.text.c_str(), -1, SQLITE_PREPARE_PERSISTENT, &prepared, &tail) != SQLITE_OK)
    return std::unexpected("query: " + first_line(sqlite3_errmsg(opened)));
  SqliteStatement statement(prepared);
  const std::string_view behind = tail;
  if (prepared == nullptr || behind.find_first_not_of("; \t\r\n") != std::string_view::npos)
    return std::unexpected("query is not one statement");
  if (sqlite3_stmt_readonly(prepared) == 0) return std::unexpected("query is a statement that writes");
  if (std::cmp_not_equal(sqlite3_bind_parameter_count(prepared), query.parameters.size()))
    return std::unexpected("query has a placeholder of its own; parameters are %{user} and so on");
  return std::make_unique<SqliteConnection>(std::move(database), std::move(statement), query);
}

}  // namespace

OpenedBackend open_sqlite_query(const BackendOptions& options) {
  const auto query = SqlQuery::parse(options.query, SqlDialect::sqlite);
  if (!query) return std::unexpected("query " + query.error());
  if (!options.path.starts_with('/')) return std::unexpected("path is missing, or is not absolute");
  BackendOptions resolved = options;
  resolved.servers = {{.host = options.path, .port = 0}};
  return make_sql_source(resolved, *query,
                         [query = *query](const BackendServer& server, const io::BlockingDeadline& /*deadline*/) {
                           return connect_sqlite(query, server.host);
                         });
}

}  // namespace sluice::auth
