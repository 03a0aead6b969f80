// A source of keys that has what a test puts there.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/dkim/key_source.h"
#include "tests/support/rfc8463_keys.h"

namespace sluice::testing {

class HeldKeys final : public dkim::KeySource {
 public:
  std::expected<std::vector<dkim::StoredKey>, std::string> keys_of(std::string_view domain) override {
    ++asked;
    if (!fault.empty()) return std::unexpected(fault);
    std::vector<dkim::StoredKey> keys;
    for (const auto& [selector, der] : held[std::string(domain)])
      keys.push_back({.selector = selector, .der = dkim::KeyDer(der)});
    return keys;
  }

  std::string why_none(std::string_view domain) override {
    return kept_back_of.empty() || domain == kept_back_of ? kept_back : "";
  }

  std::expected<std::vector<std::string>, std::string> parents_of(std::string_view domain) override {
    return parents[std::string(domain)];
  }

  std::expected<std::string, std::string> choice_of(std::string_view customer) override {
    if (!choice_fault.empty()) return std::unexpected(choice_fault);
    return choices[std::string(customer)];
  }

  std::map<std::string, std::vector<std::pair<std::string, std::string>>> held;  // by domain: selectors and DER
  std::string fault;
  std::map<std::string, std::vector<std::string>> parents;  // by domain, the nearest first
  std::map<std::string, std::string> choices;               // by customer
  std::string choice_fault;
  std::string kept_back;     // of all that have none,
  std::string kept_back_of;  // or of this one alone
  int asked = 0;
};

inline std::string rsa_der() { return from_base64(kRsaSecret); }
// PKCS #8 of RFC 8410 7: the 32 bytes behind a fixed beginning.
inline std::string ed25519_der() {
  constexpr std::string_view kBegin("\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20", 16);
  return std::string(kBegin) + from_base64(kEd25519Secret);
}

}  // namespace sluice::testing
