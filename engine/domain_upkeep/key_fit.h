// What a check says of whether a key fits its record in the DNS, and so may sign.  As with a domain's state, a definite
// answer alone changes anything.  Pure.  Any thread.
#pragma once

#include "auth/store/signing_key.h"
#include "engine/base/time.h"
#include "engine/sender_dns/finding.h"

namespace sluice::domain_upkeep {

// Whether a key signs, or will: one that is to sign from a later moment on was seen, and may be gone again by then.
[[nodiscard]] bool is_to_sign(const auth::SigningKeyRecord& key, WallMillis now);

// A key is kept back once two checks in a row have found its record wrong, kFailingAfter apart at least, and is used
// again with the first that finds the record right.  `key`: as the check found it.  Of a key that is not to sign
// (published, retired by now, revoked) nothing is held against it.
[[nodiscard]] auth::KeyFit fit_of(const auth::SigningKeyRecord& key, sender_dns::Verdict verdict, WallMillis now);

}  // namespace sluice::domain_upkeep
