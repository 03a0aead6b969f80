// Reduces the white space of a body's lines as relaxed canonicalization does (RFC 6376 3.4.4), sixty-four bytes at a
// time without a branch for any of them: where a text is indented, no CPU foresees where the next change is.  For CPUs
// that move bytes by masks (AVX-512 VBMI2); on others the canonicalizer goes from change to change (white_space.h).
// Pure functions, for the canonicalizer only.  Any thread.
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

}  // namespace sluice::dkim
