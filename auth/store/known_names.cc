#include "auth/store/known_names.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "auth/store/store_schema.h"
#include "auth/store/store_values.h"

namespace sluice::auth {

StoreResult<std::int64_t> customer_of_name(Database& database, std::string_view name) {
  std::optional<std::int64_t> id;
  StoreResult<> read = database.query(kCustomerOfName, {name}, [&](const Row& row) { id = row.integer(0); });
  if (!read) return std::unexpected(read.error());
  if (!id) return no_such_customer(name);
  return *id;
}

std::unexpected<StoreError> no_such_customer(std::string_view name) {
  return store_error(StoreError::Kind::not_found, absl::StrCat("there is no customer ", in_quotes(name),
                                                               "; see them with: sluicectl customer list"));
}

std::unexpected<StoreError> no_such_domain(std::string_view name) {
  return store_error(StoreError::Kind::not_found,
                     absl::StrCat("there is no domain ", in_quotes(name), "; see them with: sluicectl domain list"));
}

}  // namespace sluice::auth
