// A header field in the form over which it is hashed (RFC 6376 3.4.1, 3.4.2).  Pure.  Any thread.
#pragma once

#include <string>

#include "engine/dkim/algorithm.h"
#include "engine/dkim/header_fields.h"
#include "engine/dkim/squeeze.h"

namespace sluice::dkim {

// Appends `field`, without a CRLF behind it: one follows every field but the signature's own.
void append_canonical(const HeaderField& field, Canonicalization form, std::string& out,
                      SqueezeField squeeze = squeeze_field_of_this_machine());

}  // namespace sluice::dkim
