// Certificates that are renewed in the order that operators and ACME clients happen to do it in: one file after the
// other, by other users, with reloads in between.  What clients were shown before must not get worse.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "engine/tls/certificates_directory.h"
#include "tests/unit/tls/tls_fixture.h"

namespace sluice::tls {
namespace {

namespace fs = std::filesystem;
using testing::certificate_for;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::MemorySource;
using ::testing::SizeIs;
using testing::StoppedClock;

class Renewal : public ::testing::Test {
 protected:
  Renewal() {
    for (const char* host : {"mx.example.com", "a.example.com"}) source_.put(host);
  }
  SelfSigned renewed(const std::string& name) { return *make_self_signed(std::array{name}, clock_.wall()); }
  void put_key(const std::string& host, const SelfSigned& made) {
    source_.hosts[host].files.key_pem = made.key_pem;
    ++source_.hosts[host].version;
  }
  void put_chain(const std::string& host, const SelfSigned& made) {
    source_.hosts[host].files.chain_pem = made.certificate_pem;
    ++source_.hosts[host].version;
  }
  std::string shown(std::string_view name) {
    const auto certificate = store_.find(name);
    return certificate ? certificate->host : "none";
  }
  void reload() { store_.set_options({.default_host = "mx.example.com"}); }
  void second() { clock_.advance(std::chrono::seconds(1)); }

