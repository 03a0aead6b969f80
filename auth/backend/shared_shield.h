// The one shield of all cores.  Thread-safe: one lock, held for a few look-ups in tables, never over a wait or a call
// of the kernel.  It is taken only for a login whose pair of account and network this core has not seen granted within
// the last minute (see CachingAuthenticator), so not on the way of the logins of a customer who sends.  In
// auth/backend, as the pure part of auth has no threads.
#pragma once

#include <atomic>
#include <mutex>
#include <string_view>
#include <vector>

#include "auth/shield.h"

namespace sluice::auth {

class SharedShield {
 public:
  SharedShield() = default;
  SharedShield(const SharedShield&) = delete;
  SharedShield& operator=(const SharedShield&) = delete;

  // `ipv6_bits`: of one client address.
  void set_limits(ShieldLimits limits, unsigned ipv6_bits);

  // Takes no lock.  `ip`: of a login's client, as text.
  [[nodiscard]] LoginAttempt attempt(std::string_view ip, const Name& name, const CredentialKey& key) const;
  // As Shield's.
  [[nodiscard]] Shield::Decision admit(const LoginAttempt& attempt, Instant now);
  [[nodiscard]] ShieldRule granted(const LoginAttempt& attempt, Instant now);
  [[nodiscard]] Shield::Counted failed(const LoginAttempt& attempt, Instant now);

  // For the operator: these look at all entries, some milliseconds where the tables are full.
  [[nodiscard]] std::vector<ShieldEntry> list(Instant now, std::size_t most);
  // Of "192.0.2.1", "192.0.2.0/24" or the name of an account; "": of everything.  News for other relays, too.
  std::size_t release(std::string_view subject);
  // Entries of all tables; at once.
  [[nodiscard]] std::size_t size();

  // As Shield's: with the shields of other relays.
  void share();
  [[nodiscard]] ShieldNews take_news(std::size_t bytes_max, Instant now);
  [[nodiscard]] std::vector<ShieldEntry> merge(const ShieldNews& news, Instant now);

 private:
  std::atomic<unsigned> ipv6_bits_{kIpv6BlockBitsDefault};
  std::mutex mutex_;
  Shield shield_{ShieldLimits()};
};

}  // namespace sluice::auth
