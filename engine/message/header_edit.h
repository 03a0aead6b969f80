// Changes to a header on its way: places where bytes go, and where some are put in.
// Values and a pure function.  Any thread.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "engine/base/buffer.h"

namespace sluice::message {

struct HeaderEdit {
  std::size_t at = 0;  // offset of the first byte that goes, in bytes as they were fed
  std::size_t remove = 0;
  std::string_view insert;  // static storage; whole lines
  friend bool operator==(const HeaderEdit&, const HeaderEdit&) = default;
};
// Of one header.
inline constexpr std::size_t kHeaderEditsMax = 100;

// Moves `from` to the end of `to` with these changes, which may be in any order and may overlap: what one of them
// removes stays removed.  Nothing else is copied.
void append_edited(Chain from, std::vector<HeaderEdit> edits, Chain& to);

}  // namespace sluice::message
