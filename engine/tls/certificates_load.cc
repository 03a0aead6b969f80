// From PEM to a certificate that can be shown.
#include <wolfssl/options.h>
// options.h comes first.
#include <wolfssl/wolfcrypt/asn_public.h>

#include <string.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <memory>
#include <utility>
#include <vector>

#include "engine/tls/certificate.h"
#include "engine/tls/certificate_facts.h"
#include "engine/tls/certificates.h"
#include "engine/tls/library.h"

namespace sluice::tls {
namespace {

bool belongs(std::string_view certificate_pem, std::string_view key_pem) {
  const WolfsslContext context = make_server_wolfssl();
  return context != nullptr &&
         wolfSSL_CTX_use_certificate_chain_buffer(context.get(), raw(certificate_pem),
                                                  static_cast<long>(certificate_pem.size())) == WOLFSSL_SUCCESS &&
         wolfSSL_CTX_use_PrivateKey_buffer(context.get(), raw(key_pem), static_cast<long>(key_pem.size()),
                                           WOLFSSL_FILETYPE_PEM) == WOLFSSL_SUCCESS &&
         wolfSSL_CTX_check_private_key(context.get()) == WOLFSSL_SUCCESS;
}

// Which certificate of the chain the key belongs to: 2 for the second.  0: to none, or to the first.
std::size_t place_in_chain(std::string_view chain_pem, std::string_view key_pem) {
  constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----";
  std::size_t number = 0;
  for (std::size_t at = chain_pem.find(kBegin); at != std::string_view::npos;) {
    const std::size_t next = chain_pem.find(kBegin, at + kBegin.size());
    if (++number > 1 && belongs(chain_pem.substr(at, next - at), key_pem)) return number;
    at = next;
  }
  return 0;
}

std::unexpected<std::string> complaint(const std::string& file, std::string_view what, int code) {
  std::string text = file + ": " + std::string(what);
  if (code < 0) text += ": " + wolfssl_error_text(code);
  return std::unexpected(std::move(text));
}

// wolfSSL takes a context with more, and then no session of it.
constexpr std::size_t kChainMax = 10;

// Whether the library takes the pair.
std::expected<void, std::string> try_pair(const CertificateFiles& files) {
  const WolfsslContext context = make_server_wolfssl();
  if (!context) return std::unexpected("out of memory");
  int result = wolfSSL_CTX_use_certificate_chain_buffer(context.get(), raw(files.chain_pem),
                                                        static_cast<long>(files.chain_pem.size()));
  if (result != WOLFSSL_SUCCESS) return complaint(files.chain_name, "not a certificate chain", result);
  result = wolfSSL_CTX_use_PrivateKey_buffer(context.get(), raw(files.key_pem), static_cast<long>(files.key_pem.size()),
                                             WOLFSSL_FILETYPE_PEM);
  if (result != WOLFSSL_SUCCESS) return complaint(files.key_name, "not a private key", result);
  if (wolfSSL_CTX_check_private_key(context.get()) == WOLFSSL_SUCCESS) return {};
  // RFC 8446 4.4.2: the sender's own certificate must be the first in the list.
  if (const std::size_t place = place_in_chain(files.chain_pem, files.key_pem); place > 0)
    return complaint(files.chain_name,
                     "the host's own certificate must come first, and is number " + std::to_string(place) +
                         ": put it in front of the others",
                     0);
  return complaint(files.key_name, "is not the key of the first certificate in " + files.chain_name, 0);
}

// Empty: it cannot be read.
std::string key_der(std::string_view pem) {
  std::string der(pem.size(), '\0');  // Base64 shrinks
  const int size = wc_KeyPemToDer(raw(pem), static_cast<int>(pem.size()), reinterpret_cast<unsigned char*>(der.data()),
                                  static_cast<int>(der.size()), nullptr);
  std::string exact(der, 0, static_cast<std::size_t>(std::max(size, 0)));
  explicit_bzero(der.data(), der.size());
  return exact;
}

}  // namespace

std::expected<std::shared_ptr<Certificate>, std::string> load_certificate(std::string_view host,
                                                                          const CertificateFiles& files) {
  if (auto fine = try_pair(files); !fine) return std::unexpected(fine.error());
  const auto chain = certificates_in(files.chain_pem);
  if (!chain) return complaint(files.chain_name, "not a certificate chain", chain.error());
  if (chain->size() > kChainMax)
    return complaint(files.chain_name, "has more than " + std::to_string(kChainMax) + " certificates", 0);
  const auto facts = read_certificate(chain->front());
  if (!facts) return complaint(files.chain_name, "has a certificate that cannot be read", facts.error());
  auto certificate = std::make_shared<Certificate>();
  certificate->key = key_der(files.key_pem);
  if (certificate->key.empty()) return complaint(files.key_name, "not a private key", 0);
  certificate->chain_name = files.chain_name;
  certificate->begins = facts->begins;
  certificate->expires = facts->expires;
  certificate->kind = facts->kind;
  certificate->covers_host = covers(facts->names, host);
  certificate->leaf = chain->front();
  std::string rest;
  for (std::size_t i = 1; i < chain->size(); ++i) rest += (*chain)[i];
  rest.shrink_to_fit();
  certificate->intermediates = std::make_shared<const std::string>(std::move(rest));
  return certificate;
}

Certificate::~Certificate() { explicit_bzero(key.data(), key.size()); }

std::string_view key_kind_name(KeyKind kind) {
  if (kind == KeyKind::rsa) return "RSA";
  return kind == KeyKind::ed25519 ? "Ed25519" : "ECDSA";
}

const std::shared_ptr<const Certificate>& HostCertificates::choose(KeyKinds offered) const {
  const auto best = [&](auto fits) {
    auto found = pairs.end();
    for (auto each = pairs.begin(); each != pairs.end(); ++each)
      if (fits((*each)->kind) && (found == pairs.end() || (*each)->kind < (*found)->kind)) found = each;
    return found;
  };
  if (const auto common = best([&](KeyKind kind) { return offered.has(kind); }); common != pairs.end()) return *common;
  if (const auto rsa = best([](KeyKind kind) { return kind == KeyKind::rsa; }); rsa != pairs.end()) return *rsa;
  return pairs.front();
}

bool HostCertificates::is_for(std::string_view name) const {
  if (name == host) return true;
  const std::size_t dot = name.find('.');
  return dot != std::string_view::npos && host.starts_with("_.") && host.substr(1) == name.substr(dot);
}

std::string date_text(std::int64_t seconds) {
  const std::time_t time = seconds;
  std::tm parts{};
  gmtime_r(&time, &parts);
  std::array<char, 16> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d", &parts)};
}

std::string date_fault(const Certificate& certificate, WallMillis now) {
  const std::int64_t seconds = now / 1000;
  if (certificate.expires < seconds)
    return certificate.chain_name + ": the certificate has expired on " + date_text(certificate.expires);
  if (certificate.begins > seconds)
    return certificate.chain_name + ": the certificate is not valid before " + date_text(certificate.begins);
  return {};
}

std::string name_fault(const Certificate& certificate, std::string_view host) {
  if (certificate.covers_host) return {};
  const std::string wildcard = "*" + std::string(host.substr(1));
  return certificate.chain_name + ": the certificate is not for " +
         (host.starts_with("_.") ? wildcard : std::string(host));
}

std::string folder_fault(const std::string& host) {
  if (is_source_name(host)) return {};
  return host +
         ": is not a host name in lower case, so that no client can ask for it; the folder of a wildcard is "
         "_.example.com";
}

namespace {

std::string fault_of_pair(CertificateSource& source, const std::string& host, std::size_t pair, WallMillis now) {
  auto files = source.read(host, pair);
  if (!files) return files.error();
  const auto made = load_certificate(host, *files);
  explicit_bzero(files->key_pem.data(), files->key_pem.size());
  return made ? date_fault(**made, now) : made.error();
}

}  // namespace

std::vector<CertificateFault> review_certificates(CertificateSource& source, WallMillis now) {
  std::vector<CertificateFault> faults;
  for (const std::string& host : source.list()) {
    if (std::string fault = folder_fault(host); !fault.empty()) {
      faults.push_back({host, std::move(fault)});
      continue;
    }
    const auto stamp = source.stamp(host);
    for (std::size_t pair = 0; stamp && pair < kPairsMax; ++pair)
      if (stamp->pairs[pair])
        if (std::string fault = fault_of_pair(source, host, pair, now); !fault.empty())
          faults.push_back({host, std::move(fault)});
  }
  return faults;
}

}  // namespace sluice::tls
