// "$argon2id$v=19$m=19456,t=2,p=1$salt$digest": memory in KiB, passes, lanes, base64 without padding.
#include <sodium.h>

#include <array>
#include <cerrno>
#include <string>

#include "auth/store/scheme_table.h"

namespace sluice::auth {
namespace {

constexpr std::uint32_t kLanesMax = 64;

// Of base64 without padding; 0: it is none.
std::size_t bytes_in(std::string_view text) {
  constexpr std::size_t kBytesMax = 64;
  std::array<unsigned char, kBytesMax> bytes{};
  std::size_t size = 0;
  const char* end = nullptr;
  const int failed = sodium_base642bin(bytes.data(), bytes.size(), text.data(), text.size(), nullptr, &size, &end,
                                       sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
  return failed == 0 && end == text.data() + text.size() ? size : 0;
}

}  // namespace

SchemeCost argon2_cost(const PasswordScheme& scheme, std::string_view text) {
  constexpr std::size_t kSaltBytesMin = 8;
  constexpr std::size_t kDigestBytes = 32;  // no other: one that was cut off is no digest
  std::uint32_t kibibytes = 0;
  std::uint32_t passes = 0;
  std::uint32_t lanes = 0;
  const bool head = take_text(text, scheme.begin) && take_text(text, "v=19$m=") && take_number(text, kibibytes) &&
                    take_text(text, ",t=") && take_number(text, passes) && take_text(text, ",p=") &&
                    take_number(text, lanes) && take_text(text, "$");
  const auto salt = head ? take_field(text) : std::nullopt;
  if (!salt || lanes == 0 || lanes > kLanesMax || passes == 0) return std::unexpected(kDamaged);
  if (bytes_in(*salt) < kSaltBytesMin || bytes_in(text) != kDigestBytes) return std::unexpected(kDamaged);
  return CheckCost{.memory_bytes = kibibytes * kBytesInKibibyte,
                   .microseconds = std::uint64_t{kibibytes} * passes * scheme.unit_ns / kNanosecondsInMicrosecond};
}

// When libsodium gets no memory it says -1 as for a wrong password; only for that it sets errno to EINVAL.
SchemeMatch match_argon2(const PasswordScheme& /*scheme*/, std::string_view text, const Secret& secret) {
  const std::string terminated(text);
  const std::string_view bytes = secret.reveal();
  errno = 0;
  if (crypto_pwhash_str_verify(terminated.c_str(), bytes.data(), bytes.size()) == 0) return kRight;
  if (errno == EINVAL) return kWrong;
  return {.match = PasswordMatch::unknown, .reason = kNoMemory};
}

}  // namespace sluice::auth
