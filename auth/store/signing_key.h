// A signing key as the store has it: what is told of it, and apart from that its private half.  Values; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "auth/secret.h"
#include "engine/base/time.h"

namespace sluice::auth {

enum class KeyState : std::uint8_t {
  published,  // its record is to be in the DNS; nothing is signed with it
  active,     // mail is signed with it
  retired,    // its record stays, for what was signed with it
  revoked,    // its record says so (an empty p=, RFC 6376 3.6.1), and the private half is gone
};
// "published", ...
[[nodiscard]] std::string_view key_state_name(KeyState state);

// What checks have found of a key's record in the DNS.
struct KeyFit {
  WallMillis wrong_since = 0;  // 0: the last definite answer was that it is right, or there was none yet
  bool kept_back = false;      // it has been wrong for so long that nothing is signed with the key
  friend bool operator==(const KeyFit&, const KeyFit&) = default;
};

struct SigningKeyRecord {
  std::string domain;     // as the domain's entry
  std::string selector;   // in lower case
  std::string algorithm;  // as in a=: "rsa-sha256" or "ed25519-sha256"
  KeyState state = KeyState::published;
  // Of the state.  Still to come where a key takes another's place: until then that one signs, which is retired since
  // the same moment.
  WallMillis since = 0;
  WallMillis created = 0;
  std::string public_key;  // base64, as in p=
  KeyFit fit;
};

// Base64: of the key's DER, or of what that was sealed to, with a key that the store does not have.
struct StoredPrivateKey {
  Secret text;
  bool sealed = false;
};

}  // namespace sluice::auth
