#include "auth/scram.h"

#include <sodium.h>

#include <algorithm>

#include "engine/base/check.h"

namespace sluice::auth {
namespace {

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

// The purposes differ in their first byte: what is computed for one says nothing of another.
ScramKey of_name(std::string_view key, char purpose, const Name& name) {
  return hmac_sha256(key, purpose + name.folded());
}

std::optional<ScramKey> read_key(std::string_view text) {
  const auto bytes = read_base64(text);
  if (!bytes || bytes->size() != kScramKeyBytes) return std::nullopt;
  ScramKey key{};
  std::ranges::copy(*bytes, key.begin());
  return key;
}

}  // namespace

std::string_view as_bytes(const ScramKey& key) { return {reinterpret_cast<const char*>(key.data()), key.size()}; }

ScramKey hmac_sha256(std::string_view key, std::string_view message) {
  static_assert(crypto_auth_hmacsha256_BYTES == kScramKeyBytes);
  ScramKey made{};
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, bytes_of(key), key.size());
  crypto_auth_hmacsha256_update(&state, bytes_of(message), message.size());
  crypto_auth_hmacsha256_final(&state, made.data());
  return made;
}

ScramKey sha256(std::string_view bytes) {
  static_assert(crypto_hash_sha256_BYTES == kScramKeyBytes);
  ScramKey made{};
  crypto_hash_sha256(made.data(), bytes_of(bytes), bytes.size());
  return made;
}

std::string base64(std::string_view bytes) {
  std::string text(sodium_base64_encoded_len(bytes.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(text.data(), text.size(), bytes_of(bytes), bytes.size(), sodium_base64_VARIANT_ORIGINAL);
  text.pop_back();  // the terminating NUL is counted
  return text;
}

std::optional<std::string> read_base64(std::string_view text) {
  std::string bytes(text.size() / 4 * 3 + 3, '\0');
  std::size_t size = 0;
  const char* end = nullptr;
  const int read = sodium_base642bin(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(), text.data(),
                                     text.size(), nullptr, &size, &end, sodium_base64_VARIANT_ORIGINAL);
  if (read != 0 || end != text.data() + text.size()) return std::nullopt;
  bytes.resize(size);
  return bytes;
}

std::string scram_text(const ScramKeys& keys) {
  return base64(keys.salt) + "$" + base64(as_bytes(keys.stored_key)) + "$" + base64(as_bytes(keys.server_key));
}

std::optional<ScramKeys> read_scram_text(std::string_view text, std::uint32_t iterations) {
  const std::size_t first = text.find('$');
  if (first == std::string_view::npos) return std::nullopt;
  const std::size_t second = text.find('$', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  auto salt = read_base64(text.substr(0, first));
  const auto stored_key = read_key(text.substr(first + 1, second - first - 1));
  const auto server_key = read_key(text.substr(second + 1));
  const bool fits = salt && !salt->empty() && salt->size() <= kScramSaltBytesMax && stored_key && server_key &&
                    iterations > 0 && iterations <= kScramIterationsMax;
  if (!fits) return std::nullopt;
  return ScramKeys{
      .iterations = iterations, .salt = *std::move(salt), .stored_key = *stored_key, .server_key = *server_key};
}

ScramKeys false_scram_keys(std::string_view key, const Name& name, std::uint32_t iterations) {
  const ScramKey salt = of_name(key, 's', name);
  return {.iterations = iterations,
          .salt = std::string(as_bytes(salt).substr(0, kScramSaltBytes)),
          .stored_key = of_name(key, 'k', name),
          .server_key = of_name(key, 'v', name)};
}

std::uint32_t false_scram_share(std::string_view key, const Name& name) {
  const ScramKey hash = of_name(key, 'i', name);
  return std::uint32_t{hash[0]} << 8U | hash[1];
}

}  // namespace sluice::auth
