// A host with a pair for each kind of key: which one a client gets, what becomes of one that breaks, and what a loaded
// host keeps in memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "engine/tls/certificate_facts.h"
#include "tests/unit/tls/tls_fixture.h"

namespace sluice::tls {
namespace {

namespace fs = std::filesystem;
using testing::certificate_for;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Listener;
using testing::RawClient;
using testing::talk;

constexpr const char* kHost = "a.example.com";

KeyKinds kinds(std::initializer_list<KeyKind> of) {
  KeyKinds set;
  for (const KeyKind kind : of) set.add(kind);
  return set;
}

CertificateFiles files_of(const SelfSigned& made) { return {made.certificate_pem, made.key_pem, "chain", "key"}; }

// An RSA pair for kHost, and one of ECDSA behind an intermediate, by openssl; made once.
struct Made {
  SelfSigned rsa;
  SelfSigned chained;
  bool there = false;

  Made() {
    std::string path = (fs::temp_directory_path() / "sluice-pairs-XXXXXX").string();
    const fs::path root = mkdtemp(path.data());
    const std::string make =
        "cd " + root.string() + " && exec >log 2>&1" +
        " && req() { openssl req -x509 -nodes -days 30 -keyout $1.key -out $1.pem -subj /CN=$1 \"$2\" $3 $4 $5; }"
        " && req rsa -newkey rsa:2048 && req ca -newkey ec -pkeyopt ec_paramgen_curve:P-384"
        " && openssl req -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 -keyout leaf.key -out csr -subj /CN=leaf"
        " && echo subjectAltName=DNS:a.example.com >ext"
        " && openssl x509 -req -in csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile ext -days 30 -out leaf.pem";
    if (std::system(("sh -c '" + make + "'").c_str()) == 0) {
      const auto read = [&](const char* file) {
        std::ostringstream text;
        text << std::ifstream(root / file).rdbuf();
        return text.str();
      };
      rsa = {read("rsa.pem"), read("rsa.key")};
      chained = {read("leaf.pem") + read("ca.pem"), read("leaf.key")};
      there = true;
    }
    fs::remove_all(root);
  }
};

const Made& made() {
  static const Made once;
  return once;
}

class Pairs : public ::testing::Test {
 protected:
  // Before the clock of a test stands still: no certificate is of its future.
  static void SetUpTestSuite() { made(); }
  void SetUp() override {
    if (!made().there) GTEST_SKIP() << "there is no openssl";
    put_second(made().rsa);
  }
  void put_second(const SelfSigned& pair) {
    auto& entry = listener_.source.hosts[kHost];
    entry.second = files_of(pair);
    ++entry.second_version;
  }
  // What a client of TLS 1.2 with this suite is shown.
  std::string cipher_with(const char* suite) {
    auto server = listener_.accept();
    RawClient client({.version = WOLFSSL_TLSV1_2, .sni = kHost, .ciphers = suite});
    talk(*server, client);
    return server->state() == TlsState::open ? server->cipher() : std::string(server->error());
  }
  std::shared_ptr<const Certificate> chosen(KeyKinds of) {
    const auto found = listener_.certificates.find(kHost);
    return found ? found->choose(of) : nullptr;
  }
  void second() { listener_.clock.advance(std::chrono::seconds(1)); }

