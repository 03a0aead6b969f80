// Dovecot's auth service, asked by its client protocol (dovecot_protocol.h) at a UNIX socket or by TCP: one kept
// connection on each core, with all logins on it at the same time, each by a number.
//
// It is replaced now and then: a Dovecot that restarts does not end it.  Where the connection ends, logins without an
// answer are asked once more on a new one, within their time.
#pragma once

#include "auth/backend/kinds.h"

namespace sluice::auth {

[[nodiscard]] OpenedBackend open_dovecot(const BackendOptions& options);

}  // namespace sluice::auth
