#include "auth/backend/postgresql.h"

#include <libpq-fe.h>

#include <utility>

#include "auth/backend/client_library.h"
#include "auth/backend/sql_client.h"
#include "auth/backend/sql_query.h"
#include "auth/store/postgresql_client.h"

namespace sluice::auth {
namespace {

constexpr const char* kStatement = "login";

class PreparedLogin final : public SqlConnection {
 public:
  PreparedLogin(std::unique_ptr<PostgresqlConnection> connection, const SqlQuery& query)
      : connection_(std::move(connection)), query_(query) {}

  std::expected<void, std::string> prepare(const io::BlockingDeadline& deadline);
  [[nodiscard]] std::expected<SqlRows, std::string> ask(const Credentials& credentials,
                                                        const io::BlockingDeadline& deadline) override;

 private:
  [[nodiscard]] std::unexpected<std::string> failure() const { return std::unexpected(connection_->error()); }
  [[nodiscard]] std::unexpected<std::string> failure(const PGresult* result) const;

  std::unique_ptr<PostgresqlConnection> connection_;
  const SqlQuery& query_;
};

// The server quotes values in its messages, and one of them may be the secret: then its code has to do.
std::unexpected<std::string> PreparedLogin::failure(const PGresult* result) const {
  const char* const code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  std::string text = "refuses the query: SQLSTATE " + first_line(code);
  if (!query_.database_decides()) text += ", " + first_line(PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
  return std::unexpected(std::move(text));
}

std::expected<void, std::string> PreparedLogin::prepare(const io::BlockingDeadline& deadline) {
  if (PQsendPrepare(connection_->handle(), kStatement, query_.text.c_str(), 0, nullptr) == 0) return failure();
  const auto answer = connection_->finish(deadline);
  if (!answer) return std::unexpected(answer.error());
  if (PQresultStatus(answer->get()) != PGRES_COMMAND_OK) return failure(answer->get());
  return {};
}

std::expected<SqlRows, std::string> PreparedLogin::ask(const Credentials& credentials,
                                                       const io::BlockingDeadline& deadline) {
  std::vector<std::string> values;
  std::vector<const char*> pointers;
  for (const LoginParameter parameter : query_.parameters) values.emplace_back(parameter_value(parameter, credentials));
  for (const std::string& value : values) pointers.push_back(value.c_str());
  const bool sent = PQsendQueryPrepared(connection_->handle(), kStatement, static_cast<int>(pointers.size()),
                                        pointers.data(), nullptr, nullptr, 0) == 1;
  if (query_.database_decides())
    for (std::string& value : values) wipe_bytes(value.data(), value.size());
  if (!sent || PQsetSingleRowMode(connection_->handle()) == 0) return failure();
  if (auto flushed = connection_->flush(deadline); !flushed) return std::unexpected(flushed.error());
  SqlRows rows;
  for (;;) {
    const auto answer = connection_->result(deadline);
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

SqlOpened connect_postgresql(const LibraryLogin& login, const SqlQuery& query, const BackendServer& server,
                             const io::BlockingDeadline& deadline) {
  auto connection = PostgresqlConnection::open(postgresql_place(login, server), deadline);
  if (!connection) return std::unexpected(std::move(connection.error()));
  auto made = std::make_unique<PreparedLogin>(*std::move(connection), query);
  if (auto done = made->prepare(deadline); !done) return std::unexpected(done.error());
  return made;
}

}  // namespace

PostgresqlPlace postgresql_place(const LibraryLogin& login, const BackendServer& server) {
  return {.host = server.host,
          .port = std::to_string(server.port),
          .database = login.options.database,
          .user = login.options.user,
          .password = login.password,
          .ca_file = login.in_tls(server) ? login.ca_file : "",
          .settings = {}};
}

OpenedBackend open_postgresql(const BackendOptions& options) {
  return make_sql_server_source(options, SqlDialect::postgresql, &connect_postgresql);
}

}  // namespace sluice::auth
