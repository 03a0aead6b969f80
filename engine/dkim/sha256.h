// SHA-256 while the bytes come: a value without memory of its own, so that hashing allocates nothing, and a hash that
// is begun can be copied and go on in two ways. wolfSSL's, which is as fast as libcrypto's (4 KB: 3.0 us against 3.2;
// 64 KB: 46.5 against 46.7; libsodium's, in C, 260) and is such a value; libcrypto's is an object on the heap behind a
// look-up (0.25 us for 64 bytes against 0.18). bench/dkim_bench.cc measures them.  One thread at a time.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace sluice::dkim {

using Digest = std::array<unsigned char, 32>;

class Sha256Hash {
 public:
  Sha256Hash();

  void update(std::string_view bytes);
  // The hash of all bytes; then it begins anew.
  [[nodiscard]] Digest finish();

 private:
  // wolfSSL's structure, whose header stays out of this one: it and OpenSSL's define the same names.
  static constexpr std::size_t kStateBytes = 128;
  alignas(16) std::array<std::byte, kStateBytes> state_{};
};

}  // namespace sluice::dkim
