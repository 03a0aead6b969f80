#include "auth/backend/dovecot.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "auth/backend/dovecot_protocol.h"
#include "auth/backend/wire.h"

namespace sluice::auth {
namespace {

// Times that a login is asked: a second time where the connection ended before its answer.
constexpr int kAttempts = 2;
// Logins that gave up and whose answers may still come.  With more the server is taken for dead.
constexpr std::size_t kAbandonedMax = 1000;

// After which a connection is replaced where no login is on it, and in any case.  A Dovecot that is stopped or
// restarted leaves its auth process, with the settings of old, to the clients that stay connected ("auth clients should
// disconnect soon").
constexpr Duration kAgeMax = std::chrono::minutes(1);
constexpr Duration kBusyAgeMax = std::chrono::minutes(5);

class DovecotBackend final : public Backend {
 public:
  DovecotBackend(const BackendParts& parts, const EndpointSource& source, const std::optional<EndpointSource>& userdb,
                 dovecot::FieldNames names)
      : loop_(parts.loop), endpoint_(parts, source), names_(std::move(names)) {
    if (userdb) userdb_.emplace(parts, *userdb);
  }

  Task<Verdict> check(const Credentials& credentials) override;
  Task<MailboxState> look_up(const Name& name) override;
  Task<void> close() override {
    if (link_ != nullptr) link_->terminate();
    co_await tasks_.join("the connection to Dovecot to end");
  }

 private:
  // A login that waits for its answer.
  struct Login {
    explicit Login(const Credentials& asked) : credentials(asked) {}
    const Credentials& credentials;
    std::uint32_t id = 0;            // on the connection; 0: not asked yet
    std::uint64_t heard_before = 0;  // lines that had come on the connection when it was asked
    std::optional<dovecot::Reply> reply;
    bool lost = false;  // the connection ended
    std::string error;  // of the connection that ended, or could not be opened
    AsyncEvent wake;
    static void too_late(void* self) { static_cast<Login*>(self)->wake.set(); }
    io::Timer timer{&too_late, this};
  };

  Task<void> ask(Login& login, Instant deadline);
  void send(Login& login);
  void give_up(Login& login);

  // The connection's life, from its opening to its end.
  Task<void> run();
  Task<std::string> converse();
  Task<WireResult<>> greet(Wire& wire, Instant deadline);
  bool answered(std::string_view line);

