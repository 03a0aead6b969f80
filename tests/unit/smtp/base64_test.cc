#include "engine/smtp/base64.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "engine/smtp/limits.h"

namespace sluice::smtp {
namespace {

using std::string_literals::operator""s;

std::string encode(std::string_view bytes) {
  std::string out;
  append_base64(bytes, out);
  return out;
}

TEST(Base64, Rfc4648Vectors) {
  const std::pair<std::string_view, std::string_view> vectors[] = {
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"},
  };
  for (const auto& [plain, encoded] : vectors) {
    EXPECT_EQ(encode(plain), encoded);
    std::string back;
    EXPECT_TRUE(decode_base64(encoded, back));
    EXPECT_EQ(back, plain);
  }
}

TEST(Base64, EveryLengthUpToTheLimitComesBack) {
  std::mt19937 random(4954);
  for (std::size_t size = 0; base64_encoded_bytes(size) <= kAuthResponseBytesMax; size += 1 + size / 16) {
    std::string bytes(size, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    std::string back;
    const std::string encoded = encode(bytes);
    EXPECT_EQ(encoded.size(), base64_encoded_bytes(size));
    ASSERT_TRUE(decode_base64(encoded, back));
    ASSERT_EQ(back, bytes);
  }
}

TEST(Base64, RefusesWhatIsNotIt) {
  for (const std::string& bad :
       {"Z"s, "Zg"s, "Zg="s, "Zg==="s, "=Zg="s, "Z==="s, "===="s, "Zg==Zg=="s, "Zm9v "s, " Zm9v"s, "Zm\r\n"s, "Zm9*"s,
        "Zm9v\0\0\0\0"s, "Zh=="s, "Zm9="s, "Zm-_"s, "\xff\xff\xff\xff"s, "Zm9vZ"s}) {
    std::string out = "left over";
    EXPECT_FALSE(decode_base64(bad, out)) << ::testing::PrintToString(bad);
    EXPECT_EQ(out, "");
  }
}

TEST(Base64, EveryFourthCharacterOutsideTheAlphabetIsRefused) {
  for (int c = 0; c < 256; ++c) {
    const char character = static_cast<char>(c);
    const bool good = (character >= 'A' && character <= 'Z') || (character >= 'a' && character <= 'z') ||
                      (character >= '0' && character <= '9') || character == '+' || character == '/';
    for (std::size_t at = 0; at < 4; ++at) {
      std::string text = "AAAAAAAA";
      text[at] = character;
      std::string out;
      EXPECT_EQ(decode_base64(text, out), good) << c << " at " << at;
    }
  }
}

TEST(Base64, WipeLeavesNothingBehind) {
  std::string secret(100, 's');
  const char* memory = secret.data();
  wipe(secret);
  EXPECT_TRUE(secret.empty());
  EXPECT_EQ(memory[50], 0);
}

}  // namespace
}  // namespace sluice::smtp
