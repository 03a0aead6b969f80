// The two halves of what a client shows to log in. Both exist only in clean form (see text.h), so
// whatever takes a Name or a Secret need not check again, though a back end still escapes for its
// own protocol.
//
// Owned by the holder of the value: the SASL machine, then the session, then the worker that checks
// it. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/base/fair_queue.h"

namespace sluice::auth {

inline constexpr std::size_t kNameBytesMax = 320;  // a 64 byte local part, "@", a 255 byte domain
inline constexpr std::size_t kCustomerBytesMax = 255;
inline constexpr std::size_t kSecretBytesMax = 1024;  // of a password
inline constexpr std::size_t kTokenBytesMax = 8192;

// A login name as the client gave it, case kept: 1 to kNameBytesMax bytes of clean text.
class Name {
 public:
  [[nodiscard]] static std::optional<Name> make(std::string_view text);

  [[nodiscard]] const std::string& text() const { return text_; }
  // Names are the same name if they differ only in the case of ASCII letters, or in how one domain is spelled: see
  // login_key().
  [[nodiscard]] std::string folded() const;

 private:
  explicit Name(std::string_view text) : text_(text) {}
  std::string text_;
};

// A password, 1 to kSecretBytesMax bytes of clean text; or an access token, 1 to kTokenBytesMax bytes. Wiped when it
// goes; cannot be copied, printed or compared. Moving hands over the one buffer and leaves the source empty.
class Secret {
 public:
  [[nodiscard]] static std::optional<Secret> make(std::string_view text);
  // RFC 6750 2.1, b64token: letters, digits, "-._~+/", then any number of "=".
  [[nodiscard]] static std::optional<Secret> make_token(std::string_view text);
  // For the one who checks it elsewhere, when the session may have gone.
  [[nodiscard]] Secret clone() const { return Secret(reveal()); }

  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret();

  // For the code that checks it, and only there: never log it, never keep it.
  [[nodiscard]] std::string_view reveal() const { return {bytes_.get(), size_}; }

  friend std::ostream& operator<<(std::ostream&, const Secret&) = delete;

 private:
  explicit Secret(std::string_view text);
  void wipe();
  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = 0;
};

// Overwrites bytes in a way that the compiler may not leave out: for buffers that a secret passed
// through (the base64 line, its decoded form).
void wipe_bytes(void* bytes, std::size_t size);

// Where a login comes from, for back ends that count failures by client or log it.
struct LoginClient {
  std::string ip;  // "192.0.2.1"; empty: not known
  std::uint16_t port = 0;
  std::string helo;
  bool tls = false;
};

struct Credentials {
  Name name;
  Secret secret;
  LoginClient client = {};
  bool device_only = false;  // the listener takes device passwords alone
  // Those that the listener asks, by their numbers in the configuration; none: all, in their order.
  std::span<const std::uint8_t> backends = {};
  // Whose share of the workers the check takes: the customer is not known before it, so that of the client's address.
  CustomerShare share = kOwnShare;
  bool bearer = false;  // the secret is an access token (RFC 6750): never a password, nor a password a token
};

}  // namespace sluice::auth
