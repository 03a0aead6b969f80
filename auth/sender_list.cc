#include "auth/sender_list.h"

#include <algorithm>
#include <cstddef>

#include "auth/text.h"
#include "engine/base/domain_name.h"

namespace sluice::auth {
namespace {

constexpr std::size_t kLocalPartBytesMax = 64;

// Whether `pattern` fits the whole of `text`.  In time of the product of their lengths at most: to go on from the last
// "*" is always enough.
bool fits(std::string_view pattern, std::string_view text) {
  std::size_t at = 0;
  std::size_t in_text = 0;
  std::size_t after_star = std::string_view::npos;
  std::size_t taken = 0;  // up to here the last "*" stands for it
  while (in_text < text.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      after_star = ++at;
      taken = in_text;
    } else if (at < pattern.size() && pattern[at] == text[in_text]) {
      ++at;
      ++in_text;
    } else if (after_star != std::string_view::npos) {
      at = after_star;
      in_text = ++taken;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', at) == std::string_view::npos;
}

}  // namespace

SenderList::SenderList(const std::vector<std::string>& entries) {
  std::vector<std::string> domains;
  std::vector<std::string> address_domains;
  for (const std::string& entry : entries) {
    const std::size_t at = entry.rfind('@');
    if (at == std::string::npos) {
      domains.push_back(entry);
    } else {
      addresses_.push_back({.local = entry.substr(0, at), .domain = entry.substr(at + 1)});
      address_domains.push_back(addresses_.back().domain);
    }
  }
  domains_ = DomainList(std::move(domains));
  address_domains_ = DomainList(std::move(address_domains));
}

bool SenderList::covers_in(std::string_view domain) const {
  return domains_.covers(domain) || address_domains_.covers(domain);
}

bool SenderList::covers(std::string_view local, std::string_view domain) const {
  if (domains_.covers(domain)) return true;
  if (!address_domains_.covers(domain)) return false;
  const std::string key = domain_key(domain);
  const std::string lowered = ascii_lower(local);
  return std::ranges::any_of(addresses_,
                             [&](const Address& each) { return each.domain == key && fits(each.local, lowered); });
}

std::optional<std::string> canonical_sender_entry(std::string_view text) {
  const std::size_t at = text.rfind('@');
  if (at == std::string_view::npos) return canonical_domain_entry(text);
  const std::string_view local = text.substr(0, at);
  auto domain = canonical_domain_entry(text.substr(at + 1));
  if (!domain || domain->starts_with('*')) return std::nullopt;
  if (local.empty() || local.size() > kLocalPartBytesMax || !is_clean_text(local)) return std::nullopt;
  return ascii_lower(local) + "@" + *domain;
}

std::string_view domain_of_entry(std::string_view entry) {
  const std::size_t at = entry.rfind('@');
  return at == std::string_view::npos ? entry : entry.substr(at + 1);
}

}  // namespace sluice::auth
