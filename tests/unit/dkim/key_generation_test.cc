#include "engine/dkim/key_generation.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <set>
#include <string>

namespace sluice::dkim {
namespace {

TEST(DkimKeyGeneration, EachKeyIsOfItsAlgorithmAndSignsAndIsAnother) {
  std::set<std::string> public_keys;
  for (const Algorithm algorithm : {Algorithm::rsa_sha256, Algorithm::ed25519_sha256}) {
    for (int made = 0; made < 2; ++made) {
      const auto der = generate_key(algorithm);
      ASSERT_TRUE(der) << der.error();
      const auto key = parse_key(*der);
      ASSERT_TRUE(key) << key.error();
      EXPECT_EQ((*key)->algorithm(), algorithm);
      EXPECT_TRUE((*key)->sign({}));
      EXPECT_TRUE(public_keys.insert((*key)->public_key()).second);
    }
  }
}

TEST(DkimKeyGeneration, AnRsaKeyHas2048Bits) {
  const auto key = parse_key(*generate_key(Algorithm::rsa_sha256));
  constexpr std::size_t kBitsOfByte = 8;
  EXPECT_EQ((*key)->sign({})->bytes().size(), kNewRsaBits / kBitsOfByte);
}

}  // namespace
}  // namespace sluice::dkim
