// 64 bytes of a text, which are compared at once, with Clang's vectors, which are whatever the machine has.  The lowest
// bit of a mask is the first byte's.  Pure.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace sluice::noticing {

inline constexpr std::size_t kBlockBytes = 64;

class TextBlock {
 public:
  explicit TextBlock(const char* at) { std::memcpy(&bytes_, at, sizeof bytes_); }
  [[nodiscard]] std::uint64_t at_most(unsigned char most) const {
    return std::bit_cast<std::uint64_t>(__builtin_convertvector(bytes_ <= most, Bits));
  }
  [[nodiscard]] std::uint64_t at_least(unsigned char least) const {
    return std::bit_cast<std::uint64_t>(__builtin_convertvector(bytes_ >= least, Bits));
  }
  // One of two that differ in a bit.
  [[nodiscard]] std::uint64_t either(unsigned char one, unsigned char other) const {
    const unsigned char all = one | other;
    return std::bit_cast<std::uint64_t>(__builtin_convertvector((bytes_ | (one ^ other)) == all, Bits));
  }

 private:
  using Bytes = unsigned char __attribute__((ext_vector_type(kBlockBytes)));
  using Bits = bool __attribute__((ext_vector_type(kBlockBytes)));
  Bytes bytes_;
};

}  // namespace sluice::noticing
