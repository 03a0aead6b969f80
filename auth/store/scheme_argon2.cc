// "$argon2id$v=19$m=19456,t=2,p=1$salt$digest": memory in KiB, passes, lanes, base64 without padding.
#include <sodium.h>

#include <array>
#include <optional>
#include <span>
#include <string>

#include "absl/strings/str_cat.h"
#include "auth/store/argon2_hash.h"
#include "auth/store/scheme_table.h"
#include "engine/io/real_platform.h"

namespace sluice::auth {
namespace {

constexpr std::uint32_t kArgon2LanesMax = 64;
constexpr std::size_t kArgon2SaltBytesMin = 8;
constexpr std::size_t kArgon2NewSaltBytes = 16;
constexpr std::size_t kArgon2DigestBytes = 32;

struct Argon2Text {
  Argon2Parameters parameters;
  std::string salt;
  std::string digest;
};

std::span<unsigned char> writable(std::string& bytes) {
  return {reinterpret_cast<unsigned char*>(bytes.data()), bytes.size()};
}

// Without padding.
std::string argon2_base64(std::string_view bytes) {
  std::string text(sodium_base64_encoded_len(bytes.size(), sodium_base64_VARIANT_ORIGINAL_NO_PADDING), '\0');
  sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                    sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
  text.pop_back();  // what terminates it
  return text;
}

std::optional<std::string> argon2_bytes(std::string_view text) {
  constexpr std::size_t kBytesMax = 64;
  std::string bytes(kBytesMax, '\0');
  std::size_t size = 0;
  const char* end = nullptr;
  const int failed = sodium_base642bin(writable(bytes).data(), bytes.size(), text.data(), text.size(), nullptr, &size,
                                       &end, sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
  if (failed != 0 || end != text.data() + text.size()) return std::nullopt;
  bytes.resize(size);
  return bytes;
}

// Nothing: it is damaged.
std::optional<Argon2Text> argon2_text(const PasswordScheme& scheme, std::string_view text) {
  Argon2Text parts;
  Argon2Parameters& parameters = parts.parameters;
  parameters.type = scheme.begin == "$argon2i$" ? Argon2Type::i : Argon2Type::id;
  const bool head = take_text(text, scheme.begin) && take_text(text, "v=19$m=") &&
                    take_number(text, parameters.kibibytes) && take_text(text, ",t=") &&
                    take_number(text, parameters.passes) && take_text(text, ",p=") &&
                    take_number(text, parameters.lanes) && take_text(text, "$");
  const auto salt_field = head ? take_field(text) : std::nullopt;
  if (!salt_field || !parameters.valid() || parameters.lanes > kArgon2LanesMax) return std::nullopt;
  auto salt = argon2_bytes(*salt_field);
  auto digest = argon2_bytes(text);
  if (!salt || salt->size() < kArgon2SaltBytesMin) return std::nullopt;
  // No other size: one that was cut off is no digest.
  if (!digest || digest->size() != kArgon2DigestBytes) return std::nullopt;
  parts.salt = *std::move(salt);
  parts.digest = *std::move(digest);
  return parts;
}

}  // namespace

SchemeCost argon2_cost(const PasswordScheme& scheme, std::string_view text) {
  const auto parts = argon2_text(scheme, text);
  if (!parts) return std::unexpected(kDamaged);
  const Argon2Parameters& parameters = parts->parameters;
  return CheckCost{.memory_bytes = parameters.memory_bytes(),
                   .microseconds = std::uint64_t{parameters.kibibytes} * parameters.passes * scheme.unit_ns /
                                   kNanosecondsInMicrosecond};
}

SchemeMatch match_argon2(const PasswordScheme& scheme, std::string_view text, const Secret& secret) {
  const auto parts = argon2_text(scheme, text);
  if (!parts) return {.match = PasswordMatch::unknown, .reason = kDamaged};
  std::string computed(parts->digest.size(), '\0');
  if (!hash_argon2(parts->parameters, secret, parts->salt, writable(computed)))
    return {.match = PasswordMatch::unknown, .reason = kNoMemory};
  return compare(parts->digest, computed);
}

// In the form that libsodium makes, too.
std::optional<std::string> new_argon2id(std::uint32_t kibibytes, std::uint32_t passes, const Secret& secret) {
  const Argon2Parameters parameters{.type = Argon2Type::id, .kibibytes = kibibytes, .passes = passes, .lanes = 1};
  std::array<std::byte, kArgon2NewSaltBytes> random{};
  io::make_real_random()->fill(random);
  const std::string_view salt(reinterpret_cast<const char*>(random.data()), random.size());
  std::string digest(kArgon2DigestBytes, '\0');
  if (!parameters.valid() || !hash_argon2(parameters, secret, salt, writable(digest))) return std::nullopt;
  return absl::StrCat("$argon2id$v=19$m=", kibibytes, ",t=", passes, ",p=1$", argon2_base64(salt), "$",
                      argon2_base64(digest));
}

}  // namespace sluice::auth
