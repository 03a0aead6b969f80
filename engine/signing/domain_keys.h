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

struct DomainKeys {
  std::vector<SigningKey> keys;  // one of an algorithm at most, RSA's first; none: the domain has no key
  std::string error;             // why they cannot be had: a sentence; empty: nothing is wrong
  std::string kept_back;         // why none of those that there are is used: likewise
  Instant until;                 // from then on they are looked for anew
};
using SharedDomainKeys = std::shared_ptr<const DomainKeys>;

}  // namespace sluice::signing
