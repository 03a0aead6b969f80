// The beginning of a message as a reader may look at it safely: some fields of its header, and the first lines of its
// text.  Bounded, whatever the message is; what is in it is still to be escaped where it is shown.
// Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::control {

// So much of a message is read for its preview.
inline constexpr std::size_t kPreviewReadBytesMax = 64 * 1024;
inline constexpr std::size_t kPreviewLinesMax = 8;
inline constexpr std::size_t kPreviewLineBytesMax = 160;
inline constexpr std::size_t kPreviewFieldBytesMax = 300;

struct Preview {
  // Names as the table in preview.cc has them, values unfolded, their encoded words decoded; each field once.
  std::vector<std::pair<std::string_view, std::string>> fields;
  // Of the first part that is text, decoded; empty lines are left out.
  std::vector<std::string> lines;
  bool more = false;  // there is more text than these lines
};

// `beginning` is the first bytes of the content, with the dots of DATA if `dot_stuffed`.
[[nodiscard]] Preview preview_of(std::string_view beginning, bool dot_stuffed);
// The Subject field's value as in a preview, but whole; empty: there is none in these bytes.
[[nodiscard]] std::string subject_of(std::string_view beginning, bool dot_stuffed);
// Without the case of ASCII's letters.
[[nodiscard]] bool subject_contains(std::string_view subject, std::string_view part);

}  // namespace sluice::control
