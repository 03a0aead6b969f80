#include "engine/domain_keys/store_keys.h"

#include "auth/store/public_suffix.h"
#include "engine/domain_keys/dns_records.h"

namespace sluice::domain_keys {

std::expected<std::vector<dkim::StoredKey>, std::string> StoreKeys::keys_of(std::string_view domain) {
  const auto found = keys_.find(domain, clock_->wall());
  if (!found && found.error().kind == auth::StoreError::Kind::not_found) return std::vector<dkim::StoredKey>();
  if (!found) return std::unexpected(found.error().what);
  std::vector<dkim::StoredKey> keys;
  for (const auth::KeyInUse& key : *found) {
    auto der = wrapper_.unwrap(domain, key.selector, key.private_key);
    if (!der) return std::unexpected(std::move(der.error()));
    keys.push_back({.selector = key.selector, .der = *std::move(der)});
  }
  return keys;
}

std::string StoreKeys::why_none(std::string_view domain) {
  const auto kept_back = keys_.kept_back(domain, clock_->wall());
  if (!kept_back && kept_back.error().kind == auth::StoreError::Kind::not_found) return {};
  if (!kept_back) return kept_back.error().what;
  if (kept_back->failing) return "the domain is failing (dkim.failing)";
  std::string names;
  for (const std::string& selector : kept_back->unfit)
    names += (names.empty() ? "" : ", ") + key_name(domain, selector);
  return names.empty() ? names : "no key fits its record: " + names;
}

std::expected<std::vector<std::string>, std::string> StoreKeys::parents_of(std::string_view domain) {
  auto found = keys_.parents(domain);
  if (!found && found.error().kind == auth::StoreError::Kind::not_found) return std::vector<std::string>();
  if (!found) return std::unexpected(found.error().what);
  std::erase_if(*found, auth::is_public_suffix);
  return *std::move(found);
}

std::expected<std::string, std::string> StoreKeys::choice_of(std::string_view customer) {
  auto found = keys_.choice(customer);
  if (!found && found.error().kind == auth::StoreError::Kind::not_found) return std::string();
  if (!found) return std::unexpected(found.error().what);
  return *std::move(found);
}

std::expected<std::vector<dkim::StoredKey>, std::string> FirstOfSources::keys_of(std::string_view domain) {
  for (const auto& source : sources_)
    if (auto keys = source->keys_of(domain); !keys || !keys->empty()) return keys;
  return std::vector<dkim::StoredKey>();
}

std::string FirstOfSources::why_none(std::string_view domain) {
  for (const auto& source : sources_)
    if (std::string why = source->why_none(domain); !why.empty()) return why;
  return {};
}

std::expected<std::vector<std::string>, std::string> FirstOfSources::parents_of(std::string_view domain) {
  for (const auto& source : sources_)
    if (auto parents = source->parents_of(domain); !parents || !parents->empty()) return parents;
  return std::vector<std::string>();
}

std::expected<std::string, std::string> FirstOfSources::choice_of(std::string_view customer) {
  for (const auto& source : sources_)
    if (auto choice = source->choice_of(customer); !choice || !choice->empty()) return choice;
  return std::string();
}

}  // namespace sluice::domain_keys
