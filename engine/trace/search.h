// Finds messages in the trace's files, the newest first, whether a relay runs or not.  Conditions are of a message:
// each is met by any of its events.  An event without an id is a message of its own, as a refused login is.  One
// thread; blocking.
#pragma once

#include <cstdint>
#include <deque>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "engine/base/time.h"
#include "engine/io/disk.h"
#include "engine/trace/block.h"
#include "engine/trace/segment.h"

namespace sluice::trace {

struct KeyCondition {
  KeyKind kind{};
  std::string value;
};

struct Query {
  std::vector<KeyCondition> keys;
  std::string words;  // a part of a reply, of what a next hop has said, or of a reason; in any case
  WallMillis since = INT64_MIN;
  WallMillis until = INT64_MAX;
};

[[nodiscard]] bool meets(const StoredEvent& event, const KeyCondition& condition);
[[nodiscard]] bool has_words(const StoredEvent& event, std::string_view words);

// An event with the block that it is a view of.
struct TracedEvent {
  std::shared_ptr<const StoredBlock> block;
  const StoredEvent* event = nullptr;
};
struct TracedMessage {
  std::string id;                   // empty: of one event without an id
  std::vector<TracedEvent> events;  // in the order of time
};

// False: the search ends.
using Found = std::function<bool(const TracedMessage& message)>;

// What a search has done so far.
struct SearchWork {
  std::uint64_t blocks_unpacked = 0;
  std::uint64_t blocks_scanned = 0;  // once for each time that all events of one were looked at
};

// Messages are looked for in turns: the newest events that may be of such a message, kTurnMessages of them, and then
// all other events of those messages, in one pass over the blocks that have any.
class TraceSearch {
 public:
  // The list that sluicectl trace prints by default, and the one that tells that there are more.
  static constexpr std::size_t kTurnMessages = 101;

  static std::expected<TraceSearch, std::string> open(io::Disk& disk, const std::string& directory, Query query);

  // All that is there, the newest first.
  void run(const Found& found);
  // What has come since run() or the last call.
  std::expected<void, std::string> follow(const Found& found);
  // What could not be read, as sentences.
  [[nodiscard]] std::vector<std::string> faults() const;
  // For tests and the benchmark.
  [[nodiscard]] const SearchWork& work() const { return work_; }

 private:
  TraceSearch(io::Disk& disk, std::string directory, Query query)
      : disk_(disk), directory_(std::move(directory)), query_(std::move(query)) {}
  std::expected<void, std::string> refresh();
  [[nodiscard]] std::vector<std::uint32_t> blocks_within(const SegmentReader& segment) const;
  [[nodiscard]] std::vector<std::vector<std::uint32_t>> plan();
  [[nodiscard]] std::shared_ptr<const UnpackedBlock> unpack(SegmentReader& segment, std::uint32_t block);
  [[nodiscard]] std::shared_ptr<const StoredBlock> pick(SegmentReader& segment, std::uint32_t block,
                                                        EventFilter wanted);
  [[nodiscard]] bool meets_any(const StoredEvent& event) const;
  [[nodiscard]] bool may_match(const StoredEvent& event) const;
  [[nodiscard]] bool matches(const TracedMessage& message) const;
  bool look_into(SegmentReader& segment, std::uint32_t block, const Found& found);
  bool end_turn(const Found& found);
  void collect();
  [[nodiscard]] std::vector<std::uint32_t> blocks_of_turn(SegmentReader& segment) const;

  io::Disk& disk_;
  std::string directory_;
  Query query_;
  std::vector<SegmentReader> segments_;  // the oldest first
  std::vector<std::string> faults_;
  const KeyCondition* leading_ = nullptr;    // of query_: what every event that is looked at meets; null: any condition
  absl::flat_hash_set<std::uint64_t> seen_;  // ids that were found, or do not match
  std::vector<TracedMessage> turn_;          // what may match, by the newest event that may
  // Of turn_: those with an id, by key_hash() of it.
  absl::flat_hash_map<std::uint32_t, std::vector<std::size_t>> turn_ids_;
  // The blocks that were unpacked last: a message's events lie near each other.
  struct Kept {
    std::uint64_t segment = 0;
    std::uint32_t block = 0;
    std::shared_ptr<const UnpackedBlock> unpacked;
  };
  std::deque<Kept> kept_;
  std::size_t kept_bytes_ = 0;
  SearchWork work_;
  // Where follow() goes on.
  std::uint64_t followed_segment_ = 0;
  std::size_t followed_blocks_ = 0;
};

}  // namespace sluice::trace
