// Argon2 (RFC 9106), version 0x13, in memory that the caller has: libargon2's, which takes memory from its caller.
// libsodium, which the results are compared with in tests, is a quarter faster where it has vectors, but maps, fills
// and unmaps memory for every hash, and holds a lock of the process meanwhile, for which cores wait (io/work_memory.h).
// Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace sluice::auth {

enum class Argon2Type : std::uint8_t { i = 1, id = 2 };

struct Argon2Parameters {
  Argon2Type type = Argon2Type::id;
  std::uint32_t kibibytes = 0;  // at least 8 for each lane
  std::uint32_t passes = 0;     // at least 1
  std::uint32_t lanes = 0;      // 1 to 2^24 - 1: computed one after another

  [[nodiscard]] bool valid() const;
  [[nodiscard]] std::size_t memory_bytes() const { return std::size_t{kibibytes} << 10; }
};

// `memory`: memory_bytes() of them, at an address that is a multiple of 64.  What is in it before makes no difference;
// it is wiped in the end.  `salt`: at least 8 bytes; `digest`: at least 4.
void compute_argon2(const Argon2Parameters& parameters, std::string_view password, std::string_view salt,
                    std::span<std::byte> memory, std::span<unsigned char> digest);

}  // namespace sluice::auth
