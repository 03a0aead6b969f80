// The keys of one domain, ready to sign.  Immutable and shared by cores; any thread.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/time.h"
#include "engine/dkim/private_key.h"
#include "engine/dkim/signatory.h"

namespace sluice::signing {

struct SigningKey {
  dkim::Signatory signatory;
  std::unique_ptr<const dkim::PrivateKey> key;
};

// Whose keys are looked for.
struct KeyOwner {
  enum class Kind : char {
    author = 'a',    // of a domain, or of one above it that signs for it
    domain = 'd',    // of a domain, exactly that one
    customer = 'c',  // of the domain that a customer has chosen, exactly that one
  };
  Kind kind = Kind::author;
  std::string name;  // as domain_key() has it, or the customer's
  // By which they are kept.
  [[nodiscard]] std::string key() const { return std::string(1, static_cast<char>(kind)) + name; }
};

struct DomainKeys {
  std::vector<SigningKey> keys;  // one of an algorithm at most, RSA's first; none: the domain has no key
  std::string domain;            // whose they are (d=); empty where there are none
  std::string error;             // why they cannot be had: a sentence; empty: nothing is wrong
  std::string kept_back;         // why none of those that there are is used: likewise
  Instant until;                 // from then on they are looked for anew

  // There are none, and for no reason but that: another domain's may sign.
  [[nodiscard]] bool nothing() const { return keys.empty() && error.empty() && kept_back.empty(); }
};
using SharedDomainKeys = std::shared_ptr<const DomainKeys>;

}  // namespace sluice::signing
