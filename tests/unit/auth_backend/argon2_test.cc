// Argon2 beside libsodium's, and the memory that it takes.
#include "auth/store/argon2.h"

#include <gtest/gtest.h>
#include <sodium.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "auth/store/argon2_hash.h"
#include "auth/store/password_scheme.h"
#include "tests/unit/auth/credentials.h"

namespace sluice::auth {
namespace {

using Digest = std::array<unsigned char, 32>;
constexpr std::string_view kSalt = "sixteen bytes of";
static_assert(kSalt.size() == crypto_pwhash_SALTBYTES);
constexpr Argon2Parameters kDefault{.kibibytes = 19'456, .passes = 2, .lanes = 1};

std::span<const unsigned char> as_unsigned(std::string_view text) {
  return {reinterpret_cast<const unsigned char*>(text.data()), text.size()};
}

// As pages come: aligned, and full of what was there before.
class Pages {
 public:
  explicit Pages(std::size_t size) : pages_(size / kPageBytes + 1) { std::ranges::fill(bytes(), std::byte{0xA5}); }
  std::span<std::byte> bytes() { return std::as_writable_bytes(std::span(pages_)); }

 private:
  static constexpr std::size_t kPageBytes = 4096;
  struct alignas(kPageBytes) Page {
    std::array<std::byte, kPageBytes> bytes;
  };
  std::vector<Page> pages_;
};

Digest computed(const Argon2Parameters& parameters, std::string_view password) {
  Pages pages(parameters.memory_bytes());
  Digest digest{};
  compute_argon2(parameters, password, kSalt, pages.bytes(), digest);
  return digest;
}

Digest libsodiums(const Argon2Parameters& parameters, std::string_view password) {
  Digest digest{};
  const int alg = parameters.type == Argon2Type::i ? crypto_pwhash_ALG_ARGON2I13 : crypto_pwhash_ALG_ARGON2ID13;
  EXPECT_EQ(crypto_pwhash(digest.data(), digest.size(), password.data(), password.size(), as_unsigned(kSalt).data(),
                          parameters.passes, parameters.memory_bytes(), alg),
            0);
  return digest;
}

std::string base64(std::span<const unsigned char> bytes) {
  std::array<char, 128> text{};
  return sodium_bin2base64(text.data(), text.size(), bytes.data(), bytes.size(),
                           sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
}

TEST(Argon2Test, IsLibsodiumsAtEachCost) {
  std::mt19937 random(1);
  const auto between = [&](std::uint32_t least, std::uint32_t most) {
    return std::uniform_int_distribution<std::uint32_t>(least, most)(random);
  };
  for (int round = 0; round < 300; ++round) {
    const Argon2Type type = round % 2 == 0 ? Argon2Type::id : Argon2Type::i;
    const Argon2Parameters parameters{.type = type,
                                      .kibibytes = between(8, round % 10 == 0 ? 3000 : 100),
                                      .passes = between(type == Argon2Type::i ? 3 : 1, 5),
                                      .lanes = 1};
    const std::string password(between(0, 300), static_cast<char>('a' + round % 26));
    ASSERT_EQ(computed(parameters, password), libsodiums(parameters, password))
        << parameters.kibibytes << " KiB, " << parameters.passes << " passes";
  }
}

TEST(Argon2Test, IsLibsodiumsWithManyLanes) {
  for (const std::uint32_t lanes : {2U, 3U, 4U, 7U, 64U}) {
    for (const Argon2Type type : {Argon2Type::i, Argon2Type::id}) {
      for (const std::uint32_t kibibytes : {8 * lanes, 8 * lanes + 5, 1000U}) {
        const Argon2Parameters parameters{.type = type, .kibibytes = kibibytes, .passes = 3, .lanes = lanes};
        const std::string text = std::string(type == Argon2Type::i ? "$argon2i$" : "$argon2id$") +
                                 "v=19$m=" + std::to_string(kibibytes) + ",t=3,p=" + std::to_string(lanes) + "$" +
                                 base64(as_unsigned(kSalt)) + "$" + base64(computed(parameters, "right"));
        EXPECT_EQ(crypto_pwhash_str_verify(text.c_str(), "right", 5), 0) << text;
        EXPECT_EQ(match_password(text, secret_of("right"), PlainPasswords::refused).match, PasswordMatch::right)
            << text;
      }
    }
  }
}

TEST(Argon2Test, NothingOfThePasswordStaysInItsMemory) {
  const Argon2Parameters parameters{.kibibytes = 100, .passes = 1, .lanes = 1};
  Pages pages(parameters.memory_bytes());
  Digest digest{};
  compute_argon2(parameters, "right", kSalt, pages.bytes(), digest);
  const auto used = pages.bytes().first(parameters.memory_bytes());
  EXPECT_TRUE(std::ranges::all_of(used, [](std::byte byte) { return byte == std::byte{0}; }));
}

TEST(Argon2Test, CostsThatAreNoneAreNotValid) {
  EXPECT_TRUE((Argon2Parameters{.kibibytes = 8, .passes = 1, .lanes = 1}.valid()));
  EXPECT_FALSE((Argon2Parameters{.kibibytes = 7, .passes = 1, .lanes = 1}.valid()));
  EXPECT_FALSE((Argon2Parameters{.kibibytes = 8, .passes = 0, .lanes = 1}.valid()));
  EXPECT_FALSE((Argon2Parameters{.kibibytes = 8, .passes = 1, .lanes = 0}.valid()));
  EXPECT_FALSE((Argon2Parameters{.kibibytes = 8, .passes = 1, .lanes = 2}.valid()));
}

std::int64_t page_faults() {
  rusage usage{};
  EXPECT_EQ(getrusage(RUSAGE_THREAD, &usage), 0);
  return usage.ru_minflt;
}

void hash_once(const Argon2Parameters& parameters) {
  Digest digest{};
  ASSERT_TRUE(hash_argon2(parameters, secret_of("right"), kSalt, digest));
}

class HashMemoryTest : public ::testing::Test {
 protected:
  // Of this thread, which other tests have used.
  HashMemoryTest() { release_hash_memory(); }
};

// What cores waited for while others logged in: each hash mapped, filled and unmapped 19 MiB.
TEST_F(HashMemoryTest, HashesOfAThreadTakeTheSameMemory) {
  hash_once(kDefault);
  EXPECT_EQ(hash_memory_kept(), kDefault.memory_bytes());
  const std::int64_t before = page_faults();
  for (int i = 0; i < 5; ++i) hash_once(kDefault);
  EXPECT_LT(page_faults() - before, 100) << "of 4,864 pages that a hash takes";
  EXPECT_EQ(hash_memory_kept(), kDefault.memory_bytes());
}

TEST_F(HashMemoryTest, IsGivenBackWhenItsThreadSaysSo) {
  hash_once(kDefault);
  release_hash_memory();
  EXPECT_EQ(hash_memory_kept(), 0U);
  hash_once(kDefault);
  EXPECT_EQ(hash_memory_kept(), kDefault.memory_bytes());
}

TEST_F(HashMemoryTest, EachThreadHasItsOwn) {
  hash_once(kDefault);
  std::thread([] {
    EXPECT_EQ(hash_memory_kept(), 0U);
    hash_once({.kibibytes = 16, .passes = 1, .lanes = 1});
    EXPECT_EQ(hash_memory_kept(), 16U * 1024);
  }).join();
  EXPECT_EQ(hash_memory_kept(), kDefault.memory_bytes());
}

TEST_F(HashMemoryTest, WhatALargeHashTakesIsNotKept) {
  hash_once({.kibibytes = kHashMemoryKeptMax / 1024, .passes = 1, .lanes = 1});
  EXPECT_EQ(hash_memory_kept(), kHashMemoryKeptMax);
  hash_once({.kibibytes = kHashMemoryKeptMax / 1024 + 1, .passes = 1, .lanes = 1});
  EXPECT_EQ(hash_memory_kept(), 0U);
}

}  // namespace
}  // namespace sluice::auth
