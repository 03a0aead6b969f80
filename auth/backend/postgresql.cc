#include "auth/backend/postgresql.h"

#include <libpq-fe.h>

#include <cstdio>
#include <utility>

#include "auth/backend/client_library.h"
#include "auth/backend/sql_client.h"
#include "auth/backend/sql_query.h"

namespace sluice::auth {
namespace {

constexpr const char* kStatement = "login";
constexpr std::string_view kTooLate = "did not answer in time";

struct Finish {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
struct Clear {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Connection = std::unique_ptr<PGconn, Finish>;
using Result = std::unique_ptr<PGresult, Clear>;

// "/run/postgresql/.s.PGSQL.5432", or the directory alone.
struct SocketPlace {
  std::string directory;
  std::string port = "5432";
};
SocketPlace socket_place(const std::string& path) {
  constexpr std::string_view kName = "/.s.PGSQL.";
  const std::size_t at = path.rfind(kName);
  if (at == std::string::npos) return {.directory = path};
  return {.directory = path.substr(0, at), .port = path.substr(at + kName.size())};
}

class PostgresqlConnection final : public SqlConnection {
 public:
  PostgresqlConnection(Connection connection, const SqlQuery& query)
      : connection_(std::move(connection)), query_(query) {}

  std::expected<void, std::string> prepare(const io::BlockingDeadline& deadline);
  [[nodiscard]] std::expected<SqlRows, std::string> ask(const Credentials& credentials,
                                                        const io::BlockingDeadline& deadline) override;

 private:
  // The next result of what was sent; null behind the last one.
  std::expected<Result, std::string> result(const io::BlockingDeadline& deadline);
  std::expected<void, std::string> flush(const io::BlockingDeadline& deadline);
  [[nodiscard]] std::unexpected<std::string> failure() const {
    return std::unexpected(first_line(PQerrorMessage(connection_.get())));
  }
  [[nodiscard]] std::unexpected<std::string> failure(const PGresult* result) const;

