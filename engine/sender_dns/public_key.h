// Public keys that signatures of DKIM are verified with: RSA (RFC 6376) and Ed25519 (RFC 8463).  Values.  Any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::sender_dns {

enum class KeyType : std::uint8_t { rsa, ed25519 };
[[nodiscard]] std::string_view name(KeyType type);  // as in k=

struct PublicKey {
  KeyType type = KeyType::rsa;
  // As p= has it, before base64: RSA's SubjectPublicKeyInfo in DER, Ed25519's 32 bytes.
  std::string bytes;
};

// RFC 8301 3.2: verifiers take no shorter one, and need not take a longer one.
inline constexpr unsigned kRsaBitsMin = 1024;
inline constexpr unsigned kRsaBitsMax = 4096;
inline constexpr std::size_t kEd25519KeyBytes = 32;

// Bits of the modulus of an RSA key: its SubjectPublicKeyInfo, or the bare RSAPublicKey (RFC 6376 3.6.1 says this one,
// and everyone publishes that one).  nullopt: it is neither.
[[nodiscard]] std::optional<unsigned> rsa_key_bits(std::string_view der);
// The same key, in either form.
[[nodiscard]] bool same_rsa_key(std::string_view der, std::string_view other);

// From the text of a file in PEM ("BEGIN PUBLIC KEY").  The error is a sentence.
[[nodiscard]] std::expected<PublicKey, std::string> read_public_key(std::string_view pem);

}  // namespace sluice::sender_dns
