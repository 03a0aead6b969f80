#include "auth/oauth/token.h"

#include <cjose/jws.h>

#include <algorithm>
#include <memory>

#include "auth/oauth/base64url.h"
#include "auth/text.h"

namespace sluice::auth {
namespace {

// Of keys that a token without a key id may be checked with.
constexpr std::size_t kKeysTriedMax = 4;
constexpr std::size_t kKeyIdBytesMax = 256;

struct JwsRelease {
  void operator()(cjose_jws_t* jws) const { cjose_jws_release(jws); }
};
using JwsRef = std::unique_ptr<cjose_jws_t, JwsRelease>;

// RFC 9068 2.1 and what is usual elsewhere; other types are other things, such as a logout token.
bool is_access_token_type(std::string_view type) {
  constexpr std::string_view kPrefix = "application/";
  if (equal_ignoring_case(type.substr(0, kPrefix.size()), kPrefix)) type.remove_prefix(kPrefix.size());
  return equal_ignoring_case(type, "JWT") || equal_ignoring_case(type, "at+jwt");
}

// The three parts of the compact form are there, each in base64url; their text is not looked into.
bool is_compact(std::string_view token) {
  if (std::ranges::count(token, '.') != 2) return false;
  const std::size_t first = token.find('.');
  const std::size_t second = token.find('.', first + 1);
  return decode_base64url(token.substr(0, first)) && decode_base64url(token.substr(first + 1, second - first - 1)) &&
         decode_base64url(token.substr(second + 1)) && second + 1 < token.size();
}

// libcjose keeps what it has verified in the JWS, so that each key has one of its own.
JwsRef verified(std::string_view token, const cjose_jwk_t* key) {
  cjose_err error{};
  JwsRef jws(cjose_jws_import(token.data(), token.size(), &error));
  if (jws == nullptr || !cjose_jws_verify(jws.get(), key, &error)) return nullptr;
  return jws;
}

std::expected<TokenGrant, std::string> check_payload(cjose_jws_t* jws, const TokenRules& rules, const Name& name,
                                                     WallMillis now) {
  std::uint8_t* bytes = nullptr;  // the JWS has it
  std::size_t size = 0;
  cjose_err error{};
  if (!cjose_jws_get_plaintext(jws, &bytes, &size, &error)) return std::unexpected("its payload cannot be read");
  const auto claims = parse_json_object({reinterpret_cast<const char*>(bytes), size});
  if (!claims) return std::unexpected("its payload " + claims.error());
  return check_claims(claims->get(), ClaimsFrom::token, rules, name, now);
}

}  // namespace

std::expected<TokenHeader, std::string> read_token_header(std::string_view token, const TokenRules& rules) {
  if (!is_compact(token)) return std::unexpected("it is no signed JWT");
  const auto text = decode_base64url(token.substr(0, token.find('.')));
  const auto json = parse_json_object(*text);
  if (!json) return std::unexpected("its header " + json.error());
  const json_t* const object = json->get();
  const auto name = json_string(object, "alg");
  if (!name) return std::unexpected("alg is missing");
  if (std::ranges::find(rules.algorithms, *name) == rules.algorithms.end())
    return std::unexpected("alg is " + shown_text(*name));
  // RFC 7515 4.1.11: "If any of the listed extension Header Parameters are not understood [...] then the JWS is
  // invalid."
  if (json_member(object, "crit") != nullptr) return std::unexpected("it has crit");
  if (json_member(object, "typ") != nullptr && !is_access_token_type(json_string(object, "typ").value_or("")))
    return std::unexpected("typ is " + shown_text(json_string(object, "typ").value_or("")));
  TokenHeader header{.algorithm = find_signature_algorithm(*name)};
  if (header.algorithm == nullptr) return std::unexpected("alg is " + shown_text(*name));
  if (json_member(object, "kid") == nullptr) return header;
  const auto id = json_string(object, "kid");
  if (!id || id->empty() || id->size() > kKeyIdBytesMax) return std::unexpected("kid is no id");
  header.key_id = *id;
  return header;
}

std::optional<Name> user_named_by(std::string_view token, const std::string& claim) {
  if (!is_compact(token)) return std::nullopt;
  const std::size_t begin = token.find('.') + 1;
  const auto claims = parse_json_object(*decode_base64url(token.substr(begin, token.find('.', begin) - begin)));
  if (!claims) return std::nullopt;
  const auto user = json_string(claims->get(), claim);
  return user ? Name::make(*user) : std::nullopt;
}

std::expected<TokenGrant, TokenFault> check_token(std::string_view token, const TokenHeader& header, const KeySet& keys,
                                                  const TokenRules& rules, const Name& name, WallMillis now) {
  const std::string* const id = header.key_id ? &*header.key_id : nullptr;
  const auto candidates = keys.find(*header.algorithm, id);
  const std::string named = id != nullptr ? "key " + shown_text(*id) : "a key without an id";
  if (candidates.empty()) {
    const bool known = id != nullptr && keys.has(*id);
    return std::unexpected(TokenFault{.unknown_key = !known,
                                      .reason = known ? named + " is not for " + std::string(header.algorithm->name)
                                                      : named + " is not among the issuer's keys"});
  }
  if (candidates.size() > kKeysTriedMax)
    return std::unexpected(TokenFault{.reason = "it does not say by which of many keys it is signed"});
  for (const cjose_jwk_t* const key : candidates) {
    const JwsRef jws = verified(token, key);
    if (jws == nullptr) continue;
    auto grant = check_payload(jws.get(), rules, name, now);
    if (!grant) return std::unexpected(TokenFault{.reason = std::move(grant.error())});
    return *std::move(grant);
  }
  // Without an id, another key may have come since.
  return std::unexpected(TokenFault{.unknown_key = id == nullptr, .reason = "its signature is wrong"});
}

}  // namespace sluice::auth
