// Which keys of an issuer's are taken.
#include "auth/oauth/key_set.h"

#include <gtest/gtest.h>

#include "tests/unit/auth_oauth/signer.h"

namespace sluice::auth {
namespace {

std::string key_set_fault(const std::string& text) {
  const auto set = KeySet::parse(text);
  return set ? std::string() : set.error();
}

TEST(KeySet, TakesWhatSignaturesCanBeCheckedWith) {
  const auto set = KeySet::parse(key_set_of(
      {rsa_signer().jwk(), ec_signer().jwk(R"(,"key_ops":["sign","verify"])"), rsa_signer().jwk(R"(,"use":"enc")"),
       ec_signer().jwk(R"(,"key_ops":["deriveKey"])"), R"({"kty":"OKP","crv":"Ed25519","x":"AAAA","kid":"ed"})"}));
  ASSERT_TRUE(set) << set.error();
  EXPECT_EQ(set->size(), 2U);
  EXPECT_TRUE(set->has("rsa-1"));
  EXPECT_TRUE(set->has("ec-1"));
  EXPECT_FALSE(set->has("ed"));
}

TEST(KeySet, TakesNoKeyThatAnybodyCouldSignWith) {
  const auto only = [](const std::string& key) { return key_set_fault(key_set_of({key})); };
  const std::string none = "the key set has no key that can be used; the first one ";
  EXPECT_EQ(only(Signer::secret("s", "secret").jwk("", true)), none + "has a type of no use here");
  EXPECT_EQ(only(Signer::rsa("short", 1024).jwk()), none + "is too short or too long");
  EXPECT_EQ(only(rsa_signer().jwk(R"(,"alg":"HS256")")), none + "is for an algorithm of no use here");
  EXPECT_EQ(only(rsa_signer().jwk(R"(,"alg":"none")")), none + "is for an algorithm of no use here");
  EXPECT_EQ(only(rsa_signer().jwk(R"(,"use":7)")), none + "is not for signatures");
  std::string jwk = rsa_signer().jwk();
  const std::size_t at = jwk.find("AQAB");
  ASSERT_NE(at, std::string::npos);
  for (const char* const exponent : {"AQ", "AA", "Ag", "", "AQAAAAAAAAAB", "A Q"}) {
    std::string other = jwk;
    EXPECT_EQ(only(other.replace(at, 4, exponent)), none + "has an exponent that is none") << exponent;
  }
  EXPECT_EQ(only(R"({"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA"})"), none + "cannot be read");
  EXPECT_EQ(only(R"({"kty":"RSA","n":7,"e":"AQAB"})"), none + "cannot be read");
  EXPECT_EQ(only("7"), none + "is no object");
}

// libcjose's decoder ended the process.
TEST(KeySet, ANumberThatIsNoBase64urlEndsNothing) {
  const std::string none = "the key set has no key that can be used; the first one cannot be read";
  for (const std::string text : {"AAA====A", "AAAAA", "AA=", "A A", "AAAA=", "AA+/", "AB"}) {
    EXPECT_EQ(key_set_fault(key_set_of({R"({"kty":"RSA","e":"AQAB","n":")" + text + "\"}"})), none) << text;
    EXPECT_EQ(key_set_fault(key_set_of({R"({"kty":"EC","crv":"P-256","x":"AAAA","y":")" + text + "\"}"})), none)
        << text;
    EXPECT_EQ(key_set_fault(key_set_of({R"({"kty":"EC","crv":"P-256","y":"AAAA","x":")" + text + "\"}"})), none)
        << text;
  }
}

TEST(KeySet, IsReadStrictlyAndWithinBounds) {
  EXPECT_EQ(key_set_fault(""), "the key set is no JSON");
  EXPECT_EQ(key_set_fault("<html></html>"), "the key set is no JSON");
  EXPECT_EQ(key_set_fault("{}"), "the key set has no \"keys\"");
  EXPECT_EQ(key_set_fault(R"({"keys":{}})"), "the key set has no \"keys\"");
  EXPECT_EQ(key_set_fault(R"({"keys":[],"keys":[]})"), "the key set has a name twice");
  EXPECT_EQ(key_set_fault(R"({"keys":[]})"), "the key set has no key that can be used");
  EXPECT_EQ(key_set_fault(std::string(kJwksBytesMax + 1, ' ')), "the key set is too long");
  std::string keys = ec_signer().jwk();
  for (std::size_t i = 0; i < kJwksKeysMax; ++i) keys += "," + ec_signer().jwk();
  EXPECT_EQ(key_set_fault(R"({"keys":[)" + keys + "]}"), "the key set has too many keys");
}

// Some publish more than they should.
TEST(KeySet, APrivateKeyIsTakenForItsPublicPart) {
  const auto set = KeySet::parse(key_set_of({ec_signer().jwk("", true)}));
  ASSERT_TRUE(set) << set.error();
  const auto found = set->find(*find_signature_algorithm("ES256"), nullptr);
  ASSERT_EQ(found.size(), 1U);
  cjose_err error{};
  char* const text = cjose_jwk_to_json(found.front(), true, &error);
  EXPECT_EQ(std::string(text).find("\"d\""), std::string::npos);
  std::free(text);
}

}  // namespace
}  // namespace sluice::auth
