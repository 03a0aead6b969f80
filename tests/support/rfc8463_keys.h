// The keys of RFC 8463 A.1: published, and so of use in tests alone.  Any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "engine/base/check.h"
#include "engine/dkim/private_key.h"
#include "engine/smtp/base64.h"

namespace sluice::testing {

inline constexpr std::string_view kEd25519Secret = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
inline constexpr std::string_view kEd25519Public = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
// PKCS #1, 1024 bits.
inline constexpr std::string_view kRsaSecret =
    "MIICXQIBAAKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQi"
    "Y/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqM"
    "KrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB"
    "AoGAH0cxOhFZDgzXWhDhnAJDw5s4roOXN4OhjiXa8W7Y3rhX3FJqmJSPuC8N9vQm"
    "6SVbaLAE4SG5mLMueHlh4KXffEpuLEiNp9Ss3O4YfLiQpbRqE7Tm5SxKjvvQoZZe"
    "zHorimOaChRL2it47iuWxzxSiRMv4c+j70GiWdxXnxe4UoECQQDzJB/0U58W7RZy"
    "6enGVj2kWF732CoWFZWzi1FicudrBFoy63QwcowpoCazKtvZGMNlPWnC7x/6o8Gc"
    "uSe0ga2xAkEA8C7PipPm1/1fTRQvj1o/dDmZp243044ZNyxjg+/OPN0oWCbXIGxy"
    "WvmZbXriOWoSALJTjExEgraHEgnXssuk7QJBALl5ICsYMu6hMxO73gnfNayNgPxd"
    "WFV6Z7ULnKyV7HSVYF0hgYOHjeYe9gaMtiJYoo0zGN+L3AAtNP9huqkWlzECQE1a"
    "licIeVlo1e+qJ6Mgqr0Q7Aa7falZ448ccbSFYEPD6oFxiOl9Y9se9iYHZKKfIcst"
    "o7DUw1/hz2Ck4N5JrgUCQQCyKveNvjzkkd8HjYs0SwM0fPjK16//5qDZ2UiDGnOe"
    "uEzxBDAr518Z8VFbR41in3W4Y3yCDgQlLlcETrS+zYcL";
inline constexpr std::string_view kRsaPublic =
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6"
    "Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/"
    "e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G"
    "+2kryOTIKT+l/K4w3QIDAQAB";

inline std::string from_base64(std::string_view text) {
  std::string bytes;
  CHECK(smtp::decode_base64(text, bytes));
  return bytes;
}

inline std::string to_base64(std::string_view bytes) {
  std::string text;
  smtp::append_base64(bytes, text);
  return text;
}

// RFC 8410 7: PKCS #8 with nothing but the secret in it.
inline std::string ed25519_der(std::string_view secret) {
  constexpr std::string_view kHead("\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20", 16);
  return std::string(kHead) + std::string(secret);
}

inline std::unique_ptr<dkim::PrivateKey> rsa_key() {
  auto key = dkim::parse_key(dkim::KeyDer(from_base64(kRsaSecret)));
  CHECK(key);
  return *std::move(key);
}

inline std::unique_ptr<dkim::PrivateKey> ed25519_key() {
  auto key = dkim::parse_key(dkim::KeyDer(ed25519_der(from_base64(kEd25519Secret))));
  CHECK(key);
  return *std::move(key);
}

}  // namespace sluice::testing
