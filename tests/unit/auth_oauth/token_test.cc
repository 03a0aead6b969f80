// Signed tokens: each way in which one does not check, and none that is let through.
#include "auth/oauth/token.h"

#include <gtest/gtest.h>

#include "auth/oauth/base64url.h"
#include "tests/unit/auth_oauth/signer.h"

namespace sluice::auth {
namespace {

KeySet keys_of(std::initializer_list<std::string> keys) {
  auto set = KeySet::parse(key_set_of(keys));
  EXPECT_TRUE(set) << set.error();
  return *std::move(set);
}

const KeySet& issuer_keys() {
  static const KeySet keys = keys_of({rsa_signer().jwk(), ec_signer().jwk()});
  return keys;
}

// Empty: granted.
std::string token_fault(std::string_view token, const TokenRules& rules = rules_of_tests(),
                        const KeySet& keys = issuer_keys()) {
  const auto header = read_token_header(token, rules);
  if (!header) return header.error();
  const auto grant = check_token(token, *header, keys, rules, *Name::make("tim@example.com"), kTokenNow);
  if (grant) return {};
  return (grant.error().unknown_key ? "unknown key: " : "") + grant.error().reason;
}

TokenRules rules_with(std::string algorithm) {
  TokenRules rules = rules_of_tests();
  rules.algorithms = {std::move(algorithm)};
  return rules;
}

// A header and claims with a signature that is none.
std::string unsigned_token(std::string_view header, std::string_view signature = "AAAA") {
  return base64url(header) + "." + base64url(claims_with()) + "." + std::string(signature);
}

TEST(Token, IsGrantedByEachAlgorithm) {
  for (const char* const name : {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
    EXPECT_EQ(token_fault(rsa_signer().token(name, claims_with()), rules_with(name)), "") << name;
  EXPECT_EQ(token_fault(ec_signer().token("ES256", claims_with()), rules_with("ES256")), "");
  const Signer p384 = Signer::ec("p384", CJOSE_JWK_EC_P_384);
  const Signer p521 = Signer::ec("p521", CJOSE_JWK_EC_P_521);
  const KeySet keys = keys_of({p384.jwk(), p521.jwk()});
  EXPECT_EQ(token_fault(p384.token("ES384", claims_with()), rules_with("ES384"), keys), "");
  EXPECT_EQ(token_fault(p521.token("ES512", claims_with()), rules_with("ES512"), keys), "");
}

TEST(Token, ItsAlgorithmIsOneOfThoseThatAreAllowed) {
  EXPECT_EQ(token_fault(rsa_signer().token("RS384", claims_with())), R"(alg is "RS384")");
  EXPECT_EQ(token_fault(unsigned_token(R"({"alg":"none"})", "")), "it is no signed JWT");
  EXPECT_EQ(token_fault(unsigned_token(R"({"alg":"none"})")), R"(alg is "none")");
  EXPECT_EQ(token_fault(unsigned_token(R"({"alg":"rs256"})")), R"(alg is "rs256")");
  EXPECT_EQ(token_fault(unsigned_token(R"({"alg":["RS256"]})")), "alg is missing");
  EXPECT_EQ(token_fault(unsigned_token("{}")), "alg is missing");
  // Not even where the list has it.
  EXPECT_EQ(token_fault(unsigned_token(R"({"alg":"none"})"), rules_with("none")), R"(alg is "none")");
}

// The public key is known to everybody, and must never serve as the secret of an HMAC.
TEST(Token, APublicKeyIsNoSecretOfAnHmac) {
  const std::string jwk = rsa_signer().jwk("");
  const auto json = parse_json_object(jwk);
  for (const std::string& known :
       {jwk, std::string(*json_string(json->get(), "n")), *decode_base64url(*json_string(json->get(), "n"))}) {
    const std::string token = Signer::secret("rsa-1", known).token("HS256", claims_with());
    EXPECT_EQ(token_fault(token), R"(alg is "HS256")");
    EXPECT_EQ(token_fault(token, rules_with("HS256")), R"(alg is "HS256")");
  }
}

TEST(Token, ItsAlgorithmFitsItsKey) {
  EXPECT_EQ(token_fault(unsigned_token(R"({"alg":"ES256","kid":"rsa-1"})")), R"(key "rsa-1" is not for ES256)");
  EXPECT_EQ(token_fault(unsigned_token(R"({"alg":"RS256","kid":"ec-1"})")), R"(key "ec-1" is not for RS256)");
  EXPECT_EQ(token_fault(unsigned_token(R"({"alg":"ES384","kid":"ec-1"})"), rules_with("ES384")),
            R"(key "ec-1" is not for ES384)");
  // A key may be for one algorithm alone (RFC 7517 4.4).
  const KeySet keys = keys_of({rsa_signer().jwk(R"(,"alg":"RS256")")});
  EXPECT_EQ(token_fault(rsa_signer().token("RS256", claims_with()), rules_of_tests(), keys), "");
  EXPECT_EQ(token_fault(rsa_signer().token("PS256", claims_with()), rules_of_tests(), keys),
            R"(key "rsa-1" is not for PS256)");
}

TEST(Token, ItsSignatureIsByThatKeyAndOverAllOfIt) {
  const std::string token = ec_signer().token("ES256", claims_with());
  const std::size_t second = token.rfind('.');
  const std::string other = ec_signer().token("ES256", claims_with("scope", R"("smtp admin")"));
  EXPECT_EQ(token_fault(other.substr(0, other.rfind('.')) + token.substr(second)), "its signature is wrong");
  EXPECT_EQ(token_fault(token.substr(0, second) + ".AAAA"), "its signature is wrong");
  EXPECT_EQ(token_fault(token.substr(0, second) + "." + base64url(std::string(64, '\0'))), "its signature is wrong");
  const Signer stranger = Signer::ec("ec-1");
  EXPECT_EQ(token_fault(stranger.token("ES256", claims_with())), "its signature is wrong");
}

TEST(Token, ItsKeyIsOneOfTheIssuers) {
  const Signer stranger = Signer::ec("ec-2");
  const std::string token = stranger.token("ES256", claims_with());
  EXPECT_EQ(token_fault(token), R"(unknown key: key "ec-2" is not among the issuer's keys)");
  EXPECT_EQ(token_fault(token, rules_of_tests(), keys_of({stranger.jwk(), ec_signer().jwk()})), "");
  // What a token brings with it is nobody's key but its own.
  const std::string with_key =
      stranger.sign(R"({"alg":"ES256","jwk":)" + stranger.jwk("") + R"(,"kid":"ec-1"})", claims_with());
  EXPECT_EQ(token_fault(with_key), "its signature is wrong");
}

TEST(Token, WithoutAKeyIdIsTriedWithThoseThatFit) {
  const Signer unnamed = Signer::ec("");
  const Signer stranger = Signer::ec("");
  const KeySet keys = keys_of({rsa_signer().jwk(), ec_signer().jwk(), unnamed.jwk()});
  EXPECT_EQ(token_fault(unnamed.token("ES256", claims_with()), rules_of_tests(), keys), "");
  EXPECT_EQ(token_fault(ec_signer().sign(R"({"alg":"ES256"})", claims_with()), rules_of_tests(), keys), "");
  EXPECT_EQ(token_fault(stranger.token("ES256", claims_with()), rules_of_tests(), keys),
            "unknown key: its signature is wrong");
  EXPECT_EQ(token_fault(stranger.token("ES256", claims_with()), rules_of_tests(), keys_of({rsa_signer().jwk()})),
            "unknown key: a key without an id is not among the issuer's keys");
  const KeySet many =
      keys_of({unnamed.jwk(), unnamed.jwk(), unnamed.jwk(), unnamed.jwk(), unnamed.jwk(), ec_signer().jwk()});
  EXPECT_EQ(token_fault(unnamed.token("ES256", claims_with()), rules_of_tests(), many),
            "it does not say by which of many keys it is signed");
}

TEST(Token, HasThreePartsInBase64url) {
  const std::string token = ec_signer().token("ES256", claims_with());
  const std::size_t first = token.find('.');
  const std::size_t second = token.rfind('.');
  for (const std::string& broken :
       {std::string(), std::string("."), std::string(".."), std::string("opaque"), token.substr(0, first),
        token.substr(0, second), token.substr(0, second + 1), token + ".", token + ".AAAA", "." + token, token + "=",
        token + "\n", " " + token, token.substr(0, first) + "+" + token.substr(first),
        token.substr(0, first) + "A" + token.substr(first)}) {
    const std::string why = token_fault(broken);
    EXPECT_TRUE(why == "it is no signed JWT" || why == "its header is no JSON") << broken << ": " << why;
  }
  EXPECT_EQ(token_fault(std::string(kTokenBytesMax, 'A')), "it is no signed JWT");
  EXPECT_EQ(token_fault(std::string(kTokenBytesMax, '.')), "it is no signed JWT");
}

// Two readers may take one of the two each.
// Of a login that names nobody: read before the token is checked, and no more than a name.
TEST(Token, NamesAUserInItsClaim) {
  const auto named = [](std::string_view token, const std::string& claim = "email") {
    const auto name = user_named_by(token, claim);
    return name ? name->text() : "";
  };
  EXPECT_EQ(named(unsigned_token(R"({"alg":"none"})")), "tim@example.com");
  EXPECT_EQ(named(unsigned_token("{}"), "iss"), rules_of_tests().issuer);
  EXPECT_EQ(named(unsigned_token("{}"), "absent"), "");
  EXPECT_EQ(named(unsigned_token("{}"), "exp"), "") << "no text";
  EXPECT_EQ(named("ya29.opaque"), "");
  EXPECT_EQ(named("e30." + base64url("[]") + ".AAAA"), "");
  EXPECT_EQ(named("e30." + base64url(R"({"email":"a\r\nb"})") + ".AAAA"), "") << "no clean name";
}

TEST(Token, WithANameTwiceIsNone) {
  EXPECT_EQ(token_fault(unsigned_token(R"({"alg":"none","alg":"ES256"})")), "its header has a name twice");
  EXPECT_EQ(token_fault(unsigned_token(R"({"alg":"ES256","\u0061lg":"none"})")), "its header has a name twice");
  std::string claims = claims_with();
  claims.insert(1, R"("email":"ann@example.com",)");
  EXPECT_EQ(token_fault(ec_signer().token("ES256", claims)), "its payload has a name twice");
  EXPECT_EQ(token_fault(ec_signer().token("ES256", "no JSON")), "its payload is no JSON");
  EXPECT_EQ(token_fault(ec_signer().token("ES256", "[]")), "its payload is no JSON object");
}

TEST(Token, WithHeadersThatMeanMoreThanIsUnderstoodIsRefused) {
  const auto sign = [](const std::string& more) {
    return ec_signer().sign(R"({"alg":"ES256","kid":"ec-1",)" + more + "}", claims_with());
  };
  EXPECT_EQ(token_fault(sign(R"("crit":["b64"],"b64":false)")), "it has crit");
  EXPECT_EQ(token_fault(sign(R"("typ":"logout+jwt")")), R"(typ is "logout+jwt")");
  EXPECT_EQ(token_fault(sign(R"("typ":7)")), R"(typ is "")");
  for (const char* const type : {"JWT", "jwt", "at+jwt", "application/at+jwt"})
    EXPECT_EQ(token_fault(sign(R"("typ":")" + std::string(type) + "\"")), "") << type;
  EXPECT_EQ(token_fault(unsigned_token(R"({"alg":"ES256","kid":7})")), "kid is no id");
  EXPECT_EQ(token_fault(unsigned_token(R"({"alg":"ES256","kid":""})")), "kid is no id");
  EXPECT_EQ(token_fault(unsigned_token(R"({"alg":"ES256","kid":")" + std::string(257, 'k') + "\"}")), "kid is no id");
}

TEST(Token, ItsClaimsCountOnceItsSignatureIsRight) {
  EXPECT_EQ(token_fault(ec_signer().token("ES256", claims_with("exp", "1"))), "it has expired");
  EXPECT_EQ(token_fault(Signer::ec("ec-1").token("ES256", claims_with("exp", "1"))), "its signature is wrong");
}

TEST(Base64url, HasOneSpellingForEachText) {
  EXPECT_EQ(decode_base64url(""), "");
  EXPECT_EQ(decode_base64url("-_8"), "\xfb\xff");
  for (const char* const text : {"A", "AAAAA", "AB", "AAB", "AA==", "A A", "+/8", "AA\n"})
    EXPECT_EQ(decode_base64url(text), std::nullopt) << text;
  for (std::size_t size = 0; size < 8; ++size)
    EXPECT_EQ(decode_base64url(base64url(std::string(size, '\xfe'))), std::string(size, '\xfe'));
}

}  // namespace
}  // namespace sluice::auth
