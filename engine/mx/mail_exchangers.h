// Which hosts take a domain's mail, asked of DNS and kept (RFC 5321 section 5.1, RFC 7505).  A
// domain is asked for once however many wait for it; answers good and bad are kept for their time,
// and exchangers for an hour longer while the name service fails. One per core; its thread only.
// Outlived by nobody who waits here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <map>
#include <string>
#include <vector>

#include "engine/base/task.h"
#include "engine/base/time.h"
#include "engine/io/core_dns.h"
#include "engine/io/loop.h"
#include "engine/io/platform.h"
#include "engine/mx/exchange_cache.h"
#include "engine/mx/exchange_choice.h"

namespace sluice::mx {

struct MailExchangersOptions {
  ExchangeRules rules;
  ExchangeCacheLimits cache;
  Duration patience = std::chrono::seconds(30);  // for one answer of the name service
};

struct Exchangers {
  std::vector<Exchanger> hosts;  // in the order to try, at least one; ties are in another order each time
  Instant until;                 // they are good until then
  bool stale = false;            // they are past their time, and the name service fails
};

struct ExchangeCounters {
  std::uint64_t look_ups = 0;
  std::uint64_t kept = 0;    // of these were answered from the cache
  std::uint64_t shared = 0;  // waited for an answer to another one
  std::uint64_t stale = 0;   // were given exchangers past their time
  std::uint64_t failed = 0;  // ended with a temporary failure
};

class MailExchangers {
 public:
  using Found = std::expected<Exchangers, ExchangeFailure>;

  // `dns` and `random` outlive this.
  MailExchangers(io::Loop& loop, io::Dns& dns, io::Random& random, MailExchangersOptions options);
  ~MailExchangers();
  MailExchangers(const MailExchangers&) = delete;
  MailExchangers& operator=(const MailExchangers&) = delete;

  // `domain`: of a recipient, in any case, or an address literal.  Ends in bounded time, and at
  // once, with a temporary failure, where the core stops.
  Task<Found> look_up(std::string domain);

  // From now on these; what was found by others is asked for anew.
  void set_machine_addresses(MachineAddresses addresses);

  [[nodiscard]] std::size_t waiting() const { return waiting_; }
  [[nodiscard]] std::size_t kept() const { return cache_.size(); }
  [[nodiscard]] const ExchangeCounters& counters() const { return counters_; }

 private:
  struct Waiter;
  Task<ExchangeCache::Known> find(const std::string& domain);
  Task<Exchange> ask(const std::string& domain);
  Task<Exchange> ask_by_present_rules(const std::string& domain);
  Found hand_out(const KnownExchange& known);

  io::Loop& loop_;
  io::Random& random_;
  MailExchangersOptions options_;
  io::CoreDns dns_;
  ExchangeCache cache_;
  std::map<std::string, std::vector<Waiter*>> asking_;  // domains that are asked for, and who else wants to know
  std::size_t waiting_ = 0;
  std::uint64_t rules_changed_ = 0;  // so often
  ExchangeCounters counters_;
};

}  // namespace sluice::mx