  StoppedClock clock_;
  MemorySource source_;
  std::vector<std::string> faults_;
  CertificateStore store_{
      source_, {.default_host = "mx.example.com"}, clock_, [this](std::string_view host, std::string_view error) {
        faults_.push_back(std::string(host) + ": " + std::string(error));
      }};
};

TEST_F(Renewal, ANewKeyThenAReloadThenTheNewCertificate) {
  for (const std::string host : {"a.example.com", "mx.example.com"}) {
    const auto before = store_.find(host);
    const SelfSigned made = renewed(host);
    put_key(host, made);
    reload();
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(store_.find(host), before) << host;
      second();
      reload();
    }
    EXPECT_THAT(faults_, ElementsAre(HasSubstr("is not the key of the first certificate")));
    put_chain(host, made);
    second();
    const auto after = store_.find(host);
    EXPECT_NE(after, before);
    EXPECT_EQ(after->host, host);
    faults_.clear();
  }
}

TEST_F(Renewal, TheDefaultHostsPairMayBeAtFaultInAReload) {
  const auto before = store_.find("");
  put_key("mx.example.com", renewed("mx.example.com"));
  second();
  EXPECT_TRUE(store_.check_default().has_value()) << "there is one that works";
  EXPECT_EQ(store_.find(""), before);
}

TEST_F(Renewal, AnotherDefaultHostMustWork) {
  EXPECT_TRUE(store_.check_default("a.example.com").has_value());
  EXPECT_FALSE(store_.check_default("absent.example.com").has_value());
  EXPECT_TRUE(store_.check_default("").has_value());
  store_.set_options({.default_host = "a.example.com"});
  EXPECT_EQ(shown(""), "a.example.com");
}

// The bytes, the size and the time of a file may be as they were, and what keeps it from being read be elsewhere.
TEST_F(Renewal, WhatIsAtFaultIsTriedAgainThoughItsFilesSeemTheSame) {
  const auto before = store_.find("a.example.com");
  const SelfSigned made = renewed("a.example.com");
  put_key("a.example.com", made);
  second();
  EXPECT_EQ(store_.find("a.example.com"), before);
  source_.hosts["a.example.com"].files.chain_pem = made.certificate_pem;  // with the same stamp
  second();
  EXPECT_NE(store_.find("a.example.com"), before);
}

TEST_F(Renewal, WhatIsAtFaultIsLoggedAgainWhenItIsAnotherFault) {
  EXPECT_EQ(shown("a.example.com"), "a.example.com");
  put_key("a.example.com", renewed("a.example.com"));
  second();
  EXPECT_EQ(shown("a.example.com"), "a.example.com");
  source_.hosts["a.example.com"].files.key_pem = "no key";
  second();
  EXPECT_EQ(shown("a.example.com"), "a.example.com");
  EXPECT_THAT(faults_, ElementsAre(HasSubstr("is not the key"), HasSubstr("not a private key")));
}

TEST_F(Renewal, AChainWithTheLeafLastIsNamed) {
  const SelfSigned other = renewed("other.example.com");
  auto& files = source_.hosts["a.example.com"].files;
  files.chain_pem = other.certificate_pem + files.chain_pem;
  const auto faults = review_certificates(source_, clock_.wall());
  ASSERT_THAT(faults, SizeIs(1));
  EXPECT_EQ(faults[0].host, "a.example.com");
  EXPECT_THAT(faults[0].fault, HasSubstr("must come first, and is number 2"));
}

TEST_F(Renewal, AReviewNamesEveryPairThatIsNoGood) {
  source_.put("fine.example.com");
  source_.put("expired.example.com",
              *make_self_signed(std::array{std::string("expired.example.com")}, clock_.wall() - 86'400'000LL * 1'000));
  source_.put("early.example.com",
              *make_self_signed(std::array{std::string("early.example.com")}, clock_.wall() + 86'400'000LL * 3));
  source_.put("mixed.example.com");
  put_key("mixed.example.com", renewed("mixed.example.com"));
  source_.hosts["*.example.com"] = source_.hosts["fine.example.com"];
  source_.hosts["Mail.Example.com"] = source_.hosts["fine.example.com"];
  std::vector<std::string> said;
  for (const CertificateFault& fault : review_certificates(source_, clock_.wall()))
    said.push_back(fault.host + "|" + fault.fault);
  EXPECT_THAT(
      said,
      ElementsAre(HasSubstr("*.example.com|"), HasSubstr("Mail.Example.com|"),
                  HasSubstr("early.example.com|early.example.com/fullchain.pem: the certificate is not valid before "),
                  HasSubstr("expired.example.com|expired.example.com/fullchain.pem: the certificate has expired on "),
                  HasSubstr("mixed.example.com|mixed.example.com/privkey.pem: is not the key")));
}

// ------------------------------------------------------------------------------------------ no default host

class NoDefaultHost : public ::testing::Test {
 protected:
  std::string shown(std::string_view name) {
    const auto certificate = store_.find(name);
    return certificate ? certificate->host : "none";
  }
  void second() { clock_.advance(std::chrono::seconds(1)); }

  StoppedClock clock_;
  MemorySource source_;
  std::vector<std::string> faults_;
  CertificateStore store_{
      source_, {.own_name = "relay.example.com"}, clock_, [this](std::string_view host, std::string_view error) {
        faults_.push_back(std::string(host) + ": " + std::string(error));
      }};
};

TEST_F(NoDefaultHost, OurOwnNameStandsIn) {
  for (const char* host : {"a.example.com", "relay.example.com", "z.example.com"}) source_.put(host);
  EXPECT_EQ(shown(""), "relay.example.com");
  EXPECT_EQ(shown("unknown.example.org"), "relay.example.com");
  EXPECT_EQ(shown("z.example.com"), "z.example.com");
}

TEST_F(NoDefaultHost, OrTheFirstHostThatHasAGoodOne) {
  for (const char* host : {"a.example.com", "b.example.com", "z.example.com"}) source_.put(host);
  source_.hosts["a.example.com"].files.key_pem = "no key";
  EXPECT_EQ(shown(""), "b.example.com");
  source_.put("a.example.com");
  second();
  EXPECT_EQ(shown(""), "b.example.com") << "as long as it is good it stays";
  source_.hosts.erase("b.example.com");
  second();
  EXPECT_EQ(shown(""), "b.example.com") << "it may only be replaced";
  clock_.advance(std::chrono::minutes(2));
  EXPECT_EQ(shown(""), "a.example.com");
}

TEST_F(NoDefaultHost, OrOneThatIsMadeUntilThereIsAnother) {
  const auto made = store_.find("");
  ASSERT_NE(made, nullptr);
  EXPECT_EQ(made->host, "relay.example.com");
  second();
  EXPECT_EQ(store_.find(""), made) << "clients that remember it see the same again";
  EXPECT_EQ(store_.find("elsewhere.example"), made);
  EXPECT_THAT(faults_, ElementsAre(HasSubstr("self-signed")));
  source_.put("a.example.com");
  second();
  EXPECT_EQ(shown(""), "a.example.com");
}

// ------------------------------------------------------------------------------------------ files

class RenewedFiles : public ::testing::Test {
 protected:
  RenewedFiles() {
    std::string path = (fs::temp_directory_path() / "sluice-renewal-XXXXXX").string();
    root_ = mkdtemp(path.data());
    fs::create_directory(root_ / "a.example.com");
  }
  ~RenewedFiles() override { fs::remove_all(root_); }
  void write(const std::string& file, const std::string& text) {
    std::ofstream(root_ / "a.example.com" / file, std::ios::trunc) << text;
  }
  fs::path root_;
};

TEST_F(RenewedFiles, AChangeOfModeAloneIsNoticed) {
  write("fullchain.pem", certificate_for("a.example.com").certificate_pem);
  write("privkey.pem", certificate_for("a.example.com").key_pem);
  CertificateDirectory source(root_.string());
  const auto before = source.stamp("a.example.com");
  fs::permissions(root_ / "a.example.com/privkey.pem", fs::perms::owner_read);
  EXPECT_NE(source.stamp("a.example.com"), before);
}

TEST_F(RenewedFiles, ListsFoldersWithCertificatesInThem) {
  write("privkey.pem", "half a pair is to be complained about");
  fs::create_directory(root_ / "empty.example.com");
  fs::create_directory(root_ / ".hidden");
  std::ofstream(root_ / "README") << "as an ACME client leaves it";
  fs::create_directory_symlink(root_ / "a.example.com", root_ / "z.example.com");
  EXPECT_THAT(CertificateDirectory(root_.string()).list(), ElementsAre("a.example.com", "z.example.com"));
  EXPECT_THAT(CertificateDirectory((root_ / "absent").string()).list(), IsEmpty());
}

// ------------------------------------------------------------------------------------------ several cores

TEST_F(RenewedFiles, SeveralThreadsSeeTheSame) {
  write("fullchain.pem", certificate_for("a.example.com").certificate_pem);
  write("privkey.pem", certificate_for("a.example.com").key_pem);
  CertificateDirectory source(root_.string());
  StoppedClock clock;
  CertificateStore store(source, {.own_name = "relay.example.com", .check_interval = Duration::zero()}, clock,
                         [](auto, auto) {});
  std::atomic<int> missing{0};
  std::vector<std::thread> cores;
  for (int i = 0; i < 4; ++i)
    cores.emplace_back([&] {
      for (int round = 0; round < 50; ++round)
        for (const char* name : {"a.example.com", "", "unknown.example"})
          if (store.find(name) == nullptr) ++missing;
    });
  for (std::thread& core : cores) core.join();
  EXPECT_EQ(missing, 0);
  EXPECT_EQ(store.loaded(), 1U);
  EXPECT_EQ(store.find("a.example.com"), store.find(""));
}

// Clients got the default host's pair while the folder of a name was replaced.
TEST_F(Renewal, APairThatIsAwayForAMomentIsStillShown) {
  ASSERT_EQ(shown("a.example.com"), "a.example.com");
  const auto kept = source_.hosts.extract("a.example.com");
  for (int i = 0; i < 10; ++i) {
    second();
    EXPECT_EQ(shown("a.example.com"), "a.example.com");
  }
  source_.hosts["a.example.com"] = kept.mapped();
  second();
  EXPECT_EQ(shown("a.example.com"), "a.example.com");
  // Gone for good.
  source_.hosts.erase("a.example.com");
  second();
  EXPECT_EQ(shown("a.example.com"), "a.example.com");
  clock_.advance(std::chrono::minutes(2));
  EXPECT_NE(shown("a.example.com"), "a.example.com");
}

}  // namespace
}  // namespace sluice::tls
