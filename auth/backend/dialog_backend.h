// Back ends that log in to a mailbox server: they hold the conversation of a LoginDialog over a Wire, at most
// `connections` at one time on a core.  Thread-safe.
#pragma once

#include <expected>
#include <memory>
#include <string>

#include "auth/backend/backend.h"
#include "auth/backend/login_dialog.h"
#include "auth/backend/options.h"

namespace sluice::auth {

// The credentials outlive the dialog.
using MakeDialog = std::unique_ptr<LoginDialog> (*)(const DialogSettings& settings, const Credentials& credentials);

// The error is a sentence.
[[nodiscard]] std::expected<std::unique_ptr<BackendSource>, std::string> make_dialog_source(
    const BackendOptions& options, MakeDialog make_dialog);

}  // namespace sluice::auth
