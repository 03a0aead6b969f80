#include "engine/dkim/private_key.h"

#include <openssl/crypto.h>
#include <openssl/err.h>

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/dkim/key_kinds.h"

namespace sluice::dkim {
namespace {

constexpr std::size_t kDerBytesMax = 16 * 1024;  // RSA with 16,384 bits has 9 KB

}  // namespace

Signature::Signature(std::span<const unsigned char> bytes) : size_(bytes.size()) {
  CHECK(size_ <= bytes_.size());
  std::ranges::copy(bytes, bytes_.begin());
}

KeyDer::KeyDer(std::string_view der) : bytes_(std::make_unique<char[]>(der.size())), size_(der.size()) {
  std::ranges::copy(der, bytes_.get());
}

KeyDer& KeyDer::operator=(KeyDer&& other) noexcept {
  if (this == &other) return *this;
  wipe();
  bytes_ = std::move(other.bytes_);
  size_ = other.size_;
  return *this;
}

KeyDer::~KeyDer() { wipe(); }

void KeyDer::wipe() {
  if (bytes_) OPENSSL_cleanse(bytes_.get(), size_);
}

ParsedKey parse_key(const KeyDer& der) {
  const std::string_view bytes = der.reveal();
  if (bytes.size() > kDerBytesMax) return std::unexpected("a key that is too long");
  const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
  const auto* const begin = at;
  EvpPkey key(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(bytes.size())));
  ERR_clear_error();
  if (!key) return std::unexpected("no private key in DER (PKCS #8 or PKCS #1), or one with a pass phrase");
  if (at != begin + bytes.size()) return std::unexpected("a private key with more bytes behind it");
  switch (EVP_PKEY_get_base_id(key.get())) {
    case EVP_PKEY_RSA:
      return make_rsa_key(std::move(key));
    case EVP_PKEY_ED25519:
      return make_ed25519_key(*key);
    default:
      return std::unexpected("a key that is neither RSA nor Ed25519");
  }
}

}  // namespace sluice::dkim
