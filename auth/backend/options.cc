#include "auth/backend/options.h"

#include <algorithm>

namespace sluice::auth {

std::string BackendServer::to_string() const {
  if (is_path()) return host;
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

bool is_for_domain(const BackendOptions& options, std::string_view domain) {
  return options.domains.empty() || std::ranges::find(options.domains, domain) != options.domains.end();
}

}  // namespace sluice::auth
