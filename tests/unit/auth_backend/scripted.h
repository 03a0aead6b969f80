// Back ends that do what a test says, and a chain of them on a simulated core.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "auth/backend/chain.h"
#include "tests/support/awaited.h"
#include "tests/support/platforms.h"
#include "tests/unit/auth/credentials.h"

namespace sluice::auth {

// Answers at once, from functions.
class ScriptedSource final : public BackendSource {
 public:
  using Script = std::function<Verdict(const Credentials&)>;
  using LookUp = std::function<MailboxState(const Name&)>;
  explicit ScriptedSource(
      Script script, LookUp look_up = [](const Name&) { return MailboxState::untold; })
      : script_(std::move(script)), look_up_(std::move(look_up)) {}
  [[nodiscard]] std::unique_ptr<Backend> on_core(const BackendParts& /*parts*/) override {
    return std::make_unique<Scripted>(script_, look_up_);
  }

 private:
  class Scripted final : public Backend {
   public:
    Scripted(const Script& script, const LookUp& look_up) : script_(script), look_up_(look_up) {}
    Task<Verdict> check(const Credentials& credentials) override { co_return script_(credentials); }
    Task<MailboxState> look_up(const Name& name) override { co_return look_up_(name); }

   private:
    const Script& script_;
    const LookUp& look_up_;
  };
  Script script_;
  LookUp look_up_;
};

// Knows no account; whose a claim is, the test says.
class ClaimStore final : public AccountStore {
 public:
  [[nodiscard]] std::string_view kind() const override { return "claims"; }
  [[nodiscard]] StoreResult<std::optional<StoredPassword>> find(const Name& /*name*/) override { return std::nullopt; }
  [[nodiscard]] Matched match(const StoredPassword* /*password*/, const Secret& /*secret*/) override {
    return {.match = PasswordMatch::wrong, .renewed = {}};
  }
  [[nodiscard]] Answer admit(const StoredPassword& /*password*/, const std::string& /*renewed*/) override {
    return Answer::wrong();
  }
  [[nodiscard]] Answer identify(const Claim& claim) override {
    claims.push_back(claim);
    auto identity = std::make_shared<Identity>();
    identity->account_name = claim.account;
    identity->customer_id = 7;
    return Answer::granted(std::move(identity));
  }

  [[nodiscard]] StoreResult<ScramKeys> scram_keys(const Name& name) override {
    scram_asked.push_back(name.text());
    return ScramKeys{.account_id = 5, .iterations = kScramIterationsMin, .salt = "salt"};
  }
  [[nodiscard]] Answer admit_scram(const ScramKeys& /*keys*/) override {
    ++scram_admitted;
    return on_admit_scram();
  }

  using AccountStore::find_device;
  [[nodiscard]] StoreResult<std::optional<Answer>> find_device(const CramMd5Login& login, WallMillis /*now*/) override {
    return on_cram_md5(login);
  }

  [[nodiscard]] Answer admit_certificate(const CertificateLogin& login) override { return on_certificate(login); }

  std::function<std::optional<Answer>(const CramMd5Login&)> on_cram_md5;
  std::function<Answer(const CertificateLogin&)> on_certificate;
  std::vector<Claim> claims;
  std::vector<std::string> scram_asked;
  int scram_admitted = 0;
  std::function<Answer()> on_admit_scram = [] { return Answer::granted(std::make_shared<Identity>()); };
};

// One simulated core with what a back end needs of it.
struct BackendCore {
  testing::Platforms platforms{testing::PlatformKind::simulated};
  io::Loop& loop{platforms.add_loop("192.0.2.1")};
  net::Resolver resolver{loop, platforms.world().names(), platforms.world().dns()};
  net::Dialer dialer{loop};
  ClaimStore store;
  [[nodiscard]] BackendParts parts() {
    return {
        .loop = loop, .resolver = resolver, .dialer = dialer, .store = store, .hash_threads = loop.platform().workers};
  }
};

inline Credentials credentials_of(std::string_view name, std::string_view secret) {
  return {.name = name_of(name), .secret = secret_of(secret)};
}

}  // namespace sluice::auth
