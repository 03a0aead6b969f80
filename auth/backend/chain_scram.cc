// The part of BackendChain about SCRAM: the store's accounts alone have keys for it.
#include "auth/backend/chain.h"

#include "auth/text.h"

namespace sluice::auth {

// As with passwords, domains of back ends and a listener's choice say who may log in: of the store's accounts, too.
bool BackendChain::asks_store(const ScramLogin& login) const {
  const std::string key = login_key(login.name.text());
  for (std::size_t i = 0; const Link* const link = link_of(login.backends, i); ++i)
    if (link->options.kind == kStoreBackend && is_for_domain(link->options, login_domain(key))) return true;
  return false;
}

Task<std::expected<ScramKeys, Answer>> BackendChain::scram_keys(const ScramLogin& login) {
  AccountStore& store = parts_.store;
  auto keys = co_await io::run_on_workers<StoreResult<ScramKeys>>(
      parts_.loop, parts_.store_workers(), [&] { return store.scram_keys(login.name); }, "an account's keys for SCRAM",
      login.share);
  if (!keys) co_return std::unexpected(Answer::unavailable(kStoreBusy));
  if (!*keys) co_return std::unexpected(Answer::unavailable(keys->error().what));
  co_return **std::move(keys);
}

Task<Answer> BackendChain::admit_scram(const ScramLogin& login) {
  if (!asks_store(login)) co_return Answer::wrong();
  AccountStore& store = parts_.store;
  auto answer = co_await io::run_on_workers<Answer>(
      parts_.loop, parts_.store_workers(), [&] { return store.admit_scram(login.keys); }, "an account in the store",
      login.share);
  if (!answer) co_return Answer::unavailable(kStoreBusy);
  co_return *std::move(answer);
}

}  // namespace sluice::auth
