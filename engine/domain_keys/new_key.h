// A new key on its way into the store.  Blocks for a tenth of a second or more: sluicectl's.  Any thread.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "auth/store/signing_key_admin.h"
#include "engine/base/time.h"
#include "engine/dkim/algorithm.h"
#include "engine/dkim/private_key.h"
#include "engine/domain_keys/key_wrapper.h"
#include "engine/io/platform.h"

namespace sluice::domain_keys {

// What is the same for all keys that are put into a store at one time.
struct KeyStorage {
  const KeyWrapper& wrapper;
  io::Random& random;  // of what they are sealed with
  WallMillis now = 0;
};

// A key of the domain that is there already, in a file.  The error is a sentence, without a byte of the key.
[[nodiscard]] std::expected<auth::NewSigningKey, std::string> key_for_store(std::string_view domain,
                                                                            std::string_view selector,
                                                                            const dkim::KeyDer& der,
                                                                            auth::KeyState state,
                                                                            const KeyStorage& storage);
// One that is made, and is published since now.
[[nodiscard]] std::expected<auth::NewSigningKey, std::string> make_key_for_store(std::string_view domain,
                                                                                 std::string_view selector,
                                                                                 dkim::Algorithm algorithm,
                                                                                 const KeyStorage& storage);

}  // namespace sluice::domain_keys
