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

class TraceSearch {
 public:
  static std::expected<TraceSearch, std::string> open(io::Disk& disk, const std::string& directory, Query query);

  // All that is there, the newest first.
  void run(const Found& found);
  // What has come since run() or the last call.
  std::expected<void, std::string> follow(const Found& found);
  // What could not be read, as sentences.
  [[nodiscard]] std::vector<std::string> faults() const;

 private:
  TraceSearch(io::Disk& disk, std::string directory, Query query)
      : disk_(disk), directory_(std::move(directory)), query_(std::move(query)) {}
  std::expected<void, std::string> refresh();
  [[nodiscard]] std::vector<std::uint32_t> blocks_within(const SegmentReader& segment) const;
  [[nodiscard]] std::vector<std::vector<std::uint32_t>> plan();
  [[nodiscard]] std::shared_ptr<const StoredBlock> read(SegmentReader& segment, std::uint32_t block);
  [[nodiscard]] TracedMessage collect(const std::shared_ptr<const StoredBlock>& block, const StoredEvent& event);
  [[nodiscard]] bool meets_any(const StoredEvent& event) const;
  [[nodiscard]] bool may_match(const StoredEvent& event) const;
  [[nodiscard]] bool matches(const TracedMessage& message) const;
  bool look_into(const std::shared_ptr<const StoredBlock>& block, const Found& found);

  io::Disk& disk_;
  std::string directory_;
  Query query_;
  std::vector<SegmentReader> segments_;  // the oldest first
  std::vector<std::string> faults_;
  const KeyCondition* leading_ = nullptr;    // of query_: what every event that is looked at meets; null: any condition
  absl::flat_hash_set<std::uint64_t> seen_;  // ids that were found, or do not match
  // The blocks that were read last: a message's events lie near each other.
  struct Kept {
    std::uint64_t segment = 0;
    std::uint32_t block = 0;
    std::shared_ptr<const StoredBlock> read;
  };
  std::deque<Kept> kept_;
  std::size_t kept_bytes_ = 0;
  // Where follow() goes on.
  std::uint64_t followed_segment_ = 0;
  std::size_t followed_blocks_ = 0;
};

}  // namespace sluice::trace
