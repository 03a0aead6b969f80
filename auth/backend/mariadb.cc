#include "auth/backend/mariadb.h"

#include <mysql.h>

#include <array>
#include <chrono>
#include <utility>

#include "auth/backend/client_library.h"
#include "auth/backend/sql_client.h"
#include "auth/backend/sql_query.h"
#include "engine/base/check.h"

namespace sluice::auth {
namespace {

constexpr unsigned kColumnsMax = 16;
constexpr unsigned long kPacketBytesMax = 1UL << 20;

struct CloseConnection {
  void operator()(MYSQL* connection) const { mysql_close(connection); }
};
struct CloseStatement {
  void operator()(MYSQL_STMT* statement) const { mysql_stmt_close(statement); }
};
struct FreeResult {
  void operator()(MYSQL_RES* result) const { mysql_free_result(result); }
};
using MariadbHandle = std::unique_ptr<MYSQL, CloseConnection>;
using MariadbStatement = std::unique_ptr<MYSQL_STMT, CloseStatement>;
using MariadbResult = std::unique_ptr<MYSQL_RES, FreeResult>;

// Where a row is put.  Stays where it is: the library keeps addresses of it.
struct RowBuffer {
  struct Column {
    std::string name;
    std::vector<char> bytes;
    unsigned long length = 0;
    my_bool null = 0;
    my_bool cut = 0;
  };
  std::vector<Column> columns;
  std::vector<MYSQL_BIND> binds;
};

class MariadbConnection final : public SqlConnection {
 public:
  // The statement ends before its connection.
  MariadbConnection(MariadbHandle connection, const SqlQuery& query)
      : query_(query), connection_(std::move(connection)) {}

  std::expected<void, std::string> prepare();
  [[nodiscard]] std::expected<SqlRows, std::string> ask(const Credentials& credentials,
                                                        const io::BlockingDeadline& deadline) override;

 private:
  std::expected<void, std::string> bind_row();
  std::expected<void, std::string> execute(const Credentials& credentials);
  // The server quotes values in its messages, and one of them may be the secret: then its code has to do.
  [[nodiscard]] std::unexpected<std::string> failure() const {
    MYSQL_STMT* const statement = statement_.get();
    std::string text = "error " + std::to_string(mysql_stmt_errno(statement));
    if (!query_.database_decides()) text += ": " + first_line(mysql_stmt_error(statement));
    return std::unexpected(std::move(text));
  }

