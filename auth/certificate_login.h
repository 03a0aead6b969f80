// A login by EXTERNAL (RFC 4422 appendix A), with a TLS certificate that was verified.  Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "auth/secret.h"

namespace sluice::auth {

struct CertificateLogin {
  std::optional<Name> authorization = {};  // rewritten; as whom the client wants to be taken, where it says so
  std::string fingerprint;                 // SHA-256 of the certificate, in hexadecimal digits, lower case
  // Rewritten: addresses of the certificate, where the listener takes these for names of accounts.
  std::vector<Name> names = {};
  LoginClient client = {};
  CustomerShare share = kOwnShare;
  std::span<const std::uint8_t> backends = {};  // as Credentials::backends; outlives the login
};

// What the shield counts it by, and what a refused login is logged with: the name that the client gave, or the only one
// that it can be about, or else "certificate" and the fingerprint, which is no account's name.
[[nodiscard]] Name certificate_login_name(const CertificateLogin& login);

// A fingerprint as people write it: with or without colons and blanks, in either case, behind "=" as openssl prints it.
// Nothing where it is not 256 bits.
[[nodiscard]] std::optional<std::string> certificate_fingerprint(std::string_view text);

}  // namespace sluice::auth
