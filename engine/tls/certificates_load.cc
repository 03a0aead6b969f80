// From PEM to a certificate that wolfSSL can show.
#include <wolfssl/options.h>
// options.h comes first.
#include <wolfssl/wolfcrypt/asn_public.h>

#include <string.h>

#include <array>
#include <ctime>
#include <memory>
#include <utility>
#include <vector>

#include "engine/tls/certificates.h"
#include "engine/tls/library.h"

namespace sluice::tls {
namespace {

const unsigned char* raw(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

struct Dates {
  std::int64_t begins = 0;
  std::int64_t expires = 0;
};

// Of the first certificate in `pem`.
std::expected<Dates, int> dates_of(std::string_view pem) {
  std::vector<unsigned char> der(pem.size());  // Base64 shrinks
  const int size =
      wc_CertPemToDer(raw(pem), static_cast<int>(pem.size()), der.data(), static_cast<int>(der.size()), CERT_TYPE);
  if (size < 0) return std::unexpected(size);
  const auto certificate = std::make_unique<Cert>();  // some 10 KB
  if (const int result = wc_InitCert(certificate.get()); result != 0) return std::unexpected(result);
  if (const int result = wc_SetDatesBuffer(certificate.get(), der.data(), size); result != 0)
    return std::unexpected(result);
  std::tm before{};
  std::tm after{};
  if (const int result = wc_GetCertDates(certificate.get(), &before, &after); result != 0)
    return std::unexpected(result);
  return Dates{.begins = timegm(&before), .expires = timegm(&after)};
}

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

}  // namespace

Certificate::~Certificate() { wolfSSL_CTX_free(context); }

std::expected<std::shared_ptr<const Certificate>, std::string> load_certificate(std::string_view host,
                                                                                const CertificateFiles& files) {
  WolfsslContext context = make_server_wolfssl();
  if (!context) return std::unexpected("out of memory");
  const auto complaint = [](const std::string& file, std::string_view what, int code) {
    std::string text = file + ": " + std::string(what);
    if (code < 0) text += ": " + wolfssl_error_text(code);
    return std::unexpected(std::move(text));
  };
  int result = wolfSSL_CTX_use_certificate_chain_buffer(context.get(), raw(files.chain_pem),
                                                        static_cast<long>(files.chain_pem.size()));
  if (result != WOLFSSL_SUCCESS) return complaint(files.chain_name, "not a certificate chain", result);
  result = wolfSSL_CTX_use_PrivateKey_buffer(context.get(), raw(files.key_pem), static_cast<long>(files.key_pem.size()),
                                             WOLFSSL_FILETYPE_PEM);
  if (result != WOLFSSL_SUCCESS) return complaint(files.key_name, "not a private key", result);
  if (wolfSSL_CTX_check_private_key(context.get()) != WOLFSSL_SUCCESS) {
    // RFC 8446 4.4.2: the sender's own certificate must be the first in the list.
    if (const std::size_t place = place_in_chain(files.chain_pem, files.key_pem); place > 0)
      return complaint(files.chain_name,
                       "the host's own certificate must come first, and is number " + std::to_string(place) +
                           ": put it in front of the others",
                       0);
    return complaint(files.key_name, "is not the key of the first certificate in " + files.chain_name, 0);
  }
  const auto dates = dates_of(files.chain_pem);
  if (!dates) return complaint(files.chain_name, "has no readable dates", dates.error());
  auto certificate = std::make_shared<Certificate>(context.release());
  certificate->host = host;
  certificate->chain_name = files.chain_name;
  certificate->begins = dates->begins;
  certificate->expires = dates->expires;
  return certificate;
}

std::string date_fault(const Certificate& certificate, WallMillis now) {
  const auto day = [](std::int64_t seconds) {
    const std::time_t time = seconds;
    std::tm parts{};
    gmtime_r(&time, &parts);
    std::array<char, 16> text{};
    return std::string(text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d", &parts));
  };
  const std::int64_t seconds = now / 1000;
  if (certificate.expires < seconds)
    return certificate.chain_name + ": the certificate has expired on " + day(certificate.expires);
  if (certificate.begins > seconds)
    return certificate.chain_name + ": the certificate is not valid before " + day(certificate.begins);
  return {};
}

std::vector<CertificateFault> review_certificates(CertificateSource& source, WallMillis now) {
  std::vector<CertificateFault> faults;
  for (const std::string& host : source.list()) {
    if (!is_source_name(host)) {
      faults.push_back({host, host + ": is not a host name in lower case, so that no client can ask for it; the folder "
                                     "of a wildcard is _.example.com"});
      continue;
    }
    auto files = source.read(host);
    if (!files) {
      faults.push_back({host, files.error()});
      continue;
    }
    const auto made = load_certificate(host, *files);
    explicit_bzero(files->key_pem.data(), files->key_pem.size());
    std::string fault = made ? date_fault(**made, now) : made.error();
    if (!fault.empty()) faults.push_back({host, std::move(fault)});
  }
  return faults;
}

}  // namespace sluice::tls
