// Checks that whatever bytes are taken for a token, for an issuer's key set or for an introspection response:
//   - nothing is granted whose signature no key of the set has made;
//   - a header that is taken names an algorithm that is allowed, and reads the same again;
//   - what is told of a fault is clean text, and bounded.
// Input: a byte that says what the rest is: 0 a token, 1 a header and a payload (with "\n" between them, put into
// base64url here), 2 a key set, 3 an introspection response.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "auth/oauth/base64url.h"
#include "auth/oauth/introspection.h"
#include "auth/oauth/key_set.h"
#include "auth/oauth/token.h"
#include "auth/text.h"
#include "engine/base/check.h"

namespace {

using namespace sluice::auth;

constexpr sluice::WallMillis kNow = 1'800'000'000'000;
constexpr std::size_t kReasonBytesMax = 400;

// The keys of RFC 7515 A.3 and RFC 7517 A.1, by which no input is signed.
constexpr std::string_view kKeys =
    R"({"keys":[{"kty":"EC","kid":"a","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
    R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"},{"kty":"RSA","kid":"r","e":"AQAB","n":)"
    R"("0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMst)"
    R"(n64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn)"
    R"(1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"}]})";

const TokenRules& rules() {
  static const TokenRules made = [] {
    TokenRules fresh;
    fresh.issuer = "i";
    fresh.audiences = {"a"};
    fresh.customer_claim = "org";
    fresh.domains_claim = "domains";
    return fresh;
  }();
  return made;
}

const Name& user() {
  static const Name made = *Name::make("tim@example.com");
  return made;
}

void check_reason(const std::string& reason) {
  CHECK(!reason.empty() && reason.size() <= kReasonBytesMax && is_clean_text(reason));
}

void check_grant(const TokenGrant& grant) {
  CHECK(login_key(grant.user) == user().folded());
  CHECK(is_clean_text(grant.customer));
  for (const std::string& domain : grant.domains) CHECK(is_clean_text(domain));
}

void check_token_text(std::string_view token) {
  static const KeySet keys = *KeySet::parse(kKeys);
  const auto header = read_token_header(token, rules());
  if (!header) return check_reason(header.error());
  CHECK(header->algorithm != nullptr && find_signature_algorithm(header->algorithm->name) == header->algorithm);
  const auto checked = check_token(token, *header, keys, rules(), user(), kNow);
  CHECK(!checked);
  check_reason(checked.error().reason);
}

std::string encoded(std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text;
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : bytes) {
    bits = (bits << 8U) | static_cast<unsigned char>(c);
    for (count += 8; count >= 6; count -= 6) text += kDigits[bits >> (count - 6) & 63U];
  }
  if (count > 0) text += kDigits[bits << (6 - count) & 63U];
  CHECK(decode_base64url(text) == bytes);
  return text;
}

void check_parts(std::string_view text) {
  const std::size_t line = text.find('\n');
  if (line == std::string_view::npos) return;
  const std::string_view payload = text.substr(line + 1);
  const std::string token = encoded(text.substr(0, line)) + "." + encoded(payload) + "." + std::string(86, 'A');
  check_token_text(token);
  const auto json = parse_json_object(payload);
  if (!json) return check_reason(json.error());
  const auto named = user_named_by(token, rules().user_claim);
  CHECK(!named || is_clean_text(named->text()));
  const auto grant = check_claims(json->get(), ClaimsFrom::token, rules(), user(), kNow);
  if (!grant) return check_reason(grant.error());
  CHECK(grant->expires + 60'000 > kNow);
  check_grant(*grant);
}

void check_key_set(std::string_view text) {
  const auto keys = KeySet::parse(text);
  if (!keys) return check_reason(keys.error());
  CHECK(keys->size() > 0 && keys->size() <= kJwksKeysMax);
  for (const SignatureAlgorithm& algorithm : signature_algorithms())
    CHECK(keys->find(algorithm, nullptr).size() <= keys->size());
}

void check_response(std::string_view text) {
  const auto grant = check_introspection(text, rules(), user(), kNow);
  if (!grant) return check_reason(grant.error().reason);
  check_grant(*grant);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string text(data + 1, data + size);
  switch (data[0] % 4) {
    case 0:
      check_token_text(text);
      break;
    case 1:
      check_parts(text);
      break;
    case 2:
      check_key_set(text);
      break;
    default:
      check_response(text);
      break;
  }
  return 0;
}
