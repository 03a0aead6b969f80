// Reduces white space as relaxed canonicalization does, that of a body's lines (RFC 6376 3.4.4) and that of a header
// field with its folds (3.4.2), sixty-four bytes at a time without a branch for any of them: where a text is indented,
// or a field folded, no CPU foresees where the next change is.  For CPUs that move bytes by masks (AVX-512 VBMI2); on
// others the canonicalizers go from change to change (white_space.h).
// Pure functions, for the canonicalizers only.  Any thread.
#pragma once

#include <array>
#include <cstddef>

namespace sluice::dkim {

// What looks at fewer bytes than this does nothing: what is behind a blank decides whether it stays.
inline constexpr std::size_t kSqueezeBytesMin = 66;

struct Squeezed {
  const char* at;    // the first byte that was not looked at
  std::size_t size;  // of what was written
};

using SqueezeBuffer = std::array<char, 2048>;
// From the bytes in [at, end) into `out`, until either has no room.  A CRLF is never divided.
using Squeeze = Squeezed (*)(const char* at, const char* end, SqueezeBuffer& out);

// Null: this machine has no such instructions.
[[nodiscard]] Squeeze squeeze_of_this_machine();

// What may be written behind the last byte that counts.
inline constexpr std::size_t kFieldRoomBytes = 64;

// All of a field's value, [at, end), in its canonical form; behind `out` there is room for as much and kFieldRoomBytes.
// Returns the end of what was written.
using SqueezeField = char* (*)(const char* at, const char* end, char* out);

// Never null: on machines without such instructions it goes from change to change.
[[nodiscard]] SqueezeField squeeze_field_of_this_machine();
// As on those.
char* squeeze_field_by_changes(const char* at, const char* end, char* out);

}  // namespace sluice::dkim
