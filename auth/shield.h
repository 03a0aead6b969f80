// The shield against guessing: failed logins counted for each client address, network, account and overall, each in an
// exact sliding window.  An address or a network that has reached its limit is refused, whatever the secret; an
// account, and all of them together, are only slowed, so that no stranger locks an owner out.  Pure: the time is given
// in each call.  One thread at a time; auth/backend/shared_shield.h is the one of all cores.
//
// - The same wrong secret for the same account from the same network counts once for as long as it keeps coming: an
//   old device.  It is compared by the credential cache's keyed hash; no secret gets here.
// - An account that logged in well from a network is let through there, whatever others do: neither refused nor, unless
//   it fails too often from this very network, slowed.  That frees nothing else: other accounts at the same address,
//   and the same account from elsewhere, are treated as before.
// - A refused login is not counted: its secret was not looked at.  So what is refused is free again when the oldest of
//   the failures that count is a window old.
//
// Several relays share what their shields know (policy/cluster/cluster_share.h): what this one counts is put into an
// outbox, and what others have counted is merged, later than it happened and in its place in the windows.  No login
// waits for either.
//
// Bounded: each table has at most ShieldLimits::entries entries, and forgets what was longest unused; an entry keeps as
// many times as its limit.  Each call looks at a fixed number of entries, but list() and release(), which an operator
// asks for.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/credential_cache.h"
#include "auth/secret.h"
#include "auth/shield_news.h"
#include "engine/base/client_block.h"
#include "engine/base/lru_map.h"
#include "engine/base/network.h"
#include "engine/base/time.h"

namespace sluice::auth {

struct ShieldLimits {
  bool enabled = true;
  // Failures in a window: so many, and what they are counted for is refused or slowed.
  std::uint32_t address_failures = 20;
  std::uint32_t network_failures = 100;
  std::uint32_t account_failures = 20;
  std::uint32_t overall_failures = 2000;
  Duration window = std::chrono::hours(1);
  Duration slow = std::chrono::seconds(3);
  std::size_t entries = 65'536;  // of each table, at least 1
  std::vector<Network> trusted;  // neither counted nor refused nor slowed
};

// By what a login is refused or slowed.
enum class ShieldRule : std::uint8_t { none, address, network, account, overall };
[[nodiscard]] std::string_view rule_name(ShieldRule rule);
[[nodiscard]] constexpr bool refuses(ShieldRule rule) {
  return rule == ShieldRule::address || rule == ShieldRule::network;
}

// The last failures of something: as many times as its limit.
class FailureWindow {
 public:
  void add(Instant now, std::uint32_t limit);
  // So many at a time that may be before others: each in its place.
  void merge(Instant at, std::uint32_t count, std::uint32_t limit);
  // As many as `limit` in the window that ends now.  A failure is in it for less than the window's length.
  [[nodiscard]] bool full(Instant now, Duration window, std::uint32_t limit) const;
  [[nodiscard]] std::uint32_t count(Instant now, Duration window) const;
  // When it is full no longer, where it is.
  [[nodiscard]] Instant full_until(Duration window) const { return times_[next_] + window; }
  // Before the next add() with another limit: keeps the last ones.
  void set_limit(std::uint32_t limit);

 private:
  std::vector<Instant> times_;  // in their order from next_ on, round the end
  std::uint32_t next_ = 0;
};

// A login as the shield sees it.
struct LoginAttempt {
  IpBytes ip;
  Network address;  // one client: base/client_block.h
  Network network;  // /24, /56
  // Keys, made before a lock is taken.
  std::string address_text;
  std::string network_text;
  std::string account;  // login_key() of the name
  std::string pair;     // account and network
  std::string secret;   // network, account and secret: the secret's keyed hash
};
// Where a login comes from alone: no name and no secret.
[[nodiscard]] LoginAttempt attempt_from(const IpBytes& ip, unsigned ipv6_bits);
// `ip`: 0.0.0.0 where it is not known.  `ipv6_bits`: of one client address.
[[nodiscard]] LoginAttempt login_attempt(const IpBytes& ip, unsigned ipv6_bits, const Name& name,
                                         const CredentialKey& key);

// Something that has reached its limit.
struct ShieldEntry {
  ShieldRule rule = ShieldRule::none;
  std::string subject;  // address, network or account; empty: overall
  std::uint32_t failures = 0;
  Duration left{};  // until it is below its limit, if nothing else fails
};

class Shield {
 public:
  explicit Shield(ShieldLimits limits);
  void set_limits(ShieldLimits limits);
  // Of one client address: by what merge() counts.
  void set_ipv6_bits(unsigned bits) { ipv6_bits_ = bits; }