  Listener listener_;
};

constexpr const char* kEcdsaSuite = "ECDHE-ECDSA-AES128-GCM-SHA256";
constexpr const char* kRsaSuite = "ECDHE-RSA-AES128-GCM-SHA256";

TEST_F(Pairs, EachClientGetsTheKindThatItTakes) {
  EXPECT_EQ(cipher_with(kEcdsaSuite), "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");
  EXPECT_EQ(cipher_with(kRsaSuite), "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
  EXPECT_EQ(cipher_with((std::string(kRsaSuite) + ":" + kEcdsaSuite).c_str()),
            "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");
}

// wolfSSL keeps a context for each kind of key, made of the first certificate of that kind.
TEST_F(Pairs, AHostIsNotShownTheCertificateThatCameFirst) {
  EXPECT_EQ(cipher_with(kEcdsaSuite), "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");
  listener_.source.hosts["b.example.com"] = {.files = files_of(made().rsa), .version = 9};
  auto server = listener_.accept();
  RawClient both({.version = WOLFSSL_TLSV1_2, .sni = "b.example.com"});
  talk(*server, both);
  EXPECT_STREQ(server->cipher(), "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
  auto refused = listener_.accept();
  RawClient ecdsa({.version = WOLFSSL_TLSV1_2, .sni = "b.example.com", .ciphers = kEcdsaSuite});
  talk(*refused, ecdsa);
  EXPECT_EQ(refused->state(), TlsState::failed) << refused->cipher();
}

TEST_F(Pairs, WithoutAKindInCommonRsaIsShown) {
  EXPECT_EQ(chosen({})->kind, KeyKind::rsa);
  EXPECT_EQ(chosen(kinds({KeyKind::ed25519, KeyKind::ecdsa_p384}))->kind, KeyKind::rsa);
  EXPECT_EQ(chosen(kinds({KeyKind::ecdsa_p256, KeyKind::rsa}))->kind, KeyKind::ecdsa_p256);
}

TEST_F(Pairs, OneThatBreaksLeavesTheOtherAloneAndStays) {
  const auto rsa = chosen(kinds({KeyKind::rsa}));
  auto& entry = listener_.source.hosts[kHost];
  entry.second->key_pem = certificate_for(kHost).key_pem;
  ++entry.second_version;
  listener_.source.put(kHost, *make_self_signed(std::array{std::string(kHost)}, listener_.clock.wall()));
  const auto old = chosen(kinds({KeyKind::ecdsa_p256}));
  for (int i = 0; i < 3; ++i) {
    second();
    EXPECT_EQ(chosen(kinds({KeyKind::rsa})), rsa) << "the half of a renewal";
    EXPECT_NE(chosen(kinds({KeyKind::ecdsa_p256})), old) << "which is whole";
  }
  EXPECT_THAT(listener_.faults, ElementsAre(HasSubstr("not for a.example.com"), HasSubstr("is not the key")));
}

TEST_F(Pairs, OneThatIsTakenAwayIsShownForAMomentOnly) {
  EXPECT_EQ(chosen(kinds({KeyKind::rsa}))->kind, KeyKind::rsa);
  listener_.source.hosts[kHost].second.reset();
  second();
  EXPECT_EQ(chosen(kinds({KeyKind::rsa}))->kind, KeyKind::rsa) << "it may only be replaced";
  listener_.clock.advance(std::chrono::minutes(2));
  EXPECT_EQ(chosen(kinds({KeyKind::rsa}))->kind, KeyKind::ecdsa_p256);
}

TEST_F(Pairs, IntermediatesAreShared) {
  listener_.source.hosts["a.example.com"] = {.files = files_of(made().chained), .version = 5};
  listener_.source.hosts["b.example.com"] = {.files = files_of(made().chained), .version = 5};
  const auto one = listener_.certificates.find("a.example.com");
  const auto two = listener_.certificates.find("b.example.com");
  EXPECT_NE(one->pairs.front(), two->pairs.front());
  EXPECT_FALSE(one->pairs.front()->intermediates->empty());
  EXPECT_EQ(one->pairs.front()->intermediates, two->pairs.front()->intermediates);
}

// In TLS 1.2 it is in the clear.
TEST_F(Pairs, TheClientIsSentTheWholeChain) {
  listener_.source.put(kHost, made().chained);
  auto another = listener_.accept();
  RawClient first({.version = WOLFSSL_TLSV1_2, .sni = "b.example.com"});
  talk(*another, first);
  auto server = listener_.accept();
  RawClient client({.version = WOLFSSL_TLSV1_2, .sni = kHost, .ciphers = kEcdsaSuite});
  client.step();
  Chain heard;
  testing::feed(*server, client.to_server, heard);
  const std::string answer = testing::drain(server->outgoing());
  const auto chain = certificates_in(made().chained.certificate_pem);
  for (const std::string& der : *chain) EXPECT_NE(answer.find(der), std::string::npos);
}

// ------------------------------------------------------------------------------------------ without blocking

TEST_F(Pairs, ASessionWaitsForFilesAndKeepsWhatComesMeanwhile) {
  auto server = listener_.accept();
  RawClient client({.sni = kHost});
  client.step();
  const int stamps = listener_.source.stamps;
  Chain heard;
  const std::string hello = std::exchange(client.to_server, {});
  EXPECT_EQ(server->feed(hello, heard), TlsState::handshaking);
  EXPECT_TRUE(server->needs_certificates());
  EXPECT_EQ(listener_.source.stamps, stamps) << "the core has not touched the disk";
  // An alert behind the hello: it is read once there is a certificate.
  server->feed(std::string("\x15\x03\x03\x00\x02\x02\x28", 7), heard);
  EXPECT_TRUE(server->outgoing().empty());
  server->certificates_found(listener_.certificates.find(kHost));
  EXPECT_EQ(server->state(), TlsState::failed);
  EXPECT_THAT(server->error(), HasSubstr("handshake: ")) << "an alert that is not encrypted";
  // The next one finds the host in memory.
  auto again = listener_.accept();
  again->feed(hello, heard);
  EXPECT_FALSE(again->needs_certificates());
  EXPECT_FALSE(again->outgoing().empty());
}

TEST_F(Pairs, AFloodWhileItWaitsIsBounded) {
  auto server = listener_.accept();
  RawClient client({.sni = kHost});
  client.step();
  Chain heard;
  server->feed(client.to_server, heard);
  for (int i = 0; i < 1000 && server->state() == TlsState::handshaking; ++i)
    server->feed(std::string(1000, 'x'), heard);
  EXPECT_EQ(server->state(), TlsState::failed);
  EXPECT_EQ(server->certificates_found(nullptr), TlsState::failed) << "the worker's answer comes late";
}

TEST_F(Pairs, NothingFoundIsAnAlert) {
  auto server = listener_.accept();
  RawClient client({.sni = kHost});
  client.step();
  Chain heard;
  server->feed(client.to_server, heard);
  EXPECT_EQ(server->certificates_found(nullptr), TlsState::failed);
  EXPECT_FALSE(server->outgoing().empty());
}

TEST_F(Pairs, WhatIsInMemoryIsTakenOnlyWhileItIsFreshOrWhereNoWorkerIsToBeHad) {
  CertificateStore& store = listener_.certificates;
  EXPECT_FALSE(store.find_loaded(kHost).has_value());
  EXPECT_FALSE(store.find_loaded(kHost, true).has_value()) << "it was never looked at";
  const auto found = store.find(kHost);
  EXPECT_EQ(store.find_loaded(kHost), found);
  second();
  EXPECT_FALSE(store.find_loaded(kHost).has_value());
  EXPECT_EQ(store.find_loaded(kHost, true), found);
}

TEST_F(Pairs, NamesThatAreNotThereNeedNoDiskForAMoment) {
  CertificateStore& store = listener_.certificates;
  const std::string unknown = "mail.unknown.test";
  EXPECT_FALSE(store.find_loaded(unknown).has_value());
  const auto fallback = store.find(unknown);
  EXPECT_EQ(fallback->host, "mx.example.com");
  const int stamps = listener_.source.stamps;
  EXPECT_EQ(store.find_loaded(unknown), fallback);
  EXPECT_EQ(listener_.source.stamps, stamps);
  // The wildcard's host is found the same way.
  EXPECT_EQ(store.find("x.example.org")->host, "_.example.org");
  EXPECT_EQ((*store.find_loaded("x.example.org"))->host, "_.example.org");
  second();
  EXPECT_FALSE(store.find_loaded(unknown).has_value());
  listener_.source.put(unknown);
  EXPECT_EQ(store.find(unknown)->host, unknown) << "a host that is added";
}

// ------------------------------------------------------------------------------------------ its own page

TEST_F(Pairs, TheNameAndThePageOfAHostAreForThoseWhoReachItByItsName) {
  listener_.source.hosts[kHost].policy_url = "https://a.example.com/policy";
  listener_.source.hosts["mx.example.com"].policy_url = "https://mx.example.com/policy";
  const auto reached = [&](const std::string& name) {
    auto server = listener_.accept();
    RawClient client({.sni = name});
    talk(*server, client);
    return std::string(server->reached_as()) + "|" + std::string(server->policy_url());
  };
  EXPECT_EQ(reached(kHost), "a.example.com|https://a.example.com/policy");
  EXPECT_EQ(reached("b.example.com"), "b.example.com|");
  EXPECT_EQ(reached("x.example.org"), "x.example.org|");
  EXPECT_EQ(reached("unknown.test"), "|") << "it has the default's certificate, and not its name";
  EXPECT_EQ(reached(""), "|");
}

TEST_F(Pairs, APageThatCannotBeReadAnyMoreStays) {
  auto& entry = listener_.source.hosts[kHost];
  entry.policy_url = "https://a.example.com/1";
  EXPECT_EQ(listener_.certificates.find(kHost)->policy_url, "https://a.example.com/1");
  entry.policy_url = "https://a.example.com/2";
  second();
  EXPECT_EQ(listener_.certificates.find(kHost)->policy_url, "https://a.example.com/2");
  entry.policy_url.reset();
  second();
  EXPECT_EQ(listener_.certificates.find(kHost)->policy_url, "") << "taken away";
}

// ------------------------------------------------------------------------------------------ what is kept

TEST_F(Pairs, ALoadedHostIsSmall) {
  const auto rsa = chosen(kinds({KeyKind::rsa}));
  const auto ecdsa = chosen(kinds({KeyKind::ecdsa_p256}));
  for (const auto& each : {rsa, ecdsa}) {
    EXPECT_EQ(each->leaf.capacity(), each->leaf.size());
    EXPECT_LT(sizeof(Certificate) + each->leaf.size() + each->key.size(), 2'600U);
  }
}

TEST(Covers, ExactNamesAndWildcardsOfOneLabel) {
  const std::vector<std::string> names{"mail.example.com", "*.example.org"};
  EXPECT_TRUE(covers(names, "mail.example.com"));
  EXPECT_TRUE(covers(names, "a.example.org"));
  EXPECT_TRUE(covers(names, "_.example.org"));
  EXPECT_FALSE(covers(names, "example.org"));
  EXPECT_FALSE(covers(names, "a.b.example.org"));
  EXPECT_FALSE(covers(names, "_.example.com"));
  EXPECT_FALSE(covers({"*.com"}, "mail.example.com"));
}

TEST(CertificateFacts, WhatIsWrittenInIt) {
  const auto ders = certificates_in(certificate_for("*.example.org").certificate_pem);
  ASSERT_TRUE(ders.has_value());
  const auto facts = read_certificate(ders->front());
  ASSERT_TRUE(facts.has_value());
  EXPECT_THAT(facts->names, ElementsAre("*.example.org"));
  EXPECT_EQ(facts->kind, KeyKind::ecdsa_p256);
  EXPECT_TRUE(facts->self_signed());
  EXPECT_GT(facts->expires, facts->begins);
  EXPECT_FALSE(certificates_in("junk").has_value());
  for (std::size_t size = 0; size < ders->front().size(); size += 7)
    EXPECT_FALSE(read_certificate(std::string_view(ders->front()).substr(0, size)).has_value()) << size;
}

}  // namespace
}  // namespace sluice::tls
