#include "engine/tls/client_authority.h"

#include <wolfssl/options.h>
// options.h comes first.
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/error-crypt.h>
#include <wolfssl/wolfcrypt/sha256.h>

#include <algorithm>
#include <array>

#include "engine/base/check.h"
#include "engine/tls/certificate_facts.h"
#include "engine/tls/decoded_certificate.h"
#include "engine/tls/library.h"

namespace sluice::tls {
namespace {

// RFC 5280 section 4.2.1.3 and 4.2.1.9.
bool may_sign_certificates(const DecodedCert& certificate) {
  return certificate.isCA != 0 &&
         (certificate.extKeyUsageSet == 0 || (certificate.extKeyUsage & KEYUSE_KEY_CERT_SIGN) != 0);
}

// RFC 5280 section 4.2.1.3 and 4.2.1.12: without these extensions it may be used for anything.
std::string use_fault(const DecodedCert& certificate) {
  constexpr unsigned kLogin = EXTKEYUSE_ANY | EXTKEYUSE_CLIENT_AUTH;
  if (certificate.extExtKeyUsageSet != 0 && (certificate.extExtKeyUsage & kLogin) == 0)
    return "is not for client authentication (extended key usage)";
  if (certificate.extKeyUsageSet != 0 && (certificate.extKeyUsage & KEYUSE_DIGITAL_SIG) == 0)
    return "is not for signatures (key usage)";
  return {};
}

// RFC 8446 section 4.4.2.4: MD5 never, SHA-1 better not: of both two certificates can be made that have one signature.
bool has_broken_digest(const DecodedCert& certificate) {
  switch (certificate.signatureOID) {
    case CTC_MD2wRSA:
    case CTC_MD5wRSA:
    case CTC_SHAwRSA:
    case CTC_SHAwECDSA:
    case CTC_SHAwDSA:
      return true;
    default:
      return false;
  }
}

bool may_be_mailbox(std::string_view name) {
  constexpr char kFirst = 0x21;
  constexpr char kLast = 0x7e;
  return name.find('@') != std::string_view::npos &&
         std::ranges::all_of(name, [](char c) { return c >= kFirst && c <= kLast && c != '*'; });
}

std::string verdict_text(int result) {
  switch (result) {
    case ASN_NO_SIGNER_E:
    case ASN_SELF_SIGNED_E:
    case ASN_SIG_CONFIRM_E:
      return "is not signed by an authority of client_ca";
    case ASN_AFTER_DATE_E:
      return "has expired";
    case ASN_BEFORE_DATE_E:
      return "is not valid yet";
    default:
      return "does not verify: " + wolfssl_error_text(result);
  }
}

std::string sha256_in_hex(std::string_view bytes) {
  std::array<unsigned char, WC_SHA256_DIGEST_SIZE> digest{};
  CHECK(wc_Sha256Hash(raw(bytes), static_cast<word32>(bytes.size()), digest.data()) == 0);
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (const unsigned char byte : digest) {
    hex += kDigits[byte >> 4U];
    hex += kDigits[byte & 0xfU];
  }
  return hex;
}

}  // namespace

std::string read_client_certificate(std::string_view der, std::vector<std::string>& addresses) {
  const auto parsed = std::make_unique<DecodedCertificate>(der);
  if (parsed->status != 0) return "cannot be read";
  if (has_broken_digest(parsed->certificate)) return "is signed with MD5 or SHA-1";
  if (std::string fault = use_fault(parsed->certificate); !fault.empty()) return fault;
  for (const DNS_entry* entry = parsed->certificate.altEmailNames; entry != nullptr; entry = entry->next) {
    if (entry->type != ASN_RFC822_TYPE || entry->len <= 0) continue;
    const std::string_view name(entry->name, static_cast<std::size_t>(entry->len));
    if (!may_be_mailbox(name)) continue;
    if (addresses.size() == kClientAddressesMax)
      return "is for more than " + std::to_string(kClientAddressesMax) + " addresses";
    addresses.emplace_back(name);
  }
  return {};
}

void ClientAuthority::ManagerDeleter::operator()(WOLFSSL_CERT_MANAGER* manager) const {
  wolfSSL_CertManagerFree(manager);
}

std::expected<std::unique_ptr<ClientAuthority>, std::string> ClientAuthority::make(std::string_view pem) {
  const auto certificates = certificates_in(pem);
  if (!certificates) return std::unexpected("holds no certificate: " + wolfssl_error_text(certificates.error()));
  std::unique_ptr<ClientAuthority> made(new ClientAuthority);
  for (std::size_t i = 0; i < certificates->size(); ++i) {
    auto signer = signer_of((*certificates)[i]);
    if (!signer) return std::unexpected("certificate " + std::to_string(i + 1) + " " + signer.error());
    made->signers_.push_back(*std::move(signer));
  }
  return made;
}

std::expected<ClientAuthority::Signer, std::string> ClientAuthority::signer_of(const std::string& der) {
  const auto facts = read_certificate(der);
  if (!facts) return std::unexpected("cannot be used: " + wolfssl_error_text(facts.error()));
  // The library would take any certificate for an authority that it is given here.
  const auto parsed = std::make_unique<DecodedCertificate>(der);
  if (parsed->status != 0 || !may_sign_certificates(parsed->certificate))
    return std::unexpected("is not that of an authority (basicConstraints CA, keyUsage keyCertSign)");
  Signer signer{.manager = decltype(Signer::manager)(wolfSSL_CertManagerNew()),
                .subject_digest = facts->subject_digest,
                .begins = facts->begins,
                .expires = facts->expires};
  if (signer.manager == nullptr) return std::unexpected("cannot be used: out of memory");
  // One that has expired may stand beside its successor: see good_at().
  const int result = wolfSSL_CertManagerLoadCABuffer_ex(signer.manager.get(), raw(der), static_cast<long>(der.size()),
                                                        WOLFSSL_FILETYPE_ASN1,
                                                        /*userChain=*/0, WOLFSSL_LOAD_FLAG_DATE_ERR_OKAY);
  if (result != WOLFSSL_SUCCESS) return std::unexpected("cannot be used: " + wolfssl_error_text(result));
  return signer;
}

ClientCertificate ClientAuthority::check(std::string_view der, WallMillis now) const {
  ClientCertificate certificate{.fault = {}, .fingerprint = sha256_in_hex(der), .addresses = {}};
  certificate.fault = fault_of(der, now, certificate.addresses);
  if (!certificate.fault.empty()) certificate.addresses.clear();
  return certificate;
}

std::string ClientAuthority::fault_of(std::string_view der, WallMillis now, std::vector<std::string>& addresses) const {
  const auto facts = read_certificate(der);
  if (!facts) return "cannot be read: " + wolfssl_error_text(facts.error());
  int result = ASN_NO_SIGNER_E;
  bool good = false;
  bool out_of_time = false;
  for (const Signer& signer : signers_) {
    if (signer.subject_digest != facts->issuer_digest) continue;
    const int verdict = wolfSSL_CertManagerVerifyBuffer(signer.manager.get(), raw(der), static_cast<long>(der.size()),
                                                        WOLFSSL_FILETYPE_ASN1);
    // The library compares no dates of those that have signed, and reads a clock of its own.
    if (verdict == WOLFSSL_SUCCESS) (signer.good_at(now) ? good : out_of_time) = true;
    // That of one that has not signed it says least.
    if (result == ASN_NO_SIGNER_E || result == ASN_SIG_CONFIRM_E) result = verdict;
  }
  if (!good)
    return out_of_time ? "is signed by an authority that has expired, or is not valid yet" : verdict_text(result);
  if (facts->begins > now / 1000) return "is not valid yet";
  if (facts->expires < now / 1000) return "has expired";
  return read_client_certificate(der, addresses);
}

std::string ClientAuthority::date_fault(WallMillis now) const {
  if (std::ranges::any_of(signers_, [now](const Signer& signer) { return signer.good_at(now); })) return {};
  return "all of its certificates have expired, or are not valid yet";
}

}  // namespace sluice::tls
