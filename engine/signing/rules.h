// How a relay signs, as it is configured ([dkim]).  Values.  Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/dkim/algorithm.h"

namespace sluice::signing {

// What becomes of mail whose author's domain has no key, or none that can be had.
enum class Unsigned : std::uint8_t {
  send,    // it goes on as it is
  isp,     // it goes on with the signature of `isp_domain` alone
  refuse,  // 550 where there is no key, 451 where it cannot be had
};

// c= of RFC 6376 3.5.
struct CanonicalForms {
  dkim::Canonicalization header = dkim::Canonicalization::relaxed;
  dkim::Canonicalization body = dkim::Canonicalization::relaxed;
  friend bool operator==(const CanonicalForms&, const CanonicalForms&) = default;
};

struct SigningRules {
  bool rsa = true;  // which keys of a domain are used
  bool ed25519 = true;
  CanonicalForms forms;
  bool has_time = true;          // t=
  std::uint64_t lifetime_s = 0;  // x=; 0: none
  std::string isp_domain;        // signs all mail besides, and our own alone; as domain_key() has it; empty: none
  Unsigned without_key = Unsigned::send;
  std::optional<Unsigned> kept_back;  // where keys are kept back (dkim::KeySource::why_none()); nothing: as without
};

}  // namespace sluice::signing
