// Opens a connection to one of a host's addresses: families side by side, the first that answers (RFC 8305), and
// addresses that did not answer lately come last.  So a black hole behind one address costs one connection a quarter of
// a second, and the next ones nothing. One per core; that core's thread only.  Must outlive all callers of connect().
#pragma once

#include <cstddef>
#include <expected>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/task.h"
#include "engine/net/connection.h"

namespace sluice::net {

class Dialer {
 public:
  // RFC 8305 5: "Connection Attempt Delay [...] RECOMMENDED 250 milliseconds".
  static constexpr Duration kAttemptDelay = std::chrono::milliseconds(250);
  // How long an address that did not answer, or was overtaken, is tried last.
  static constexpr Duration kAvoid = std::chrono::minutes(10);
  static constexpr std::size_t kAvoidedMax = 4096;
  // Attempts under way besides the first of each caller, which has a descriptor for that one: all others are of the
  // machine's reserve.  Past it, a caller's next attempt waits for one that has ended.
  static constexpr std::size_t kBesideMax = 8;

  explicit Dialer(io::Loop& loop) : loop_(loop) {}
  Dialer(const Dialer&) = delete;
  Dialer& operator=(const Dialer&) = delete;

  struct Dialed {
    std::unique_ptr<Connection> connection;
    io::Address address;
  };
  // `addresses`: at least one; `timeout` is for each attempt.  The error is the errno of the attempt that failed last.
  // All attempts have ended when it returns.
  Task<std::expected<Dialed, int>> connect(std::vector<io::Address> addresses, Duration timeout);

  // The order in which connect() tries them: those that answered lately first, else as they came, families in turns
  // (RFC 8305 4).
  [[nodiscard]] std::vector<io::Address> order(const std::vector<io::Address>& addresses) const;

 private:
  struct Race;
  static Task<void> contend(Race& race, std::size_t number);
  static void start_next(void* race);
  static void ended(Race& race);
  void remember(const Race& race);
  void avoid(const io::Address& address);
  [[nodiscard]] bool avoided(const io::Address& address) const;

  io::Loop& loop_;
  std::map<std::string, Instant> avoided_;  // by IP address: until when
  std::size_t beside_ = 0;
};

}  // namespace sluice::net
