// What the TLS sessions to next hops have in common: which CAs to trust.
// One per core and trust setting; that core's thread only.  Outlives its sessions.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "engine/base/tls_version.h"

struct WOLFSSL_CTX;
struct WOLFSSL_SESSION;

namespace sluice::tls {

enum class TlsVerify : std::uint8_t {
  none,      // opportunistic: encrypt to any peer
  required,  // a trusted chain, and a certificate for the name: else the handshake fails
};

struct TlsClientOptions {
  TlsVerify verify = TlsVerify::required;
  std::string ca_pem;                            // trusted certificates, PEM; needed when they are required
  TlsVersion min_version = TlsVersion::tls_1_2;  // with a server that has none from here on the handshake fails
  bool resume = true;                            // a server that was greeted before is shown its ticket
};

// Debian's bundle of the public authorities.
inline constexpr std::string_view kSystemCaFile = "/etc/ssl/certs/ca-certificates.crt";
// Reads a file of PEM certificates, at start-up or from a worker: it waits for the disk.
std::expected<std::string, std::string> read_ca_file(const std::string& path);

class TlsClientContext {
 public:
  // The error is a sentence for the operator.
  static std::expected<std::unique_ptr<TlsClientContext>, std::string> make(const TlsClientOptions& options);
  ~TlsClientContext();
  TlsClientContext(const TlsClientContext&) = delete;
  TlsClientContext& operator=(const TlsClientContext&) = delete;

 private:
  friend class TlsSession;
  TlsClientContext(WOLFSSL_CTX* context, TlsVerify verify, bool resume)
      : context_(context), verify_(verify), resume_(resume) {}
  // A finished session's ticket, to greet the same server with next time.  Each is used once (RFC
  // 8446 appendix C.4), and one that was checked stays within the context that checked it.
  WOLFSSL_SESSION* take_session(const std::string& server_name);  // the caller's now; null when there is none
  void keep_session(const std::string& server_name, WOLFSSL_SESSION* session);

  WOLFSSL_CTX* context_;
  TlsVerify verify_;
  bool resume_;
  std::unordered_map<std::string, WOLFSSL_SESSION*> sessions_;
};

}  // namespace sluice::tls
