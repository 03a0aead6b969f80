// What a session asks when it has credentials, or a proof of them.  Implemented in auth/backend, where waiting is
// possible. One per core; that core's thread only.
#pragma once

#include <expected>
#include <string_view>

#include "auth/answer.h"
#include "auth/certificate_login.h"
#include "auth/cram_md5.h"
#include "auth/scram.h"
#include "auth/secret.h"
#include "engine/base/task.h"

namespace sluice::auth {

class Authenticator {
 public:
  virtual ~Authenticator() = default;
  virtual Task<Answer> authenticate(Credentials credentials) = 0;

  // Whether all accounts have keys for SCRAM: before that it would refuse those that have none.
  [[nodiscard]] virtual bool offers_scram() const { return false; }
  // What a client is asked to prove; of a name that is not known, something that looks like it.  The error is the
  // answer to the login: unavailable, or refused by the shield.  `login` outlives the task.
  virtual Task<std::expected<ScramKeys, Answer>> scram_keys(const ScramLogin& login) = 0;
  // Whether `login.keys` were proven is known; the answer to the login.  `proof`: as the client wrote it, clean text.
  // Both outlive the task.
  virtual Task<Answer> judge(const ScramLogin& login, bool proven, std::string_view proof) = 0;
  // Of a device password.  `login` outlives the task.
  virtual Task<Answer> check_cram_md5(const CramMd5Login& login) = 0;
  // With a certificate that TLS has verified.  Likewise.
  virtual Task<Answer> check_certificate(const CertificateLogin& login) = 0;
};

}  // namespace sluice::auth
