#include "engine/smtp/base64.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace sluice::smtp {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kNone = 0xff;

constexpr std::array<std::uint8_t, 256> make_values() {
  std::array<std::uint8_t, 256> values{};
  values.fill(kNone);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}
constexpr auto kValues = make_values();

std::uint32_t value_of(char c) { return kValues[static_cast<unsigned char>(c)]; }

// The last four characters, with up to two '=' among them.
bool decode_last(std::string_view group, std::string& out) {
  const std::size_t padding = group[3] != '=' ? 0 : group[2] != '=' ? 1 : 2;
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const std::uint32_t value = i >= 4 - padding ? 0 : value_of(group[i]);
    if (value == kNone) return false;
    bits = (bits << 6U) | value;
  }
  // RFC 4648 3.5: a decoder MAY refuse pad bits that are not zero; two texts for one secret help
  // no client.
  if ((padding == 1 && (bits & 0xffU) != 0) || (padding == 2 && (bits & 0xffffU) != 0)) return false;
  for (std::size_t i = 0; i < 3 - padding; ++i) {
    out.push_back(static_cast<char>((bits >> (16 - 8 * i)) & 0xffU));
  }
  return true;
}

}  // namespace

bool decode_base64(std::string_view text, std::string& out) {
  wipe(out);
  if (text.size() % 4 != 0) return false;
  if (text.empty()) return true;
  out.reserve(base64_decoded_bytes_max(text.size()));
  const std::size_t whole = text.size() - 4;
  for (std::size_t i = 0; i < whole; i += 4) {
    const std::uint32_t a = value_of(text[i]);
    const std::uint32_t b = value_of(text[i + 1]);
    const std::uint32_t c = value_of(text[i + 2]);
    const std::uint32_t d = value_of(text[i + 3]);
    if ((a | b | c | d) == kNone) {
      wipe(out);
      return false;
    }
    const std::uint32_t bits = (a << 18U) | (b << 12U) | (c << 6U) | d;
    out.push_back(static_cast<char>(bits >> 16U));
    out.push_back(static_cast<char>((bits >> 8U) & 0xffU));
    out.push_back(static_cast<char>(bits & 0xffU));
  }
  if (decode_last(text.substr(whole), out)) return true;
  wipe(out);
  return false;
}

char* write_base64(std::string_view bytes, char* out) {
  const auto byte = [bytes](std::size_t i) { return std::uint32_t{static_cast<unsigned char>(bytes[i])}; };
  const auto write = [&out](std::uint32_t bits, std::size_t characters) {
    for (std::size_t i = 0; i < characters; ++i) *out++ = kAlphabet[(bits >> (18 - 6 * i)) & 0x3fU];
  };
  std::size_t i = 0;
  for (; i + 3 <= bytes.size(); i += 3) write((byte(i) << 16U) | (byte(i + 1) << 8U) | byte(i + 2), 4);
  if (bytes.size() - i == 2) {
    write((byte(i) << 16U) | (byte(i + 1) << 8U), 3);
    *out++ = '=';
  } else if (bytes.size() - i == 1) {
    write(byte(i) << 16U, 2);
    *out++ = '=';
    *out++ = '=';
  }
  return out;
}

void append_base64(std::string_view bytes, std::string& out) {
  const std::size_t begin = out.size();
  out.resize(begin + base64_encoded_bytes(bytes.size()));
  write_base64(bytes, out.data() + begin);
}

void wipe(std::string& secret) {
  secret.resize(secret.capacity());
  if (!secret.empty()) {
    std::memset(secret.data(), 0, secret.size());
    // Keeps the compiler from removing the write as dead.
    __asm__ __volatile__("" : : "r"(secret.data()) : "memory");
  }
  secret.clear();
}

}  // namespace sluice::smtp
