#include "auth/store/argon2_hash.h"

#include "engine/io/work_memory.h"

namespace sluice::auth {
namespace {

io::WorkMemory& hash_memory() {
  thread_local io::WorkMemory memory;
  return memory;
}

}  // namespace

bool hash_argon2(const Argon2Parameters& parameters, const Secret& secret, std::string_view salt,
                 std::span<unsigned char> digest) {
  io::WorkMemory& memory = hash_memory();
  const std::span<std::byte> taken = memory.take(parameters.memory_bytes());
  if (taken.empty()) return false;
  compute_argon2(parameters, secret.reveal(), salt, taken, digest);
  if (memory.size() > kHashMemoryKeptMax) memory.release();
  return true;
}

void release_hash_memory() { hash_memory().release(); }

std::size_t hash_memory_kept() { return hash_memory().size(); }

}  // namespace sluice::auth
