// The question that a finding is about.  One thread at a time.
#pragma once

#include "engine/sender_dns/dns_source.h"
#include "engine/sender_dns/finding.h"

namespace sluice::sender_dns {

// Asks for the finding's name, and puts into the finding what every reply has: where the name's aliases lead, whether
// the reply is authenticated, and, where nothing is known, why.
[[nodiscard]] io::DnsReply ask_for(Finding& finding, io::DnsType type, DnsSource& dns);

}  // namespace sluice::sender_dns
