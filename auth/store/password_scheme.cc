#include "auth/store/password_scheme.h"

#include <sodium.h>

#include <algorithm>
#include <charconv>
#include <string>

#include "auth/store/scheme_table.h"
#include "auth/text.h"

namespace sluice::auth {
namespace {

constexpr std::size_t kStoredBytesMax = 2048;

constexpr std::size_t kSha1Bytes = 20;
constexpr std::size_t kSha256Bytes = 32;
constexpr std::size_t kSha512Bytes = 64;

// One row a scheme.  Of those that begin alike the longer beginning comes first.
constexpr PasswordScheme kSchemes[] = {
    {.name = "ARGON2ID", .begin = "$argon2id$", .cost = argon2_cost, .match = match_argon2, .unit_ns = 400},
    {.name = "ARGON2I", .begin = "$argon2i$", .cost = argon2_cost, .match = match_argon2, .unit_ns = 400},
    {.name = "YESCRYPT",
     .begin = "$y$",
     .cost = yescrypt_cost,
     .match = match_crypt,
     .digest = 43,
     .unit_ns = 3500,
     .of_crypt = true},
    {.name = "BLF-CRYPT",
     .begin = "$2",
     .cost = bcrypt_cost,
     .match = match_crypt,
     .digest = 31,
     .unit_ns = 60'000,
     .of_crypt = true},
    {.name = "SHA512-CRYPT",
     .begin = "$6$",
     .cost = sha_crypt_cost,
     .match = match_crypt,
     .digest = 86,
     .unit_ns = 1000,
     .of_crypt = true},
    {.name = "SHA256-CRYPT",
     .begin = "$5$",
     .cost = sha_crypt_cost,
     .match = match_crypt,
     .digest = 43,
     .unit_ns = 1000,
     .of_crypt = true},
    {.name = "MD5-CRYPT", .begin = "$1$", .cost = md5_crypt_cost, .match = match_crypt, .digest = 22, .of_crypt = true},
    {.name = "APR1", .begin = "$apr1$", .cost = md5_crypt_cost, .match = match_apr1, .digest = 22},
    {.name = "PBKDF2",
     .begin = "",
     .cost = pbkdf2_cost,
     .match = match_pbkdf2,
     .digest = kSha1Bytes,
     .hash = "SHA1",
     .unit_ns = 400},
    {.name = "PBKDF2-SHA256",
     .begin = "$pbkdf2-sha256$",
     .cost = pbkdf2_cost,
     .match = match_pbkdf2,
     .digest = kSha256Bytes,
     .hash = "SHA256",
     .unit_ns = 400},
    {.name = "PBKDF2-SHA512",
     .begin = "$pbkdf2-sha512$",
     .cost = pbkdf2_cost,
     .match = match_pbkdf2,
     .digest = kSha512Bytes,
     .hash = "SHA512",
     .unit_ns = 800},
    {.name = "SHA", .cost = digest_cost, .match = match_digest, .digest = kSha1Bytes, .hash = "SHA1"},
    {.name = "SHA1", .cost = digest_cost, .match = match_digest, .digest = kSha1Bytes, .hash = "SHA1"},
    {.name = "SHA256", .cost = digest_cost, .match = match_digest, .digest = kSha256Bytes, .hash = "SHA256"},
    {.name = "SHA512", .cost = digest_cost, .match = match_digest, .digest = kSha512Bytes, .hash = "SHA512"},
    {.name = "SSHA", .cost = digest_cost, .match = match_digest, .digest = kSha1Bytes, .hash = "SHA1", .salted = true},
    {.name = "SSHA256",
     .cost = digest_cost,
     .match = match_digest,
     .digest = kSha256Bytes,
     .hash = "SHA256",
     .salted = true},
    {.name = "SSHA512",
     .cost = digest_cost,
     .match = match_digest,
     .digest = kSha512Bytes,
     .hash = "SHA512",
     .salted = true},
    {.name = "PLAIN", .cost = plain_cost, .match = match_plain},
    {.name = "CLEARTEXT", .cost = plain_cost, .match = match_plain},
    {.name = "CLEAR", .cost = plain_cost, .match = match_plain},
};

// A stored password, taken apart: `text` is what the scheme's functions get.
struct Stored {
  const PasswordScheme* scheme = nullptr;
  std::string text;

