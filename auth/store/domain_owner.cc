#include "auth/store/domain_owner.h"

#include <string>

namespace sluice::auth {

StoreResult<std::optional<std::int64_t>> owner_of_domain(Database& database, std::string_view domain) {
  std::optional<std::int64_t> id;
  std::string entry(domain);
  while (!id && !entry.empty()) {
    StoreResult<> read = database.query("SELECT customer FROM domain WHERE name = $1", {entry},
                                        [&](const Row& row) { id = row.integer(0); });
    if (!read) return std::unexpected(read.error());
    const std::size_t dot = domain.find('.');
    entry = dot == std::string_view::npos ? "" : "*" + std::string(domain.substr(dot));
    domain = dot == std::string_view::npos ? "" : domain.substr(dot + 1);
  }
  return id;
}

}  // namespace sluice::auth
