// The DKIM-Signature field (RFC 6376 3.5): tags v a c d s t x i h bh b, in lines of 78 bytes where its grammar lets
// them be folded (a domain stays in one line).  Never l=, which lets others add to what was signed (RFC 6376 8.2), nor
// z= and q=.  Pure.  Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/dkim/algorithm.h"
#include "engine/dkim/private_key.h"
#include "engine/dkim/sha256.h"
#include "engine/dkim/signatory.h"

namespace sluice::dkim {

inline constexpr std::string_view kSignatureFieldName = "DKIM-Signature";

struct SignatureTags {
  Algorithm algorithm = Algorithm::rsa_sha256;
  Canonicalization header = Canonicalization::relaxed;
  Canonicalization body = Canonicalization::relaxed;
  const Signatory::Tags* signatory = nullptr;
  std::optional<std::int64_t> signed_at_s;         // t=, seconds since 1970
  std::optional<std::int64_t> expires_at_s;        // x=
  std::span<const std::string_view> header_names;  // h=
  Digest body_hash{};
};

// Appends the field up to its last tag, "b=", whose value is missing: the form over which the signature is made
// (RFC 6376 3.7).
void append_unsigned_field(const SignatureTags& tags, std::string& out);

// Appends the whole field with its CRLF: `unsigned_field`, as the function above makes it, and the signature.
void append_signature_field(std::string_view unsigned_field, const Signature& signature, std::string& out);

}  // namespace sluice::dkim
