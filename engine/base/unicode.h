// Characters that show a reader something else than what is there.  Pure.  Any thread.
#pragma once

namespace sluice {

// C1 controls act on a terminal; line and paragraph separators, direction marks and what has no width change what a
// reader sees.  All are at most U+FFFF.  (C0 controls are their users' matter: some are legal in some places.)
constexpr bool is_misleading(char32_t code) {
  return (code >= 0x7f && code <= 0x9f) || code == 0xad || code == 0x61c || code == 0x180e ||
         (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
         (code >= 0x2060 && code <= 0x206f) || code == 0xfeff || (code >= 0xfff9 && code <= 0xfffb);
}

}  // namespace sluice