  Stored() = default;
  Stored(Stored&&) = default;
  Stored& operator=(Stored&&) = default;
  Stored(const Stored&) = delete;
  Stored& operator=(const Stored&) = delete;
  ~Stored() { wipe_bytes(text.data(), text.size()); }  // it may be a password in clear
};
using StoredOr = std::expected<Stored, std::string_view>;

bool is_plain(const PasswordScheme& scheme) { return scheme.match == match_plain; }
bool is_bytes(const PasswordScheme& scheme) { return scheme.match == match_digest || is_plain(scheme); }

const PasswordScheme* begun_by(std::string_view text) {
  const auto found = std::ranges::find_if(
      kSchemes, [&](const PasswordScheme& scheme) { return !scheme.begin.empty() && text.starts_with(scheme.begin); });
  return found == std::ranges::end(kSchemes) ? nullptr : &*found;
}

const PasswordScheme* named(std::string_view name) {
  const auto found = std::ranges::find_if(
      kSchemes, [&](const PasswordScheme& scheme) { return equal_ignoring_case(scheme.name, name); });
  return found == std::ranges::end(kSchemes) ? nullptr : &*found;
}

// "{SSHA256.hex}": what stands behind the dot.
std::optional<Encoding> encoding_named(std::string_view suffix) {
  if (equal_ignoring_case(suffix, "b64") || equal_ignoring_case(suffix, "base64")) return Encoding::base64;
  if (equal_ignoring_case(suffix, "hex")) return Encoding::hex;
  return std::nullopt;
}

// As Dovecot does: a digest without salt that is as long as it is in hex is in hex.
Encoding usual_encoding(const PasswordScheme& scheme, std::string_view text) {
  if (scheme.match != match_digest) return Encoding::none;
  return !scheme.salted && text.size() == 2 * scheme.digest ? Encoding::hex : Encoding::base64;
}

StoredOr take_apart(std::string_view stored) {
  constexpr std::string_view kUnknown = "it is of no scheme that is known";
  Stored parts;
  if (stored.size() > kStoredBytesMax) return std::unexpected("it is too long");
  if (!stored.starts_with('{')) {
    parts.scheme = begun_by(stored);
    if (parts.scheme == nullptr) return std::unexpected(kUnknown);
    parts.text = stored;
    return parts;
  }
  const std::size_t end = stored.find('}');
  if (end == std::string_view::npos) return std::unexpected(kUnknown);
  std::string_view name = stored.substr(1, end - 1);
  const std::string_view text = stored.substr(end + 1);
  std::optional<Encoding> encoding;
  if (const std::size_t dot = name.find('.'); dot != std::string_view::npos) {
    encoding = encoding_named(name.substr(dot + 1));
    if (!encoding) return std::unexpected("its encoding is not known");
    name = name.substr(0, dot);
  }
  const bool crypt = equal_ignoring_case(name, "CRYPT");
  parts.scheme = crypt ? begun_by(text) : named(name);
  if (parts.scheme == nullptr || (crypt && !parts.scheme->of_crypt)) return std::unexpected(kUnknown);
  auto decoding = decoded(text, encoding.value_or(usual_encoding(*parts.scheme, text)));
  if (!decoding) return std::unexpected(kDamaged);
  parts.text = *std::move(decoding);
  if (!is_bytes(*parts.scheme) && !parts.text.starts_with(parts.scheme->begin)) return std::unexpected(kDamaged);
  return parts;
}

// What it takes to be allowed to compute it.
std::string_view refusal(const Stored& stored, PlainPasswords plain) {
  if (is_plain(*stored.scheme) && plain == PlainPasswords::refused) return "it is in clear, which is not allowed here";
  const SchemeCost cost = stored.scheme->cost(*stored.scheme, stored.text);
  if (!cost) return cost.error();
  if (cost->memory_bytes > kCheckMemoryBytesMax) return "a check of it would take more than 256 MiB";
  if (cost->microseconds > kCheckMicrosecondsMax) return "a check of it would take more than about a second";
  return {};
}

}  // namespace

bool take_text(std::string_view& text, std::string_view expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(expected.size());
  return true;
}

bool take_number(std::string_view& text, std::uint32_t& number) {
  if (text.starts_with('-')) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return error == std::errc();
}

std::optional<std::string_view> take_field(std::string_view& text) {
  const std::size_t dollar = text.find('$');
  if (dollar == std::string_view::npos) return std::nullopt;
  const std::string_view field = text.substr(0, dollar);
  text.remove_prefix(dollar + 1);
  return field;
}

SchemeMatch compare(std::string_view stored, std::string_view computed) {
  const bool equal =
      stored.size() == computed.size() && sodium_memcmp(stored.data(), computed.data(), stored.size()) == 0;
  return equal ? kRight : kWrong;
}

std::optional<std::string> decoded(std::string_view text, Encoding encoding) {
  if (encoding == Encoding::none) return std::string(text);
  std::string bytes(text.size() + 1, '\0');
  std::size_t size = 0;
  const char* end = nullptr;
  auto* const out = reinterpret_cast<unsigned char*>(bytes.data());
  const int failed =
      encoding == Encoding::hex
          ? sodium_hex2bin(out, bytes.size(), text.data(), text.size(), nullptr, &size, &end)
          : sodium_base642bin(out, bytes.size(), text.data(), text.size(), nullptr, &size, &end,
                              text.ends_with('=') || text.size() % 4 == 0 ? sodium_base64_VARIANT_ORIGINAL
                                                                          : sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
  if (failed != 0 || end != text.data() + text.size()) return std::nullopt;
  bytes.resize(size);
  return bytes;
}

std::expected<std::string_view, std::string_view> scheme_of(std::string_view stored, PlainPasswords plain) {
  const StoredOr parts = take_apart(stored);
  if (!parts) return std::unexpected(parts.error());
  if (const std::string_view why = refusal(*parts, plain); !why.empty()) return std::unexpected(why);
  return parts->scheme->name;
}

SchemeMatch match_password(std::string_view stored, const Secret& secret, PlainPasswords plain) {
  const StoredOr parts = take_apart(stored);
  if (!parts) return {.match = PasswordMatch::unknown, .reason = parts.error()};
  if (const std::string_view why = refusal(*parts, plain); !why.empty())
    return {.match = PasswordMatch::unknown, .reason = why};
  return parts->scheme->match(*parts->scheme, parts->text, secret);
}

std::optional<Secret> clear_password(std::string_view stored) {
  const StoredOr parts = take_apart(stored);
  if (!parts || !is_plain(*parts->scheme)) return std::nullopt;
  return Secret::make(parts->text);
}

}  // namespace sluice::auth
