// What back ends over a client library have in common beside their threads: how their settings are read at the start.
// TLS with a certificate that is checked; in clear only to loopback addresses and UNIX sockets.
#pragma once

#include <expected>
#include <string>

#include "auth/backend/options.h"
#include "auth/first_line.h"

namespace sluice::auth {

// Settings as a library is given them.
struct LibraryLogin {
  BackendOptions options;
  std::string password;  // of options.user
  std::string ca_file;   // empty where there is no TLS
  [[nodiscard]] bool in_tls(const BackendServer& server) const {
    return options.tls != BackendTls::none && !server.is_path();
  }
  // Reads the password file.  The error is a sentence.
  [[nodiscard]] static std::expected<LibraryLogin, std::string> make(const BackendOptions& options);
};

}  // namespace sluice::auth
