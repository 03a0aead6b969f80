// `sluicectl domain check`: whether the DNS records of customers' domains fit the mail that is sent for them.
// Blocking; the control program's only thread, but for those that wait for the DNS.
#pragma once

#include "engine/cli/accounts.h"
#include "engine/io/dns.h"

namespace sluice::cli {

// `request`: of that command.  The exit status.
[[nodiscard]] int run_domain_check(const AccountRequest& request, const AccountCommandWorld& world);
// The same with another name service.
[[nodiscard]] int run_domain_check(const AccountRequest& request, const AccountCommandWorld& world, io::Dns& dns);

}  // namespace sluice::cli
