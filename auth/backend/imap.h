// IMAP (RFC 3501, 9051): a name and a secret are right where an IMAP server lets them log in.
#pragma once

#include <memory>

#include "auth/backend/kinds.h"
#include "auth/backend/login_dialog.h"

namespace sluice::auth {

// `mechanism`: "plain" (AUTHENTICATE PLAIN), "login" (LOGIN); empty: AUTHENTICATE PLAIN where that is offered, else
// LOGIN.
[[nodiscard]] OpenedBackend open_imap(const BackendOptions& options);

// Dialog: greeting, STARTTLS where it is due, CAPABILITY, ID where it is offered, the login.
[[nodiscard]] std::unique_ptr<LoginDialog> make_imap_dialog(const DialogSettings& settings,
                                                            const Credentials& credentials);

}  // namespace sluice::auth
