// What relays of a cluster tell each other beside leases: news of their shields, what accounts send, and steps against
// accounts; as values and as bytes.  Redis gets these bytes sealed (XChaCha20-Poly1305), by a key that the relays have
// and Redis has not: it sees no name, no address and no secret, and can neither make nor change a message, only
// withhold or repeat one. Pure; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/shield_news.h"
#include "engine/base/time.h"
#include "engine/io/platform.h"
#include "policy/noticing/sending_news.h"
#include "policy/noticing/verdict.h"

namespace sluice::policy {

// A step that a relay takes against an account, or lifts.
struct AccountStep {
  std::string account;                         // its login key
  noticing::Step step = noticing::Step::pass;  // pass: it is lifted
  WallMillis until = 0;                        // when a timer lifts it; of one that is lifted: of the step before
  WallMillis at = 0;                           // a later one of the same account counts
  std::string reason;
  friend bool operator==(const AccountStep&, const AccountStep&) = default;
};

struct ShareMessage {
  // Bounds of one message: of its bytes before it is sealed, of a text in it, of what it has.
  static constexpr std::size_t kBytesMax = 4096;
  static constexpr std::size_t kTextBytesMax = 600;
  static constexpr std::size_t kItemsMax = 256;
  static constexpr std::size_t kSendingMax = 64;
  static constexpr std::size_t kStepsMax = 16;

  std::string node;
  WallMillis began = 0;      // when the node's process began: a later one counts
  std::uint64_t number = 0;  // of this process' messages: greater than of all before
  WallMillis sent = 0;
  auth::ShieldNews news;
  std::vector<noticing::SendingNews> sending;
  std::vector<AccountStep> steps;
  friend bool operator==(const ShareMessage&, const ShareMessage&) = default;
};

// At most kBytesMax of them; the caller sees to that.
[[nodiscard]] std::string encode_share(const ShareMessage& message);
// How many bytes a step takes in a message.
[[nodiscard]] std::size_t share_bytes(const AccountStep& step);
// None: these are no message, or one that is out of its bounds.
[[nodiscard]] std::optional<ShareMessage> decode_share(std::string_view bytes);

// Made from the text of cluster.key_file, the same at all relays.
struct ShareKeys {
  std::array<std::byte, 32> seal{};
  std::array<std::byte, 32> secrets{};  // for the keyed hashes of wrong secrets: CredentialCache's
};
[[nodiscard]] ShareKeys share_keys(std::string_view text);

// `prefix`: of the cluster's keys; what is sealed for one is nothing in another.
[[nodiscard]] std::string seal_share(const ShareKeys& keys, std::string_view prefix, std::string_view bytes,
                                     io::Random& random);
// None: it was not sealed by one who has the key.
[[nodiscard]] std::optional<std::string> open_share(const ShareKeys& keys, std::string_view prefix,
                                                    std::string_view sealed);

}  // namespace sluice::policy
