// The schemes of stored passwords, as tables of Dovecot, Apache and the system hold them: one row of a table each
// (password_scheme.cc).  A stored password is "{SCHEME}text" with one of Dovecot's names, in any case and with the
// encoding behind it where that is not the usual one ("{SSHA256.hex}..."), or a text that says its scheme itself
// ("$2y$10$..."; "$apr1$..."; "$argon2id$...").
//
// The hashes are computed by libargon2 (argon2.h says why), libcrypt, libaprutil and libcrypto; what is here parses,
// bounds and compares.
// Pure; any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>

#include "auth/secret.h"

namespace sluice::auth {

enum class PasswordMatch : std::uint8_t {
  right,
  wrong,
  unknown,  // could not be found out: never to be answered as wrong
};

// Whether {PLAIN} is a scheme: where an operator insists.
enum class PlainPasswords : bool { refused, allowed };

// What a check may cost.  Computed from a stored password's parameters before any work is done; the times are those of
// a core that has nothing else to do.
inline constexpr std::uint64_t kCheckMemoryBytesMax = std::uint64_t{256} << 20U;
inline constexpr std::uint64_t kCheckMicrosecondsMax = 1'000'000;

// The name of its scheme; or why it cannot be checked, in words that have nothing of the text.
[[nodiscard]] std::expected<std::string_view, std::string_view> scheme_of(std::string_view stored,
                                                                          PlainPasswords plain);

struct SchemeMatch {
  PasswordMatch match = PasswordMatch::unknown;
  std::string_view reason;  // of `unknown`; has nothing of the texts
};
// Takes as long as the scheme's hash.
[[nodiscard]] SchemeMatch match_password(std::string_view stored, const Secret& secret, PlainPasswords plain);

// What stands in clear in a text of {PLAIN} or {CLEARTEXT}, in any encoding; nothing: it is of another scheme.
[[nodiscard]] std::optional<Secret> clear_password(std::string_view stored);

}  // namespace sluice::auth
