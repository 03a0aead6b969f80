// What the shields of several relays tell each other: failures that were counted, wrong secrets, logins that were
// granted and what an operator has released.  Values, and the outbox in which a shield gathers its own until they are
// taken.  Pure; one thread at a time.
//
// Bounded, however many fail: the same subject is one item with a count, the outbox has at most kItemsMax items of each
// kind and forgets what failed longest ago, and take() gives as much as its caller has room for.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/lru_map.h"
#include "engine/base/network.h"
#include "engine/base/time.h"

namespace sluice::auth {

struct ShieldItem {
  enum class Kind : std::uint8_t {
    released,      // what an operator has released: an address, a network, an account; empty: everything
    overall,       // failures of all logins; no subject
    address,       // failures from a client's address or block: "192.0.2.1", "2001:db8::/64"
    account,       // failures of an account, by its login key
    pair_failure,  // failures of an account in a network in which it has logged in: LoginAttempt::pair
    secret,        // a wrong secret: LoginAttempt::secret, in which it is a keyed hash
    pair,          // an account has logged in from a network: LoginAttempt::pair
  };
  static constexpr std::size_t kKinds = 7;
  Kind kind = Kind::overall;
  std::string subject;
  std::uint32_t count = 1;
  Duration age{};  // of the last of them
  friend bool operator==(const ShieldItem&, const ShieldItem&) = default;
};
using ShieldNews = std::vector<ShieldItem>;

class ShieldOutbox {
 public:
  static constexpr std::size_t kItemsMax = 4096;  // of each kind
  // What an item takes beside its subject, where it is sent.
  static constexpr std::size_t kItemBytes = 16;

  void add(ShieldItem::Kind kind, std::string_view subject, Instant now);
  // What failed in there and was not told yet will not be.
  void forget(const Network& network);
  void forget_account(std::string_view key);
  void forget_all();

  // Takes items of at most so many bytes, what came first before others; items that are `window` old are no news.
  [[nodiscard]] ShieldNews take(std::size_t bytes_max, Instant now, Duration window);
  [[nodiscard]] std::size_t size() const;

 private:
  struct Waiting {
    std::uint32_t count = 0;
    Instant last;
  };
  std::array<LruMap<Waiting>, ShieldItem::kKinds> items_;
};

// The client's address that an item is about: of a block the first one.  None: it is no address.
[[nodiscard]] std::optional<IpBytes> address_of(std::string_view subject);

}  // namespace sluice::auth
