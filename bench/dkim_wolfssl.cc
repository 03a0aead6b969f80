#include "bench/dkim_wolfssl.h"

#include <wolfssl/options.h>
// options.h comes first.
#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/random.h>
#include <wolfssl/wolfcrypt/rsa.h>

#include <array>

#include "engine/base/check.h"

namespace sluice::bench {

struct WolfsslRsa::State {
  RsaKey key;
  WC_RNG random;
};

WolfsslRsa::WolfsslRsa(std::string_view der) : state_(std::make_unique<State>()) {
  CHECK(wc_InitRsaKey(&state_->key, nullptr) == 0 && wc_InitRng(&state_->random) == 0);
  word32 at = 0;
  CHECK(wc_RsaPrivateKeyDecode(reinterpret_cast<const byte*>(der.data()), &at, &state_->key,
                               static_cast<word32>(der.size())) == 0);
  CHECK(wc_RsaSetRNG(&state_->key, &state_->random) == 0);  // blinds, as libcrypto does
}

WolfsslRsa::~WolfsslRsa() {
  wc_FreeRsaKey(&state_->key);
  wc_FreeRng(&state_->random);
}

bool WolfsslRsa::sign(const dkim::Digest& digest) {
  std::array<byte, 128> encoded;
  std::array<byte, 256> signature;
  const word32 size = wc_EncodeSignature(encoded.data(), digest.data(), static_cast<word32>(digest.size()),
                                         wc_HashGetOID(WC_HASH_TYPE_SHA256));
  return wc_RsaSSL_Sign(encoded.data(), size, signature.data(), static_cast<word32>(signature.size()), &state_->key,
                        &state_->random) == static_cast<int>(signature.size());
}

}  // namespace sluice::bench
