// What a session asks when it has credentials.  Implemented in auth/backend, where waiting is possible.
// One per core; that core's thread only.
#pragma once

#include "auth/answer.h"
#include "auth/secret.h"
#include "engine/base/task.h"

namespace sluice::auth {

class Authenticator {
 public:
  virtual ~Authenticator() = default;
  virtual Task<Answer> authenticate(Credentials credentials) = 0;
};

}  // namespace sluice::auth
