// Certificates of clients: which are good for a login, what is read in them, and that those that are not good break no
// handshake.  Written by openssl.  Skipped where there is no openssl.
#include "engine/tls/client_authority.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "engine/tls/certificate_facts.h"
#include "tests/unit/tls/tls_fixture.h"

namespace sluice::tls {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Listener;
using testing::RawClient;
using testing::real_now;
using ::testing::SizeIs;
using ::testing::StartsWith;
using testing::talk;

constexpr WallMillis kDay = WallMillis{24} * 3600 * 1000;
constexpr const char* kEcdsa = "-algorithm EC -pkeyopt ec_paramgen_curve:P-256";
constexpr const char* kClient = "basicConstraints=CA:FALSE\nkeyUsage=digitalSignature\nextendedKeyUsage=clientAuth\n";

class ClientCertificates : public ::testing::Test {
 protected:
  ClientCertificates() {
    std::string path = (fs::temp_directory_path() / "sluice-clients-XXXXXX").string();
    root_ = mkdtemp(path.data());
  }
  ~ClientCertificates() override { fs::remove_all(root_); }
  void SetUp() override {
    if (std::system("openssl version >/dev/null 2>&1") != 0) GTEST_SKIP() << "there is no openssl";
    authority("root", "");
    authority("strangers", "");
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
  void make(const std::string& name, const std::string& issuer, const std::string& extensions,
            const std::string& key = kEcdsa) {
    std::ofstream(root_ / "ext") << extensions;
    shell("openssl genpkey " + key + " -out " + name + ".key && openssl req -new -key " + name + ".key -subj /CN=" +
          name + " -out csr && openssl x509 -req -in csr -extfile ext -days 30 -out " + name + ".pem " +
          (issuer.empty() ? "-signkey " + name + ".key"
                          : "-CA " + issuer + ".pem -CAkey " + issuer + ".key -CAcreateserial"));
  }
  void authority(const std::string& name, const std::string& issuer) {
    make(name, issuer, "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n");
  }
  std::string der(const std::string& name) { return certificates_in(read(name + ".pem")).value().front(); }
  ClientCertificate check(const std::string& name, WallMillis now = real_now(), const std::string& trusted = "root") {
    const auto made = ClientAuthority::make(read(trusted + ".pem"));
    EXPECT_TRUE(made.has_value());
    return (*made)->check(der(name), now);
  }
  std::string why_not(const std::string& pem) {
    const auto made = ClientAuthority::make(pem);
    return made ? "" : made.error();
  }
  // What the server has seen of a client with that certificate.
  struct Shown {
    TlsState state{};
    std::string error;
    std::optional<ClientCertificate> certificate;
    bool resumed = false;
  };
  Shown connect(RawClient& client, Listener& listener, const std::string& chain = "", const std::string& key = "") {
    const auto bytes = [](const std::string& text) { return reinterpret_cast<const unsigned char*>(text.data()); };
    if (!chain.empty()) {
      EXPECT_EQ(wolfSSL_use_certificate_chain_buffer(client.ssl, bytes(chain), static_cast<long>(chain.size())),
                WOLFSSL_SUCCESS);
      EXPECT_EQ(
          wolfSSL_use_PrivateKey_buffer(client.ssl, bytes(key), static_cast<long>(key.size()), WOLFSSL_FILETYPE_PEM),
          WOLFSSL_SUCCESS);
    }
    auto server = listener.accept();
    talk(*server, client);
    Shown shown{.state = server->state(), .error = std::string(server->error()), .certificate = {}};
    shown.resumed = server->resumed();
    if (server->client_certificate() != nullptr) shown.certificate = *server->client_certificate();
    return shown;
  }
  Listener listener_for(const std::string& trusted = "root") {
    return Listener("submission", 1, /*tickets=*/true, /*channel_binding=*/false, read(trusted + ".pem"));
  }

  fs::path root_;
};

TEST_F(ClientCertificates, OfTheAuthorityAreGood) {
  make("client", "root", kClient);
  const ClientCertificate shown = check("client");
  EXPECT_EQ(shown.fault, "");
  EXPECT_THAT(shown.addresses, IsEmpty());
  std::ofstream(root_ / "client.der") << der("client");
  ASSERT_EQ(std::system(("cd " + root_.string() + " && sha256sum client.der | cut -c1-64 | tr -d '\\n' >sum").c_str()),
            0);
  EXPECT_EQ(shown.fingerprint, read("sum"));
  make("rsa", "root", kClient, "-algorithm RSA -pkeyopt rsa_keygen_bits:2048");
  EXPECT_EQ(check("rsa").fault, "");
  // Without these extensions it may be used for anything.
  make("plain", "root", "basicConstraints=CA:FALSE\n");
  EXPECT_EQ(check("plain").fault, "");
}

TEST_F(ClientCertificates, OfOthersAreNot) {
  make("client", "strangers", kClient);
  EXPECT_EQ(check("client").fault, "is not signed by an authority of client_ca");
  make("alone", "", kClient);
  EXPECT_EQ(check("alone").fault, "is not signed by an authority of client_ca");
  // An authority of the same name, which has not signed it.
  make("twin", "root", kClient);
  shell("cp root.pem true.pem && cp root.key true.key");
  authority("root", "");
  make("forged", "root", kClient);
  EXPECT_NE(check("forged", real_now(), "true").fault, "");
  EXPECT_EQ(check("twin", real_now(), "true").fault, "");
}

TEST_F(ClientCertificates, WhatIsSentBesideIsNotLookedAt) {
  authority("middle", "root");
  make("client", "middle", kClient);
  EXPECT_EQ(check("client").fault, "is not signed by an authority of client_ca");
  EXPECT_EQ(check("client", real_now(), "middle").fault, "");
}

TEST_F(ClientCertificates, HaveToBeForClients) {
  make("server", "root", "basicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n");
  EXPECT_EQ(check("server").fault, "is not for client authentication (extended key usage)");
  make("both", "root", "basicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth,clientAuth\n");
  EXPECT_EQ(check("both").fault, "");
  make("wrapping", "root", "basicConstraints=CA:FALSE\nkeyUsage=keyEncipherment\n");
  EXPECT_EQ(check("wrapping").fault, "is not for signatures (key usage)");
}

TEST_F(ClientCertificates, HaveTheirTime) {
  make("client", "root", kClient);
  EXPECT_EQ(check("client", real_now() + 40 * kDay).fault,
            "is signed by an authority that has expired, or is not valid yet");
  EXPECT_EQ(check("client", real_now() - 2 * kDay).fault,
            "is signed by an authority that has expired, or is not valid yet");
  const auto made = ClientAuthority::make(read("root.pem"));
  EXPECT_EQ((*made)->date_fault(real_now()), "");
  EXPECT_THAT((*made)->date_fault(real_now() + 40 * kDay), StartsWith("all of its certificates have expired"));
  shell("openssl x509 -req -in csr -extfile ext -days 1 -CA root.pem -CAkey root.key -CAcreateserial -out short.pem");
  EXPECT_EQ(check("short", real_now() + 2 * kDay).fault, "has expired");
}

// Two authorities may have one name: the dates are those of the one that has signed.
TEST_F(ClientCertificates, OfADeadAuthorityAreNotMadeGoodByItsNamesake) {
  authority("root", "");
  shell(
      "openssl req -new -key root.key -subj /CN=root -out csr && openssl x509 -req -in csr -extfile ext -days 2 "
      "-signkey root.key -out dying.pem && cp root.key dying.key");
  make("client", "dying", kClient);
  authority("root", "");
  make("successor", "root", kClient);
  shell("cat dying.pem root.pem >both.pem && cat root.pem dying.pem >turned.pem");
  for (const std::string trusted : {"both", "turned"}) {
    EXPECT_EQ(check("client", real_now(), trusted).fault, "");
    EXPECT_EQ(check("client", real_now() + 3 * kDay, trusted).fault,
              "is signed by an authority that has expired, or is not valid yet");
    EXPECT_EQ(check("successor", real_now() + 3 * kDay, trusted).fault, "");
  }
}

// Of these digests a second certificate can be made for what the authority has signed.
TEST_F(ClientCertificates, SignedWithABrokenDigestAreNotGood) {
  make("old", "", "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n",
       "-algorithm RSA -pkeyopt rsa_keygen_bits:2048");
  make("client", "root", kClient);
  for (const auto& [digest, issuer] : {std::pair("sha1", "root"), {"sha1", "old"}, {"md5", "old"}}) {
    shell("openssl x509 -req -in csr -extfile ext -days 3 -" + std::string(digest) + " -CA " + issuer + ".pem -CAkey " +
          issuer + ".key -CAcreateserial -out broken.pem");
    EXPECT_EQ(check("broken", real_now(), issuer).fault, "is signed with MD5 or SHA-1") << issuer;
  }
  shell(
      "openssl x509 -req -in csr -extfile ext -days 3 -sha256 -CA old.pem -CAkey old.key -CAcreateserial -out new.pem");
  EXPECT_EQ(check("new", real_now(), "old").fault, "");
}

TEST_F(ClientCertificates, NameTheirAddresses) {
  make("client", "root",
       std::string(kClient) + "subjectAltName=email:Ann@Example.com,DNS:mx.example.com,email:bob@example.com\n");
  EXPECT_THAT(check("client").addresses, ::testing::UnorderedElementsAre("Ann@Example.com", "bob@example.com"));
  make("stranger", "strangers", std::string(kClient) + "subjectAltName=email:ann@example.com\n");
  EXPECT_THAT(check("stranger").addresses, IsEmpty());
  // A common name or an emailAddress in the subject is none.
  shell(
      "openssl req -new -key client.key -subj /CN=ann@example.com/emailAddress=ann@example.com -out csr && "
      "openssl x509 -req -in csr -days 30 -CA root.pem -CAkey root.key -CAcreateserial -out named.pem");
  EXPECT_THAT(check("named").addresses, IsEmpty());
}

// In DER: a general name [1] of those bytes each.
std::string san_of(const std::vector<std::string>& names) {
  const auto hex = [](std::string_view bytes) {
    std::ostringstream text;
    for (const char c : bytes)
      text << (text.tellp() > 0 ? ":" : "") << std::hex << (static_cast<unsigned char>(c) >> 4U)
           << (static_cast<unsigned char>(c) & 15U);
    return text.str();
  };
  const auto sized = [](char tag, const std::string& content) {
    std::string size(1, static_cast<char>(content.size()));
    if (content.size() > 127)
      size = std::string("\x82") + static_cast<char>(content.size() >> 8U) + static_cast<char>(content.size() & 255U);
    return std::string(1, tag) + size + content;
  };
  std::string all;
  for (const std::string& name : names) all += sized('\x81', name);
  return "2.5.29.17=DER:" + hex(sized('\x30', all)) + "\n";
}

// Whatever the library makes of the certificate, no name comes of it but the good one.
TEST_F(ClientCertificates, HostileAddressesAreNone) {
  using namespace std::string_literals;
  int read_all = 0;
  for (const std::string& hostile :
       {"ann@example.com\0.evil.example"s, ""s, "*@example.com"s, "ann"s, "a\r\nb@example.com"s,
        "ann@ex\xc3\xa4mple.com"s, "ann @example.com"s, "\0ann@example.com"s}) {
    make("client", "root", std::string(kClient) + san_of({hostile, "good@example.com"}));
    const ClientCertificate shown = check("client");
    if (shown.fault.empty()) ++read_all;
    EXPECT_THAT(shown.addresses, SizeIs(shown.fault.empty() ? 1 : 0)) << ::testing::PrintToString(hostile);
    for (const std::string& address : shown.addresses) EXPECT_EQ(address, "good@example.com");
  }
  EXPECT_GE(read_all, 5);
  std::vector<std::string> many;
  for (std::size_t i = 0; i <= kClientAddressesMax; ++i) many.push_back("a" + std::to_string(i) + "@example.com");
  make("many", "root", std::string(kClient) + san_of(many));
  EXPECT_EQ(check("many").fault, "is for more than 32 addresses");
  EXPECT_THAT(check("many").addresses, IsEmpty());
}

TEST_F(ClientCertificates, RubbishIsNone) {
  make("client", "root", kClient);
  const auto made = ClientAuthority::make(read("root.pem"));
  const std::string whole = der("client");
  for (std::size_t size : {std::size_t{0}, std::size_t{1}, whole.size() / 2, whole.size() - 1})
    EXPECT_NE((*made)->check(whole.substr(0, size), real_now()).fault, "") << size;
  for (std::size_t at = 0; at < whole.size(); at += 7) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 0x20);
    EXPECT_NE((*made)->check(changed, real_now()).fault, "") << at;
  }
}

