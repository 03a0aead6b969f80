// Chains of certificates as real authorities make them, written by openssl: what a client that
// checks must take, and what it must not.  Skipped where there is no openssl.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/unit/tls/tls_fixture.h"

namespace sluice::tls {
namespace {

namespace fs = std::filesystem;
using testing::Listener;
using testing::talk;

class TlsChain : public ::testing::Test {
 protected:
  TlsChain() {
    std::string path = (fs::temp_directory_path() / "sluice-chain-XXXXXX").string();
    root_ = mkdtemp(path.data());
  }
  ~TlsChain() override { fs::remove_all(root_); }
  void SetUp() override {
    if (std::system("openssl version >/dev/null 2>&1") != 0) GTEST_SKIP() << "there is no openssl";
    authority("root", "");
    authority("middle", "root");
  }

  void shell(const std::string& command) {
    ASSERT_EQ(std::system(("cd " + root_.string() + " && (" + command + ") >log 2>&1").c_str()), 0) << command << "\n"
                                                                                                    << read("log");
  }
  std::string read(const std::string& file) {
    std::ostringstream text;
    text << std::ifstream(root_ / file).rdbuf();
    return text.str();
  }
  // NAME.key and NAME.pem, signed by `issuer`, or by itself when that is empty.
  void make(const std::string& name, const std::string& issuer, const std::string& extensions, const std::string& key) {
    std::ofstream(root_ / "ext") << extensions;
    shell("openssl genpkey " + key + " -out " + name + ".key && openssl req -new -key " + name + ".key -subj /CN=" +
          name + " -out csr && openssl x509 -req -in csr -extfile ext -days 30 -out " + name + ".pem " +
          (issuer.empty() ? "-signkey " + name + ".key"
                          : "-CA " + issuer + ".pem -CAkey " + issuer + ".key -CAcreateserial"));
  }
  void authority(const std::string& name, const std::string& issuer) {
    make(name, issuer, "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n", kEcdsa);
  }
  void leaf(const std::string& name, const std::string& issuer, const std::string& key = kEcdsa) {
    make(name, issuer,
         "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage="
         "serverAuth\n"
         "subjectAltName=DNS:a.example.com\n",
         key);
  }
  // What becomes of a client that trusts `trusted` and is shown `chain`.
  TlsState connect(const std::string& trusted, const std::string& chain, const std::string& key) {
    Listener listener;
    listener.source.put("a.example.com", SelfSigned{chain, key});
    auto context = TlsClientContext::make({.verify = TlsVerify::required, .ca_pem = trusted});
    if (!context) return TlsState::failed;
    auto server = listener.accept();
    auto client = TlsSession::client(**context, "a.example.com");
    talk(*server, *client);
    EXPECT_TRUE(listener.faults.empty()) << listener.faults[0];
    error_ = client->error();
    return client->state();
  }

  // `openssl x509` makes none that ends before it begins, and cannot be given a beginning in all of its versions.
  void expired_leaf(const std::string& name, const std::string& issuer) {
    leaf(name, issuer);
    std::ofstream(root_ / "ca.cnf")
        << "[ca]\ndefault_ca=x\n[x]\ndatabase=index\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\n"
           "policy=p\n[p]\ncommonName=supplied\n";
    shell("touch index && echo 01 >serial && openssl req -new -key " + name + ".key -subj /CN=" + name +
          " -out csr && openssl ca -batch -notext -config ca.cnf -extfile ext -cert " + issuer + ".pem -keyfile " +
          issuer + ".key -startdate 200101000000Z -enddate 210101000000Z -in csr -out " + name + ".pem");
  }

