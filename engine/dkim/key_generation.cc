#include "engine/dkim/key_generation.h"

#include <openssl/crypto.h>
#include <openssl/encoder.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include <cstddef>
#include <memory>
#include <string_view>

#include "engine/dkim/key_kinds.h"

namespace sluice::dkim {
namespace {

struct EncoderDeleter {
  void operator()(OSSL_ENCODER_CTX* encoder) const { OSSL_ENCODER_CTX_free(encoder); }
};

std::expected<KeyDer, std::string> pkcs8_of(const EvpPkey& key) {
  const std::unique_ptr<OSSL_ENCODER_CTX, EncoderDeleter> encoder(
      key ? OSSL_ENCODER_CTX_new_for_pkey(key.get(), EVP_PKEY_KEYPAIR, "DER", "PrivateKeyInfo", nullptr) : nullptr);
  unsigned char* made = nullptr;
  std::size_t size = 0;
  const bool done = encoder && OSSL_ENCODER_to_data(encoder.get(), &made, &size) == 1;
  ERR_clear_error();
  if (!done) return std::unexpected("libcrypto has made no key, which it does where memory or randomness is short");
  KeyDer der(std::string_view(reinterpret_cast<const char*>(made), size));
  OPENSSL_clear_free(made, size);
  return der;
}

}  // namespace

std::expected<KeyDer, std::string> generate_key(Algorithm algorithm) {
  if (algorithm == Algorithm::rsa_sha256) return pkcs8_of(EvpPkey(EVP_RSA_gen(kNewRsaBits)));
  return pkcs8_of(EvpPkey(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")));
}

}  // namespace sluice::dkim
