#include "engine/dkim/header_canonical.h"

#include <algorithm>

#include "engine/base/ascii.h"

namespace sluice::dkim {

// RFC 6376 3.4.2: "Convert all header field names (not the header field values) to lowercase", "Unfold all header field
// continuation lines", "Convert all sequences of one or more WSP characters to a single SP character", "Delete all WSP
// characters at the end of each unfolded header field value", and those beside the colon.
void append_canonical(const HeaderField& field, Canonicalization form, std::string& out, SqueezeField squeeze) {
  if (form == Canonicalization::simple) {
    out += field.whole;
    return;
  }
  const std::size_t begin = out.size();
  out.resize_and_overwrite(begin + field.whole.size() + kFieldRoomBytes, [&](char* bytes, std::size_t /*room*/) {
    char* at = std::ranges::transform(field.name, bytes + begin, [](char c) { return to_lower(c); }).out;
    *at++ = ':';
    const std::string_view value = field.whole.substr(field.colon + 1);
    at = squeeze(value.data(), value.data() + value.size(), at);
    return static_cast<std::size_t>(at - bytes);
  });
}

}  // namespace sluice::dkim
