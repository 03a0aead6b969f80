// A login by CRAM-MD5 (RFC 2195), as its client has answered the challenge.
#pragma once

#include <cstddef>
#include <string>

#include "auth/secret.h"

namespace sluice::auth {

inline constexpr std::size_t kCramMd5Bytes = 16;

struct CramMd5Login {
  Name name;  // rewritten
  LoginClient client = {};
  CustomerShare share = kOwnShare;
  std::string challenge = {};
  std::string digest = {};  // HMAC-MD5 of the challenge, keyed by the password: 32 hexadecimal digits in lower case
};

}  // namespace sluice::auth
