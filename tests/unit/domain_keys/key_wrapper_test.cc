#include "engine/domain_keys/key_wrapper.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "engine/io/real_platform.h"

namespace sluice::domain_keys {
namespace {

class KeyWrapperTest : public ::testing::Test {
 protected:
  KeyWrapperTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sluice-wrapping-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
  }
  ~KeyWrapperTest() override { std::filesystem::remove_all(directory_); }

  std::string file_of(const std::string& bytes) {
    std::string path = directory_ + "/key" + std::to_string(++files_);
    std::ofstream(path, std::ios::binary) << bytes;
    std::filesystem::permissions(path, std::filesystem::perms::owner_read);
    return path;
  }
  KeyWrapper with(const std::string& bytes) { return *KeyWrapper::read(file_of(bytes)); }
  std::string refusal(const std::string& path) {
    const auto read = KeyWrapper::read(path);
    return read ? "" : read.error();
  }
  std::string opened(const KeyWrapper& wrapper, const auth::StoredPrivateKey& stored,
                     std::string_view domain = "example.com", std::string_view selector = "sl1r") {
    const auto der = wrapper.unwrap(domain, selector, stored);
    return der ? std::string(der->reveal()) : "refused: " + der.error();
  }

  std::string directory_;
  int files_ = 0;
  std::unique_ptr<io::Random> random_ = io::make_real_random();
  const std::string key_ = std::string(31, 'k') + '\n';
  const dkim::KeyDer der_{"the bytes of a key"};
};

TEST_F(KeyWrapperTest, OpensWhatItHasSealedUnderTheSameNameAlone) {
  const KeyWrapper wrapper = with(key_);
  EXPECT_TRUE(wrapper.seals());
  const auto stored = wrapper.wrap("example.com", "sl1r", der_, *random_);
  EXPECT_TRUE(stored.sealed);
  EXPECT_EQ(opened(wrapper, stored), "the bytes of a key");
  EXPECT_NE(opened(wrapper, stored, "example.org").find("the signing key sl1r of example.org is sealed with another"),
            std::string::npos);
  EXPECT_NE(opened(wrapper, stored, "example.com", "sl2r").find("refused"), std::string::npos);
  // Where the names would be the same in a row.
  EXPECT_NE(opened(wrapper, stored,
                   "example.com"
                   "s",
                   "l1r")
                .find("refused"),
            std::string::npos);
  EXPECT_NE(opened(with(std::string(32, 'o')), stored).find("domain rewrap --old-key-file"), std::string::npos);
  EXPECT_NE(opened(KeyWrapper(), stored).find("dkim.wrapping_key_file is not set"), std::string::npos);
}

TEST_F(KeyWrapperTest, SealsDifferentlyEachTimeAndShowsNothing) {
  const KeyWrapper wrapper = with(key_);
  const auto one = wrapper.wrap("example.com", "sl1r", der_, *random_);
  const auto other = wrapper.wrap("example.com", "sl1r", der_, *random_);
  EXPECT_NE(one.text.reveal(), other.text.reveal());
}

TEST_F(KeyWrapperTest, AnyByteThatIsChangedIsSeen) {
  const KeyWrapper wrapper = with(key_);
  const auto stored = wrapper.wrap("example.com", "sl1r", der_, *random_);
  const std::string text(stored.text.reveal());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '=') continue;
    std::string other = text;
    other[at] = other[at] == 'A' ? 'B' : 'A';
    const auto changed = auth::Secret::make_token(other);
    EXPECT_NE(opened(wrapper, {.text = changed->clone(), .sealed = true}).find("refused"), std::string::npos) << at;
  }
}

TEST_F(KeyWrapperTest, WithoutAKeyTheyAreKeptAsTheyAre) {
  const auto stored = KeyWrapper().wrap("example.com", "sl1r", der_, *random_);
  EXPECT_FALSE(stored.sealed);
  EXPECT_EQ(opened(KeyWrapper(), stored), "the bytes of a key");
  // Until they are sealed.
  EXPECT_EQ(opened(with(key_), stored), "the bytes of a key");
}

TEST_F(KeyWrapperTest, TheFileHas32BytesOrTheirBase64) {
  const KeyWrapper wrapper = with(std::string(32, 'k'));
  const auto stored = wrapper.wrap("example.com", "sl1r", der_, *random_);
  EXPECT_EQ(opened(with("a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=\n"), stored), "the bytes of a key");
  for (const std::string& bytes :
       {std::string(), std::string(31, 'k'), std::string(33, 'k'), std::string("a2tr"), std::string(4000, 'k')})
    EXPECT_NE(refusal(file_of(bytes)).find("has no key of 32 bytes"), std::string::npos) << bytes.size();
}

TEST_F(KeyWrapperTest, TheFileMayBeACredentialOfTheUnit) {
  const auto stored = with(key_).wrap("example.com", "sl1r", der_, *random_);
  ASSERT_EQ(::unsetenv("CREDENTIALS_DIRECTORY"), 0);
  EXPECT_NE(refusal("credential:key1").find("LoadCredential=key1:PATH"), std::string::npos);
  ASSERT_EQ(::setenv("CREDENTIALS_DIRECTORY", directory_.c_str(), 1), 0);
  EXPECT_EQ(opened(*KeyWrapper::read("credential:key1"), stored), "the bytes of a key");
  ASSERT_EQ(::unsetenv("CREDENTIALS_DIRECTORY"), 0);
}

TEST_F(KeyWrapperTest, AFileThatOthersMayReadIsRefused) {
  const std::string path = file_of(key_);
  std::filesystem::permissions(path, std::filesystem::perms::others_read, std::filesystem::perm_options::add);
  EXPECT_EQ(refusal(path), path + " is open to other users; close it with: chmod 600 " + path);
  EXPECT_NE(refusal(directory_ + "/absent"), "");
}

}  // namespace
}  // namespace sluice::domain_keys
