#include "engine/dkim/sha256.h"

#include <wolfssl/options.h>
// options.h comes first.
#include <wolfssl/wolfcrypt/sha256.h>

#include <type_traits>

#include "engine/base/check.h"

namespace sluice::dkim {
namespace {

using Wolf = wc_Sha256;
constexpr std::size_t kUpdateBytesMax = std::size_t{1} << 30U;  // a word32 counts them

// Nothing in it points anywhere, so that a copy of its bytes is a copy: wc_Sha256Copy() does no more in a build without
// hardware queues.
template <typename State>
Wolf* wolf(State& state) {
  static_assert(sizeof(Wolf) <= sizeof(State) && alignof(Wolf) <= 16 && std::is_trivially_copyable_v<Wolf>);
  return reinterpret_cast<Wolf*>(state.data());
}

}  // namespace

Sha256Hash::Sha256Hash() { CHECK(wc_InitSha256(wolf(state_)) == 0); }

void Sha256Hash::update(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, kUpdateBytesMax);
    CHECK(wc_Sha256Update(wolf(state_), reinterpret_cast<const byte*>(piece.data()),
                          static_cast<word32>(piece.size())) == 0);
    bytes.remove_prefix(piece.size());
  }
}

Digest Sha256Hash::finish() {
  Digest digest;
  CHECK(wc_Sha256Final(wolf(state_), digest.data()) == 0);  // and begins anew
  return digest;
}

}  // namespace sluice::dkim
