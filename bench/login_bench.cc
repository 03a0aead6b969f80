// Logins that the credential cache answers, as many as a core does in a second: a session's machine from its greeting
// over EHLO and AUTH PLAIN, base64 and SASL, to the bytes of the 235.  Without the network, TLS and the log.
#include <benchmark/benchmark.h>

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "auth/backend/caching_authenticator.h"
#include "auth/sasl.h"
#include "engine/base/check.h"
#include "engine/smtp/base64.h"
#include "engine/smtp/server.h"
#include "tests/sim/world.h"

namespace {

using namespace sluice;
using namespace sluice::auth;

constexpr std::size_t kLogins = 1000;

// Grants every login, at once: what is measured does not come to it.
class GrantingSource final : public BackendSource {
 public:
  [[nodiscard]] std::unique_ptr<Backend> on_core(const BackendParts& /*parts*/) override {
    return std::make_unique<Granting>();
  }

 private:
  class Granting final : public Backend {
   public:
    Task<Verdict> check(const Credentials& credentials) override {
      auto identity = std::make_shared<Identity>();
      identity->account_name = credentials.name.text();
      Verdict verdict = Verdict::of(Verdict::Kind::granted);
      verdict.identity = std::move(identity);
      co_return verdict;
    }
  };
};

class NoStore final : public AccountStore {
 public:
  [[nodiscard]] std::string_view kind() const override { return "none"; }
  [[nodiscard]] StoreResult<std::optional<StoredPassword>> find(const Name& /*name*/) override { return std::nullopt; }
  [[nodiscard]] Matched match(const StoredPassword* /*password*/, const Secret& /*secret*/) override { return {}; }
  [[nodiscard]] Answer admit(const StoredPassword& /*password*/, const std::string& /*renewed*/) override {
    return Answer::wrong();
  }
  [[nodiscard]] Answer identify(const Claim& /*claim*/) override { return Answer::wrong(); }
};

class Core {
 public:
  Core() {
    profile_.hostname = "relay.bench.example";
    profile_.require_tls = false;
    profile_.auth_without_tls = true;
    profile_.extensions.auth = true;
    for (const Mechanism& mechanism : kMechanisms) profile_.mechanisms.emplace_back(mechanism.name);
    for (std::size_t i = 0; i < kLogins; ++i) {
      const std::string name = "user" + std::to_string(i) + "@customer.example";
      std::string plain;
      plain.append(1, '\0').append(name).append(1, '\0').append("secret number " + std::to_string(i));
      std::string line = "AUTH PLAIN ";
      smtp::append_base64(plain, line);
      lines_.push_back(line + "\r\n");
      log_in(i);
    }
  }

  void log_in(std::size_t number) {
    out_.clear();
    smtp::ServerMachine machine(profile_);
    machine.greet(writer_);
    machine.step("EHLO client.example\r\n", writer_);
    tasks_.add(authenticate(machine, lines_[number]));
    CHECK(machine.authenticated());
  }
  [[nodiscard]] const AuthenticatorCounters& counters() const { return authenticator_.counters(); }

 private:
  Task<void> authenticate(smtp::ServerMachine& machine, std::string_view line) {
    const smtp::Step taken = machine.step(line, writer_);
    CHECK(taken.event == smtp::Event::auth);
    const auto sasl = find_mechanism(machine.auth_mechanism())->make();
    Step step = sasl->start(machine.auth_response());
    CHECK(step.credentials.has_value());
    step.credentials->client.ip = "192.0.2.77";
    const Answer answer = co_await authenticator_.authenticate(*std::move(step.credentials));
    const bool granted = answer.kind == AnswerKind::granted;
    machine.answer_auth(granted ? smtp::replies::kAuthOk : smtp::replies::kAuthFailed, writer_);
  }

  sim::SimWorld world_{1};
  io::Loop loop_{world_.platform("192.0.2.1"), {}};
  net::Resolver resolver_{loop_, world_.names(), world_.dns()};
  net::Dialer dialer_{loop_};
  NoStore store_;
  const std::vector<ConfiguredBackend> backends_{
      {.options = {.name = "granting"}, .source = std::make_shared<GrantingSource>()}};
  BackendChain chain_{backends_,
                      {.loop = loop_,
                       .resolver = resolver_,
                       .dialer = dialer_,
                       .store = store_,
                       .hash_threads = loop_.platform().workers},
                      [](std::string_view, std::string_view) {}};
  std::array<std::byte, kCacheKeyBytes> key_{};
  SharedShield shield_;
  CachingAuthenticator authenticator_{loop_, shield_, chain_, key_, {}, [](const ShieldEntry&) {}};
  smtp::ServerProfile profile_;
  std::vector<std::string> lines_;
  std::string out_;
  smtp::ReplyWriter writer_{out_};
  TaskSet tasks_;
};

void login_from_the_cache(benchmark::State& state) {
  Core core;
  const std::uint64_t checked = core.counters().checks;
  std::size_t i = 0;
  for (auto _ : state) {
    core.log_in(i);
    i = i + 1 == kLogins ? 0 : i + 1;
  }
  CHECK(core.counters().checks == checked);
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}

BENCHMARK(login_from_the_cache);

}  // namespace

BENCHMARK_MAIN();
