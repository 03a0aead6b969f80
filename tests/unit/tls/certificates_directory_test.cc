// Certificates from a real directory: laid out as ACME clients do, changed under the store's feet.
#include "engine/tls/certificates_directory.h"

#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <fstream>

#include "tests/unit/tls/tls_fixture.h"

namespace sluice::tls {
namespace {

namespace fs = std::filesystem;
using testing::certificate_for;
using testing::StoppedClock;

class Directory : public ::testing::Test {
 protected:
  Directory() {
    std::string path = (fs::temp_directory_path() / "sluice-certificates-XXXXXX").string();
    root_ = mkdtemp(path.data());
  }
  ~Directory() override { fs::remove_all(root_); }
  void write(const std::string& host, const std::string& name) {
    fs::create_directory(root_ / host);
    std::ofstream(root_ / host / "fullchain.pem") << certificate_for(name).certificate_pem;
    std::ofstream(root_ / host / "privkey.pem") << certificate_for(name).key_pem;
  }
  fs::path root_;
};

TEST_F(Directory, ReadsBothFiles) {
  write("a.example.com", "a.example.com");
  CertificateDirectory source(root_.string());
  const auto files = source.read("a.example.com", 0);
  ASSERT_TRUE(files.has_value()) << files.error();
  EXPECT_EQ(files->chain_pem, certificate_for("a.example.com").certificate_pem);
  EXPECT_EQ(files->key_pem, certificate_for("a.example.com").key_pem);
  EXPECT_EQ(files->key_name, (root_ / "a.example.com/privkey.pem").string());
}

TEST_F(Directory, TheStampFollowsTheFiles) {
  CertificateDirectory source(root_.string());
  EXPECT_EQ(source.stamp("a.example.com"), std::nullopt);
  write("a.example.com", "a.example.com");
  const auto first = source.stamp("a.example.com");
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(source.stamp("a.example.com"), first);
  // Replaced by a file of the same size and time, as `mv` would.
  const fs::path key = root_ / "a.example.com/privkey.pem";
  fs::copy(key, root_ / "copy");
  fs::last_write_time(root_ / "copy", fs::last_write_time(key));
  fs::rename(root_ / "copy", key);
  EXPECT_NE(source.stamp("a.example.com"), first);
}

TEST_F(Directory, AMissingKeyIsNamed) {
  write("a.example.com", "a.example.com");
  fs::remove(root_ / "a.example.com/privkey.pem");
  CertificateDirectory source(root_.string());
  EXPECT_TRUE(source.stamp("a.example.com").has_value()) << "half a host is to be complained about";
  const auto files = source.read("a.example.com", 0);
  ASSERT_FALSE(files.has_value());
  EXPECT_NE(files.error().find("a.example.com/privkey.pem"), std::string::npos) << files.error();
}

TEST_F(Directory, FilesThatAreNoCertificatesAreRefused) {
  write("a.example.com", "a.example.com");
  CertificateDirectory source(root_.string());
  std::ofstream(root_ / "a.example.com/fullchain.pem") << std::string(1'000'000, 'x');
  EXPECT_FALSE(source.read("a.example.com", 0).has_value());
  fs::remove(root_ / "a.example.com/fullchain.pem");
  fs::create_directory(root_ / "a.example.com/fullchain.pem");
  EXPECT_FALSE(source.read("a.example.com", 0).has_value());
}

TEST_F(Directory, ARenewalIsShownWithinASecond) {
  write("mx.example.com", "mx.example.com");
  write("_.example.org", "*.example.org");
  CertificateDirectory source(root_.string());
  StoppedClock clock;
  std::vector<std::string> faults;
  CertificateStore store(source, {.default_host = "mx.example.com"}, clock,
                         [&](std::string_view, std::string_view error) { faults.emplace_back(error); });
  const auto before = store.find("mx.example.com");
  ASSERT_NE(before, nullptr);
  EXPECT_EQ(store.find("x.example.org")->host, "_.example.org");
  const auto renewed = make_self_signed(std::array{std::string("mx.example.com")}, clock.wall());
  std::ofstream(root_ / "mx.example.com" / "fullchain.pem") << renewed->certificate_pem;
  std::ofstream(root_ / "mx.example.com" / "privkey.pem") << renewed->key_pem;
  clock.advance(std::chrono::seconds(1));
  const auto after = store.find("mx.example.com");
  EXPECT_NE(after, before);
  // Half-written, as a client that does not rename leaves it for a moment.
  std::ofstream(root_ / "mx.example.com/fullchain.pem") << "-----BEGIN CERTIFICATE-----\n";
  clock.advance(std::chrono::seconds(1));
  EXPECT_EQ(store.find("mx.example.com"), after);
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_NE(faults[0].find("mx.example.com/fullchain.pem"), std::string::npos);
}

}  // namespace
}  // namespace sluice::tls
