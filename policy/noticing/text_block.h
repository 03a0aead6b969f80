// 64 bytes of a text, which are compared at once, with Clang's vectors, which are whatever the function has that this
// is inlined into.  The lowest bit of a mask is the first byte's.  Pure.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace sluice::noticing {

inline constexpr std::size_t kBlockBytes = 64;

class TextBlock {
 public:
  [[gnu::always_inline]] explicit TextBlock(const char* at) { std::memcpy(&bytes_, at, sizeof bytes_); }
  [[nodiscard, gnu::always_inline]] std::uint64_t at_most(unsigned char most) const {
    return std::bit_cast<std::uint64_t>(__builtin_convertvector(bytes_ <= most, Bits));
  }
  [[nodiscard, gnu::always_inline]] std::uint64_t at_least(unsigned char least) const {
    return std::bit_cast<std::uint64_t>(__builtin_convertvector(bytes_ >= least, Bits));
  }
  [[nodiscard, gnu::always_inline]] std::uint64_t equal(unsigned char wanted) const {
    return std::bit_cast<std::uint64_t>(__builtin_convertvector(bytes_ == wanted, Bits));
  }
  // One of two that differ in a bit.
  [[nodiscard, gnu::always_inline]] std::uint64_t either(unsigned char one, unsigned char other) const {
    const unsigned char all = one | other;
    return std::bit_cast<std::uint64_t>(__builtin_convertvector((bytes_ | (one ^ other)) == all, Bits));
  }
  // A letter in either case.
  [[nodiscard, gnu::always_inline]] std::uint64_t letter() const {
    constexpr unsigned char kLetters = 26;
    return std::bit_cast<std::uint64_t>(
        __builtin_convertvector((bytes_ | kLowerCase) - static_cast<unsigned char>('a') < kLetters, Bits));
  }
  // `small` in either case.
  [[nodiscard, gnu::always_inline]] std::uint64_t letter(char small) const {
    return std::bit_cast<std::uint64_t>(
        __builtin_convertvector((bytes_ | kLowerCase) == static_cast<unsigned char>(small), Bits));
  }

 private:
  static constexpr unsigned char kLowerCase = 0x20;
  using Bytes = unsigned char __attribute__((ext_vector_type(kBlockBytes)));
  using Bits = bool __attribute__((ext_vector_type(kBlockBytes)));
  Bytes bytes_;
};

}  // namespace sluice::noticing
