#include "engine/domain_keys/new_key.h"

#include <algorithm>
#include <utility>

#include "engine/dkim/key_generation.h"
#include "engine/dkim/signatory.h"
#include "engine/smtp/base64.h"

namespace sluice::domain_keys {
namespace {

// It becomes part of zone files.
bool is_selector(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
}

}  // namespace

std::expected<auth::NewSigningKey, std::string> key_for_store(std::string_view domain, std::string_view selector,
                                                              const dkim::KeyDer& der, auth::KeyState state,
                                                              const KeyStorage& storage) {
  // As the signer will have it.
  if (const auto signatory = dkim::Signatory::make(domain, selector); !signatory)
    return std::unexpected(signatory.error());
  if (!is_selector(selector))
    return std::unexpected("a selector that is not of small letters, digits, \"-\", \"_\" and \".\"");
  const auto key = dkim::parse_key(der);
  if (!key) return std::unexpected(key.error());
  std::string public_key;
  smtp::append_base64((*key)->public_key(), public_key);
  return auth::NewSigningKey{.record = {.domain = std::string(domain),
                                        .selector = std::string(selector),
                                        .algorithm = std::string(dkim::name((*key)->algorithm())),
                                        .state = state,
                                        .since = storage.now,
                                        .created = storage.now,
                                        .public_key = std::move(public_key)},
                             .private_key = storage.wrapper.wrap(domain, selector, der, storage.random)};
}

std::expected<auth::NewSigningKey, std::string> make_key_for_store(std::string_view domain, std::string_view selector,
                                                                   dkim::Algorithm algorithm,
                                                                   const KeyStorage& storage) {
  const auto der = dkim::generate_key(algorithm);
  if (!der) return std::unexpected(der.error());
  return key_for_store(domain, selector, *der, auth::KeyState::published, storage);
}

}  // namespace sluice::domain_keys
