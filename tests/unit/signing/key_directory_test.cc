// Keys in files: which are taken, and which are refused with a remedy.
#include "engine/signing/key_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "engine/smtp/base64.h"
#include "tests/support/held_keys.h"

namespace sluice::signing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class KeyDirectoryTest : public ::testing::Test {
 protected:
  KeyDirectoryTest() {
    std::string name = (fs::temp_directory_path() / "sluice-keys-XXXXXX").string();
    root_ = mkdtemp(name.data());
    fs::create_directory(root_ / "example.com");
  }
  ~KeyDirectoryTest() override { fs::remove_all(root_); }

  void write(const std::string& name, const std::string& bytes, fs::perms mode = fs::perms(0600)) {
    const fs::path path = root_ / "example.com" / name;
    std::ofstream(path, std::ios::binary) << bytes;
    fs::permissions(path, mode);
  }
  static std::string pem(std::string_view name, const std::string& der) {
    std::string text;
    smtp::append_base64(der, text);
    for (std::size_t at = 64; at < text.size(); at += 65) text.insert(at, "\n");
    return "-----BEGIN " + std::string(name) + "-----\n" + text + "\n-----END " + std::string(name) + "-----\n";
  }
  auto read(std::string_view domain = "example.com") { return KeyDirectory(root_.string()).keys_of(domain); }
  std::string error() {
    const auto keys = read();
    return keys ? "none" : keys.error();
  }

  fs::path root_;
};

TEST_F(KeyDirectoryTest, FilesOfBothFormsAreKeysAndOthersAreNot) {
  write("a.b.der", testing::rsa_der());
  write("two.pem", "words before it\n" + pem("PRIVATE KEY", testing::ed25519_der()));
  write("old.pem", pem("RSA PRIVATE KEY", testing::rsa_der()));
  write("notes.txt", "no key", fs::perms(0644));
  write(".pem", "no key");
  fs::create_directory(root_ / "example.com" / "folder.pem");
  const auto keys = read();
  ASSERT_TRUE(keys) << keys.error();
  std::vector<std::string> selectors;
  for (const dkim::StoredKey& key : *keys) {
    selectors.push_back(key.selector);
    EXPECT_TRUE(dkim::parse_key(key.der)) << key.selector;
  }
  EXPECT_THAT(selectors, ::testing::ElementsAre("a.b", "old", "two"));
}

TEST_F(KeyDirectoryTest, ADomainWithoutFolderHasNoKeys) {
  const auto keys = read("other.example");
  ASSERT_TRUE(keys) << keys.error();
  EXPECT_TRUE(keys->empty());
}

TEST_F(KeyDirectoryTest, AKeyThatOthersMayReadIsRefusedWithTheRemedy) {
  for (const int mode : {0640, 0604, 0620, 0602}) {
    write("one.der", testing::rsa_der(), fs::perms(mode));
    EXPECT_THAT(error(), HasSubstr("one.der: others may read it; make it the relay's alone (chmod 600)"));
  }
}

TEST_F(KeyDirectoryTest, WhatIsNoKeyIsNamed) {
  write("one.pem", "nothing");
  EXPECT_THAT(error(), HasSubstr("one.pem: has no private key in PEM"));
  write("one.pem", pem("ENCRYPTED PRIVATE KEY", "x"));
  EXPECT_THAT(error(), HasSubstr("one.pem: is encrypted"));
  write("one.pem", pem("PUBLIC KEY", "x"));
  EXPECT_THAT(error(), HasSubstr("one.pem: has no private key in PEM"));
}

}  // namespace
}  // namespace sluice::signing
