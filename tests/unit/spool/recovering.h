// A start over segments that a test made by hand, on a disk in memory.
// Owned by one test; its thread only.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "engine/spool/recovery.h"
#include "tests/unit/spool/segment_text.h"

namespace sluice::spool {

constexpr const char* kDirectory = "/spool";

class RecoveryTest : public ::testing::Test {
 protected:
  ~RecoveryTest() override { EXPECT_EQ(disk_.files_open(), 0U); }

  // Ids and the number of their status.
  std::map<QueueId, std::uint32_t> recover(std::size_t cores = 1) {
    notes_.clear();
    stored_.clear();
    core_of_.clear();
    Recovery recovery(disk_, kDirectory, [this](const std::string& note) { notes_.push_back(note); });
    std::map<QueueId, std::uint32_t> found;
    std::map<QueueId, std::uint32_t> segment_of;
    const auto ran = recovery.run([&](const Recovered& message) {
      EXPECT_TRUE(found.emplace(message.id, message.status.tries).second) << "passed on twice";
      stored_[message.id] = message.stored;
      segment_of[message.id] = message.segment;
    });
    error_ = ran ? "" : ran.error().text;
    counts_ = recovery.counts();
    last_id_ = recovery.last_id();
    last_segment_ = recovery.last_segment();
    if (!ran) return {};
    shares_ = recovery.divide(cores);
    for (const auto& [id, segment] : segment_of) core_of_[id] = recovery.core_of(segment);
    check_shares(found);
    for (const Share& share : shares_)
      for (const Segment& segment : share.segments) disk_.close(segment.file);
    return found;
  }
  // Each message is at the core that has all its segments, which count what needs them.
  void check_shares(const std::map<QueueId, std::uint32_t>& found) {
    std::size_t messages = 0;
    for (std::size_t core = 0; core < shares_.size(); ++core) {
      const Share& share = shares_[core];
      messages += share.index.size();
      std::map<std::uint32_t, std::uint64_t> needed;
      for (const auto& [id, entry] : share.index) {
        EXPECT_EQ(core_of_.at(id), core);
        ++needed[entry.message.segment];
        if (share.pieces.contains(id))
          for (const Location& piece : share.pieces.at(id)) ++needed[piece.segment];
      }
      for (const Segment& segment : share.segments) {
        EXPECT_EQ(segment.needed, needed[segment.number]);
        needed.erase(segment.number);
      }
      EXPECT_TRUE(needed.empty()) << "a segment is at another core";
    }
    EXPECT_EQ(messages, found.size());
  }
  std::string quarantined(const std::string& name) {
    const std::string path = std::string(kDirectory) + "/quarantine/" + name;
    return disk_.has(path) ? disk_.file(path).bytes : "none";
  }

  testing::MemoryDisk disk_;
  std::vector<std::string> notes_;
  std::map<QueueId, Stored> stored_;
  std::map<QueueId, std::size_t> core_of_;
  std::vector<Share> shares_;
  RecoveryCounts counts_;
  QueueId last_id_ = 0;
  std::uint32_t last_segment_ = 0;
  std::string error_;
};

using Found = std::map<QueueId, std::uint32_t>;

}  // namespace sluice::spool
