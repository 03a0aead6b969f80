// Which clients of an smtpd may relay, by its lists of restrictions (SMTPD_ACCESS_README), and from which networks.
// When in doubt the answer is no.  Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tools/import_postfix/parameters.h"

namespace sluice::import_postfix {

struct Access {
  bool networks = false;               // clients in mynetworks may relay
  bool logins = false;                 // clients that have logged in may
  std::vector<std::string> notes;      // what is not carried over, in words
  std::vector<std::string> decisions;  // likewise, where it restricts who may send
};
[[nodiscard]] Access access_of(const Parameters& parameters);

struct TrustedNetworks {
  std::vector<std::string> networks;  // as Sluice takes them
  std::vector<std::string> notes;     // of those that are left out, and why
};
// Of mynetworks, or of mynetworks_style where that is not set.
[[nodiscard]] TrustedNetworks networks_of(const Parameters& parameters);

}  // namespace sluice::import_postfix
