#include "auth/backend/options.h"

namespace sluice::auth {

std::string BackendServer::to_string() const {
  if (is_path()) return host;
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

}  // namespace sluice::auth