TEST_F(ClientCertificates, AuthoritiesHaveToBeSome) {
  make("client", "root", kClient);
  EXPECT_THAT(why_not(""), StartsWith("holds no certificate"));
  EXPECT_THAT(why_not("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), HasSubstr("certificate"));
  EXPECT_THAT(why_not(read("client.pem")), StartsWith("certificate 1 is not that of an authority"));
  EXPECT_THAT(why_not(read("root.pem") + read("client.pem")), StartsWith("certificate 2 is not that of an authority"));
  EXPECT_EQ(why_not(read("root.pem") + read("strangers.pem")), "");
}

TEST_F(ClientCertificates, AreSeenInBothVersions) {
  make("client", "root", kClient);
  Listener listener = listener_for();
  for (const int version : {WOLFSSL_TLSV1_2, WOLFSSL_TLSV1_3}) {
    RawClient client({.version = version, .sni = "mx.example.com"});
    const Shown shown = connect(client, listener, read("client.pem"), read("client.key"));
    ASSERT_EQ(shown.state, TlsState::open) << shown.error;
    ASSERT_TRUE(shown.certificate);
    EXPECT_EQ(shown.certificate->fault, "");
    EXPECT_EQ(shown.certificate->fingerprint, check("client").fingerprint);
  }
}

TEST_F(ClientCertificates, AClientWithoutOneGoesOn) {
  Listener listener = listener_for();
  for (const int version : {WOLFSSL_TLSV1_2, WOLFSSL_TLSV1_3}) {
    RawClient client({.version = version, .sni = "mx.example.com"});
    const Shown shown = connect(client, listener);
    EXPECT_EQ(shown.state, TlsState::open) << shown.error;
    EXPECT_FALSE(shown.certificate);
  }
}

TEST_F(ClientCertificates, OneThatIsNotGoodBreaksNoHandshake) {
  make("stranger", "strangers", kClient);
  make("server", "root", "basicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n");
  authority("middle", "strangers");
  make("behind", "middle", kClient);
  Listener listener = listener_for();
  for (const int version : {WOLFSSL_TLSV1_2, WOLFSSL_TLSV1_3}) {
    for (const std::string chain : {"stranger", "server", "behind"}) {
      RawClient client({.version = version, .sni = "mx.example.com"});
      const std::string pem =
          chain == "behind" ? read("behind.pem") + read("middle.pem") + read("strangers.pem") : read(chain + ".pem");
      const Shown shown = connect(client, listener, pem, read(chain + ".key"));
      EXPECT_EQ(shown.state, TlsState::open) << chain << ": " << shown.error;
      ASSERT_TRUE(shown.certificate) << chain;
      EXPECT_NE(shown.certificate->fault, "") << chain;
    }
  }
}

TEST_F(ClientCertificates, NothingIsResumed) {
  make("client", "root", kClient);
  Listener elsewhere;
  Listener asking = listener_for();
  for (const int version : {WOLFSSL_TLSV1_2, WOLFSSL_TLSV1_3}) {
    for (Listener* const listener : {&elsewhere, &asking}) {
      RawClient first({.version = version, .sni = "mx.example.com"});
      ASSERT_EQ(connect(first, *listener, read("client.pem"), read("client.key")).state, TlsState::open);
      WOLFSSL_SESSION* const session = first.session();
      RawClient second({.version = version, .sni = "mx.example.com"});
      // Refused already where no ticket came in TLS 1.2.
      const bool kept = session != nullptr && wolfSSL_set_session(second.ssl, session) == WOLFSSL_SUCCESS;
      EXPECT_TRUE(kept || listener == &asking) << version;
      const Shown shown = connect(second, *listener, read("client.pem"), read("client.key"));
      EXPECT_EQ(shown.state, TlsState::open) << shown.error;
      EXPECT_EQ(shown.resumed, listener == &elsewhere) << version;
      EXPECT_EQ(shown.certificate.has_value(), listener == &asking);
      wolfSSL_SESSION_free(session);
    }
  }
}

TEST_F(ClientCertificates, NobodyIsAskedElsewhere) {
  make("client", "root", kClient);
  Listener listener;
  RawClient client({.version = WOLFSSL_TLSV1_3, .sni = "mx.example.com"});
  const Shown shown = connect(client, listener, read("client.pem"), read("client.key"));
  EXPECT_EQ(shown.state, TlsState::open) << shown.error;
  EXPECT_FALSE(shown.certificate);
}

}  // namespace
}  // namespace sluice::tls
