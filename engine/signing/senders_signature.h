// The signature that a message comes with of its author's domain, as its own mail server has made it: passed on as it
// is, whatever it is worth.  One whose body hash is not that of the body was broken on the way here, which its
// receivers alone would see.  Pure.  Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/dkim/algorithm.h"
#include "engine/signing/content_to_sign.h"

namespace sluice::signing {

// The selector of the first signature of `domain` (d=, exactly that one) whose bh= is not the hash of the body;
// nothing: there is none.  `hashed`: the form of the body that `content` has the hash of; signatures with another one,
// of a part of the body (l=), or that cannot be read, are not judged.  `content`: finished, as it was received.
[[nodiscard]] std::optional<std::string> find_broken_signature(const ContentToSign& content, std::string_view domain,
                                                               dkim::Canonicalization hashed);

}  // namespace sluice::signing
