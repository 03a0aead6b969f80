// The part of BackendChain about SCRAM: the store's accounts alone have keys for it.
#include "auth/backend/chain.h"

namespace sluice::auth {

Task<std::expected<ScramKeys, Answer>> BackendChain::scram_keys(const ScramLogin& login) {
  AccountStore& store = parts_.store;
  auto keys = co_await io::run_on_workers<StoreResult<ScramKeys>>(
      parts_.loop, parts_.store_workers(), [&] { return store.scram_keys(login.name); }, "an account's keys for SCRAM",
      login.share);
  if (!keys) co_return std::unexpected(Answer::unavailable("too many look-ups wait for the account store"));
  if (!*keys) co_return std::unexpected(Answer::unavailable(keys->error().what));
  co_return **std::move(keys);
}

Task<Answer> BackendChain::admit_scram(const ScramLogin& login) {
  AccountStore& store = parts_.store;
  auto answer = co_await io::run_on_workers<Answer>(
      parts_.loop, parts_.store_workers(), [&] { return store.admit_scram(login.keys); }, "an account in the store",
      login.share);
  if (!answer) co_return Answer::unavailable("too many look-ups wait for the account store");
  co_return *std::move(answer);
}

}  // namespace sluice::auth
