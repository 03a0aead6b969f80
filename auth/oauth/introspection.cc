#include "auth/oauth/introspection.h"

#include <utility>

#include "auth/oauth/http_client.h"

namespace sluice::auth {

std::string introspection_form(std::string_view token) {
  constexpr std::string_view kBefore = "token=";
  constexpr std::string_view kBehind = "&token_type_hint=access_token";
  std::string encoded = form_encoded(token);
  std::string form;
  form.reserve(kBefore.size() + encoded.size() + kBehind.size());
  form.append(kBefore).append(encoded).append(kBehind);
  wipe_bytes(encoded.data(), encoded.size());
  return form;
}

std::expected<TokenGrant, IntrospectionFault> check_introspection(std::string_view response, const TokenRules& rules,
                                                                  const Name& name, WallMillis now) {
  const auto json = parse_json_object(response);
  if (!json) return std::unexpected(IntrospectionFault{.reason = "the introspection response " + json.error()});
  const json_t* const active = json_member(json->get(), "active");
  if (!json_is_boolean(active))
    return std::unexpected(IntrospectionFault{.reason = "the introspection response has no \"active\""});
  if (!json_is_true(active))
    return std::unexpected(
        IntrospectionFault{.wrong = true, .reason = "the introspection endpoint says that it is not active"});
  auto grant = check_claims(json->get(), ClaimsFrom::introspection, rules, name, now);
  if (!grant) return std::unexpected(IntrospectionFault{.wrong = true, .reason = std::move(grant.error())});
  return *std::move(grant);
}

}  // namespace sluice::auth
