#include "auth/backend/store_backend.h"

#include <utility>

namespace sluice::auth {
namespace {

class StoreBackend final : public Backend {
 public:
  explicit StoreBackend(const BackendParts& parts) : parts_(parts) {}
  Task<Verdict> check(const Credentials& credentials) override;
  Task<MailboxState> look_up(const Name& name) override;

 private:
  static Verdict unavailable(std::string why) { return Verdict::of(Verdict::Kind::unavailable, std::move(why)); }
  BackendParts parts_;
};

Task<MailboxState> StoreBackend::look_up(const Name& name) {
  using Found = StoreResult<std::optional<StoredPassword>>;
  const auto found = co_await io::run_on_workers<Found>(
      parts_.loop, parts_.store_workers(), [&] { return parts_.store.find(name); }, "an account in the store");
  if (!found || !*found) co_return MailboxState::untold;
  co_return (*found)->has_value() ? MailboxState::exists : MailboxState::gone;
}

Task<Verdict> StoreBackend::check(const Credentials& credentials) {
  using Found = StoreResult<std::optional<StoredPassword>>;
  AccountStore& store = parts_.store;
  const auto found = co_await io::run_on_workers<Found>(
      parts_.loop, parts_.store_workers(), [&] { return store.find(credentials.name); }, "an account in the store",
      credentials.share);
  if (!found) co_return unavailable(kStoreBusy);
  if (!*found) co_return unavailable(found->error().what);
  const StoredPassword* const password = (*found)->has_value() ? &***found : nullptr;
  const auto matched = co_await io::run_on_workers<AccountStore::Matched>(
      parts_.loop, parts_.hash_threads, [&] { return store.match(password, credentials.secret); }, "a password hash",
      credentials.share);
  if (!matched) co_return unavailable("too many password hashes wait");
  if (password == nullptr) co_return Verdict::of(Verdict::Kind::unknown);
  if (matched->match == PasswordMatch::wrong) co_return Verdict::of(Verdict::Kind::wrong);
  if (matched->match == PasswordMatch::unknown) co_return unmatched(credentials.name, matched->reason);
  auto answer = co_await io::run_on_workers<Answer>(
      parts_.loop, parts_.store_workers(),
      [&] {
        Answer admitted = store.admit(*password, matched->renewed);
        if (admitted.kind == AnswerKind::granted) store.keep_scram(*password, *matched);
        return admitted;
      },
      "an account in the store", credentials.share);
  if (!answer) co_return unavailable(kStoreBusy);
  Verdict verdict = Verdict::of(Verdict::Kind::unavailable, std::move(answer->reason));
  verdict.identity = std::move(answer->identity);
  switch (answer->kind) {
    case AnswerKind::granted:
      verdict.kind = Verdict::Kind::granted;
      break;
    case AnswerKind::wrong:  // removed while its password was being hashed
      verdict.kind = Verdict::Kind::wrong;
      break;
    case AnswerKind::suspended:
      verdict.kind = Verdict::Kind::suspended;
      break;
    case AnswerKind::unavailable:
    case AnswerKind::refused:  // only the shield says so
      break;
  }
  co_return verdict;
}

class StoreSource final : public BackendSource {
 public:
  [[nodiscard]] std::unique_ptr<Backend> on_core(const BackendParts& parts) override {
    return std::make_unique<StoreBackend>(parts);
  }
};

}  // namespace

std::unique_ptr<BackendSource> make_store_source() { return std::make_unique<StoreSource>(); }

}  // namespace sluice::auth
