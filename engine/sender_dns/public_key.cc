#include "engine/sender_dns/public_key.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>

namespace sluice::sender_dns {
namespace {

struct KeyDeleter {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using Key = std::unique_ptr<EVP_PKEY, KeyDeleter>;

struct BioDeleter {
  void operator()(BIO* bio) const { BIO_free(bio); }
};

// What follows a key is no part of one.
Key parse_rsa_key(std::string_view der) {
  constexpr std::size_t kDerBytesMax = 8192;
  if (der.empty() || der.size() > kDerBytesMax) return nullptr;
  const auto* const begin = reinterpret_cast<const unsigned char*>(der.data());
  const unsigned char* at = begin;
  Key key(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())));
  if (!key) {
    at = begin;
    key.reset(d2i_PublicKey(EVP_PKEY_RSA, nullptr, &at, static_cast<long>(der.size())));
  }
  if (!key || at != begin + der.size() || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA) return nullptr;
  return key;
}

}  // namespace

std::string_view name(KeyType type) { return type == KeyType::rsa ? "rsa" : "ed25519"; }

std::optional<unsigned> rsa_key_bits(std::string_view der) {
  const Key key = parse_rsa_key(der);
  if (!key) return std::nullopt;
  return static_cast<unsigned>(EVP_PKEY_get_bits(key.get()));
}

bool same_rsa_key(std::string_view der, std::string_view other) {
  const Key key = parse_rsa_key(der);
  const Key compared = parse_rsa_key(other);
  return key && compared && EVP_PKEY_eq(key.get(), compared.get()) == 1;
}

std::expected<PublicKey, std::string> read_public_key(std::string_view pem) {
  const auto wrong = std::unexpected("has no public key in PEM (-----BEGIN PUBLIC KEY-----), of RSA or Ed25519");
  constexpr std::size_t kPemBytesMax = 65'536;
  if (pem.size() > kPemBytesMax) return wrong;
  const std::unique_ptr<BIO, BioDeleter> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (!bio) return wrong;
  const Key key(PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr));
  if (!key) return wrong;
  if (EVP_PKEY_get_base_id(key.get()) == EVP_PKEY_ED25519) {
    std::string bytes(kEd25519KeyBytes, '\0');
    std::size_t size = bytes.size();
    if (EVP_PKEY_get_raw_public_key(key.get(), reinterpret_cast<unsigned char*>(bytes.data()), &size) != 1)
      return wrong;
    return PublicKey{.type = KeyType::ed25519, .bytes = std::move(bytes)};
  }
  if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA) return wrong;
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key.get(), &der);
  if (size <= 0) return wrong;
  PublicKey read{.type = KeyType::rsa,
                 .bytes = std::string(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size))};
  OPENSSL_free(der);
  return read;
}

}  // namespace sluice::sender_dns