  Connection connection_;
  const SqlQuery& query_;
};

// The server quotes values in its messages, and one of them may be the secret: then its code has to do.
std::unexpected<std::string> PostgresqlConnection::failure(const PGresult* result) const {
  const char* const code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  std::string text = "refuses the query: SQLSTATE " + first_line(code);
  if (!query_.database_decides()) text += ", " + first_line(PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
  return std::unexpected(std::move(text));
}

std::expected<void, std::string> PostgresqlConnection::flush(const io::BlockingDeadline& deadline) {
  for (;;) {
    const int left = PQflush(connection_.get());
    if (left < 0) return failure();
    if (left == 0) return {};
    if (!deadline.wait(PQsocket(connection_.get()), true, true)) return std::unexpected(std::string(kTooLate));
    if (PQconsumeInput(connection_.get()) == 0) return failure();
  }
}

std::expected<Result, std::string> PostgresqlConnection::result(const io::BlockingDeadline& deadline) {
  while (PQisBusy(connection_.get()) != 0) {
    if (!deadline.wait(PQsocket(connection_.get()), true, false)) return std::unexpected(std::string(kTooLate));
    if (PQconsumeInput(connection_.get()) == 0) return failure();
  }
  return Result(PQgetResult(connection_.get()));
}

std::expected<void, std::string> PostgresqlConnection::prepare(const io::BlockingDeadline& deadline) {
  if (PQsetnonblocking(connection_.get(), 1) != 0 ||
      PQsendPrepare(connection_.get(), kStatement, query_.text.c_str(), 0, nullptr) == 0)
    return failure();
  if (auto flushed = flush(deadline); !flushed) return flushed;
  for (;;) {
    const auto answer = result(deadline);
    if (!answer) return std::unexpected(answer.error());
    if (*answer == nullptr) return {};
    if (PQresultStatus(answer->get()) != PGRES_COMMAND_OK) return failure(answer->get());
  }
}

std::expected<SqlRows, std::string> PostgresqlConnection::ask(const Credentials& credentials,
                                                              const io::BlockingDeadline& deadline) {
  std::vector<std::string> values;
  std::vector<const char*> pointers;
  for (const LoginParameter parameter : query_.parameters) values.emplace_back(parameter_value(parameter, credentials));
  for (const std::string& value : values) pointers.push_back(value.c_str());
  const bool sent = PQsendQueryPrepared(connection_.get(), kStatement, static_cast<int>(pointers.size()),
                                        pointers.data(), nullptr, nullptr, 0) == 1;
  if (query_.database_decides())
    for (std::string& value : values) wipe_bytes(value.data(), value.size());
  if (!sent || PQsetSingleRowMode(connection_.get()) == 0) return failure();
  if (auto flushed = flush(deadline); !flushed) return std::unexpected(flushed.error());
  SqlRows rows;
  for (;;) {
    const auto answer = result(deadline);
    if (!answer) return std::unexpected(answer.error());
    const PGresult* const row = answer->get();
    if (row == nullptr) return rows;
    const ExecStatusType status = PQresultStatus(row);
    if (status == PGRES_TUPLES_OK) continue;  // the end of the rows
    if (status != PGRES_SINGLE_TUPLE) return failure(row);
    // The others are not waited for: there may be a great many.
    if (++rows.count > 1) return std::unexpected("the query returns more than one row");
    for (int column = 0; column < PQnfields(row); ++column) {
      std::optional<std::string> value;
      if (PQgetisnull(row, 0, column) == 0)
        value.emplace(PQgetvalue(row, 0, column), static_cast<std::size_t>(PQgetlength(row, 0, column)));
      rows.first.push_back({.name = PQfname(row, column), .value = std::move(value)});
    }
  }
}

// Little is left to what the environment or files of the process' user say: no password and no certificate of his.
Connection start(const LibraryLogin& login, const BackendServer& server) {
  const SocketPlace place =
      server.is_path() ? socket_place(server.host) : SocketPlace{server.host, std::to_string(server.port)};
  const bool tls = login.in_tls(server);
  const std::pair<const char*, std::string> settings[] = {
      {"host", place.directory},
      {"port", place.port},
      {"dbname", login.options.database},
      {"user", login.options.user},
      {"password", login.password},
      {"passfile", "/dev/null"},
      {"sslmode", tls ? "verify-full" : "disable"},
      {"sslrootcert", login.ca_file},
      {"sslcert", "/dev/null/none"},
      {"sslkey", "/dev/null/none"},
      {"ssl_min_protocol_version", "TLSv1.2"},
      {"gssencmode", "disable"},
      {"client_encoding", "UTF8"},
      {"application_name", "sluice"},
  };
  std::vector<const char*> names;
  std::vector<const char*> values;
  for (const auto& [name, value] : settings) {
    names.push_back(name);
    values.push_back(value.c_str());
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  return Connection(PQconnectStartParams(names.data(), values.data(), 0));
}

SqlOpened connect(const LibraryLogin& login, const SqlQuery& query, const BackendServer& server,
                  const io::BlockingDeadline& deadline) {
  Connection connection = start(login, server);
  if (connection == nullptr) return std::unexpected("out of memory");
  PQsetNoticeReceiver(connection.get(), [](void*, const PGresult*) {}, nullptr);  // it would write to standard error
  PostgresPollingStatusType wanted = PGRES_POLLING_WRITING;
  while (PQstatus(connection.get()) != CONNECTION_BAD && wanted != PGRES_POLLING_OK && wanted != PGRES_POLLING_FAILED) {
    if (!deadline.wait(PQsocket(connection.get()), wanted == PGRES_POLLING_READING, wanted == PGRES_POLLING_WRITING))
      return std::unexpected(std::string(kTooLate));
    wanted = PQconnectPoll(connection.get());
  }
  if (PQstatus(connection.get()) != CONNECTION_OK) return std::unexpected(first_line(PQerrorMessage(connection.get())));
  auto made = std::make_unique<PostgresqlConnection>(std::move(connection), query);
  if (auto done = made->prepare(deadline); !done) return std::unexpected(done.error());
  return made;
}

}  // namespace

OpenedBackend open_postgresql(const BackendOptions& options) {
  return make_sql_server_source(options, SqlDialect::postgresql, &connect);
}

}  // namespace sluice::auth
