#include "auth/backend/sql_client.h"

#include <utility>

namespace sluice::auth {
namespace {

class SqlClient final : public BlockingClient {
 public:
  SqlClient(const BackendOptions& options, bool database_decides, const SqlConnect& connect)
      : options_(options), database_decides_(database_decides), connect_(connect) {}

  [[nodiscard]] Found check(const Credentials& credentials) override {
    const io::BlockingDeadline deadline(options_.timeout);
    for (;;) {
      const bool kept = connection_ != nullptr;
      auto rows = ask(credentials, deadline);
      if (rows) {
        Found found = found_in(*std::move(rows), database_decides_);
        if (found.verdict.kind == Verdict::Kind::unavailable)
          found.verdict.reason = server_ + ": " + found.verdict.reason;
        return found;
      }
      connection_.reset();
      // One that was kept may have been closed by the server: whatever it is, a new one says.
      if (!kept || deadline.is_over())
        return {.verdict = Verdict::of(Verdict::Kind::unavailable, std::move(rows.error())), .hash = {}};
    }
  }

  [[nodiscard]] MailboxState look_up(const Credentials& credentials) override {
    if (database_decides_) return MailboxState::untold;
    Found found = check(credentials);
    wipe_bytes(found.hash.data(), found.hash.size());
    if (found.verdict.kind == Verdict::Kind::unknown) return MailboxState::gone;
    return found.verdict.kind == Verdict::Kind::unavailable ? MailboxState::untold : MailboxState::exists;
  }

 private:
  std::expected<SqlRows, std::string> ask(const Credentials& credentials, const io::BlockingDeadline& deadline) {
    if (connection_ == nullptr) {
      if (auto done = connect(deadline); !done) return std::unexpected(std::move(done.error()));
    }
    auto rows = connection_->ask(credentials, deadline);
    if (!rows) return std::unexpected(server_ + ": " + rows.error());
    return rows;
  }

  std::expected<void, std::string> connect(const io::BlockingDeadline& deadline) {
    std::string errors;
    for (const BackendServer& server : options_.servers) {
      server_ = server.to_string();
      auto opened = connect_(server, deadline);
      if (opened) {
        connection_ = *std::move(opened);
        return {};
      }
      errors += (errors.empty() ? "" : "; ") + server_ + ": " + opened.error();
      if (deadline.is_over()) break;
    }
    return std::unexpected(std::move(errors));
  }

  const BackendOptions& options_;
  bool database_decides_;
  const SqlConnect& connect_;
  std::string server_;  // of the connection
  std::unique_ptr<SqlConnection> connection_;
};

}  // namespace

std::expected<std::unique_ptr<BackendSource>, std::string> make_sql_source(const BackendOptions& options,
                                                                           const SqlQuery& query, SqlConnect connect) {
  std::unique_ptr<PasswordHasher> hasher;
  if (!query.database_decides()) {
    auto made = PasswordHasher::create(kDefaultHashCost);
    if (!made) return std::unexpected(std::move(made.error().what));
    hasher = *std::move(made);
  }
  struct Shared {
    BackendOptions options;
    SqlConnect connect;
  };
  const auto shared = std::make_shared<Shared>(Shared{.options = options, .connect = std::move(connect)});
  const bool decides = query.database_decides();
  return make_threaded_source(
      options, [shared, decides] { return std::make_unique<SqlClient>(shared->options, decides, shared->connect); },
      std::move(hasher));
}

std::expected<std::unique_ptr<BackendSource>, std::string> make_sql_server_source(const BackendOptions& options,
                                                                                  SqlDialect dialect,
                                                                                  SqlServerConnect connect) {
  const auto query = SqlQuery::parse(options.query, dialect);
  if (!query) return std::unexpected("query " + query.error());
  auto login = LibraryLogin::make(options);
  if (!login) return std::unexpected(std::move(login.error()));
  const BackendOptions resolved = login->options;
  return make_sql_source(resolved, *query,
                         [connect, login = *std::move(login), query = *query](const BackendServer& server,
                                                                              const io::BlockingDeadline& deadline) {
                           return connect(login, query, server, deadline);
                         });
}

}  // namespace sluice::auth
