#include "auth/device_password.h"

#include <algorithm>

#include "auth/keyed_hash.h"
#include "auth/text.h"
#include "engine/base/check.h"

namespace sluice::auth {
namespace {

constexpr std::string_view kCharacters = "abcdefghijklmnopqrstuvwxyz234567";
constexpr std::size_t kGroup = 5;
constexpr std::size_t kHashBytes = 32;
static_assert(kCharacters.size() == 32);

bool is_separator(char c) { return c == ' ' || c == '-'; }

}  // namespace

bool is_device_password(std::string_view secret) {
  // With separators between all of them, and no more.
  if (secret.size() > 2 * kDevicePasswordBytes) return false;
  const auto separators = static_cast<std::size_t>(std::ranges::count_if(secret, is_separator));
  return secret.size() - separators == kDevicePasswordBytes && std::ranges::all_of(secret, [](char c) {
           return is_separator(c) || kCharacters.find(lower(c)) != std::string_view::npos;
         });
}

std::optional<std::string> device_password(std::string_view secret) {
  if (!is_device_password(secret)) return std::nullopt;
  std::string password;
  password.reserve(kDevicePasswordBytes);
  for (const char c : secret)
    if (!is_separator(c)) password += lower(c);
  return password;
}

std::string make_device_password(std::string_view random) {
  CHECK(random.size() == kDevicePasswordBytes);
  std::string password;
  for (const char byte : random) password += kCharacters[static_cast<unsigned char>(byte) % kCharacters.size()];
  return password;
}

std::string shown_device_password(std::string_view password) {
  std::string shown;
  for (std::size_t at = 0; at < password.size(); at += kGroup)
    shown += (at == 0 ? "" : "-") + std::string(password.substr(at, kGroup));
  return shown;
}

std::string device_hash(std::string_view key, std::string_view password) {
  return keyed_hash<kHashBytes>(key, password);
}

}  // namespace sluice::auth
