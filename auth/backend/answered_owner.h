// What a back end's server says of an account that it grants, taken into a verdict where it is text that a name may
// have.  Each is false, and the verdict as it was, where it is not; empty is nothing said.  Pure; any thread.
#pragma once

#include <cstddef>
#include <string_view>

#include "auth/backend/verdict.h"

namespace sluice::auth {

inline constexpr std::size_t kAnsweredDomainsMax = 1000;

// The server's spelling of the name.
[[nodiscard]] bool set_account(Verdict& verdict, std::string_view account);
[[nodiscard]] bool set_customer(Verdict& verdict, std::string_view customer);
// Between commas; blanks around them are dropped.
[[nodiscard]] bool set_domains(Verdict& verdict, std::string_view domains);

// Whether a reason may be shown to the customer, in one line of a reply.
[[nodiscard]] bool is_customer_text(std::string_view text);

}  // namespace sluice::auth
