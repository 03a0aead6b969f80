#include "engine/tls/client_context.h"

#include "engine/base/check.h"
#include "engine/io/files.h"
#include "engine/tls/library.h"
#include "engine/tls/session_memory.h"

namespace sluice::tls {
namespace {

constexpr std::size_t kCaFileBytesMax = 4 * 1024 * 1024;  // Debian's bundle is 220 KB
constexpr std::size_t kSessionsMax = 1'024;               // some 600 bytes each

}  // namespace

std::expected<std::string, std::string> read_ca_file(const std::string& path) {
  return io::read_file(path, kCaFileBytesMax);
}

std::expected<std::unique_ptr<TlsClientContext>, std::string> TlsClientContext::make(const TlsClientOptions& options) {
  WolfsslContext context = make_client_wolfssl();
  if (!context) return std::unexpected("out of memory");
  CHECK(wolfSSL_CTX_SetMinVersion(context.get(), wolfssl_version(options.min_version)) == WOLFSSL_SUCCESS);
  const bool required = options.verify == TlsVerify::required;
  if (required && options.ca_pem.empty())
    return std::unexpected("certificates are to be checked, and there are no authorities to trust");
  wolfSSL_CTX_set_verify(context.get(), required ? WOLFSSL_VERIFY_PEER : WOLFSSL_VERIFY_NONE, nullptr);
  if (required) {
    // Takes those of a bundle that it can use; an authority that has expired does no harm there.
    const int result = wolfSSL_CTX_load_verify_buffer_ex(
        context.get(), reinterpret_cast<const unsigned char*>(options.ca_pem.data()),
        static_cast<long>(options.ca_pem.size()), WOLFSSL_FILETYPE_PEM, 0, WOLFSSL_LOAD_FLAG_DATE_ERR_OKAY);
    if (result != WOLFSSL_SUCCESS) return std::unexpected("no certificate to trust: " + wolfssl_error_text(result));
  }
  return std::unique_ptr<TlsClientContext>(new TlsClientContext(context.release(), options.verify, options.resume));
}

TlsClientContext::~TlsClientContext() {
  for (const auto& [name, session] : sessions_) {
    const CountsAsSession counting;
    wolfSSL_SESSION_free(session);
  }
  wolfSSL_CTX_free(context_);
}

WOLFSSL_SESSION* TlsClientContext::take_session(const std::string& server_name) {
  const auto found = sessions_.find(server_name);
  if (found == sessions_.end()) return nullptr;
  WOLFSSL_SESSION* session = found->second;
  sessions_.erase(found);
  return session;
}

void TlsClientContext::keep_session(const std::string& server_name, WOLFSSL_SESSION* session) {
  if (!resume_) {
    wolfSSL_SESSION_free(session);
    return;
  }
  if (WOLFSSL_SESSION* older = take_session(server_name)) wolfSSL_SESSION_free(older);
  if (sessions_.size() >= kSessionsMax) {
    wolfSSL_SESSION_free(sessions_.begin()->second);
    sessions_.erase(sessions_.begin());
  }
  sessions_.emplace(server_name, session);
}

}  // namespace sluice::tls