  io::Loop& loop_;
  Endpoint endpoint_;
  std::optional<Endpoint> userdb_;
  dovecot::FieldNames names_;
  bool running_ = false;
  bool dropped_ = false;  // by us, as the server was silent
  bool greeted_ = false;  // this connection, or the last one
  Instant greeted_at_;
  Wire* link_ = nullptr;         // while it can be asked
  std::vector<Login*> waiting_;  // for the connection
  std::map<std::uint32_t, Login*> asked_;
  std::set<std::uint32_t> abandoned_;
  std::uint32_t last_id_ = 0;
  std::uint64_t lines_heard_ = 0;  // answers, on all connections
  std::string server_;
  TaskSet tasks_;
};

// ------------------------------------------------------------------------------------------ a login

Task<Verdict> DovecotBackend::check(const Credentials& credentials) {
  const Instant deadline = later(loop_.now(), endpoint_.options().timeout);
  Login login(credentials);
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    co_await ask(login, deadline);
    if (login.reply) {
      Verdict verdict = dovecot::verdict_of(*login.reply, names_, credentials.secret);
      if (verdict.kind == Verdict::Kind::unavailable) verdict.reason = server_ + ": " + verdict.reason;
      co_return verdict;
    }
    if (!login.lost && !login.error.empty()) co_return Verdict::of(Verdict::Kind::unavailable, std::move(login.error));
    if (!login.lost) {
      const bool reached = login.id != 0;
      give_up(login);
      co_return Verdict::of(
          Verdict::Kind::unavailable,
          (reached ? server_ : endpoint_.options().servers[0].to_string()) + ": did not answer in time");
    }
  }
  co_return Verdict::of(Verdict::Kind::unavailable, std::move(login.error));
}

Task<void> DovecotBackend::ask(Login& login, Instant deadline) {
  login.lost = false;
  login.error.clear();
  login.id = 0;
  if (link_ != nullptr && loop_.now() >= later(greeted_at_, asked_.empty() ? kAgeMax : kBusyAgeMax))
    std::exchange(link_, nullptr)->terminate();
  if (link_ != nullptr) {
    send(login);
  } else {
    waiting_.push_back(&login);
    if (!running_) tasks_.add(run());
  }
  loop_.timers().arm(login.timer, deadline);
  co_await login.wake.wait("an answer of Dovecot");
  loop_.timers().disarm(login.timer);
}

void DovecotBackend::send(Login& login) {
  // Not 0, which stands for none, and not one whose answer may still come.
  do {
    ++last_id_;
  } while (last_id_ == 0 || asked_.contains(last_id_) || abandoned_.contains(last_id_));
  login.id = last_id_;
  login.heard_before = lines_heard_;
  asked_.emplace(login.id, &login);
  std::string line = dovecot::request(login.id, login.credentials);
  link_->write(line);
  wipe_bytes(line.data(), line.size());
}

// A login whose time is over.  Where the server has been silent since it was asked, the connection may lead to nobody:
// the others on it are asked again on another.
void DovecotBackend::give_up(Login& login) {
  std::erase(waiting_, &login);
  if (asked_.erase(login.id) == 0 || link_ == nullptr) return;
  abandoned_.insert(login.id);
  if (lines_heard_ == login.heard_before || abandoned_.size() > kAbandonedMax) {
    dropped_ = true;
    std::exchange(link_, nullptr)->terminate();
  } else {
    link_->write(dovecot::cancel(login.id));
  }
}

// Its socket takes what the auth service's own does not: whether there is a user.  Seldom enough for a connection each.
Task<MailboxState> DovecotBackend::look_up(const Name& name) {
  constexpr int kAuthLinesMax = 10;
  if (!userdb_) co_return MailboxState::untold;
  const Instant deadline = later(loop_.now(), userdb_->options().timeout);
  auto opened = co_await userdb_->open(deadline);
  if (!opened) co_return MailboxState::untold;
  const std::unique_ptr<Wire> wire = *std::move(opened);
  wire->write(dovecot::user_request(name));
  std::optional<MailboxState> answer;
  for (int lines = 0; !answer && lines < kAuthLinesMax; ++lines) {
    const auto line = co_await wire->line(deadline);
    if (!line) break;
    answer = dovecot::parse_user_reply(*line);
  }
  co_await wire->close();
  co_return answer.value_or(MailboxState::untold);
}

// ------------------------------------------------------------------------------------------ the connection

Task<void> DovecotBackend::run() {
  running_ = true;
  do {
    greeted_ = false;
    const std::string error = co_await converse();
    abandoned_.clear();
    for (const auto& [id, login] : std::exchange(asked_, {})) {
      login->lost = true;
      login->error = error;
      login->wake.set();
    }
    // Those that came while a connection ended go on to the next one.
    if (greeted_) continue;
    for (Login* const login : std::exchange(waiting_, {})) {
      login->error = error;
      login->wake.set();
    }
  } while (!waiting_.empty());
  running_ = false;
}

// Ends with the connection; says why.
Task<std::string> DovecotBackend::converse() {
  const Instant deadline = later(loop_.now(), endpoint_.options().timeout);
  auto opened = co_await endpoint_.open(deadline);
  if (!opened) co_return std::move(opened.error());
  const std::unique_ptr<Wire> wire = *std::move(opened);
  std::string error;
  if (auto greeted = co_await greet(*wire, deadline); !greeted) {
    error = std::move(greeted.error());
  } else {
    greeted_ = true;
    greeted_at_ = loop_.now();
    link_ = wire.get();
    server_ = wire->server();
    for (Login* const login : std::exchange(waiting_, {})) send(*login);
    while (error.empty()) {
      auto line = co_await wire->line(Instant::max());
      if (!line)
        error = std::move(line.error());
      else if (!answered(*line))
        error = wire->about("answered what nobody had asked");
    }
  }
  link_ = nullptr;
  if (std::exchange(dropped_, false)) error = wire->about("did not answer in time");
  co_await wire->close();
  co_return error;
}

Task<WireResult<>> DovecotBackend::greet(Wire& wire, Instant deadline) {
  // The server wants a number that no other client of its has.  Above those of processes, by chance.
  constexpr std::uint32_t kProcessesMax = 1U << 22;
  const auto chance = static_cast<std::uint32_t>(loop_.platform().random.number());
  wire.write(dovecot::hello(kProcessesMax + chance % (0x7fffffffU - kProcessesMax)));
  dovecot::Greeting greeting;
  for (;;) {
    auto line = co_await wire.line(deadline);
    if (!line) co_return std::unexpected(line.error());
    switch (greeting.line(*line)) {
      case dovecot::Greeting::Step::more:
        break;
      case dovecot::Greeting::Step::done:
        co_return WireResult<>();
      case dovecot::Greeting::Step::refused:
        co_return std::unexpected(wire.about(greeting.error()));
    }
  }
}

// False where the line answers nothing that was asked.
bool DovecotBackend::answered(std::string_view line) {
  ++lines_heard_;
  auto reply = dovecot::parse_reply(line);
  if (!reply) return false;
  const auto found = asked_.find(reply->id);
  if (found == asked_.end()) return abandoned_.erase(reply->id) != 0;
  Login& login = *found->second;
  asked_.erase(found);
  login.reply = std::move(reply);
  login.wake.set();
  return true;
}

class DovecotSource final : public BackendSource {
 public:
  DovecotSource(EndpointSource endpoint, std::optional<EndpointSource> userdb)
      : endpoint_(std::move(endpoint)),
        userdb_(std::move(userdb)),
        names_{.customer = named(endpoint_.options.customer_field, "customer"),
               .domains = named(endpoint_.options.domains_field, "domains")} {}
  [[nodiscard]] std::unique_ptr<Backend> on_core(const BackendParts& parts) override {
    return std::make_unique<DovecotBackend>(parts, endpoint_, userdb_, names_);
  }

