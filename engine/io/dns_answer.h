// Reads an answer of a name server as it came from the network, untrusted: RFC 1035 section 4.
// Pure.  Any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "engine/io/dns.h"

namespace sluice::io {

// What `message` says to the question for `name` and `type`.  Only records that the question leads
// to are believed: those of the name itself, or of the one at the end of its CNAME records.
// `failed` when the message is malformed or cut off, says that the server failed, or has aliases
// that go round or on for more than kDnsAliasesMax.
DnsReply read_dns_answer(std::span<const std::uint8_t> message, std::string_view name, DnsType type);

}  // namespace sluice::io
