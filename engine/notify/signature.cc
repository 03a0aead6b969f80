#include "engine/notify/signature.h"

#include <sodium.h>

#include <array>

#include "engine/base/check.h"
#include "engine/smtp/base64.h"

namespace sluice::notify {
namespace {

constexpr std::string_view kPrefix = "whsec_";
constexpr std::size_t kKeyBytesMin = 24;
constexpr std::size_t kKeyBytesMax = 64;

}  // namespace

std::expected<WebhookSecret, std::string> WebhookSecret::make(std::string_view text) {
  while (!text.empty() && std::string_view(" \t\r\n").contains(text.back())) text.remove_suffix(1);
  std::string key;
  const bool good = text.starts_with(kPrefix) && smtp::decode_base64(text.substr(kPrefix.size()), key);
  if (good && key.size() >= kKeyBytesMin && key.size() <= kKeyBytesMax) return WebhookSecret(std::move(key));
  smtp::wipe(key);
  return std::unexpected(
      "is no secret of a webhook: \"whsec_\" and 24 to 64 bytes in base64, as `echo whsec_$(openssl rand -base64 32)` "
      "makes one");
}

WebhookSecret::~WebhookSecret() { smtp::wipe(key_); }

std::string WebhookSecret::sign(std::string_view id, std::int64_t timestamp_s, std::string_view body) const {
  CHECK(sodium_init() >= 0);
  const std::string head = std::string(id) + "." + std::to_string(timestamp_s) + ".";
  const auto bytes = [](std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); };
  crypto_auth_hmacsha256_state state;
  std::array<unsigned char, crypto_auth_hmacsha256_BYTES> mac;
  crypto_auth_hmacsha256_init(&state, bytes(key_), key_.size());
  crypto_auth_hmacsha256_update(&state, bytes(head), head.size());
  crypto_auth_hmacsha256_update(&state, bytes(body), body.size());
  crypto_auth_hmacsha256_final(&state, mac.data());
  sodium_memzero(&state, sizeof state);
  std::string value = "v1,";
  smtp::append_base64({reinterpret_cast<const char*>(mac.data()), mac.size()}, value);
  return value;
}

}  // namespace sluice::notify
