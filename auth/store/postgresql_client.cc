#include "auth/store/postgresql_client.h"

#include <libpq-fe.h>

#include <string_view>
#include <utility>
#include <vector>

#include "auth/first_line.h"

namespace sluice::auth {
namespace {

constexpr std::string_view kTooLate = "did not answer in time";

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

// Little is left to what the environment or files of the process' user say: no password and no certificate of his.
PGconn* start(const PostgresqlPlace& place) {
  const SocketPlace at = place.host.starts_with('/') ? socket_place(place.host) : SocketPlace{place.host, place.port};
  const bool tls = !place.ca_file.empty();
  const std::pair<const char*, std::string> settings[] = {
      {"host", at.directory},
      {"port", at.port},
      {"dbname", place.database},
      {"user", place.user},
      {"password", place.password},
      {"passfile", "/dev/null/none"},
      {"sslmode", tls ? "verify-full" : "disable"},
      {"sslrootcert", place.ca_file},
      {"sslcert", "/dev/null/none"},
      {"sslkey", "/dev/null/none"},
      {"ssl_min_protocol_version", "TLSv1.2"},
      {"gssencmode", "disable"},
      {"client_encoding", "UTF8"},
      {"application_name", "sluice"},
      {"options", place.settings},
      {"target_session_attrs", place.to_write ? "read-write" : "any"},
      // A peer that is gone is noticed within half a minute.
      {"keepalives_idle", "10"},
      {"keepalives_interval", "5"},
      {"keepalives_count", "4"},
  };
  std::vector<const char*> names;
  std::vector<const char*> values;
  for (const auto& [name, value] : settings) {
    names.push_back(name);
    values.push_back(value.c_str());
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  return PQconnectStartParams(names.data(), values.data(), 0);
}

}  // namespace

void PostgresqlClear::operator()(pg_result* result) const { PQclear(result); }

PostgresqlConnection::~PostgresqlConnection() { PQfinish(handle_); }

std::string PostgresqlConnection::error() const { return first_line(PQerrorMessage(handle_)); }

std::expected<std::unique_ptr<PostgresqlConnection>, std::string> PostgresqlConnection::open(
    const PostgresqlPlace& place, const io::BlockingDeadline& deadline) {
  PGconn* const handle = start(place);
  if (handle == nullptr) return std::unexpected("out of memory");
  std::unique_ptr<PostgresqlConnection> connection(new PostgresqlConnection(handle));
  PQsetNoticeReceiver(handle, [](void*, const PGresult*) {}, nullptr);  // it would write to standard error
  PostgresPollingStatusType wanted = PGRES_POLLING_WRITING;
  while (PQstatus(handle) != CONNECTION_BAD && wanted != PGRES_POLLING_OK && wanted != PGRES_POLLING_FAILED) {
    if (!deadline.wait(PQsocket(handle), wanted == PGRES_POLLING_READING, wanted == PGRES_POLLING_WRITING))
      return std::unexpected(std::string(kTooLate));
    wanted = PQconnectPoll(handle);
  }
  if (PQstatus(handle) != CONNECTION_OK || PQsetnonblocking(handle, 1) != 0)
    return std::unexpected(connection->error());
  return connection;
}

std::expected<void, std::string> PostgresqlConnection::flush(const io::BlockingDeadline& deadline) {
  for (;;) {
    const int left = PQflush(handle_);
    if (left < 0) return std::unexpected(error());
    if (left == 0) return {};
    if (!deadline.wait(PQsocket(handle_), true, true)) return std::unexpected(std::string(kTooLate));
    if (PQconsumeInput(handle_) == 0) return std::unexpected(error());
  }
}

std::expected<PostgresqlResult, std::string> PostgresqlConnection::result(const io::BlockingDeadline& deadline) {
  while (PQisBusy(handle_) != 0) {
    if (!deadline.wait(PQsocket(handle_), true, false)) return std::unexpected(std::string(kTooLate));
    if (PQconsumeInput(handle_) == 0) return std::unexpected(error());
  }
  return PostgresqlResult(PQgetResult(handle_));
}

std::expected<PostgresqlResult, std::string> PostgresqlConnection::finish(const io::BlockingDeadline& deadline) {
  if (auto flushed = flush(deadline); !flushed) return std::unexpected(std::move(flushed.error()));
  PostgresqlResult kept;
  bool failed = false;
  for (;;) {
    auto next = result(deadline);
    if (!next) return next;
    if (*next == nullptr) break;
    if (failed) continue;
    const ExecStatusType status = PQresultStatus(next->get());
    failed = status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY;
    kept = *std::move(next);
  }
  if (kept == nullptr) return std::unexpected(error());
  return kept;
}

// A server that stops says so first, and closes it then: the second look finds that.
bool PostgresqlConnection::is_open() {
  for (int looks = 0; looks < 2; ++looks)
    if (PQconsumeInput(handle_) == 0 || PQisBusy(handle_) != 0 || PQstatus(handle_) != CONNECTION_OK) return false;
  return true;
}

}  // namespace sluice::auth
