// rsa-sha256 (RFC 6376 3.3.2, RFC 8301), by libcrypto.
#include <openssl/encoder.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include <utility>

#include "engine/dkim/key_kinds.h"

namespace sluice::dkim {
namespace {

struct EvpContextDeleter {
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
  void operator()(OSSL_ENCODER_CTX* context) const { OSSL_ENCODER_CTX_free(context); }
};

struct OpensslFree {
  void operator()(unsigned char* bytes) const { OPENSSL_free(bytes); }
};

class RsaKey final : public PrivateKey {
 public:
  RsaKey(EvpPkey key, std::string public_key) : key_(std::move(key)), public_key_(std::move(public_key)) {}

  [[nodiscard]] Algorithm algorithm() const override { return Algorithm::rsa_sha256; }
  [[nodiscard]] std::string public_key() const override { return public_key_; }

  [[nodiscard]] std::expected<Signature, SigningFailure> sign(const Digest& digest) const override {
    std::array<unsigned char, kSignatureBytesMax> bytes;
    std::size_t size = bytes.size();
    // A context is one thread's, the key all threads'.
    const std::unique_ptr<EVP_PKEY_CTX, EvpContextDeleter> context(EVP_PKEY_CTX_new(key_.get(), nullptr));
    if (!context || EVP_PKEY_sign_init(context.get()) != 1 ||
        EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) != 1 ||
        EVP_PKEY_CTX_set_signature_md(context.get(), EVP_sha256()) != 1 ||
        EVP_PKEY_sign(context.get(), bytes.data(), &size, digest.data(), digest.size()) != 1) {
      ERR_clear_error();
      return std::unexpected(SigningFailure{});
    }
    return Signature(std::span(bytes).first(size));
  }

 private:
  EvpPkey key_;
  std::string public_key_;
};

std::string subject_public_key_info(const EVP_PKEY* key) {
  const std::unique_ptr<OSSL_ENCODER_CTX, EvpContextDeleter> context(
      OSSL_ENCODER_CTX_new_for_pkey(key, EVP_PKEY_PUBLIC_KEY, "DER", "SubjectPublicKeyInfo", nullptr));
  unsigned char* made = nullptr;
  std::size_t size = 0;
  const bool done = context && OSSL_ENCODER_to_data(context.get(), &made, &size) == 1;
  const std::unique_ptr<unsigned char, OpensslFree> bytes(made);
  ERR_clear_error();
  return done ? std::string(reinterpret_cast<const char*>(made), size) : std::string();
}

}  // namespace

ParsedKey make_rsa_key(EvpPkey key) {
  const int bits = EVP_PKEY_get_bits(key.get());
  if (bits < static_cast<int>(kRsaBitsMin) || bits > static_cast<int>(kRsaBitsMax))
    return std::unexpected("an RSA key with " + std::to_string(bits) + " bits, not 1024 to 4096");
  auto public_key = subject_public_key_info(key.get());
  if (public_key.empty()) return std::unexpected("an RSA key without its public part");
  return std::make_unique<RsaKey>(std::move(key), std::move(public_key));
}

}  // namespace sluice::dkim
