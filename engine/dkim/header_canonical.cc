#include "engine/dkim/header_canonical.h"

#include <algorithm>

#include "engine/dkim/white_space.h"
#include "engine/smtp/ascii.h"

namespace sluice::dkim {
namespace {

bool at_fold(const char* at, const char* end) {
  return end - at > 2 && at[0] == '\r' && at[1] == '\n' && smtp::is_blank(at[2]);
}

// Behind the blanks and folds that begin at `at`.
const char* past_white_space(const char* at, const char* end) {
  for (;;) {
    if (at != end && smtp::is_blank(*at))
      ++at;
    else if (at_fold(at, end))
      at += 2;
    else
      return at;
  }
}

// RFC 6376 3.4.2: "Unfold all header field continuation lines", "Convert all sequences of one or more WSP characters to
// a single SP character", "Delete all WSP characters at the end of each unfolded header field value", and those beside
// the colon.
void append_relaxed_value(std::string_view value, std::string& out) {
  const char* const end = value.data() + value.size();
  const char* begin = past_white_space(value.data(), end);
  const char* at = begin;
  while ((at = find_change<true>(at, end)) != end) {
    const char* const past = past_white_space(at, end);
    if (past == at) {  // a bare CR
      ++at;
      continue;
    }
    out.append(begin, static_cast<std::size_t>(at - begin));
    if (past != end) out += ' ';
    begin = at = past;
  }
  out.append(begin, static_cast<std::size_t>(end - begin));
}

}  // namespace

void append_canonical(const HeaderField& field, Canonicalization form, std::string& out) {
  if (form == Canonicalization::simple) {
    out += field.whole;
    return;
  }
  // RFC 6376 3.4.2: "Convert all header field names (not the header field values) to lowercase."
  const std::size_t begin = out.size();
  out += field.name;
  std::transform(out.begin() + static_cast<std::ptrdiff_t>(begin), out.end(),
                 out.begin() + static_cast<std::ptrdiff_t>(begin), [](char c) { return to_lower(c); });
  out += ':';
  append_relaxed_value(field.whole.substr(field.colon + 1), out);
}

}  // namespace sluice::dkim
