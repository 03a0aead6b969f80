// Argon2 of passwords, in memory that each thread keeps for its next one.  Any thread.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "auth/secret.h"
#include "auth/store/argon2.h"

namespace sluice::auth {

// Of a thread, until it calls release_hash_memory() or ends; what a hash takes beyond it goes with that hash.
inline constexpr std::size_t kHashMemoryKeptMax = std::size_t{64} << 20;

// False: there is no memory for it, and `digest` is as it was.
[[nodiscard]] bool hash_argon2(const Argon2Parameters& parameters, const Secret& secret, std::string_view salt,
                               std::span<unsigned char> digest);

// Of the calling thread.
void release_hash_memory();
// For tests: likewise.
[[nodiscard]] std::size_t hash_memory_kept();

}  // namespace sluice::auth