  struct Decision {
    ShieldRule rule = ShieldRule::none;
    Duration delay{};  // before the check, where it is slowed
    // Of logins to the account, in the window, where it has not logged in from this network yet; up to the limit.
    std::uint32_t account_failures = 0;
  };
  // Before the secret is checked.
  [[nodiscard]] Decision admit(const LoginAttempt& attempt, Instant now);
  // The secret was right.  By what the login is refused all the same: others may have failed while it was checked.
  [[nodiscard]] ShieldRule granted(const LoginAttempt& attempt, Instant now);
  struct Counted {
    ShieldRule refused = ShieldRule::none;  // as of granted(): the answer must not tell that the secret is wrong
    std::vector<ShieldEntry> reached;       // limits that are reached by this failure, each once a window
  };
  // The secret was wrong.
  [[nodiscard]] Counted failed(const LoginAttempt& attempt, Instant now);

  // What is refused and slowed at this moment, at most so many of each kind.
  [[nodiscard]] std::vector<ShieldEntry> list(Instant now, std::size_t most);
  // Forgets the failures of an address or network and of all in it; of an account; of everything.  How many entries.
  std::size_t release(const Network& network);
  std::size_t release_account(std::string_view name);
  std::size_t release_all();
  // An operator has done one of these: `subject` is a network, an account, or empty.
  void tell_release(std::string_view subject);

  // From now on what happens here is news for other relays.
  void share() { shared_ = true; }
  [[nodiscard]] ShieldNews take_news(std::size_t bytes_max, Instant now);
  // What another relay's shield has taken.  What is trusted here is not counted.  Limits that are reached by that.
  [[nodiscard]] std::vector<ShieldEntry> merge(const ShieldNews& news, Instant now);

  // Entries of all tables.
  [[nodiscard]] std::size_t size() const;

 private:
  struct Entry {
    FailureWindow failures;
    std::optional<Instant> reported;  // that the limit was reached
    Instant last;
    Network network;  // of addresses and networks
  };
  using Table = LruMap<Entry>;

  [[nodiscard]] Instant advance(Instant now);
  [[nodiscard]] bool exempt(const IpBytes& ip) const;
  [[nodiscard]] ShieldRule refusal(const LoginAttempt& attempt, Instant now);
  [[nodiscard]] bool is_full(Table& table, std::string_view key, std::uint32_t limit, Instant now);
  void count(Table& table, std::string_view key, ShieldRule rule, const Network& network, Instant now,
             std::vector<ShieldEntry>& reached);
  Entry& entry_of(Table& table, std::string_view key, const Network& network, Instant now);
  void merge_count(Table& table, std::string_view key, ShieldRule rule, const Network& network, const ShieldItem& item,
                   std::vector<ShieldEntry>& reached);
  void merge_address(const ShieldItem& item, std::vector<ShieldEntry>& reached);
  void merge_release(const std::string& subject);
  void tell(const LoginAttempt& attempt, bool pair);
  void report(Entry& entry, ShieldRule rule, std::string_view subject, Instant now, std::vector<ShieldEntry>& reached);
  [[nodiscard]] bool repeated(const LoginAttempt& attempt, Instant now);
  [[nodiscard]] std::uint32_t limit_of(ShieldRule rule) const;
  void list_table(Table& table, ShieldRule rule, Instant now, std::size_t most, std::vector<ShieldEntry>& all);

  ShieldLimits limits_;
  Instant now_;  // the latest of all calls: the cores' clocks differ by a turn
  Table addresses_;
  Table networks_;
  Table accounts_;
  Entry overall_;
  LruMap<FailureWindow> pairs_;  // that logged in well, and what failed there
  LruMap<Instant> secrets_;      // wrong ones: when each came last
  unsigned ipv6_bits_ = kIpv6BlockBitsDefault;
  bool shared_ = false;
  ShieldOutbox outbox_;
};

}  // namespace sluice::auth
