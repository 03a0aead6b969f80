// Which certificates of clients are good for a login: those that an authority of the operator's own has signed.  The
// system's authorities are never trusted for it: each of them could then name anybody.
//
// Of one TlsContext; its thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/time.h"

struct WOLFSSL_CERT_MANAGER;

namespace sluice::tls {

inline constexpr std::size_t kClientAddressesMax = 32;

// What a client has shown, and proven to have the key of.
struct ClientCertificate {
  std::string fault;  // why it is good for no login, in words for the log, without bytes of the peer's; empty: it is
  std::string fingerprint;  // SHA-256 of the certificate (DER), in hexadecimal digits, lower case
  // Of a good one: the rfc822Names of subjectAltName, as they are written.  One that no mailbox can have is left out:
  // an empty one, one without "@", with a NUL, with "*", or with anything else but printable ASCII.
  std::vector<std::string> addresses;
};

// Why a certificate is not one to log in with, who has signed it and its dates aside; empty: it is, and `addresses` are
// its own.
[[nodiscard]] std::string read_client_certificate(std::string_view der, std::vector<std::string>& addresses);

class ClientAuthority {
 public:
  // `pem`: certificates of authorities, at least one.  A client's is to be signed by one of these directly: what it
  // sends beside its own is not looked at, so that intermediate authorities belong into `pem`, too.  The error is a
  // sentence.
  static std::expected<std::unique_ptr<ClientAuthority>, std::string> make(std::string_view pem);

  [[nodiscard]] ClientCertificate check(std::string_view der, WallMillis now) const;

  // Why none of them signs anything at `now`: all have expired, or their time has not come.  Empty: one does.
  [[nodiscard]] std::string date_fault(WallMillis now) const;

 private:
  struct ManagerDeleter {
    void operator()(WOLFSSL_CERT_MANAGER* manager) const;
  };
  // Each has a manager of its own, so that it is known which of several of one name has signed.
  struct Signer {
    std::unique_ptr<WOLFSSL_CERT_MANAGER, ManagerDeleter> manager;
    std::string subject_digest;
    std::int64_t begins = 0;
    std::int64_t expires = 0;
    [[nodiscard]] bool good_at(WallMillis now) const { return begins <= now / 1000 && now / 1000 <= expires; }
  };
  ClientAuthority() = default;
  static std::expected<Signer, std::string> signer_of(const std::string& der);
  [[nodiscard]] std::string fault_of(std::string_view der, WallMillis now, std::vector<std::string>& addresses) const;

  std::vector<Signer> signers_;
};

}  // namespace sluice::tls
