// ed25519-sha256 (RFC 8463), by wolfSSL.
#include <openssl/crypto.h>
#include <wolfssl/options.h>
// options.h comes before wolfSSL's others.
#include <wolfssl/wolfcrypt/ed25519.h>

#include "engine/base/check.h"
#include "engine/dkim/key_kinds.h"

namespace sluice::dkim {
namespace {

constexpr std::size_t kEd25519Bytes =
    32;  // of the secret, which RFC 8032 5.1.5 makes the keys of, and of the public key

class Ed25519Key final : public PrivateKey {
 public:
  explicit Ed25519Key(std::span<const unsigned char, kEd25519Bytes> secret) {
    CHECK(wc_ed25519_init(&key_) == 0);
    CHECK(wc_ed25519_import_private_only(secret.data(), kEd25519Bytes, &key_) == 0);
    CHECK(wc_ed25519_make_public(&key_, public_key_.data(), kEd25519Bytes) == 0);
    CHECK(wc_ed25519_import_private_key(secret.data(), kEd25519Bytes, public_key_.data(), kEd25519Bytes, &key_) == 0);
  }
  ~Ed25519Key() override { wc_ed25519_free(&key_); }  // which wipes it

  [[nodiscard]] Algorithm algorithm() const override { return Algorithm::ed25519_sha256; }
  [[nodiscard]] std::string public_key() const override {
    return {reinterpret_cast<const char*>(public_key_.data()), public_key_.size()};
  }

  [[nodiscard]] std::expected<Signature, SigningFailure> sign(const Digest& digest) const override {
    std::array<unsigned char, ED25519_SIG_SIZE> bytes;
    word32 size = bytes.size();
    // It reads the key, though its parameter says otherwise.
    const int result =
        wc_ed25519_sign_msg(digest.data(), static_cast<word32>(digest.size()), bytes.data(), &size, &key_);
    if (result != 0) return std::unexpected(SigningFailure{});
    return Signature(bytes);
  }

 private:
  mutable ed25519_key key_{};
  std::array<unsigned char, kEd25519Bytes> public_key_{};
};

}  // namespace

ParsedKey make_ed25519_key(const EVP_PKEY& key) {
  std::array<unsigned char, kEd25519Bytes> secret;
  std::size_t size = secret.size();
  if (EVP_PKEY_get_raw_private_key(&key, secret.data(), &size) != 1 || size != secret.size())
    return std::unexpected("an Ed25519 key without its private part");
  auto made = std::make_unique<Ed25519Key>(secret);
  OPENSSL_cleanse(secret.data(), secret.size());
  return made;
}

}  // namespace sluice::dkim
