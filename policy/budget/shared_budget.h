// The budgets of all subjects: what the cores lease from.  Exact: what cores hold and what is in the windows is never
// more than a limit allows.  What is given to a core was written to the journal as held before (journal.h), so that a
// process that is killed loses what was held and never counts too little. Thread-safe: one of kShards locks a call, for
// a few look-ups, never over a wait or a call of the kernel.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/container/node_hash_map.h"
#include "policy/budget/journal_record.h"
#include "policy/meter.h"
#include "policy/meter_key.h"

namespace sluice::policy {

// What came of asking for a lease.
struct Grant {
  std::uint64_t granted = 0;
  // Nothing was granted as it is not in the journal yet: ask again once `when_recorded` was called.
  bool recording = false;
  // Nothing was granted as the process has to lease from the cluster first (upper_leases.h): so many, or more ahead of
  // need.
  std::uint64_t upper_least = 0;
  std::uint64_t upper_wanted = 0;
  // There is no room for all of it, whatever is recorded: of a limit that refuses.  Of recipients, each of which has
  // room for itself, it is why the first has none that is not granted.
  std::optional<FullWindow> full;
  // A limit that does not refuse has been passed.
  std::optional<FullWindow> passed;
  // With this grant the use of a limit has reached kNearPercent of it.
  std::optional<FullWindow> near;
  // Bit i: core i holds some of it; of those from 63 on it is the last bit.
  std::uint64_t holders = 0;
};

inline constexpr std::uint64_t kNearPercent = 80;

// One meter, for sluicectl.
struct MeterUse {
  MeterKey key;
  std::uint64_t held = 0;
  std::uint64_t upper_free = 0;                           // leased from the cluster, and no core has it
  std::array<std::optional<std::uint64_t>, kSpans> used;  // with what is held; none: no limit has asked for the window
  std::array<std::optional<std::uint64_t>, kSpans> limits;  // as of the last lease; none: of an earlier process
};

class SharedBudget {
 public:
  // `cores`: how many lease from it.
  explicit SharedBudget(std::uint32_t cores) : cores_(cores) {}
  SharedBudget(const SharedBudget&) = delete;
  SharedBudget& operator=(const SharedBudget&) = delete;

  // For `core`: `wanted` or less, where there is no room for more, or more, ahead of need.  `limits` are those of the
  // key's quantity; none: it is only counted.  `when_recorded` is called once, on the journal's thread, if the grant is
  // `recording`.  `cluster_is_full`: it has no more, and what the process has leased from it is all that there is.
  [[nodiscard]] Grant lease(std::uint32_t core, const MeterKey& key, std::span<const Limit> limits,
                            std::uint64_t wanted, WallMillis now, std::function<void()> when_recorded,
                            bool cluster_is_full = false);
  // Of what the core has: so much was spent, and so much goes back.  `holds`: some is left with it.
  void settle(std::uint32_t core, const MeterKey& key, std::uint64_t spent, std::uint64_t returned, bool holds,
              WallMillis now);

  // What the process leases from a cluster (upper_leases.h) is what cores can lease from now on.  Before they start.
  void lease_from_cluster() { clustered_ = true; }
  // So many were leased from it; `passed`: beyond a limit that does not refuse, as is all that is leased from now on
  // until the next call.
  void granted(const MeterKey& key, std::uint64_t amount, std::optional<FullWindow> passed);
  // Of those, what no core has.
  [[nodiscard]] std::uint64_t upper_free(const MeterKey& key);
  // The cores that hold some, as in Grant.
  [[nodiscard]] std::uint64_t holders(const MeterKey& key);
  // What the cluster is to be told of a meter: spent, and what goes back to it.
  struct UpperSettling {
    MeterKey key;
    std::uint64_t spent = 0;
    std::uint64_t returned = 0;
  };
  // Of one, with all that no core has.
  [[nodiscard]] UpperSettling settle_upper(const MeterKey& key);
  // Of all that have something to tell, with what no core has asked for since the last call; `everything`: with all
  // that no core has.
  [[nodiscard]] std::vector<UpperSettling> settle_upper(bool everything);
  // visit(key, span, start of the bucket, amount) for what was spent, in one of kShards parts.
  using VisitSpent = std::function<void(const MeterKey&, Span, WallMillis, std::uint64_t)>;
  void for_each_spent(std::size_t shard, const VisitSpent& visit);
  static constexpr std::size_t kShards = 64;

