#include "engine/domain_keys/key_wrapper.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <utility>

#include "engine/base/check.h"
#include "engine/io/files.h"
#include "engine/smtp/base64.h"

namespace sluice::domain_keys {
namespace {

constexpr std::size_t kKeyBytes = crypto_aead_xchacha20poly1305_ietf_KEYBYTES;
constexpr std::size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t kTagBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr std::size_t kFileBytesMax = 4096;

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

// Neither may contain the byte between them.
std::string associated_data(std::string_view domain, std::string_view selector) {
  std::string data(domain);
  data += '\0';
  return data.append(selector);
}

auth::StoredPrivateKey stored(std::string& bytes, bool sealed) {
  std::string text;
  text.reserve(smtp::base64_encoded_bytes(bytes.size()));
  smtp::append_base64(bytes, text);
  smtp::wipe(bytes);
  auto secret = auth::Secret::make_token(text);
  smtp::wipe(text);
  CHECK(secret.has_value());  // keys have at most a few kilobytes, and are not empty
  return {.text = *std::move(secret), .sealed = sealed};
}

// 32 bytes in one of the two ways; nothing: they are not.
bool take_key(std::string_view text, std::string& key) {
  key.clear();
  if (text.size() == kKeyBytes) {
    key = text;
    return true;
  }
  return smtp::decode_base64(text.substr(0, text.find_first_of("\r\n")), key) && key.size() == kKeyBytes;
}

}  // namespace

void KeyWrapper::Free::operator()(unsigned char* bytes) const { sodium_free(bytes); }

std::expected<KeyWrapper, std::string> KeyWrapper::read(const std::string& file) {
  CHECK(sodium_init() >= 0);
  auto text = io::read_closed_secret(file, kFileBytesMax);
  if (!text) return std::unexpected(text.error());
  std::string key;
  key.reserve(smtp::base64_decoded_bytes_max(text->size()) + kKeyBytes);
  const bool good = take_key(*text, key);
  smtp::wipe(*text);
  KeyWrapper wrapper;
  if (good) {
    wrapper.key_.reset(static_cast<unsigned char*>(sodium_malloc(kKeyBytes)));
    if (wrapper.key_ != nullptr) std::ranges::copy(key, wrapper.key_.get());
  }
  smtp::wipe(key);
  if (!good)
    return std::unexpected(file +
                           " has no key of 32 bytes, as they are or as base64; make one with: openssl rand "
                           "-base64 32");
  if (wrapper.key_ == nullptr) return std::unexpected(file + ": there is no memory to lock for the key");
  return wrapper;
}

std::expected<KeyWrapper, std::string> KeyWrapper::configured(const std::string& file) {
  if (file.empty()) return KeyWrapper();
  auto wrapper = read(file);
  if (!wrapper) return std::unexpected("dkim.wrapping_key_file: " + wrapper.error());
  return wrapper;
}

auth::StoredPrivateKey KeyWrapper::wrap(std::string_view domain, std::string_view selector, const dkim::KeyDer& der,
                                        io::Random& random) const {
  const std::string_view plain = der.reveal();
  std::string bytes(key_ == nullptr ? plain.size() : kNonceBytes + plain.size() + kTagBytes, '\0');
  if (key_ == nullptr) {
    std::ranges::copy(plain, bytes.begin());
    return stored(bytes, false);
  }
  random.fill(std::as_writable_bytes(std::span(bytes).first(kNonceBytes)));
  const std::string bound_to = associated_data(domain, selector);
  CHECK(crypto_aead_xchacha20poly1305_ietf_encrypt(bytes_of(bytes) + kNonceBytes, nullptr, bytes_of(plain),
                                                   plain.size(), bytes_of(bound_to), bound_to.size(), nullptr,
                                                   bytes_of(bytes), key_.get()) == 0);
  return stored(bytes, true);
}

std::expected<dkim::KeyDer, std::string> KeyWrapper::unwrap(std::string_view domain, std::string_view selector,
                                                            const auth::StoredPrivateKey& stored) const {
  const std::string of_key = "the signing key " + std::string(selector) + " of " + std::string(domain);
  std::string bytes;
  if (!smtp::decode_base64(stored.text.reveal(), bytes)) return std::unexpected(of_key + " is damaged");
  if (!stored.sealed) {
    dkim::KeyDer der(bytes);
    smtp::wipe(bytes);
    return der;
  }
  if (key_ == nullptr) return std::unexpected(of_key + " is sealed, and dkim.wrapping_key_file is not set");
  if (bytes.size() <= kNonceBytes + kTagBytes) return std::unexpected(of_key + " is damaged");
  const std::string bound_to = associated_data(domain, selector);
  std::string plain(bytes.size() - kNonceBytes - kTagBytes, '\0');
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(bytes_of(plain), nullptr, nullptr, bytes_of(bytes) + kNonceBytes,
                                                 bytes.size() - kNonceBytes, bytes_of(bound_to), bound_to.size(),
                                                 bytes_of(bytes), key_.get()) != 0)
    return std::unexpected(of_key +
                           " is sealed with another wrapping key, or was changed; once the wrapping key has changed: "
                           "sluicectl domain rewrap --old-key-file FILE");
  dkim::KeyDer der(plain);
  smtp::wipe(plain);
  return der;
}

bool may_keep_keys(const auth::StoreAddress& store, const KeyWrapper& wrapper) {
  return store.server == nullptr || wrapper.seals();
}

}  // namespace sluice::domain_keys
