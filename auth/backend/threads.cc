#include "auth/backend/threads.h"

#include <mutex>
#include <utility>
#include <vector>

#include "engine/io/real_platform.h"

namespace sluice::auth {
namespace {

constexpr std::size_t kWaitingPerThread = 64;

// Clients that no check has at the moment, for whichever thread comes next.
class Clients {
 public:
  explicit Clients(std::function<std::unique_ptr<BlockingClient>()> make) : make_(std::move(make)) {}
  template <typename Use>
  auto use(const Use& use) {
    std::unique_ptr<BlockingClient> client = take();
    auto answer = use(*client);
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(client));
    return answer;
  }

 private:
  std::unique_ptr<BlockingClient> take() {
    const std::unique_lock lock(mutex_);
    if (idle_.empty()) return make_();
    std::unique_ptr<BlockingClient> client = std::move(idle_.back());
    idle_.pop_back();
    return client;
  }

  std::function<std::unique_ptr<BlockingClient>()> make_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<BlockingClient>> idle_;
};

// A copy of what is asked: the login may have gone when a thread comes to it.
Credentials copy_of(const Credentials& credentials) {
  return {.name = credentials.name,
          .secret = credentials.secret.clone(),
          .client = credentials.client,
          .share = credentials.share,
          .bearer = credentials.bearer};
}

class ThreadedBackend final : public Backend {
 public:
  ThreadedBackend(const BackendParts& parts, const BackendOptions& options, Clients& clients, io::Workers& threads,
                  const PasswordHasher* hasher)
      : loop_(parts.loop),
        hash_threads_(parts.hash_threads),
        timeout_(options.timeout),
        clients_(clients),
        threads_(threads),
        hasher_(hasher) {}

  Task<Verdict> check(const Credentials& credentials) override;
  Task<MailboxState> look_up(const Name& name) override;
  // What is still asked for comes back first: it posts to this core.
  Task<void> close() override {
    closing_ = true;
    while (running_ > 0) co_await returned_.wait("a back end's library to give up");
  }

 private:
  // One check or look-up: what the thread works on, and the login that waits for it, null when it has given up.
  struct Waiting;
  struct Job {
    explicit Job(Credentials asked) : credentials(std::move(asked)) {}
    Credentials credentials;
    bool looks_up = false;
    Found found;
    MailboxState mailbox = MailboxState::untold;
    Waiting* waiting = nullptr;  // the core's
  };
  struct Waiting {
    AsyncEvent over;
    bool answered = false;
    static void too_late(void* self) { static_cast<Waiting*>(self)->over.set(); }
    io::Timer timer{&too_late, this};
  };
  Task<std::string> run(std::shared_ptr<Job> job);
  void returned(Job& job);
  Task<Verdict> compare(Found found, const Credentials& credentials);

  io::Loop& loop_;
  io::Workers& hash_threads_;
  Duration timeout_;
  Clients& clients_;
  io::Workers& threads_;
  const PasswordHasher* hasher_;  // null: clients hand back no hashes
  std::size_t running_ = 0;
  bool closing_ = false;
  AsyncEvent returned_;
};

Task<Verdict> ThreadedBackend::check(const Credentials& credentials) {
  const auto job = std::make_shared<Job>(copy_of(credentials));
  std::string failure = co_await run(job);
  if (!failure.empty()) co_return Verdict::of(Verdict::Kind::unavailable, std::move(failure));
  if (hasher_ == nullptr) co_return std::move(job->found.verdict);
  co_return co_await compare(std::move(job->found), credentials);
}

Task<MailboxState> ThreadedBackend::look_up(const Name& name) {
  auto nothing = Secret::make("-");
  CHECK(nothing.has_value());
  const auto job = std::make_shared<Job>(Credentials{.name = name, .secret = *std::move(nothing)});
  job->looks_up = true;
  const std::string failure = co_await run(job);
  co_return failure.empty() ? job->mailbox : MailboxState::untold;
}

// Empty: the job has its answer.
Task<std::string> ThreadedBackend::run(std::shared_ptr<Job> job) {
  Waiting waiting;
  job->waiting = &waiting;
  const bool taken = threads_.submit(
      [this, job] {
        if (job->looks_up) {
          job->mailbox = clients_.use([&](BlockingClient& client) { return client.look_up(job->credentials); });
        } else {
          job->found = clients_.use([&](BlockingClient& client) { return client.check(job->credentials); });
        }
        loop_.post([this, job] { returned(*job); });
      },
      job->credentials.share);
  if (!taken) co_return "too many logins wait for it";
  ++running_;
  loop_.timers().arm(waiting.timer, loop_.now() + timeout_);
  co_await waiting.over.wait("a back end's library");
  loop_.timers().disarm(waiting.timer);
  job->waiting = nullptr;
  co_return waiting.answered ? "" : "did not answer in time";
}

// The same work whether there is something to compare with or not, so that nobody learns names by it.
Task<Verdict> ThreadedBackend::compare(Found found, const Credentials& credentials) {
  if (found.verdict.kind == Verdict::Kind::unavailable) co_return std::move(found.verdict);
  const auto matched = co_await io::run_on_workers<SchemeMatch>(
      loop_, hash_threads_,
      [this, &found, &credentials] {
        if (!found.hash.empty()) return hasher_->match(found.hash, credentials.secret);
        hasher_->match_nothing(credentials.secret);
        return SchemeMatch{.match = PasswordMatch::wrong, .reason = {}};
      },
      "a password hash", credentials.share);
  const bool none = found.hash.empty();
  wipe_bytes(found.hash.data(), found.hash.size());
  if (!matched) co_return Verdict::of(Verdict::Kind::unavailable, "too many password hashes wait");
  if (matched->match == PasswordMatch::right) co_return std::move(found.verdict);
  if (none && found.verdict.kind == Verdict::Kind::unknown) co_return std::move(found.verdict);
  if (matched->match == PasswordMatch::wrong) co_return Verdict::of(Verdict::Kind::wrong);
  co_return unmatched(credentials.name, matched->reason);
}

void ThreadedBackend::returned(Job& job) {
  --running_;
  if (closing_ && running_ == 0) returned_.set();
  if (job.waiting == nullptr) return;
  job.waiting->answered = true;
  job.waiting->over.set();
}

class ThreadedSource final : public BackendSource {
 public:
  ThreadedSource(const BackendOptions& options, std::function<std::unique_ptr<BlockingClient>()> make,
                 std::unique_ptr<PasswordHasher> hasher)
      : options_(options),
        hasher_(std::move(hasher)),
        clients_(std::move(make)),
        threads_(io::make_real_workers(options.connections, options.connections * kWaitingPerThread)) {}
  [[nodiscard]] std::unique_ptr<Backend> on_core(const BackendParts& parts) override {
    return std::make_unique<ThreadedBackend>(parts, options_, clients_, *threads_, hasher_.get());
  }

 private:
  BackendOptions options_;
  std::unique_ptr<PasswordHasher> hasher_;
  Clients clients_;
  std::unique_ptr<io::Workers> threads_;  // ends before what it works on
};

}  // namespace

std::unique_ptr<BackendSource> make_threaded_source(const BackendOptions& options,
                                                    std::function<std::unique_ptr<BlockingClient>()> make,
                                                    std::unique_ptr<PasswordHasher> hasher) {
  return std::make_unique<ThreadedSource>(options, std::move(make), std::move(hasher));
}

}  // namespace sluice::auth
