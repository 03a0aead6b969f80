// An SPF record, taken apart (RFC 7208 4.6.1, 12).  Pure.  Any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/network.h"

namespace sluice::sender_dns {

enum class SpfMechanism : std::uint8_t { all, include, a, mx, ptr, ip4, ip6, exists };

enum class SpfResult : std::uint8_t { none, neutral, pass, fail, softfail, temperror, permerror };  // 2.6
[[nodiscard]] std::string_view name(SpfResult result);

// A mechanism with its qualifier.
struct SpfDirective {
  SpfResult result = SpfResult::pass;  // where it matches: pass, fail, softfail or neutral
  SpfMechanism mechanism = SpfMechanism::all;
  std::string text;         // as it is written
  std::string domain_spec;  // empty: none is given
  IpBytes address;          // ip4, ip6
  unsigned ip4_bits = 32;
  unsigned ip6_bits = 128;
};

struct SpfRecord {
  std::vector<SpfDirective> directives;
  std::string redirect;  // domain-specs; empty: none
  std::string exp;
};

// Of TXT records, those that are of this version (4.5).
[[nodiscard]] bool is_spf_record(std::string_view text);

// `text`: of which is_spf_record() is true.  The error is a sentence for its author; it names the term.
[[nodiscard]] std::expected<SpfRecord, std::string> parse_spf_record(std::string_view text);

}  // namespace sluice::sender_dns
