// Keys that sign, and what they sign: the 32 bytes of a hash.  RSA takes hundreds of microseconds, and so is a worker's
// work (engine/io's workers), never a core's loop's; Ed25519 takes a core 14.
//
// Which library, in microseconds of CPU for a signature (bench_dkim; on two EPYC machines, the first without AVX-512
// and busy):
//   RSA-2048   libcrypto 3.0 1,000 and 257, wolfSSL 920 and 740.
//              So libcrypto's: a tenth behind on the one, three times ahead on the other.
//   Ed25519    wolfSSL 14, libsodium 30, libcrypto 70 (the first).  So wolfSSL's.
//   SHA-256    see sha256.h.
// Licences: libcrypto 3 is under Apache-2.0, which GPL-3.0 allows and GPL-2.0 alone does not; Sluice is under GPL-2.0
// or later, so that the program as it is linked may be passed on under GPL-3.0.
#pragma once

#include <array>
#include <cstddef>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "engine/dkim/algorithm.h"
#include "engine/dkim/sha256.h"

namespace sluice::dkim {

inline constexpr std::size_t kSignatureBytesMax = 512;  // of RSA with 4096 bits

class Signature {
 public:
  // At most kSignatureBytesMax.
  explicit Signature(std::span<const unsigned char> bytes);
  [[nodiscard]] std::span<const unsigned char> bytes() const { return std::span(bytes_).first(size_); }

 private:
  std::array<unsigned char, kSignatureBytesMax> bytes_;
  std::size_t size_;
};

// The library has refused, which it does when memory is short.
struct SigningFailure {};

// Immutable, and wiped at its end.  Any thread; several may sign at once.
class PrivateKey {
 public:
  PrivateKey() = default;
  PrivateKey(const PrivateKey&) = delete;
  PrivateKey& operator=(const PrivateKey&) = delete;
  virtual ~PrivateKey() = default;

  [[nodiscard]] virtual Algorithm algorithm() const = 0;
  // RSA: PKCS #1 v1.5 over SHA-256 (RFC 8017 8.2).  Ed25519: of the hash as its message (RFC 8463 3).
  [[nodiscard]] virtual std::expected<Signature, SigningFailure> sign(const Digest& digest) const = 0;
  // What p= of the key's record says, before base64: RSA's SubjectPublicKeyInfo in DER (RFC 6376 3.6.1), Ed25519's 32
  // bytes (RFC 8463 4).
  [[nodiscard]] virtual std::string public_key() const = 0;
};

// The bytes of a key as they are kept: DER of PKCS #8, or of PKCS #1's RSAPrivateKey.  Wiped at its end.
class KeyDer {
 public:
  explicit KeyDer(std::string_view der);
  KeyDer(KeyDer&& other) noexcept = default;
  KeyDer& operator=(KeyDer&& other) noexcept;
  KeyDer(const KeyDer&) = delete;
  KeyDer& operator=(const KeyDer&) = delete;
  ~KeyDer();

  // For the code that parses or seals it, and only there.
  [[nodiscard]] std::string_view reveal() const { return {bytes_.get(), bytes_ ? size_ : 0}; }

 private:
  void wipe();
  std::unique_ptr<char[]> bytes_;
  std::size_t size_;
};

// RFC 8301 3.2: "Signers MUST use RSA keys of at least 1024 bits" and SHOULD use 2048, which is what is made here:
// shorter ones than 2048 are taken as they are, as customers bring them.  Verifiers need not take more than 4096.
inline constexpr unsigned kRsaBitsMin = 1024;
inline constexpr unsigned kRsaBitsMax = 4096;

// A millisecond or less: OpenSSL 3 looks for its decoders.  Not on a core's loop.  The error is a sentence for people,
// without a byte of the key.
std::expected<std::unique_ptr<PrivateKey>, std::string> parse_key(const KeyDer& der);

}  // namespace sluice::dkim
