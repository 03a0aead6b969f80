#include "auth/store/argon2.h"

#include <argon2.h>

#include "engine/base/check.h"

namespace sluice::auth {
namespace {

constexpr std::uint32_t kBlocksOfLaneMin = 8;

// What libargon2 asks for once a hash: its callback knows nothing of the caller.
std::span<std::byte>& memory_of_call() {
  thread_local std::span<std::byte> memory;
  return memory;
}

int take_memory_of_call(std::uint8_t** memory, std::size_t size) {
  CHECK(size <= memory_of_call().size());
  *memory = reinterpret_cast<std::uint8_t*>(memory_of_call().data());
  return ARGON2_OK;
}

// libargon2 has wiped it.
void keep_memory_of_call(std::uint8_t* /*memory*/, std::size_t /*size*/) {}

// libargon2's interface writes `const` nowhere; without flags it changes neither password nor salt.
std::uint8_t* argument(std::string_view text) {
  return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
}

}  // namespace

bool Argon2Parameters::valid() const {
  return lanes >= ARGON2_MIN_LANES && lanes <= ARGON2_MAX_LANES && passes >= ARGON2_MIN_TIME &&
         kibibytes >= std::uint64_t{kBlocksOfLaneMin} * lanes;
}

void compute_argon2(const Argon2Parameters& parameters, std::string_view password, std::string_view salt,
                    std::span<std::byte> memory, std::span<unsigned char> digest) {
  CHECK(parameters.valid() && memory.size() >= parameters.memory_bytes());
  memory_of_call() = memory;
  argon2_context context{};
  context.out = digest.data();
  context.outlen = static_cast<std::uint32_t>(digest.size());
  context.pwd = argument(password);
  context.pwdlen = static_cast<std::uint32_t>(password.size());
  context.salt = argument(salt);
  context.saltlen = static_cast<std::uint32_t>(salt.size());
  context.t_cost = parameters.passes;
  context.m_cost = parameters.kibibytes;
  context.lanes = parameters.lanes;
  context.threads = 1;
  context.version = ARGON2_VERSION_13;
  context.allocate_cbk = take_memory_of_call;
  context.free_cbk = keep_memory_of_call;
  // With memory there, and parameters that are valid, nothing is left that it could refuse.
  CHECK(argon2_ctx(&context, parameters.type == Argon2Type::i ? Argon2_i : Argon2_id) == ARGON2_OK);
  memory_of_call() = {};
}

}  // namespace sluice::auth
