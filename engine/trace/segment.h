// The files of the trace in its directory: segments, each a file of blocks (block.h) and, once it is full, one of its
// index (index.h):
//
//   0000000007.blocks  0000000007.index     a segment that is full
//   0000000008.blocks                       the one that is being written
//
// Errors are sentences that name the file.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/io/disk.h"
#include "engine/io/plain_file.h"
#include "engine/trace/block.h"
#include "engine/trace/index.h"

namespace sluice::trace {

// A segment that has grown to this is full.
inline constexpr std::uint64_t kSegmentBytes = std::uint64_t{32} << 20;
// Of what is read.
inline constexpr std::uint64_t kSegmentBytesMax = std::uint64_t{256} << 20;

struct SegmentName {
  std::uint64_t number = 0;
  bool indexed = false;
  std::uint64_t bytes = 0;  // of both files
};
// The oldest first.
[[nodiscard]] std::expected<std::vector<SegmentName>, std::string> list_segments(io::Disk& disk,
                                                                                 const std::string& directory);
[[nodiscard]] std::string blocks_path(const std::string& directory, std::uint64_t number);
[[nodiscard]] std::string index_path(const std::string& directory, std::uint64_t number);

// The blocks of a file, by their heads.
struct WalkedBlock {
  BlockEntry entry;
  BlockHead head;
};
struct Walked {
  std::vector<WalkedBlock> blocks;
  std::uint64_t end = 0;  // of the last one
  std::uint64_t damaged_bytes =
      0;  // between blocks; what is behind the last one may be half written, and is not counted
};
// From `offset` on.
[[nodiscard]] std::expected<Walked, std::string> walk_blocks(const io::PlainFile& file, std::uint64_t offset);

// Makes the index of a segment and puts it on the disk.
[[nodiscard]] std::expected<void, std::string> index_segment(io::Disk& disk, const std::string& directory,
                                                             std::uint64_t number);

// A segment that is read.  One thread.
class SegmentReader {
 public:
  static std::expected<SegmentReader, std::string> open(const std::string& directory, const SegmentName& name);

  [[nodiscard]] const std::vector<BlockEntry>& blocks() const { return index_ ? index_->blocks() : walked_; }
  // The blocks that may have a key of this hash, in rising order.
  [[nodiscard]] std::vector<std::uint32_t> find(std::uint32_t hash);
  // Null: it is damaged.
  [[nodiscard]] std::shared_ptr<const UnpackedBlock> unpack(std::uint32_t block);
  // What was unpacked is no events.
  void note_damaged(std::uint32_t block);
  // What was added since, to a segment that has no index yet.
  void refresh();
  [[nodiscard]] std::uint64_t number() const { return number_; }
  // What could not be read, as sentences; each once.
  [[nodiscard]] const std::vector<std::string>& faults() const { return faults_; }

 private:
  SegmentReader(std::string path, std::uint64_t number, io::PlainFile file)
      : path_(std::move(path)), number_(number), file_(std::move(file)) {}
  void note(std::string fault);

  std::string path_;
  std::uint64_t number_;
  io::PlainFile file_;
  std::optional<IndexReader> index_;
  // Without an index.
  std::vector<BlockEntry> walked_;
  std::vector<std::vector<std::uint32_t>> keys_;  // of each; empty: all may be in it
  std::uint64_t walked_to_ = 0;
  std::vector<std::string> faults_;
};

}  // namespace sluice::trace
