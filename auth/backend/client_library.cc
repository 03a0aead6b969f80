#include "auth/backend/client_library.h"

#include <utility>

#include "engine/io/address.h"
#include "engine/io/files.h"
#include "engine/tls/client_context.h"

namespace sluice::auth {

std::expected<LibraryLogin, std::string> LibraryLogin::make(const BackendOptions& options) {
  constexpr std::size_t kPasswordFileBytesMax = 4096;
  LibraryLogin login{.options = options, .password = {}, .ca_file = {}};
  for (BackendServer& server : login.options.servers) {
    if (options.tls != BackendTls::none || server.is_path()) continue;
    // A library finds names by itself, and it would be known too late where that leads.
    if (server.host == "localhost") server.host = "127.0.0.1";
    const auto address = io::Address::from_ip(server.host, server.port);
    if (!address || !address->is_loopback())
      return std::unexpected("tls is \"none\", and " + server.to_string() + " is no loopback address");
  }
  if (options.tls != BackendTls::none) {
    login.ca_file = options.ca_file.empty() ? std::string(tls::kSystemCaFile) : options.ca_file;
    if (auto read = tls::read_ca_file(login.ca_file); !read) return std::unexpected("ca_file: " + read.error());
  }
  if (options.user.empty() && !options.password_file.empty())
    return std::unexpected("password_file is for a user, and there is none");
  if (options.password_file.empty()) return login;
  auto password = io::read_secret(options.password_file, kPasswordFileBytesMax);
  if (!password) return std::unexpected("password_file: " + password.error());
  login.password = *std::move(password);
  if (login.password.empty()) return std::unexpected("password_file: " + options.password_file + " is empty");
  return login;
}

}  // namespace sluice::auth
