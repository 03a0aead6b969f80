// Numbers as the trace's files have them: little-endian, or seven bits a byte.  Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::trace {

inline constexpr std::size_t kVarintBytesMax = 10;

// Where there is room for kVarintBytesMax; the place behind it.
inline char* put_varint(char* out, std::uint64_t value) {
  while (value >= 0x80) {
    *out++ = static_cast<char>(value | 0x80U);
    value >>= 7U;
  }
  *out++ = static_cast<char>(value);
  return out;
}

// Small for what is near zero.
constexpr std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1U) ^ static_cast<std::uint64_t>(value >> 63U);
}
constexpr std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1U) ^ -static_cast<std::int64_t>(value & 1U);
}

template <typename T>
void put_fixed(std::string& out, T value) {
  static_assert(std::is_integral_v<T>);
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

// Takes numbers off bytes from anywhere.  What is not there reads as 0, and fine() says so.
class NumberReader {
 public:
  explicit NumberReader(std::string_view in) : in_(in) {}

  [[nodiscard]] std::uint64_t varint() {
    if (!in_.empty() && static_cast<unsigned char>(in_.front()) < 0x80) {  // most are
      const auto value = static_cast<unsigned char>(in_.front());
      in_.remove_prefix(1);
      return value;
    }
    return long_varint();
  }
  template <typename T>
  [[nodiscard]] T fixed() {
    T value{};
    const std::string_view from = bytes(sizeof value);
    if (from.size() == sizeof value) std::memcpy(&value, from.data(), sizeof value);
    return value;
  }
  [[nodiscard]] std::string_view bytes(std::uint64_t size) {
    if (size > in_.size()) {
      static_cast<void>(fail());
      return {};
    }
    const std::string_view taken = in_.substr(0, size);
    in_.remove_prefix(size);
    return taken;
  }
  [[nodiscard]] bool fine() const { return fine_; }
  [[nodiscard]] bool at_end() const { return in_.empty(); }

 private:
  std::uint64_t long_varint() {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < kVarintBytesMax && i < in_.size(); ++i) {
      const auto byte = static_cast<unsigned char>(in_[i]);
      value |= std::uint64_t{byte & 0x7FU} << (7 * i);
      if (byte >= 0x80) continue;
      in_.remove_prefix(i + 1);
      return value;
    }
    return fail();
  }
  std::uint64_t fail() {
    fine_ = false;
    in_ = {};
    return 0;
  }

  std::string_view in_;
  bool fine_ = true;
};

}  // namespace sluice::trace
