// What may stand in the embedded store: names, reasons and statuses, from the form in which people
// write them to the form in which they are kept. Pure; any thread. Errors are InvalidArgument and
// say what is wrong with which value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "auth/answer.h"
#include "auth/identity.h"
#include "auth/store/store_error.h"

namespace sluice::auth {

inline constexpr std::size_t kCustomerNameBytesMax = 200;
inline constexpr std::size_t kReasonBytesMax = 200;  // it goes into a reply line

// Clean text without blanks at its ends; no "-" in front, where it would look like an option. Case
// is kept.
[[nodiscard]] StoreResult<std::string> stored_customer_name(std::string_view text);
// A login name (see Name) without blanks and without "-" in front, in lower case.
[[nodiscard]] StoreResult<std::string> stored_account_name(std::string_view text);
// See canonical_domain_entry().
[[nodiscard]] StoreResult<std::string> stored_domain_entry(std::string_view text);
// Likewise, of one that is added: not with a label xn--... that no name is written as, and not a registry's suffix.
[[nodiscard]] StoreResult<std::string> stored_new_domain_entry(std::string_view text);
// Printable ASCII, as it is told to clients. May be empty.
[[nodiscard]] StoreResult<std::string> stored_reason(std::string_view text);

// See is_class_name(); empty: none.
[[nodiscard]] StoreResult<std::string> stored_class(std::string_view text);

[[nodiscard]] std::int64_t stored_status(AccountStatus status);
[[nodiscard]] AccountStatus status_from_store(std::int64_t stored);

// For a message to a person. Of what would act on a terminal or mislead, what is not printable ASCII shows as "?".
[[nodiscard]] std::string in_quotes(std::string_view text);

// What a customer is told who may not log in.
[[nodiscard]] std::string suspension_text(const std::string& reason);
// Granted, unless the identity's customer is suspended, for this reason.
[[nodiscard]] Answer unless_suspended(IdentityRef identity, const std::string& customer_reason);

}  // namespace sluice::auth
