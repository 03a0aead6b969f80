// Rows of the table signing_key as values.  Used within the store.
#pragma once

#include <optional>

#include "auth/store/database.h"
#include "auth/store/signing_key.h"
#include "auth/store/store_error.h"

namespace sluice::auth {

// Columns 0 to 8: domain, selector, algorithm, state, since_ms, created_ms, public_key, wrong_since_ms, kept_back.
[[nodiscard]] SigningKeyRecord signing_key_of(const Row& row);
// Nothing: the text is no base64.  What was read of it besides is wiped.
[[nodiscard]] std::optional<StoredPrivateKey> private_key_of(const Row& row, int text, int sealed);

// Within the transaction that has changed or removed keys: SigningKeyAdmin::changes() is another number then.
[[nodiscard]] StoreResult<> count_key_change(Database& database);

}  // namespace sluice::auth
