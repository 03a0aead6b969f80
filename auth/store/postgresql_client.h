// A connection to a PostgreSQL server by libpq, in its own words but for the waiting: no call waits longer than a
// deadline.  Used by the store and by the back end of that name.  One thread at a time; calls block.
#pragma once

#include <expected>
#include <memory>
#include <string>

#include "engine/io/blocking_wait.h"

struct pg_conn;
struct pg_result;

namespace sluice::auth {

// One server, and who we are there.
struct PostgresqlPlace {
  std::string host;  // a name or an address; of a UNIX socket the path, or its directory
  std::string port;
  std::string database;
  std::string user;
  std::string password;
  std::string ca_file;    // with TLS: verified for the host, by these authorities; empty: in clear
  std::string settings;   // of the server, for the session: "-c name=value ..."
  bool to_write = false;  // one that takes no changes, such as a standby, is no server for us
};

struct PostgresqlClear {
  void operator()(pg_result* result) const;
};
using PostgresqlResult = std::unique_ptr<pg_result, PostgresqlClear>;

// The errors are sentences of the server or the library; behind one the connection is not used again.
class PostgresqlConnection {
 public:
  [[nodiscard]] static std::expected<std::unique_ptr<PostgresqlConnection>, std::string> open(
      const PostgresqlPlace& place, const io::BlockingDeadline& deadline);
  ~PostgresqlConnection();
  PostgresqlConnection(const PostgresqlConnection&) = delete;
  PostgresqlConnection& operator=(const PostgresqlConnection&) = delete;

  [[nodiscard]] pg_conn* handle() const { return handle_; }
  // What was sent to the library goes to the server.
  [[nodiscard]] std::expected<void, std::string> flush(const io::BlockingDeadline& deadline);
  // The next result of what was sent; null behind the last one.
  [[nodiscard]] std::expected<PostgresqlResult, std::string> result(const io::BlockingDeadline& deadline);
  // The last one that is not null, where each of them is of a statement that was done; else the first that is not.
  [[nodiscard]] std::expected<PostgresqlResult, std::string> finish(const io::BlockingDeadline& deadline);
  // Whether the server has left it open, as far as is known without asking.  Nothing is under way.
  [[nodiscard]] bool is_open();
  [[nodiscard]] std::string error() const;

 private:
  explicit PostgresqlConnection(pg_conn* handle) : handle_(handle) {}
  pg_conn* handle_;
};

}  // namespace sluice::auth
