// A call of the lease function and what it returns, as values and as they are sent.  Pure; any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/cluster/redis_reply.h"
#include "policy/limit.h"
#include "policy/meter_key.h"

namespace sluice::policy {

// Meters are in so many groups, each with a hash tag, so that one call finds all that it needs in one slot of a Redis
// Cluster.
inline constexpr std::uint32_t kGroups = 16;
[[nodiscard]] std::uint32_t group_of(const MeterKey& key);

// "recipients/account/ann@example.com", and back; none: it is no such text.
[[nodiscard]] std::string meter_text(const MeterKey& key);
[[nodiscard]] std::optional<MeterKey> parse_meter(std::string_view text);

// Where nodes ask each other to give back: the text of a meter.
[[nodiscard]] std::string recall_channel(std::string_view prefix);

struct LeaseCall {
  std::string prefix;  // of all keys, and of the channel
  std::uint32_t group = 0;
  std::string node;
  std::string incarnation;     // of the node's process
  std::string epoch;           // of the group, as the node knows it; empty: not at all
  std::string new_epoch;       // if one has to begin
  std::uint64_t number = 0;    // of the call: greater than of all before
  std::uint64_t answered = 0;  // the greatest of this group that was answered in this epoch
  std::int64_t grace_ms = 0;

  std::optional<MeterKey> meter;     // none: the node is alive, no more
  std::uint64_t meter_answered = 0;  // as above, of the meter's calls
  std::uint64_t spent = 0;           // in all, by this incarnation
  std::uint64_t held = 0;
  std::uint64_t wanted = 0;
  std::uint64_t least = 0;
  std::vector<Limit> limits;
  // For a Redis that has lost it: what the node has spent, in buckets; `before`: how many before the newest.
  struct Bucket {
    Span span = Span::minute;
    std::int64_t before = 0;
    std::uint64_t amount = 0;
  };
  std::vector<Bucket> windows;
};

// As FCALL's; RedisClient has it called in another way where there are no functions.
[[nodiscard]] std::vector<std::string> lease_words(const LeaseCall& call);

struct LeaseReply {
  enum class Status : std::uint8_t {
    done,
    other_epoch,  // nothing was done: to be asked again in the epoch of the reply, with the windows
    outdated,     // a later call was there before, or a later process with the name of this node
  };
  Status status = Status::done;
  std::string epoch;
  std::uint64_t granted = 0;  // at most what was wanted
  std::uint64_t others = 0;   // what other nodes hold
  struct Full {
    Span span = Span::minute;
    std::uint64_t amount = 0;
    std::uint64_t used = 0;
    std::optional<std::int64_t> free_in_ms;
  };
  std::optional<Full> full;
  std::uint64_t lapsed = 0;  // held by processes that were killed: counts as spent from now on
  std::int64_t wait_ms = 0;  // no leases yet: the nodes report what they hold
};

// The error is a sentence: it is no reply to `call`.
[[nodiscard]] std::expected<LeaseReply, std::string> parse_lease_reply(const RedisReply& reply, const LeaseCall& call);

}  // namespace sluice::policy
