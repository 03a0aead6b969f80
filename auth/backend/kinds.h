// The table of back ends: to add one, its source file, its maker here, and a row in kinds.cc.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "auth/backend/chain.h"
#include "auth/backend/oauth_options.h"
#include "auth/backend/options.h"

namespace sluice::auth {

// Or a sentence for the operator.
using OpenedBackend = std::expected<std::unique_ptr<BackendSource>, std::string>;

struct BackendKind {
  std::string_view name;       // as in the configuration
  std::string_view keys;       // of the configuration that mean something for it beside those that do for all
  std::uint16_t port = 0;      // of a server where none is given: in clear or with STARTTLS
  std::uint16_t tls_port = 0;  // in TLS from the first byte on
  OpenedBackend (*open)(const BackendOptions& options) = nullptr;  // reads files; at the start
  // Whether Backend::look_up() finds anything out; null: never.
  bool (*tells_mailboxes)(const BackendOptions& options) = nullptr;
};

[[nodiscard]] std::span<const BackendKind> backend_kinds();
[[nodiscard]] const BackendKind* find_backend_kind(std::string_view name);

// Whether back ends are asked daily if a mailbox of this login domain is still there (mailbox_watch.h): all that logins
// of the domain are checked by, and one of them is another than the store.
[[nodiscard]] bool tells_mailboxes(std::span<const BackendOptions> options, std::string_view domain);
// Whether that is so for any domain.
[[nodiscard]] bool tells_some_mailboxes(std::span<const BackendOptions> options);

// What is configured, opened: for passwords the store alone where that is nothing, for access tokens `oauth` if there
// is one.  The errors are sentences.
[[nodiscard]] std::expected<std::vector<ConfiguredBackend>, std::vector<std::string>> open_backends(
    const std::vector<BackendOptions>& options, const std::optional<OauthBackendOptions>& oauth);

}  // namespace sluice::auth
