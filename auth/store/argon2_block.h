// What Argon2 does with a block of 1 KiB (RFC 9106 3.5, 3.6): the compression function G, with whatever vectors the
// machine has.  Pure; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace sluice::auth {

// Eight of the block's words.
using Argon2Words = std::uint64_t __attribute__((ext_vector_type(8)));
inline constexpr std::size_t kArgon2BlockWords = 128;
struct Argon2Block {
  std::array<Argon2Words, kArgon2BlockWords / 8> words;

  [[nodiscard]] std::uint64_t word(std::size_t at) const { return words[at / 8][at % 8]; }
  void set_word(std::size_t at, std::uint64_t value) { words[at / 8][at % 8] = value; }
};
static_assert(sizeof(Argon2Block) == 1024);

// Into `next`: G(previous, reference), and, in passes behind the first, XOR what is in it.  `next` may be `reference`
// where it is not kept.
enum class Argon2Next : std::uint8_t { replaced, combined };
using Argon2Compress = void (*)(const Argon2Block& previous, const Argon2Block& reference, Argon2Block& next,
                                Argon2Next how);
// The fastest one that this machine can run.
[[nodiscard]] Argon2Compress argon2_compress();

// For tests: all that this machine can run; unused places are null.
[[nodiscard]] std::array<Argon2Compress, 3> all_argon2_compress();

}  // namespace sluice::auth
