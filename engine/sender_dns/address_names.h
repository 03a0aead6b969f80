// Whether the addresses that mail is sent from have names, as receivers want them (RFC 8601 section 2.7.3: iprev).
// Pure but for its questions.  One thread at a time.
#pragma once

#include <span>
#include <string>

#include "engine/base/network.h"
#include "engine/sender_dns/dns_source.h"
#include "engine/sender_dns/finding.h"

namespace sluice::sender_dns {

struct AddressNames {
  // Each address has a name whose look-up gives the address again.  unknown: it could not be asked, or there is no
  // address.
  Answer all = Answer::unknown;
  std::string without;  // the first address that has none
};

[[nodiscard]] AddressNames check_address_names(std::span<const IpBytes> addresses, DnsSource& dns);

}  // namespace sluice::sender_dns
