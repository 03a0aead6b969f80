// The part of BackendChain about SCRAM and EXTERNAL: the store's accounts alone have keys and certificates for these.
#include "auth/backend/chain.h"

#include "auth/text.h"

namespace sluice::auth {

// As with passwords, domains of back ends and a listener's choice say who may log in: of the store's accounts, too.
bool BackendChain::asks_store(std::string_view name, std::span<const std::uint8_t> chosen) const {
  const std::string key = login_key(name);
  for (std::size_t i = 0; const Link* const link = link_of(chosen, i); ++i)
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
  if (!asks_store(login.name.text(), login.backends)) co_return Answer::wrong();
  AccountStore& store = parts_.store;
  auto answer = co_await io::run_on_workers<Answer>(
      parts_.loop, parts_.store_workers(), [&] { return store.admit_scram(login.keys); }, "an account in the store",
      login.share);
  if (!answer) co_return Answer::unavailable(kStoreBusy);
  co_return *std::move(answer);
}

Task<Answer> BackendChain::check_certificate(const CertificateLogin& login) {
  AccountStore& store = parts_.store;
  auto answer = co_await io::run_on_workers<Answer>(
      parts_.loop, parts_.store_workers(), [&] { return store.admit_certificate(login); }, "a certificate's account",
      login.share);
  if (!answer) co_return Answer::unavailable(kStoreBusy);
  if (answer->identity != nullptr && !asks_store(answer->identity->account_name, login.backends)) {
    Answer wrong = Answer::wrong();
    wrong.reason = "certificate " + login.fingerprint + ": its account is in a domain that the store is not asked for";
    co_return wrong;
  }
  co_return *std::move(answer);
}

}  // namespace sluice::auth
