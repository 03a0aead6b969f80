#include "auth/certificate_login.h"

#include <algorithm>

#include "auth/text.h"
#include "engine/base/check.h"

namespace sluice::auth {

Name certificate_login_name(const CertificateLogin& login) {
  if (login.authorization) return *login.authorization;
  if (login.names.size() == 1) return login.names.front();
  auto name = Name::make("certificate " + login.fingerprint);
  CHECK(name.has_value());
  return *std::move(name);
}

std::optional<std::string> certificate_fingerprint(std::string_view text) {
  constexpr std::size_t kDigits = 64;
  text.remove_prefix(text.rfind('=') + 1);
  std::string digits;
  for (const char c : ascii_lower(text)) {
    if (c == ':' || c == ' ') continue;
    if (digits.size() == kDigits) return std::nullopt;
    digits += c;
  }
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (digits.size() != kDigits || !std::ranges::all_of(digits, is_digit)) return std::nullopt;
  return digits;
}

}  // namespace sluice::auth
