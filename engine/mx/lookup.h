// Which hosts take a domain's mail, asked of DNS and kept (RFC 5321 section 5.1, RFC 7505).  A
// domain is asked for once however many wait for it; answers good and bad are kept for their time,
// and MX hosts for an hour longer while the name service fails. One per core; its thread only.
// Must outlive all callers of look_up().
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <map>
#include <string>
#include <vector>

#include "engine/base/fair_queue.h"
#include "engine/base/task.h"
#include "engine/base/time.h"
#include "engine/io/core_dns.h"
#include "engine/io/loop.h"
#include "engine/io/platform.h"
#include "engine/mx/cache.h"
#include "engine/mx/selection.h"

namespace sluice::mx {

struct MxLookupOptions {
  MxRules rules;
  MxCacheLimits cache;
  Duration timeout = std::chrono::seconds(30);  // for one answer of the name service
};

struct MxHosts {
  std::vector<MxHost> hosts;  // in the order to try, at least one; ties are in another order each time
  Instant until;              // they are good until then
  bool stale = false;         // they are past their time, and the name service fails
};

struct MxCounters {
  std::uint64_t look_ups = 0;
  std::uint64_t kept = 0;    // of these were answered from the cache
  std::uint64_t shared = 0;  // waited for an answer to another one
  std::uint64_t stale = 0;   // were given MX hosts past their time
  std::uint64_t failed = 0;  // ended with a temporary failure
};

class MxLookup {
 public:
  using Found = std::expected<MxHosts, MxFailure>;

  // `dns` and `random` outlive this.
  MxLookup(io::Loop& loop, io::Dns& dns, io::Random& random, MxLookupOptions options);
  ~MxLookup();
  MxLookup(const MxLookup&) = delete;
  MxLookup& operator=(const MxLookup&) = delete;

  // `domain`: of a recipient, in any case, or an address literal.  Ends in bounded time, and at
  // once, with a temporary failure, where the core stops.  `share`: whose mail it is for.
  Task<Found> look_up(std::string domain, CustomerShare share = kOwnShare);

  // From now on these; what was found by others is asked for anew.
  void set_machine_addresses(MachineAddresses addresses);

  [[nodiscard]] std::size_t waiting() const { return waiting_; }
  [[nodiscard]] std::size_t kept() const { return cache_.size(); }
  [[nodiscard]] const MxCounters& counters() const { return counters_; }

 private:
  struct Waiter;
  Task<MxCache::Known> find(const std::string& domain, CustomerShare share);
  Task<MxAnswer> ask(const std::string& domain, CustomerShare share);
  Task<MxAnswer> ask_by_present_rules(const std::string& domain, CustomerShare share);
  Found hand_out(const KnownMx& known);

  io::Loop& loop_;
  io::Random& random_;
  MxLookupOptions options_;
  io::CoreDns dns_;
  MxCache cache_;
  std::map<std::string, std::vector<Waiter*>> asking_;  // domains that are asked for, and the other callers that wait
  std::size_t waiting_ = 0;
  std::uint64_t rules_changed_ = 0;  // so often
  MxCounters counters_;
};

}  // namespace sluice::mx
