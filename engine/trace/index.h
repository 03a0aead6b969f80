// The index of a segment that is full: where its blocks are, and for each hash of a key the blocks that have it, as one
// sorted run.
//
//   index     = head blocks directory bucket ...
//   head      = magic(4) crc(4, of the rest of the head) version(2) bits(2) blocks(4) segment_bytes(8) blocks_crc(4)
//   blocks    = for each: offset(8) bytes(4) events(4) first_at(8) last_at(8)
//   directory = offsets(4) of the 2^bits buckets and of their end, counted from the first bucket
//   bucket    = crc(4, begun with its number), then for each pair in the order of hash and block: varint, the hash's
//               distance from the one before (of the first: from the bucket's least), varint(block)
//
// A bucket has the hashes that begin with its number's bits.  A look-up reads the head, the blocks, two offsets and one
// bucket, and all of it may be damaged or forged.  Pure; any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/time.h"
#include "engine/io/plain_file.h"

namespace sluice::trace {

// A block of a segment that is full.
inline constexpr std::size_t kSegmentBlocksMax = 16'384;

struct BlockEntry {
  std::uint64_t offset = 0;
  std::uint32_t bytes = 0;
  std::uint32_t events = 0;
  WallMillis first_at = 0;
  WallMillis last_at = 0;
};

// A block that has a hash.
struct KeyEntry {
  std::uint32_t hash = 0;
  std::uint32_t block = 0;
};

// `entries` come in the order of their blocks, and are sorted.
[[nodiscard]] std::string make_index(std::span<const BlockEntry> blocks, std::vector<KeyEntry>& entries,
                                     std::uint64_t segment_bytes);

// One thread.
class IndexReader {
 public:
  // Of a segment of that size.  The error is a sentence.
  static std::expected<IndexReader, std::string> open(const std::string& path, std::uint64_t segment_bytes);

  [[nodiscard]] const std::vector<BlockEntry>& blocks() const { return blocks_; }
  // The blocks that may have it, in rising order; nothing: that part of the index is damaged.
  [[nodiscard]] std::optional<std::vector<std::uint32_t>> find(std::uint32_t hash);

 private:
  [[nodiscard]] std::string offsets_of(std::uint32_t bucket);
  IndexReader(io::PlainFile file, unsigned bits, std::vector<BlockEntry> blocks)
      : file_(std::move(file)), bits_(bits), blocks_(std::move(blocks)) {}

  io::PlainFile file_;
  unsigned bits_;
  std::vector<BlockEntry> blocks_;
  std::string directory_;  // once there were many look-ups
  std::size_t finds_ = 0;
};

}  // namespace sluice::trace
