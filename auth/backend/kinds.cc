#include "auth/backend/kinds.h"

#include <algorithm>

#include "auth/backend/imap.h"
#include "auth/backend/pop3.h"
#include "auth/backend/store_backend.h"
#include "engine/base/check.h"

namespace sluice::auth {
namespace {

OpenedBackend open_store(const BackendOptions& /*options*/) { return make_store_source(); }

constexpr BackendKind kKinds[] = {
    {.name = "store", .keys = "", .open = &open_store},
    {.name = "pop3",
     .keys = "server tls ca_file server_name mechanism",
     .port = 110,
     .tls_port = 995,
     .open = &open_pop3},
    {.name = "imap",
     .keys = "server tls ca_file server_name mechanism",
     .port = 143,
     .tls_port = 993,
     .open = &open_imap},
};

}  // namespace

std::span<const BackendKind> backend_kinds() { return kKinds; }

const BackendKind* find_backend_kind(std::string_view name) {
  const auto found = std::ranges::find(kKinds, name, &BackendKind::name);
  return found == std::ranges::end(kKinds) ? nullptr : found;
}

std::expected<std::vector<ConfiguredBackend>, std::vector<std::string>> open_backends(
    const std::vector<BackendOptions>& options) {
  if (options.empty()) return store_alone();
  std::vector<ConfiguredBackend> backends;
  std::vector<std::string> errors;
  for (const BackendOptions& each : options) {
    const BackendKind* const kind = find_backend_kind(each.kind);
    CHECK(kind != nullptr);  // the configuration takes no other
    if (auto opened = kind->open(each)) {
      backends.push_back({.options = each, .source = *std::move(opened)});
    } else {
      errors.push_back("backend " + each.name + ": " + opened.error());
    }
  }
  if (!errors.empty()) return std::unexpected(std::move(errors));
  return backends;
}

}  // namespace sluice::auth