  static constexpr const char* kEcdsa = "-algorithm EC -pkeyopt ec_paramgen_curve:P-256";
  static constexpr const char* kRsa = "-algorithm RSA -pkeyopt rsa_keygen_bits:2048";
  fs::path root_;
  std::string error_;
};

TEST_F(TlsChain, AnIntermediateLeadsToTheRoot) {
  leaf("leaf", "middle");
  EXPECT_EQ(connect(read("root.pem"), read("leaf.pem") + read("middle.pem"), read("leaf.key")), TlsState::open)
      << error_;
  EXPECT_EQ(connect(read("root.pem"), read("leaf.pem") + read("middle.pem") + read("root.pem"), read("leaf.key")),
            TlsState::open)
      << error_;
  EXPECT_EQ(connect(read("root.pem"), read("leaf.pem"), read("leaf.key")), TlsState::failed) << "a link is missing";
}

TEST_F(TlsChain, RsaKeysInBothFormats) {
  leaf("leaf", "root", kRsa);
  EXPECT_EQ(connect(read("root.pem"), read("leaf.pem"), read("leaf.key")), TlsState::open) << error_;
  shell("openssl rsa -in leaf.key -traditional -out old.key");
  EXPECT_NE(read("old.key").find("BEGIN RSA PRIVATE KEY"), std::string::npos);
  EXPECT_EQ(connect(read("root.pem"), read("leaf.pem"), read("old.key")), TlsState::open) << error_;
}

TEST_F(TlsChain, EcdsaKeysInTheOldFormatAndOnP384) {
  leaf("leaf", "root", "-algorithm EC -pkeyopt ec_paramgen_curve:P-384");
  EXPECT_EQ(connect(read("root.pem"), read("leaf.pem"), read("leaf.key")), TlsState::open) << error_;
  shell("openssl ec -in leaf.key -out old.key");
  EXPECT_EQ(connect(read("root.pem"), read("leaf.pem"), read("old.key")), TlsState::open) << error_;
}

TEST_F(TlsChain, AnExpiredLeafIsRefused) {
  expired_leaf("leaf", "root");
  Listener listener;
  auto context = TlsClientContext::make({.verify = TlsVerify::required, .ca_pem = read("root.pem")});
  ASSERT_TRUE(context.has_value());
  listener.source.put("a.example.com", SelfSigned{read("leaf.pem"), read("leaf.key")});
  auto server = listener.accept();
  auto client = TlsSession::client(**context, "a.example.com");
  talk(*server, *client);
  EXPECT_EQ(client->state(), TlsState::failed);
  ASSERT_EQ(listener.faults.size(), 1U) << "and it is logged";
  EXPECT_NE(listener.faults[0].find("expired"), std::string::npos);
}

TEST_F(TlsChain, WhoIsNoAuthorityMayNotSign) {
  leaf("victim", "root");
  leaf("forged", "victim");
  EXPECT_EQ(connect(read("root.pem"), read("forged.pem") + read("victim.pem"), read("forged.key")), TlsState::failed);
}

TEST_F(TlsChain, AStrangersRootInTheChainIsNotTrusted) {
  authority("stranger", "");
  leaf("leaf", "stranger");
  EXPECT_EQ(connect(read("root.pem"), read("leaf.pem") + read("stranger.pem"), read("leaf.key")), TlsState::failed);
  EXPECT_EQ(connect(read("root.pem"), read("leaf.pem") + read("stranger.pem") + read("root.pem"), read("leaf.key")),
            TlsState::failed)
      << "nor with the true one behind it";
}

TEST_F(TlsChain, OfTheSameNameButAnotherKeyIsNotTheRoot) {
  const std::string trusted = read("root.pem");
  authority("root", "");  // made anew
  leaf("leaf", "root");
  EXPECT_EQ(connect(trusted, read("leaf.pem"), read("leaf.key")), TlsState::failed);
  EXPECT_EQ(connect(trusted, read("leaf.pem") + read("root.pem"), read("leaf.key")), TlsState::failed);
}

TEST_F(TlsChain, ATrustedIntermediateIsEnough) {
  leaf("leaf", "middle");
  EXPECT_EQ(connect(read("middle.pem"), read("leaf.pem") + read("middle.pem"), read("leaf.key")), TlsState::open)
      << error_;
}

}  // namespace
}  // namespace sluice::tls
