// Which certificate is shown for which name, when its files are read again, and what happens when
// they are no good.
#include <gtest/gtest.h>

#include <array>

#include "tests/unit/tls/tls_fixture.h"

namespace sluice::tls {
namespace {

using testing::certificate_for;
using testing::MemorySource;
using testing::StoppedClock;

TEST(CleanHostName, TakesHostNames) {
  EXPECT_EQ(clean_host_name("mail.example.com"), "mail.example.com");
  EXPECT_EQ(clean_host_name("MAIL.Example.COM."), "mail.example.com");
  EXPECT_EQ(clean_host_name("localhost"), "localhost");
  EXPECT_EQ(clean_host_name("xn--bcher-kva.example"), "xn--bcher-kva.example");
  EXPECT_EQ(clean_host_name("1.2.3.example"), "1.2.3.example");
  const std::string label(63, 'a');
  EXPECT_TRUE(clean_host_name(label + "." + label + "." + label + "." + std::string(61, 'a')));
}

TEST(CleanHostName, RefusesEverythingElse) {
  using namespace std::string_literals;
  const std::string label(63, 'a');
  for (const std::string& name : {
           ""s,
           "."s,
           ".."s,
           "a..b"s,
           ".a"s,
           "a.."s,
           "-a.b"s,
           "a-.b"s,
           "a.-b"s,
           "a_b.c"s,
           "_.example.com"s,
           "*.a.b"s,
           "a/b"s,
           "../a"s,
           "a\\b"s,
           "a b"s,
           "a\0b"s,
           "a\nb"s,
           "a\xc3\xa9"s,
           "192.0.2.1"s,
           "1"s,
           "a.1"s,
           "[::1]"s,
           "::1"s,
           "a:25"s,
           label + "a.com",
           label + "." + label + "." + label + "." + std::string(62, 'a'),
       })
    EXPECT_EQ(clean_host_name(name), std::nullopt) << name;
}

class Store : public ::testing::Test {
 protected:
  Store() {
    for (const char* host : {"mx.example.com", "a.example.com", "_.example.com"}) source_.put(host);
  }
  std::string shown(std::string_view name) {
    const auto certificate = store_.find(name);
    return certificate ? certificate->host : "none";
  }
  void break_host(const std::string& host, std::string key_pem) {
    source_.hosts[host].files.key_pem = std::move(key_pem);
    ++source_.hosts[host].version;
  }
  StoppedClock clock_;
  MemorySource source_;
  std::vector<std::string> faults_;
  CertificateStore store_{source_,
                          {.default_host = "mx.example.com", .hosts_max = 4},
                          clock_,
                          [this](std::string_view host, std::string_view error) {
                            faults_.push_back(std::string(host) + ": " + std::string(error));
                          }};
};

TEST_F(Store, TheNamesOwnThenTheWildcardThenTheDefault) {
  EXPECT_EQ(shown("a.example.com"), "a.example.com");
  EXPECT_EQ(shown("b.example.com"), "_.example.com");
  EXPECT_EQ(shown("b.c.example.com"), "mx.example.com") << "a wildcard stands for one label";
  EXPECT_EQ(shown("example.com"), "mx.example.com");
  EXPECT_EQ(shown(""), "mx.example.com");
  EXPECT_TRUE(faults_.empty());
}

TEST_F(Store, WithoutADefaultUnknownNamesGetNothing) {
  CertificateStore strict(source_, {}, clock_, [](auto, auto) {});
  EXPECT_EQ(strict.find(""), nullptr);
  EXPECT_EQ(strict.find("elsewhere.test"), nullptr);
  EXPECT_NE(strict.find("a.example.com"), nullptr);
}

TEST_F(Store, ReadsOnceAndLooksOnceASecond) {
  for (int i = 0; i < 100; ++i) EXPECT_EQ(shown("a.example.com"), "a.example.com");
  EXPECT_EQ(source_.reads, 1);
  EXPECT_EQ(source_.stamps, 1);
  clock_.advance(std::chrono::milliseconds(999));
  EXPECT_EQ(shown("a.example.com"), "a.example.com");
  EXPECT_EQ(source_.stamps, 1);
  clock_.advance(std::chrono::milliseconds(1));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(shown("a.example.com"), "a.example.com");
  EXPECT_EQ(source_.stamps, 2);
  EXPECT_EQ(source_.reads, 1);
}

TEST_F(Store, AChangedCertificateIsLoaded) {
  const auto before = store_.find("a.example.com");
  source_.put("a.example.com", *make_self_signed(std::array{std::string("a.example.com")}, clock_.wall()));
  EXPECT_EQ(store_.find("a.example.com"), before) << "not looked at yet";
  clock_.advance(std::chrono::seconds(1));
  const auto after = store_.find("a.example.com");
  EXPECT_NE(after, before);
  EXPECT_TRUE(faults_.empty());
}

TEST_F(Store, ABadNewCertificateKeepsTheOldOneAndIsLoggedOnce) {
  const auto before = store_.find("a.example.com");
  break_host("a.example.com", certificate_for("mx.example.com").key_pem);
  for (int second = 0; second < 5; ++second) {
    clock_.advance(std::chrono::seconds(1));
    EXPECT_EQ(store_.find("a.example.com"), before);
  }
  ASSERT_EQ(faults_.size(), 1U);
  EXPECT_EQ(faults_[0],
            "a.example.com: a.example.com/privkey.pem: is not the key of the first certificate in "
            "a.example.com/fullchain.pem");
  source_.put("a.example.com");
  clock_.advance(std::chrono::seconds(1));
  EXPECT_NE(store_.find("a.example.com"), before);
}

TEST_F(Store, AHostThatWasNeverGoodIsLoggedAndTheWildcardShown) {
  source_.put("bad.example.com");
  break_host("bad.example.com", "no key");
  EXPECT_EQ(shown("bad.example.com"), "_.example.com");
  EXPECT_EQ(shown("bad.example.com"), "_.example.com");
  ASSERT_EQ(faults_.size(), 1U);
  EXPECT_NE(faults_[0].find("bad.example.com/privkey.pem: not a private key"), std::string::npos) << faults_[0];
  source_.put("bad.example.com");
  clock_.advance(std::chrono::seconds(1));
  EXPECT_EQ(shown("bad.example.com"), "bad.example.com");
}

TEST_F(Store, AHostThatIsRemovedIsForgotten) {
  EXPECT_EQ(shown("a.example.com"), "a.example.com");
  source_.hosts.erase("a.example.com");
  clock_.advance(std::chrono::seconds(1));
  EXPECT_EQ(shown("a.example.com"), "a.example.com") << "it may only be replaced";
  clock_.advance(std::chrono::minutes(2));
  EXPECT_EQ(shown("a.example.com"), "_.example.com");
  EXPECT_EQ(store_.loaded(), 1U);
  EXPECT_TRUE(faults_.empty());
}

TEST_F(Store, HoldsTheMostRecentlyUsed) {
  for (const char* host : {"b1.test", "b2.test", "b3.test", "b4.test"}) source_.put(host);
  for (const char* host : {"b1.test", "b2.test", "b3.test", "b4.test"}) EXPECT_EQ(shown(host), host);
  EXPECT_EQ(store_.loaded(), 4U);
  EXPECT_EQ(shown("b1.test"), "b1.test");
  EXPECT_EQ(shown("a.example.com"), "a.example.com");
  EXPECT_EQ(store_.loaded(), 4U);
  const int reads = source_.reads;
  EXPECT_EQ(shown("b1.test"), "b1.test");
  EXPECT_EQ(source_.reads, reads) << "was used just before";
  EXPECT_EQ(shown("b2.test"), "b2.test");
  EXPECT_EQ(source_.reads, reads + 1) << "was the one to go";
}

TEST_F(Store, UnknownNamesAreNotRemembered) {
  for (int i = 0; i < 1'000; ++i) EXPECT_EQ(shown("x" + std::to_string(i) + ".test"), "mx.example.com");
  EXPECT_EQ(store_.loaded(), 1U);
}

TEST_F(Store, AnExpiredCertificateIsLoggedAndShown) {
  clock_.wall_ += std::int64_t{20} * 365 * 86'400 * 1'000;
  EXPECT_EQ(shown("a.example.com"), "a.example.com");
  ASSERT_EQ(faults_.size(), 1U);
  EXPECT_NE(faults_[0].find("expired"), std::string::npos);
}

TEST_F(Store, TheDefaultIsCheckedAtStart) {
  EXPECT_TRUE(store_.check_default().has_value());
  for (const char* host : {"absent.test", "../etc", "UPPER.test"}) {
    CertificateStore store(source_, {.default_host = host}, clock_, [](auto, auto) {});
    const auto checked = store.check_default();
    ASSERT_FALSE(checked.has_value());
    EXPECT_NE(checked.error().find(host), std::string::npos) << checked.error();
  }
}

TEST(LoadCertificate, NamesTheFileThatIsWrong) {
  const auto& good = certificate_for("a.example.com");
  const auto load = [](std::string chain, std::string key) {
    const auto made = load_certificate("a.example.com", {std::move(chain), std::move(key), "CHAIN", "KEY"});
    return made ? std::string("good") : made.error();
  };
  EXPECT_EQ(load(good.certificate_pem, good.key_pem), "good");
  EXPECT_EQ(load("", good.key_pem).substr(0, 6), "CHAIN:");
  EXPECT_EQ(load("junk", good.key_pem).substr(0, 6), "CHAIN:");
  EXPECT_EQ(load(good.key_pem, good.key_pem).substr(0, 6), "CHAIN:");
  EXPECT_EQ(load(good.certificate_pem.substr(0, 200), good.key_pem).substr(0, 6), "CHAIN:");
  EXPECT_EQ(load(good.certificate_pem, "").substr(0, 4), "KEY:");
  EXPECT_EQ(load(good.certificate_pem, good.certificate_pem).substr(0, 4), "KEY:");
  EXPECT_EQ(load(good.certificate_pem, good.key_pem.substr(0, 100)).substr(0, 4), "KEY:");
}

}  // namespace
}  // namespace sluice::tls
