// The life of a domain's keys: made and published, seen in the DNS, used, retired, revoked.  At no moment may a
// signature that is made, or was made and is on its way, be one that cannot be verified:
//
//   published   A key's record goes into the DNS first.  Its selector is one of two that each algorithm has (slots), so
//               that the customer has published the CNAMEs of all for good; the slot has no other key whose record is
//               still needed.
//   active      Once the record was seen, and then not before everybody has it: a resolver that asked just before may
//   keep
//               the old answer for as long as that record's time to live.  Until that moment the key before signs.
//   retired     From the same moment.  Its record stays for as long as mail may be on its way.
//   revoked     Its record then has an empty p= (RFC 6376 3.6.1), its private half is gone, and its slot is free.
//
// Pure.  Any thread.
#pragma once

#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "auth/store/signing_key.h"
#include "auth/store/signing_key_admin.h"
#include "engine/base/time.h"
#include "engine/dkim/algorithm.h"

namespace sluice::domain_keys {

struct LifeRules {
  std::string selector_prefix = "sl";
  WallMillis record_ttl = 0;    // how long others keep a record, or that there is none
  WallMillis retire_after = 0;  // how long mail may be on its way
  WallMillis rotate_after = 0;  // how long a key signs before the next one is made; 0: by hand
  bool looked_for = false;      // the relay looks for records by itself, and activates what it has seen
};

using Keys = std::span<const auth::SigningKeyRecord>;

// "sl1r", "sl2r", "sl1e", "sl2e": of both algorithms, in this order.
[[nodiscard]] std::vector<std::string> slots(std::string_view prefix);

// What time alone does: the keys that are to be revoked by now.
[[nodiscard]] std::vector<auth::KeyStateChange> due_changes(Keys keys, const LifeRules& rules, WallMillis now);
// The keys behind these changes.
[[nodiscard]] std::vector<auth::SigningKeyRecord> changed(Keys keys, std::span<const auth::KeyStateChange> changes);

// The selector of the next key.  The error is a sentence that says when there is one.
[[nodiscard]] std::expected<std::string, std::string> next_selector(Keys keys, dkim::Algorithm algorithm,
                                                                    const LifeRules& rules, WallMillis now);

// The keys that were seen in the DNS, by selector, are to sign; empty: none is published.
[[nodiscard]] std::vector<auth::KeyStateChange> activation(Keys keys, std::span<const std::string> seen,
                                                           const LifeRules& rules, WallMillis now);

// Whether a key signs now, if it fits its record.
[[nodiscard]] bool signs(const auth::SigningKeyRecord& key, WallMillis now);

// What comes next for a key: a sentence for the operator, and when, where time alone does it.
struct NextStep {
  std::string what;  // empty: nothing
  std::optional<WallMillis> at;
};
[[nodiscard]] NextStep next_step(const auth::SigningKeyRecord& key, const LifeRules& rules, WallMillis now);

}  // namespace sluice::domain_keys
