// Leases of the limits from Redis or Valkey, which all nodes share.
//
// Never more than a limit allows while Redis answers and keeps its data: what is given is held there until it is spent
// or returned.  All figures that a node sends are absolute and numbered, so that a call that was lost, repeated or late
// changes nothing.  When Redis does not answer, the node goes on with what it holds, and up to its local share of each
// limit; when Redis has lost its data, no leases are given until all nodes had the time to report what they hold and
// have spent.  Limits are then exceeded by at most what nodes hold or have spent that did not report in time.
//
// One per process, on one core; that core's thread only.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/node_hash_map.h"
#include "policy/cluster/redis_client.h"
#include "policy/cluster/use_protocol.h"
#include "policy/upper_budget.h"
#include "policy/window.h"

namespace sluice::policy {

// For the operator.
struct ClusterNotice {
  enum class Kind : std::uint8_t {
    alone,      // the cluster does not answer: `reason`
    reachable,  // it does again
    data_lost,  // it has lost data: limits may be exceeded by what nodes hold or have spent and do not report in time
    remainder,  // processes were killed, and what they held counts as spent
  };
  Kind kind = Kind::alone;
  std::string reason;
  // What this node holds; of a remainder what was held.
  std::size_t meters = 0;  // of so many some
  std::array<std::uint64_t, kQuantities> amount{};
};

// What all nodes have used of a meter, for the operator.
struct ClusterUse {
  std::array<std::uint64_t, kSpans> spent{};  // in each window, as far as nodes have told
  std::uint64_t others = 0;                   // what other nodes hold
  std::uint64_t reported = 0;                 // in all, of what this node has spent
  std::uint64_t own = 0;                      // what this node has spent and not told, and what it holds: add_own()
};
struct ClusterUses {
  absl::flat_hash_map<MeterKey, ClusterUse> uses;
  std::string fault;  // why not all that was asked for is there: what is wrong with Redis; empty: all is
};

class ClusterBudget final : public UpperBudget {
 public:
  // How often nodes show that they are alive, and tell what they have spent.
  static constexpr Duration kBeat = std::chrono::seconds(1);
  // How long a lease that has no room waits for other nodes to give back.
  static constexpr Duration kRecallWait = std::chrono::milliseconds(500);
  // Likewise, of a limit that does not refuse: what waits is mail that is taken.
  static constexpr Duration kSoftRecallWait = std::chrono::milliseconds(100);

  ClusterBudget(ClusterParts parts, ClusterOptions options, std::function<void(const ClusterNotice&)> tell);
  ~ClusterBudget() override;

  void start();
  // Tells all that was settled, if Redis answers.  No lease is under way, and none follows.  Once.
  Task<void> close();

  Task<UpperGrant> lease(const MeterKey& key, std::span<const Limit> limits, std::uint64_t wanted,
                         std::uint64_t least) override;
  void settle(const MeterKey& key, std::uint64_t spent, std::uint64_t returned) override;
  void restore(const MeterKey& key, Span span, WallMillis at, std::uint64_t amount) override;
  void on_recall(std::function<void(const MeterKey&)> recall) override { recall_ = std::move(recall); }
  // Asks Redis, for some seconds at most.  No call of close() before it is done.
  Task<ClusterUses> look(std::vector<MeterKey> keys);
  // As of now.
  void add_own(ClusterUses& uses) const;
  // For tests.
  [[nodiscard]] std::uint64_t held(const MeterKey& key) const;

 private:
  struct Entry {
    explicit Entry(MeterKey meter) : key(std::move(meter)), group(group_of(key)) {}
    MeterKey key;
    std::uint32_t group;
    std::uint64_t spent = 0;
    std::uint64_t held = 0;
    std::array<SlidingWindow, kSpans> windows{SlidingWindow(Span::minute), SlidingWindow(Span::hour),
                                              SlidingWindow(Span::day), SlidingWindow(Span::month)};
    std::uint64_t answered = 0;  // the latest call in this epoch
    std::uint64_t reported = 0;  // in which epoch of the group; 0: never
    bool dirty = false;          // something is to be told
    bool listed = false;         // it is among dirty_
    bool busy = false;           // a call is under way
    std::list<AsyncEvent*> waiting;
    Instant asked_back{};    // until when what is settled is told at once
    Instant in_vain{};       // until when nobody is asked to give back
    Instant soft_in_vain{};  // likewise, for limits that do not refuse
  };
  struct Group {
    std::string epoch;
    std::uint64_t epochs = 0;  // that this node has seen; of `epoch` the number
    std::uint64_t answered = 0;
    bool alone = false;
    bool used = false;
  };
  using Exchanged = RedisResult<LeaseReply>;

  Entry& entry(const MeterKey& key);
  Task<void> lock(Entry& entry);
  static void unlock(Entry& entry);
  [[nodiscard]] LeaseCall call_for(Group& group, std::uint32_t number);
  void add_windows(const Entry& entry, LeaseCall& call);
  // The entry is locked.
  Task<Exchanged> exchange(Entry& entry, std::span<const Limit> limits, std::uint64_t wanted, std::uint64_t least);
  Task<Exchanged> ask(Group& group, LeaseCall call);
  Task<std::string> look_at(std::uint32_t group, std::span<const MeterKey> keys, ClusterUses& found);
  void learn(Group& group, const std::string& epoch);
  Task<std::optional<UpperGrant>> lease_there(Entry& entry, std::span<const Limit> limits, std::uint64_t wanted,
                                              std::uint64_t least);
  UpperGrant lease_here(Entry& entry, std::span<const Limit> limits, std::uint64_t wanted, std::uint64_t least);
  [[nodiscard]] FullWindow full_window(Entry& entry, std::span<const Limit> limits, const LeaseReply* reply,
                                       std::uint64_t missing);
  [[nodiscard]] std::uint64_t own_room(Entry& entry, std::span<const Limit> limits, std::uint64_t percent);
  void failed(Group& group, const std::string& reason);
  void answered(Group& group);
  void tell(ClusterNotice::Kind kind, std::string reason);
  void tell_remainder();
  void sweep();

  void mark(Entry& entry);
  Task<void> sync(Entry& entry);
  Task<void> tell_dirty();
  Task<void> beat(std::uint32_t group);
  Task<void> beat_all();
  Task<void> run();
  Task<void> listen();
  Task<void> listen_on(RedisConnection& connection);
  void heard(const RedisReply& message);
  [[nodiscard]] WallMillis now() const;

  ClusterParts parts_;
  ClusterOptions options_;
  std::function<void(const ClusterNotice&)> tell_;
  std::function<void(const MeterKey&)> recall_ = [](const MeterKey&) {};
  RedisClient client_;
  RedisClient use_client_;  // so that an operator's question holds up no lease
  std::string incarnation_;
  WallMillis began_wall_;
  Instant began_;
  std::uint64_t number_ = 0;  // of the last call
  std::array<Group, kGroups> groups_;
  std::size_t alone_groups_ = 0;
  bool told_alone_ = false;
  Instant told_lost_{};
  ClusterNotice remainder_{.kind = ClusterNotice::Kind::remainder, .reason = {}};  // that is not told yet
  Instant swept_;
  absl::node_hash_map<MeterKey, Entry> entries_;
  std::vector<Entry*> dirty_;
  TaskSet tasks_;
  bool closing_ = false;
  AsyncEvent woken_;
  io::Timer timer_;
  AsyncEvent listener_woken_;
  io::Timer listener_timer_;
  RedisConnection* listener_ = nullptr;
};

}  // namespace sluice::policy
