// What is written in a certificate.  Pure; any thread.  RFC 5280.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tls/hello.h"

namespace sluice::tls {

struct CertificateFacts {
  KeyKind kind = KeyKind::rsa;
  // Lower case: the dNSNames of subjectAltName; where there are none, the subject's common name.
  std::vector<std::string> names;
  std::string issuer;  // its common name, or else all of it, as it is written: from outside
  // Seconds since 1970: notBefore and notAfter.
  std::int64_t begins = 0;
  std::int64_t expires = 0;
  // Digests of the names, to compare: who signed whom.
  std::string subject_digest;
  std::string issuer_digest;
  [[nodiscard]] bool self_signed() const { return subject_digest == issuer_digest; }
};

// The certificates of `pem` in their order, as DER.  What is no certificate is passed over; the error is wolfSSL's.
std::expected<std::vector<std::string>, int> certificates_in(std::string_view pem);
// The error is wolfSSL's.
std::expected<CertificateFacts, int> read_certificate(std::string_view der);

// RFC 6125 section 6.4: whether a certificate for `names` is one for `host`, which is `_.` and a name where it is a
// wildcard.
bool covers(const std::vector<std::string>& names, std::string_view host);

}  // namespace sluice::tls
