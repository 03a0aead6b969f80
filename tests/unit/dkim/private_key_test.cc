// Keys: what is taken as one, what they sign, and what is refused.  The signatures of RFC 8463 A.3 are in
// signing_input_test.cc.
#include "engine/dkim/private_key.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/support/rfc8463_keys.h"

namespace sluice::dkim {
namespace {

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using Pkey = std::unique_ptr<EVP_PKEY, FreeKey>;

const unsigned char* raw(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

bool verifies(const PrivateKey& key, const Digest& digest, const Signature& signature) {
  const std::string bytes = key.public_key();
  const unsigned char* at = raw(bytes);
  const bool rsa = key.algorithm() == Algorithm::rsa_sha256;
  const Pkey other(rsa ? d2i_PUBKEY(nullptr, &at, static_cast<long>(bytes.size()))
                       : EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, raw(bytes), bytes.size()));
  if (!other) return false;
  const auto value = signature.bytes();
  bool good = false;
  if (rsa) {
    EVP_PKEY_CTX* context = EVP_PKEY_CTX_new(other.get(), nullptr);
    good = EVP_PKEY_verify_init(context) == 1 && EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1 &&
           EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) == 1 &&
           EVP_PKEY_verify(context, value.data(), value.size(), digest.data(), digest.size()) == 1;
    EVP_PKEY_CTX_free(context);
  } else {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    good = EVP_DigestVerifyInit(context, nullptr, nullptr, nullptr, other.get()) == 1 &&
           EVP_DigestVerify(context, value.data(), value.size(), digest.data(), digest.size()) == 1;
    EVP_MD_CTX_free(context);
  }
  return good;
}

std::string der_of(EVP_PKEY* key) {
  unsigned char* made = nullptr;
  const int size = i2d_PrivateKey(key, &made);
  std::string der(reinterpret_cast<const char*>(made), static_cast<std::size_t>(size));
  OPENSSL_free(made);
  return der;
}

std::string pkcs8_of(EVP_PKEY* key) {
  PKCS8_PRIV_KEY_INFO* info = EVP_PKEY2PKCS8(key);
  unsigned char* made = nullptr;
  const int size = i2d_PKCS8_PRIV_KEY_INFO(info, &made);
  std::string der(reinterpret_cast<const char*>(made), static_cast<std::size_t>(size));
  OPENSSL_free(made);
  PKCS8_PRIV_KEY_INFO_free(info);
  return der;
}

std::string refusal(std::string_view der) {
  const auto key = parse_key(KeyDer(der));
  return key ? "" : key.error();
}

TEST(DkimKey, OfRfc8463) {
  const auto rsa = testing::rsa_key();
  EXPECT_EQ(rsa->algorithm(), Algorithm::rsa_sha256);
  EXPECT_EQ(testing::to_base64(rsa->public_key()), testing::kRsaPublic);
  const auto ed25519 = testing::ed25519_key();
  EXPECT_EQ(ed25519->algorithm(), Algorithm::ed25519_sha256);
  EXPECT_EQ(testing::to_base64(ed25519->public_key()), testing::kEd25519Public);
}

TEST(DkimKey, WhatIsSignedIsVerifiedByAnotherLibraryAndNothingElseIs) {
  Pkey fresh(EVP_RSA_gen(2048));
  std::vector<std::unique_ptr<PrivateKey>> keys;
  keys.push_back(testing::rsa_key());
  keys.push_back(testing::ed25519_key());
  keys.push_back(*parse_key(KeyDer(der_of(fresh.get()))));
  keys.push_back(*parse_key(KeyDer(pkcs8_of(fresh.get()))));
  for (const auto& key : keys) {
    Digest digest{1, 2, 3};
    const auto signature = key->sign(digest);
    ASSERT_TRUE(signature);
    EXPECT_TRUE(verifies(*key, digest, *signature));
    ++digest[31];
    EXPECT_FALSE(verifies(*key, digest, *signature));
  }
  EXPECT_EQ(keys[2]->public_key(), keys[3]->public_key());
  EXPECT_EQ(keys[2]->sign({})->bytes().size(), 256);
}

TEST(DkimKey, SeveralThreadsSignWithOne) {
  for (const auto& key : {testing::rsa_key().release(), testing::ed25519_key().release()}) {
    const std::unique_ptr<PrivateKey> owned(key);
    std::vector<std::thread> threads;
    std::vector<int> good(4);
    for (std::size_t i = 0; i < good.size(); ++i)
      threads.emplace_back([&owned, &good, i] {
        for (unsigned char round = 0; round < 20; ++round) {
          const Digest digest{static_cast<unsigned char>(i), round};
          good[i] += verifies(*owned, digest, *owned->sign(digest)) ? 1 : 0;
        }
      });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(good, std::vector<int>(4, 20));
  }
}

// RFC 8301 3.2.
TEST(DkimKey, RsaBelow1024BitsIsRefused) {
  Pkey small(EVP_RSA_gen(1016));
  EXPECT_EQ(refusal(der_of(small.get())), "an RSA key with 1016 bits, not 1024 to 4096");
}

TEST(DkimKey, WhatIsNoneOfTheTwoKindsIsRefused) {
  Pkey curve(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  EXPECT_EQ(refusal(der_of(curve.get())), "a key that is neither RSA nor Ed25519");
  const std::string der = testing::from_base64(testing::kRsaSecret);
  EXPECT_NE(refusal(""), "");
  EXPECT_NE(refusal("-----BEGIN RSA PRIVATE KEY-----"), "");
  EXPECT_NE(refusal(testing::from_base64(testing::kRsaPublic)), "");
  EXPECT_EQ(refusal(der + "x"), "a private key with more bytes behind it");
  EXPECT_EQ(refusal(std::string(20'000, '0')), "a key that is too long");
  for (std::size_t size = 0; size < der.size(); size += 29) EXPECT_NE(refusal(der.substr(0, size)), "") << size;
}

TEST(DkimKey, DerMovesAndIsGoneFromWhereItWas) {
  KeyDer first("secret");
  KeyDer second(std::move(first));
  EXPECT_EQ(second.reveal(), "secret");
  EXPECT_EQ(first.reveal(), "");  // NOLINT(bugprone-use-after-move): that is what is tested
  KeyDer third("other");
  third = std::move(second);
  EXPECT_EQ(third.reveal(), "secret");
}

}  // namespace
}  // namespace sluice::dkim
