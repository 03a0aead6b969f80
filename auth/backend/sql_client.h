// A database as a back end: its kind's connection, kept on each thread and made again when it is gone.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>

#include "auth/backend/client_library.h"
#include "auth/backend/options.h"
#include "auth/backend/sql_query.h"
#include "auth/backend/threads.h"
#include "engine/io/blocking_wait.h"

namespace sluice::auth {

// With the statement prepared.  One thread at a time.
class SqlConnection {
 public:
  virtual ~SqlConnection() = default;
  SqlConnection(const SqlConnection&) = delete;
  SqlConnection& operator=(const SqlConnection&) = delete;
  // The error is a sentence; the connection is not used again behind it.
  [[nodiscard]] virtual std::expected<SqlRows, std::string> ask(const Credentials& credentials,
                                                                const io::BlockingDeadline& deadline) = 0;

 protected:
  SqlConnection() = default;
};

using SqlOpened = std::expected<std::unique_ptr<SqlConnection>, std::string>;
using SqlConnect = std::function<SqlOpened(const BackendServer& server, const io::BlockingDeadline& deadline)>;

// `connect` is called on the threads, for the servers in their order until one takes the connection; it goes no longer
// than the deadline, as far as its library allows.  The error is a sentence.
[[nodiscard]] std::expected<std::unique_ptr<BackendSource>, std::string> make_sql_source(const BackendOptions& options,
                                                                                         const SqlQuery& query,
                                                                                         SqlConnect connect);

// A server of this dialect: its query is parsed, its login read, and `connect` makes each connection, as above.
using SqlServerConnect = SqlOpened (*)(const LibraryLogin& login, const SqlQuery& query, const BackendServer& server,
                                       const io::BlockingDeadline& deadline);
[[nodiscard]] std::expected<std::unique_ptr<BackendSource>, std::string> make_sql_server_source(
    const BackendOptions& options, SqlDialect dialect, SqlServerConnect connect);

}  // namespace sluice::auth
