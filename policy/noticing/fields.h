// Values as bytes, both ways: a value lists its fields once, in visit(), and a FieldWriter or a FieldReader goes
// through them.  Numbers are little-endian, floats as their bits.  Values; one thread at a time.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace sluice::noticing {

template <typename Value>
concept FieldNumber = std::is_arithmetic_v<Value> || std::is_enum_v<Value>;

template <FieldNumber Value>
using FieldBits =
    std::conditional_t<sizeof(Value) == 1, std::uint8_t,
                       std::conditional_t<sizeof(Value) == 2, std::uint16_t,
                                          std::conditional_t<sizeof(Value) == 4, std::uint32_t, std::uint64_t>>>;

// Many of them are copied as they are: an account may have thousands, and its lock is held.
template <typename Value>
inline constexpr bool kAsInMemory = std::is_integral_v<Value> && std::endian::native == std::endian::little;

class FieldWriter {
 public:
  static constexpr bool kReads = false;

  explicit FieldWriter(std::string& bytes) : bytes_(bytes) {}

  template <typename... Values>
  void operator()(const Values&... values) {
    (put(values), ...);
  }
  template <typename Value>
  void each(std::span<Value> values) {
    if constexpr (kAsInMemory<std::remove_const_t<Value>>) {
      bytes_.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
    } else {
      for (const Value& value : values) put(value);
    }
  }

 private:
  template <typename Value>
  void put(const Value& value) {
    if constexpr (FieldNumber<Value>) {
      auto bits = std::bit_cast<FieldBits<Value>>(value);
      if constexpr (std::endian::native == std::endian::big) bits = std::byteswap(bits);
      const auto raw = std::bit_cast<std::array<char, sizeof bits>>(bits);
      bytes_.append(raw.data(), raw.size());
    } else if constexpr (requires { value.visit(*this); }) {
      value.visit(*this);
    } else {
      for (const auto& element : value) put(element);
    }
  }

  std::string& bytes_;
};

// Bytes may be anything: what is no such value fails, and leaves values that are unspecified.
class FieldReader {
 public:
  static constexpr bool kReads = true;

  // `version`: of the file that the bytes are of.
  explicit FieldReader(std::string_view bytes, std::uint8_t version) : rest_(bytes), version_(version) {}

  template <typename... Values>
  void operator()(Values&... values) {
    (take(values), ...);
  }
  template <typename Value>
  void each(std::span<Value> values) {
    for (Value& value : values) take(value);
  }
  std::string_view text(std::size_t size) {
    if (size > rest_.size()) fine_ = false;
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(taken.size());
    return taken;
  }

  // By which a value leaves out fields that it did not have then.
  [[nodiscard]] std::uint8_t version() const { return version_; }
  void require(bool so) { fine_ = fine_ && so; }
  [[nodiscard]] bool fine() const { return fine_; }
  // How many bytes are left.
  [[nodiscard]] std::size_t left() const { return rest_.size(); }

 private:
  template <typename Value>
  void take(Value& value) {
    if constexpr (FieldNumber<Value>) {
      take_number(value);
    } else if constexpr (requires { value.visit(*this); }) {
      value.visit(*this);
    } else {
      for (auto& element : value) take(element);
    }
  }
  template <FieldNumber Value>
  void take_number(Value& value) {
    using Bits = FieldBits<Value>;
    std::array<char, sizeof(Bits)> raw{};
    if (const std::string_view taken = text(raw.size()); taken.size() == raw.size()) taken.copy(raw.data(), raw.size());
    auto bits = std::bit_cast<Bits>(raw);
    if constexpr (std::endian::native == std::endian::big) bits = std::byteswap(bits);
    if constexpr (std::is_same_v<Value, bool>) {
      require(bits <= 1);
      value = bits == 1;
    } else {
      value = std::bit_cast<Value>(bits);
    }
  }

  std::string_view rest_;
  std::uint8_t version_;
  bool fine_ = true;
};

// Whether such a visitor reads: decltype(fields).
template <typename Fields>
inline constexpr bool kReading = std::remove_cvref_t<Fields>::kReads;

}  // namespace sluice::noticing
