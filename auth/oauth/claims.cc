#include "auth/oauth/claims.h"

#include <algorithm>
#include <string_view>

#include "auth/domain_list.h"
#include "auth/secret.h"
#include "auth/text.h"

namespace sluice::auth {
namespace {

using Checked = std::expected<void, std::string>;

constexpr std::size_t kDomainsMax = 1000;

// A string, or an array of strings; between blanks or commas where `separators` has them.  Nothing: it is neither.
std::optional<std::vector<std::string>> words_of(const json_t* value, std::string_view separators) {
  std::vector<std::string> words;
  const auto add = [&](const json_t* text) {
    if (!json_is_string(text)) return false;
    std::string_view rest{json_string_value(text), json_string_length(text)};
    for (;;) {
      const std::size_t end = rest.find_first_of(separators);
      if (const std::string_view word = rest.substr(0, end); !word.empty()) words.emplace_back(word);
      if (end == std::string_view::npos) return true;
      rest.remove_prefix(end + 1);
    }
  };
  if (!json_is_array(value)) return add(value) ? std::optional(words) : std::nullopt;
  std::size_t index = 0;
  const json_t* each = nullptr;
  json_array_foreach(value, index, each) {
    if (!add(each)) return std::nullopt;
  }
  return words;
}

Checked check_issuer(const json_t* claims, const TokenRules& rules) {
  if (rules.issuer.empty()) return {};
  const auto issuer = json_string(claims, "iss");
  if (!issuer) return std::unexpected("iss is missing");
  if (*issuer != rules.issuer) return std::unexpected("iss is " + shown_text(*issuer));
  return {};
}

Checked check_audience(const json_t* claims, const TokenRules& rules) {
  if (rules.audiences.empty()) return {};
  const auto given = words_of(json_member(claims, "aud"), "");
  if (!given || given->empty()) return std::unexpected("aud is missing");
  for (const std::string& each : *given)
    if (std::ranges::find(rules.audiences, each) != rules.audiences.end()) return {};
  return std::unexpected("aud is " + shown_text(given->front()));
}

// The end, or 0.
std::expected<WallMillis, std::string> check_times(const json_t* claims, ClaimsFrom from, const TokenRules& rules,
                                                   WallMillis now) {
  const WallMillis skew = std::chrono::duration_cast<std::chrono::milliseconds>(rules.clock_skew).count();
  WallMillis expires = 0;
  if (const json_t* const exp = json_member(claims, "exp"); exp != nullptr) {
    const auto end = json_date(exp);
    if (!end) return std::unexpected("exp is no time");
    if (*end + skew <= now) return std::unexpected("it has expired");
    expires = std::max<WallMillis>(*end, 1);
  } else if (from == ClaimsFrom::token) {
    return std::unexpected("exp is missing");
  }
  if (const json_t* const nbf = json_member(claims, "nbf"); nbf != nullptr) {
    const auto begin = json_date(nbf);
    if (!begin) return std::unexpected("nbf is no time");
    if (*begin - skew > now) return std::unexpected("it is not valid yet");
  }
  return expires;
}

// "scope" is words between blanks (RFC 8693 4.2); Microsoft's is "scp", some issuers' an array.
Checked check_scope(const json_t* claims, const TokenRules& rules) {
  if (rules.scope.empty()) return {};
  const json_t* scope = json_member(claims, "scope");
  if (scope == nullptr) scope = json_member(claims, "scp");
  const auto words = words_of(scope, " ");
  if (!words) return std::unexpected("scope is missing");
  if (std::ranges::find(*words, rules.scope) != words->end()) return {};
  return std::unexpected("its scope does not have " + shown_text(rules.scope));
}

Checked check_user(const json_t* claims, const TokenRules& rules, const Name& name, TokenGrant& grant) {
  const auto user = json_string(claims, rules.user_claim);
  if (!user || !Name::make(*user)) return std::unexpected(rules.user_claim + " is missing or no name");
  // OpenID Connect Core 5.1: an address that nobody has made sure of is anybody's.
  const json_t* const verified = json_member(claims, "email_verified");
  if (rules.user_claim == "email" && verified != nullptr && !json_is_true(verified))
    return std::unexpected("email is not verified");
  if (login_key(*user) != name.folded()) return std::unexpected(rules.user_claim + " is " + shown_text(*user));
  grant.user = *user;
  return {};
}

Checked read_owner(const json_t* claims, const TokenRules& rules, TokenGrant& grant) {
  if (!rules.customer_claim.empty() && json_member(claims, rules.customer_claim) != nullptr) {
    const auto customer = json_string(claims, rules.customer_claim);
    if (!customer || customer->size() > kCustomerBytesMax || !is_clean_text(*customer))
      return std::unexpected(rules.customer_claim + " is no name of a customer");
    grant.customer = *customer;
  }
  if (rules.domains_claim.empty() || json_member(claims, rules.domains_claim) == nullptr) return {};
  const auto domains = words_of(json_member(claims, rules.domains_claim), ", ");
  const bool good = domains && domains->size() <= kDomainsMax && std::ranges::all_of(*domains, [](const auto& domain) {
                      return domain.size() <= kDomainBytesMax && is_clean_text(domain);
                    });
  if (!good) return std::unexpected(rules.domains_claim + " is no list of domains");
  grant.domains = *domains;
  return {};
}

}  // namespace

std::expected<TokenGrant, std::string> check_claims(const json_t* claims, ClaimsFrom from, const TokenRules& rules,
                                                    const Name& name, WallMillis now) {
  TokenGrant grant;
  if (auto good = check_issuer(claims, rules); !good) return std::unexpected(good.error());
  if (auto good = check_audience(claims, rules); !good) return std::unexpected(good.error());
  const auto expires = check_times(claims, from, rules, now);
  if (!expires) return std::unexpected(expires.error());
  grant.expires = *expires;
  // RFC 7800: it is to be used by the holder of a key alone, who is not asked to show that here.
  if (json_member(claims, "cnf") != nullptr) return std::unexpected("it is bound to a key");
  if (auto good = check_scope(claims, rules); !good) return std::unexpected(good.error());
  if (auto good = check_user(claims, rules, name, grant); !good) return std::unexpected(good.error());
  if (auto good = read_owner(claims, rules, grant); !good) return std::unexpected(good.error());
  return grant;
}

}  // namespace sluice::auth
