// What is to become of a domain's keys now: what time alone does (domain_keys/key_life.h), keys that were seen in the
// DNS and are to sign, and the next key where the one that signs has done so for long enough.  Pure.  Any thread.
#pragma once

#include <string>
#include <vector>

#include "auth/store/signing_key_admin.h"
#include "engine/base/time.h"
#include "engine/dkim/algorithm.h"
#include "engine/domain_keys/key_life.h"

namespace sluice::domain_upkeep {

struct NextKey {
  std::string selector;
  dkim::Algorithm algorithm = dkim::Algorithm::rsa_sha256;
};

struct KeyPlan {
  std::vector<auth::KeyStateChange> states;
  std::vector<NextKey> next;  // to be made; of rotation one at most
  [[nodiscard]] bool empty() const { return states.empty() && next.empty(); }
};

// `right`: the selectors whose records the DNS has.  A next key is made for one algorithm at a time, once no other key
// waits to be seen or to sign, and not where the record of the key that signs is not right: the next one would be seen
// no more than that.
[[nodiscard]] KeyPlan plan_keys(domain_keys::Keys keys, const std::vector<std::string>& right,
                                const domain_keys::LifeRules& rules, WallMillis now);

// Of a domain that has none: one of each algorithm.
[[nodiscard]] KeyPlan plan_first_keys(domain_keys::Keys keys, const domain_keys::LifeRules& rules, WallMillis now);

// Whether a key's record is to be there, lest the domain is failing: that of a key that signs, or has signed mail that
// is on its way.  Where no key signs, that of one that was made a day ago and is to be published by the customer.
[[nodiscard]] bool needs_record(const auth::SigningKeyRecord& key, domain_keys::Keys keys, WallMillis now);

}  // namespace sluice::domain_upkeep
