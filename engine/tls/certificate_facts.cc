#include "engine/tls/certificate_facts.h"

#include <wolfssl/options.h>
// options.h comes first.
#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <optional>

#include "engine/tls/decoded_certificate.h"
#include "engine/tls/library.h"

namespace sluice::tls {
namespace {

std::string lower_case(std::string_view text) {
  std::string copy(text);
  std::ranges::transform(copy, copy.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return copy;
}

std::optional<KeyKind> kind_of(const DecodedCert& certificate) {
  switch (certificate.keyOID) {
    case RSAk:
    case RSAPSSk:
      return KeyKind::rsa;
    case ED25519k:
      return KeyKind::ed25519;
    case ECDSAk:
      if (certificate.pkCurveOID == ECC_SECP521R1_OID) return KeyKind::ecdsa_p521;
      return certificate.pkCurveOID == ECC_SECP384R1_OID ? KeyKind::ecdsa_p384 : KeyKind::ecdsa_p256;
    default:
      return std::nullopt;
  }
}

std::vector<std::string> names_of(const DecodedCert& certificate) {
  std::vector<std::string> names;
  for (const DNS_entry* entry = certificate.altNames; entry != nullptr; entry = entry->next)
    if (entry->type == ASN_DNS_TYPE)
      names.push_back(lower_case(std::string_view(entry->name, static_cast<std::size_t>(entry->len))));
  if (names.empty() && certificate.subjectCN != nullptr)
    names.push_back(
        lower_case(std::string_view(certificate.subjectCN, static_cast<std::size_t>(certificate.subjectCNLen))));
  return names;
}

// wolfSSL writes a name as "/C=US/O=Let's Encrypt/CN=R11".
std::string common_name(std::string_view name) {
  constexpr std::string_view kCommonName = "/CN=";
  const std::size_t at = name.rfind(kCommonName);
  if (at == std::string_view::npos) return std::string(name);
  name.remove_prefix(at + kCommonName.size());
  return std::string(name.substr(0, name.find('/')));
}

struct Dates {
  std::int64_t begins = 0;
  std::int64_t expires = 0;
};

std::expected<Dates, int> dates_of(std::string_view der) {
  const auto certificate = std::make_unique<Cert>();  // some 10 KB
  if (const int result = wc_InitCert(certificate.get()); result != 0) return std::unexpected(result);
  if (const int result = wc_SetDatesBuffer(certificate.get(), raw(der), static_cast<int>(der.size())); result != 0)
    return std::unexpected(result);
  std::tm before{};
  std::tm after{};
  if (const int result = wc_GetCertDates(certificate.get(), &before, &after); result != 0)
    return std::unexpected(result);
  return Dates{.begins = timegm(&before), .expires = timegm(&after)};
}

std::string digest_of(const byte* digest) { return {reinterpret_cast<const char*>(digest), KEYID_SIZE}; }

}  // namespace

std::expected<std::vector<std::string>, int> certificates_in(std::string_view pem) {
  constexpr std::string_view kBegin = "-----BEGIN ";
  std::vector<std::string> all;
  for (std::size_t at = pem.find(kBegin); at != std::string_view::npos;) {
    const std::size_t next = pem.find(kBegin, at + kBegin.size());
    const std::string_view block = pem.substr(at, next - at);
    at = next;
    const std::string_view label = block.substr(kBegin.size());
    if (!label.starts_with("CERTIFICATE-") && !label.starts_with("X509 CERTIFICATE-")) continue;
    std::string der(block.size(), '\0');  // Base64 shrinks
    const int size =
        wc_CertPemToDer(raw(block), static_cast<int>(block.size()), reinterpret_cast<unsigned char*>(der.data()),
                        static_cast<int>(der.size()), CERT_TYPE);
    if (size < 0) return std::unexpected(size);
    all.emplace_back(der, 0, static_cast<std::size_t>(size));
  }
  if (all.empty()) return std::unexpected(static_cast<int>(ASN_NO_PEM_HEADER));
  return all;
}

std::expected<CertificateFacts, int> read_certificate(std::string_view der) {
  const auto decoded = std::make_unique<DecodedCertificate>(der);
  if (decoded->status != 0) return std::unexpected(decoded->status);
  const DecodedCert& certificate = decoded->certificate;
  const auto kind = kind_of(certificate);
  if (!kind) return std::unexpected(static_cast<int>(ALGO_ID_E));
  const auto dates = dates_of(der);
  if (!dates) return std::unexpected(dates.error());
  return CertificateFacts{.kind = *kind,
                          .names = names_of(certificate),
                          .issuer = common_name(certificate.issuer),
                          .begins = dates->begins,
                          .expires = dates->expires,
                          .subject_digest = digest_of(certificate.subjectHash),
                          .issuer_digest = digest_of(certificate.issuerHash)};
}

bool covers(const std::vector<std::string>& names, std::string_view host) {
  const auto has = [&](const std::string& name) { return std::ranges::find(names, name) != names.end(); };
  if (host.starts_with("_.")) return has("*" + std::string(host.substr(1)));
  if (has(std::string(host))) return true;
  const std::size_t dot = host.find('.');
  return dot != std::string_view::npos && has("*" + std::string(host.substr(dot)));
}

}  // namespace sluice::tls
