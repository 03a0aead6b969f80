#include "engine/domain_keys/store_keys.h"

#include "auth/store/public_suffix.h"
#include "engine/domain_keys/dns_records.h"

namespace sluice::domain_keys {
namespace {

// In words for operators; where there is no store yet, as one that has nothing.
template <typename T>
std::expected<T, std::string> or_nothing(auth::StoreResult<T> found) {
  if (found) return *std::move(found);
  if (found.error().kind == auth::StoreError::Kind::not_found) return T();
  return std::unexpected(std::move(found.error().what));
}

}  // namespace

std::expected<std::vector<dkim::StoredKey>, std::string> StoreKeys::keys_of(std::string_view domain) {
  const auto found = or_nothing(keys_.find(domain, clock_->wall()));
  if (!found) return std::unexpected(found.error());
  std::vector<dkim::StoredKey> keys;
  for (const auth::KeyInUse& key : *found) {
    auto der = wrapper_.unwrap(domain, key.selector, key.private_key);
    if (!der) return std::unexpected(std::move(der.error()));
    keys.push_back({.selector = key.selector, .der = *std::move(der)});
  }
  return keys;
}

std::string StoreKeys::why_none(std::string_view domain) {
  const auto kept_back = or_nothing(keys_.kept_back(domain, clock_->wall()));
  if (!kept_back) return kept_back.error();
  if (kept_back->failing) return "the domain is failing (dkim.failing)";
  std::string names;
  for (const std::string& selector : kept_back->unfit)
    names += (names.empty() ? "" : ", ") + key_name(domain, selector);
  return names.empty() ? names : "no key fits its record: " + names;
}

std::expected<std::vector<std::string>, std::string> StoreKeys::parents_of(std::string_view domain) {
  auto found = or_nothing(keys_.parents(domain));
  if (found) std::erase_if(*found, auth::is_public_suffix);
  return found;
}

std::expected<std::string, std::string> StoreKeys::choice_of(std::string_view customer) {
  return or_nothing(keys_.choice(customer));
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
