// Whether SPF lets an address send for a domain: check_host() of RFC 7208, whole.  Pure but for its questions, which
// are bounded: SpfLimits.  One thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/network.h"
#include "engine/sender_dns/dns_source.h"
#include "engine/sender_dns/spf_record.h"

namespace sluice::sender_dns {

// RFC 7208 4.6.4.
inline constexpr unsigned kSpfLookUpsMax = 10;  // terms that ask
inline constexpr unsigned kSpfVoidLookUpsMax = 2;
inline constexpr std::size_t kSpfNamesMax = 10;  // MX hosts of one mx, names of one address

struct SpfQuery {
  IpBytes address;       // of the client; an IPv4 address mapped into IPv6 is that IPv4 address
  std::string domain;    // whose record is asked for first
  std::string sender;    // LOCAL@DOMAIN of MAIL FROM
  std::string helo;      // what the client calls itself
  std::string receiver;  // who asks; as explanations show it
  std::int64_t now_s = 0;
  unsigned look_ups_max = kSpfLookUpsMax;  // more to find out how many there are
};

// A term that asks, and whose record it stands in.
struct SpfAsking {
  std::string domain;
  std::string term;
};

struct SpfOutcome {
  SpfResult result = SpfResult::none;
  SpfAsking decided_by;          // the term that matched; empty where none did
  std::string reason;            // of none, temperror and permerror: a sentence
  std::string explanation;       // of fail: exp=, expanded; empty: there is none
  std::vector<SpfAsking> asked;  // the terms that count as look-ups, in their order
  unsigned void_look_ups = 0;
};

[[nodiscard]] SpfOutcome check_spf(const SpfQuery& query, DnsSource& dns);

}  // namespace sluice::sender_dns
