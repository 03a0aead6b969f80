// From PEM to a certificate that wolfSSL can show.
#include <wolfssl/options.h>
// options.h comes first.
#include <wolfssl/wolfcrypt/asn_public.h>

#include <array>
#include <ctime>
#include <memory>
#include <utility>
#include <vector>

#include "engine/net/certificates.h"
#include "engine/net/tls_library.h"

namespace sluice::net {
namespace {

const unsigned char* raw(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// The notAfter of the first certificate in `pem`, in seconds since 1970.
std::expected<std::int64_t, int> expiry(std::string_view pem) {
  std::vector<unsigned char> der(pem.size());  // Base64 shrinks
  const int size = wc_CertPemToDer(raw(pem), static_cast<int>(pem.size()), der.data(),
                                   static_cast<int>(der.size()), CERT_TYPE);
  if (size < 0) return std::unexpected(size);
  const auto certificate = std::make_unique<Cert>();  // some 10 KB
  if (const int result = wc_InitCert(certificate.get()); result != 0)
    return std::unexpected(result);
  if (const int result = wc_SetDatesBuffer(certificate.get(), der.data(), size); result != 0)
    return std::unexpected(result);
  std::tm before{};
  std::tm after{};
  if (const int result = wc_GetCertDates(certificate.get(), &before, &after); result != 0)
    return std::unexpected(result);
  return timegm(&after);
}

}  // namespace

Certificate::~Certificate() { wolfSSL_CTX_free(context); }

std::expected<std::shared_ptr<const Certificate>, std::string> load_certificate(
    std::string_view host, const CertificateFiles& files) {
  WolfsslContext context = make_server_wolfssl();
  if (!context) return std::unexpected("out of memory");
  const auto complaint = [](const std::string& file, std::string_view what, int code) {
    std::string text = file + ": " + std::string(what);
    if (code < 0) text += ": " + wolfssl_error_text(code);
    return std::unexpected(std::move(text));
  };
  int result = wolfSSL_CTX_use_certificate_chain_buffer(context.get(), raw(files.chain_pem),
                                                        static_cast<long>(files.chain_pem.size()));
  if (result != WOLFSSL_SUCCESS)
    return complaint(files.chain_name, "not a certificate chain", result);
  result = wolfSSL_CTX_use_PrivateKey_buffer(context.get(), raw(files.key_pem),
                                             static_cast<long>(files.key_pem.size()),
                                             WOLFSSL_FILETYPE_PEM);
  if (result != WOLFSSL_SUCCESS) return complaint(files.key_name, "not a private key", result);
  if (wolfSSL_CTX_check_private_key(context.get()) != WOLFSSL_SUCCESS)
    return complaint(files.key_name,
                     "is not the key of the first certificate in " + files.chain_name, 0);
  const auto expires = expiry(files.chain_pem);
  if (!expires) return complaint(files.chain_name, "has no readable dates", expires.error());
  auto certificate = std::make_shared<Certificate>(context.release());
  certificate->host = host;
  certificate->expires = *expires;
  return certificate;
}

}  // namespace sluice::net
