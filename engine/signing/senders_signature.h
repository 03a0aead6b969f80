// The signature that a message comes with of its author's domain, as its own mail server has made it: passed on as it
// is, whatever it is worth.  One that no receiver takes, because the body was changed on the way here or because its
// tags are wrong, its receivers alone would see.  Pure.  Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/dkim/algorithm.h"
#include "engine/signing/content_to_sign.h"

namespace sluice::signing {

struct BrokenSignature {
  std::string selector;  // printable ASCII, 63 characters at most; empty: it names none
  std::string fault;     // what is wrong, in words and printable ASCII
};

// The first signature of `domain` (d=, exactly that one) that is broken; nothing: there is none.  Looked at are its
// list of tags, whether all are there that RFC 6376 3.5 requires, and whether bh= is the hash of the body.  `hashed`:
// the form of the body that `content` has the hash of; bh= is not judged of signatures with another one, of those of a
// part of the body (l=), and where it cannot be read.  `content`: finished, as it was received.
[[nodiscard]] std::optional<BrokenSignature> find_broken_signature(const ContentToSign& content,
                                                                   std::string_view domain,
                                                                   dkim::Canonicalization hashed);

}  // namespace sluice::signing