  const SqlQuery& query_;
  RowBuffer row_;
  MariadbHandle connection_;
  MariadbStatement statement_;
};

std::expected<void, std::string> MariadbConnection::prepare() {
  statement_.reset(mysql_stmt_init(connection_.get()));
  if (statement_ == nullptr) return std::unexpected("out of memory");
  if (mysql_stmt_prepare(statement_.get(), query_.text.data(), query_.text.size()) != 0)
    return std::unexpected("query: " + first_line(mysql_stmt_error(statement_.get())));
  if (mysql_stmt_param_count(statement_.get()) != query_.parameters.size())
    return std::unexpected("query has a placeholder of its own; parameters are %{user} and so on");
  return bind_row();
}

std::expected<void, std::string> MariadbConnection::bind_row() {
  const MariadbResult described(mysql_stmt_result_metadata(statement_.get()));
  if (described == nullptr) return std::unexpected("query is a statement that returns nothing");
  const unsigned count = mysql_num_fields(described.get());
  if (count > kColumnsMax) return std::unexpected("the query returns too many columns");
  const MYSQL_FIELD* const fields = mysql_fetch_fields(described.get());
  row_.columns.resize(count);
  row_.binds.resize(count);
  for (unsigned i = 0; i < count; ++i) {
    RowBuffer::Column& column = row_.columns[i];
    column.name = fields[i].name;
    column.bytes.resize(kSqlValueBytesMax);
    MYSQL_BIND& bind = row_.binds[i];
    bind.buffer_type = MYSQL_TYPE_STRING;
    bind.buffer = column.bytes.data();
    bind.buffer_length = column.bytes.size();
    bind.length = &column.length;
    bind.is_null = &column.null;
    bind.error = &column.cut;
  }
  if (mysql_stmt_bind_result(statement_.get(), row_.binds.data()) != 0) return failure();
  return {};
}

std::expected<void, std::string> MariadbConnection::execute(const Credentials& credentials) {
  std::vector<std::string> values;
  std::vector<MYSQL_BIND> binds(query_.parameters.size());
  for (const LoginParameter parameter : query_.parameters) values.emplace_back(parameter_value(parameter, credentials));
  for (std::size_t i = 0; i < values.size(); ++i) {
    binds[i].buffer_type = MYSQL_TYPE_STRING;
    binds[i].buffer = values[i].data();
    binds[i].buffer_length = values[i].size();
    binds[i].length = &binds[i].buffer_length;
  }
  const bool done =
      mysql_stmt_bind_param(statement_.get(), binds.data()) == 0 && mysql_stmt_execute(statement_.get()) == 0;
  if (query_.database_decides())
    for (std::string& value : values) wipe_bytes(value.data(), value.size());
  if (!done) return failure();
  return {};
}

std::expected<SqlRows, std::string> MariadbConnection::ask(const Credentials& credentials,
                                                           const io::BlockingDeadline& deadline) {
  if (auto done = execute(credentials); !done) return std::unexpected(done.error());
  SqlRows rows;
  for (;;) {
    const int fetched = mysql_stmt_fetch(statement_.get());
    if (fetched == MYSQL_NO_DATA) break;
    if (fetched != 0 && fetched != MYSQL_DATA_TRUNCATED) return failure();
    // The others are not waited for: there may be a great many.
    if (++rows.count > 1) return std::unexpected("the query returns more than one row");
    for (RowBuffer::Column& column : row_.columns) {
      if (column.null == 0 && column.length > column.bytes.size())
        return std::unexpected(column.name.substr(0, kSqlValueBytesMax) + " is too long");
      std::optional<std::string> value;
      if (column.null == 0) value.emplace(column.bytes.data(), column.length);
      rows.first.push_back({.name = column.name, .value = std::move(value)});
      wipe_bytes(column.bytes.data(), column.null == 0 ? column.length : 0);
    }
    if (deadline.is_over()) return std::unexpected("did not answer in time");
  }
  mysql_stmt_free_result(statement_.get());
  return rows;
}

// Nothing that a server may ask for beside the login: no file of ours, no password in clear where there is no TLS.
void set_options(MYSQL* connection, const LibraryLogin& login, bool tls, const io::BlockingDeadline& deadline) {
  const my_bool on = 1;
  const my_bool off = 0;
  const unsigned no_files = 0;
  const auto left = std::chrono::ceil<std::chrono::seconds>(deadline.left());
  const auto seconds = static_cast<unsigned>(std::max<std::int64_t>(left.count(), 1));
  mysql_options(connection, MYSQL_OPT_CONNECT_TIMEOUT, &seconds);
  mysql_options(connection, MYSQL_OPT_READ_TIMEOUT, &seconds);
  mysql_options(connection, MYSQL_OPT_WRITE_TIMEOUT, &seconds);
  mysql_options(connection, MYSQL_OPT_LOCAL_INFILE, &no_files);
  mysql_options(connection, MYSQL_OPT_MAX_ALLOWED_PACKET, &kPacketBytesMax);
  mysql_options(connection, MYSQL_SET_CHARSET_NAME, "utf8mb4");
  mysql_options(connection, MYSQL_OPT_SSL_ENFORCE, tls ? &on : &off);
  mysql_options(connection, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, tls ? &on : &off);
  if (!tls) return;
  mysql_options(connection, MYSQL_OPT_SSL_CA, login.ca_file.c_str());
  mysql_options(connection, MYSQL_OPT_TLS_VERSION, "TLSv1.2,TLSv1.3");
}

SqlOpened connect_mariadb(const LibraryLogin& login, const SqlQuery& query, const BackendServer& server,
                          const io::BlockingDeadline& deadline) {
  MariadbHandle connection(mysql_init(nullptr));
  if (connection == nullptr) return std::unexpected("out of memory");
  set_options(connection.get(), login, login.in_tls(server), deadline);
  // Else "localhost" would be a socket of the library's own choice.
  const unsigned protocol = server.is_path() ? MYSQL_PROTOCOL_SOCKET : MYSQL_PROTOCOL_TCP;
  mysql_options(connection.get(), MYSQL_OPT_PROTOCOL, &protocol);
  const BackendOptions& options = login.options;
  if (mysql_real_connect(connection.get(), server.is_path() ? nullptr : server.host.c_str(), options.user.c_str(),
                         login.password.c_str(), options.database.c_str(), server.port,
                         server.is_path() ? server.host.c_str() : nullptr, 0) == nullptr)
    return std::unexpected(first_line(mysql_error(connection.get())));
  auto made = std::make_unique<MariadbConnection>(std::move(connection), query);
  if (auto done = made->prepare(); !done) return std::unexpected(done.error());
  return made;
}

}  // namespace

OpenedBackend open_mariadb(const BackendOptions& options) {
  // The library's first call is not made on several threads at once.
  if (mysql_server_init(0, nullptr, nullptr) != 0) return std::unexpected("libmariadb cannot start");
  return make_sql_server_source(options, SqlDialect::mariadb, &connect_mariadb);
}

}  // namespace sluice::auth