  // The journal's: what is to be written now, as records; and that it was, or could not be.
  struct Writing {
    std::string bytes;
    struct Held {
      MeterKey key;
      std::uint64_t amount = 0;
    };
    std::vector<Held> held;
    std::vector<std::function<void()>> waiting;
  };
  [[nodiscard]] Writing gather(WallMillis now);
  void recorded(Writing& writing);
  // Whether gather() would find anything.  Any thread.
  [[nodiscard]] bool has_unwritten() const { return unwritten_.load(std::memory_order_relaxed) > 0; }
  // All that there is, as records for a new journal; what waits to be written is in it.
  [[nodiscard]] Writing snapshot(WallMillis now);
  // Called under no lock when there is something to write, at once or some time; set before the cores start.
  void set_wake(std::function<void(bool at_once)> wake) { wake_ = std::move(wake); }

  // From the journal's records, in their order, before the cores start.  restored() comes behind the last: what was
  // held then is spent `now`.  How much that was, in each quantity.
  void restore(const JournalRecord& record, WallMillis now);
  struct Remainder {
    std::size_t meters = 0;
    std::array<std::uint64_t, kQuantities> amount{};
  };
  [[nodiscard]] Remainder restored(WallMillis now);

  // For the operator: looks at all of a shard under its lock.
  [[nodiscard]] std::vector<MeterUse> list(WallMillis now, const std::function<bool(const MeterKey&)>& wanted);
  // Drops meters that nothing is held of and nothing is left in.
  void sweep(WallMillis now);

 private:
  struct Entry {
    Meter meter;
    std::uint64_t recorded = 0;   // held in the journal: what cores hold, what is unwritten, and what is ahead of need
    std::uint64_t ahead = 0;      // wanted ahead of need
    std::uint64_t unwritten = 0;  // spent, and in the journal only as held
    std::uint64_t holders = 0;
    std::array<std::uint64_t, kSpans> limits{};  // of the last lease, for the operator; 0: none
    std::uint64_t upper_free = 0;                // leased from the cluster, and no core has it
    std::unique_ptr<FullWindow> upper_passed;    // what is free is beyond this limit; null: beyond none
    std::uint64_t upper_spent = 0;               // and the cluster is not told yet
    bool upper_used = false;                     // since it was looked at
    bool upper_listed = false;                   // among Shard::upper
    bool dirty = false;                          // among Shard::dirty

    // Of these limits the one that what the cluster has granted last is beyond.
    [[nodiscard]] std::optional<FullWindow> passed_in_cluster(std::span<const Limit> asked) const;
    // What may be given to cores.
    [[nodiscard]] std::uint64_t available() const {
      const std::uint64_t taken = meter.held() + unwritten;
      return recorded > taken ? recorded - taken : 0;
    }
  };
  struct Shard {
    std::mutex mutex;
    absl::node_hash_map<MeterKey, Entry> meters;
    std::vector<MeterKey> dirty;
    std::vector<MeterKey> upper;  // of which the cluster may have to be told
    std::vector<std::function<void()>> waiting;
    WallMillis now = 0;  // the latest of all calls: cores' clocks differ by a turn
  };

  [[nodiscard]] Shard& shard_of(const MeterKey& key);
  [[nodiscard]] static WallMillis advance(Shard& shard, WallMillis now);
  // Whether it is the first that is to be written.
  bool mark(Shard& shard, const MeterKey& key, Entry& entry);
  static void list_upper(Shard& shard, const MeterKey& key, Entry& entry);
  static void write_state(const MeterKey& key, Entry& entry, std::uint64_t spent, WallMillis now, Writing& writing);
  void take_waiting(Shard& shard, Writing& writing);
  [[nodiscard]] static std::uint64_t bit(std::uint32_t core) { return std::uint64_t{1} << (core < 63 ? core : 63); }

  std::uint32_t cores_;
  bool clustered_ = false;
  std::array<Shard, kShards> shards_;
  std::atomic<std::size_t> unwritten_{0};
  std::function<void(bool)> wake_ = [](bool) {};
};

}  // namespace sluice::policy
