// Domains below which everybody may register one (publicsuffix.org), by libpsl, with the newest list that this machine
// has.  Any thread; may read a file.
#pragma once

#include <string>

namespace sluice::auth {

// `domain`: in lower-case A-labels.
[[nodiscard]] bool is_public_suffix(const std::string& domain);
// Likewise, of a registry, such as co.uk: no customer's own.  One of a company that lets others have names below it,
// such as github.io, is that company's domain as well.
[[nodiscard]] bool is_registry_suffix(const std::string& domain);

}  // namespace sluice::auth
