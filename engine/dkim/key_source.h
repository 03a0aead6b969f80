// Where the keys of domains are kept.  Files and databases answer when they like, so that each call is a worker's:
// nothing of this is called on a core's loop.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "engine/dkim/private_key.h"

namespace sluice::dkim {

// A key as it is kept, and the selector under which its public half is in the DNS.
struct StoredKey {
  std::string selector;  // one label or several, as in SELECTOR._domainkey.DOMAIN
  KeyDer der;
};

// Any thread; several calls may run at once.
class KeySource {
 public:
  // Blocks.  All keys with which mail of `domain` (A-labels in lower case) is signed now, in any order: of an algorithm
  // the first one by selector is used.  None where the domain has no key.  The error is a sentence for operators (a
  // file that cannot be read, a store that does not answer), without a byte of a key.
  virtual std::expected<std::vector<StoredKey>, std::string> keys_of(std::string_view domain) = 0;

  // Blocks.  Of a domain that keys_of() has none of: why, in words for operators; empty: there is none.
  virtual std::string why_none(std::string_view /*domain*/) { return {}; }

  // Blocks.  Where `domain` has no keys: the domains above it whose keys sign for it, the nearest first.  The error as
  // of keys_of().
  virtual std::expected<std::vector<std::string>, std::string> parents_of(std::string_view /*domain*/) {
    return std::vector<std::string>();
  }

  // Blocks.  The domain with whose keys that customer's mail is signed where its author's domain has none; empty: none.
  // The error as of keys_of().
  virtual std::expected<std::string, std::string> choice_of(std::string_view /*customer*/) { return std::string(); }

  KeySource() = default;
  KeySource(const KeySource&) = delete;
  KeySource& operator=(const KeySource&) = delete;
  virtual ~KeySource() = default;
};

}  // namespace sluice::dkim