 private:
  static std::string named(const std::string& name, const char* otherwise) { return name.empty() ? otherwise : name; }
  EndpointSource endpoint_;
  std::optional<EndpointSource> userdb_;
  dovecot::FieldNames names_;
};

}  // namespace

OpenedBackend open_dovecot(const BackendOptions& options) {
  if (options.tls == BackendTls::starttls) return std::unexpected("tls: Dovecot's auth protocol has no STARTTLS");
  for (const BackendServer& server : options.servers)
    if (!server.is_path() && server.port == 0)
      return std::unexpected("server: " + server.host + " has no port, and Dovecot's auth service has none of its own");
  BackendOptions wanted = options;
  // Nobody needs authorities for a socket of the machine's own.
  if (std::ranges::all_of(wanted.servers, &BackendServer::is_path)) wanted.tls = BackendTls::none;
  auto endpoint = EndpointSource::make(wanted);
  if (!endpoint) return std::unexpected(endpoint.error());
  std::optional<EndpointSource> userdb;
  if (!options.userdb_socket.empty()) {
    wanted.servers = {BackendServer{.host = options.userdb_socket}};
    wanted.tls = BackendTls::none;
    auto made = EndpointSource::make(wanted);
    if (!made) return std::unexpected(made.error());
    userdb = *std::move(made);
  }
  return std::make_unique<DovecotSource>(*std::move(endpoint), std::move(userdb));
}

}  // namespace sluice::auth
