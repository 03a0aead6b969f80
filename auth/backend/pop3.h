// POP3 (RFC 1939, 2449, 2595, 5034): a name and a secret are right where a POP3 server lets them log in.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "auth/backend/kinds.h"
#include "auth/backend/login_dialog.h"

namespace sluice::auth {

// `mechanism`: "plain" (AUTH PLAIN), "user" (USER and PASS), "apop"; empty: AUTH PLAIN where that is offered, else USER
// and PASS.
[[nodiscard]] OpenedBackend open_pop3(const BackendOptions& options);

// Dialog: greeting, STLS where it is due, CAPA, XCLIENT where it is offered, the login.
[[nodiscard]] std::unique_ptr<LoginDialog> make_pop3_dialog(const DialogSettings& settings,
                                                            const Credentials& credentials);

// RFC 1939 7: MD5 of the timestamp in the greeting, its brackets included, and the secret; in hexadecimal.
[[nodiscard]] std::string apop_digest(std::string_view timestamp, const Secret& secret);

}  // namespace sluice::auth
