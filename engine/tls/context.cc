#include "engine/tls/context.h"

#include <utility>

#include "engine/base/check.h"
#include "engine/tls/library.h"
#include "engine/tls/session_memory.h"

namespace sluice::tls {
namespace {

long size_of(const std::string& bytes) { return static_cast<long>(bytes.size()); }

}  // namespace

TlsContext::TlsContext(TlsContextOptions options, CertificateStore& certificates, TicketKeys& tickets)
    : options_(std::move(options)), certificates_(certificates), tickets_(tickets) {
  if (options_.client_ca_pem.empty()) return;
  auto authority = ClientAuthority::make(options_.client_ca_pem);
  CHECK(authority.has_value());
  client_authority_ = *std::move(authority);
  options_.tickets = false;
}

// Its sessions have made them.
TlsContext::~TlsContext() {
  const CountsAsSession counting;
  for (WOLFSSL_CTX* context : contexts_) wolfSSL_CTX_free(context);
}

// wolfSSL makes no server's session of a context without a certificate, and takes the suites of TLS 1.2 from its key.
WOLFSSL_CTX* TlsContext::context_for(const Certificate& certificate) {
  WOLFSSL_CTX*& kept = contexts_.at(static_cast<std::size_t>(certificate.kind));
  if (kept != nullptr) return kept;
  WolfsslContext made = make_server_wolfssl();
  if (!made) return nullptr;
  if (wolfSSL_CTX_use_certificate_chain_buffer_format(made.get(), raw(certificate.leaf), size_of(certificate.leaf),
                                                      WOLFSSL_FILETYPE_ASN1) != WOLFSSL_SUCCESS ||
      wolfSSL_CTX_use_PrivateKey_buffer(made.get(), raw(certificate.key), size_of(certificate.key),
                                        WOLFSSL_FILETYPE_ASN1) != WOLFSSL_SUCCESS)
    return nullptr;
  if (client_authority_ != nullptr)
    wolfSSL_CTX_set_verify(made.get(), WOLFSSL_VERIFY_PEER, &TlsCallbacks::client_certificate);
  kept = made.release();
  return kept;
}

void TlsContext::forget_client_chains() {
  for (WOLFSSL_CTX* context : contexts_)
    if (context != nullptr) wolfSSL_CTX_UnloadCAs(context);
}

WOLFSSL* TlsContext::make_session(const Certificate& certificate) {
  WOLFSSL_CTX* const context = context_for(certificate);
  if (context == nullptr) return nullptr;
  WOLFSSL* const session = wolfSSL_new(context);
  if (session == nullptr) return nullptr;
  const std::string chain = certificate.leaf + *certificate.intermediates;
  if (wolfSSL_use_certificate_chain_buffer_format(session, raw(chain), size_of(chain), WOLFSSL_FILETYPE_ASN1) ==
          WOLFSSL_SUCCESS &&
      wolfSSL_use_PrivateKey_buffer(session, raw(certificate.key), size_of(certificate.key), WOLFSSL_FILETYPE_ASN1) ==
          WOLFSSL_SUCCESS)
    return session;
  wolfSSL_free(session);
  return nullptr;
}

}  // namespace sluice::tls
