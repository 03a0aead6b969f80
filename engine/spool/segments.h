// The segment files of one core: their names, which are open, what still needs them, in which order they may go.
// A file's life: made of zeros -> (header written, renamed) a segment -> no longer needed -> free -> a segment again.
// The oldest goes first: a record that ends another one's life is never gone before it.
// Owned by a Spool; that core's thread only.  Files are touched on workers.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/io/disk.h"
#include "engine/spool/record.h"

namespace sluice::spool {

// "0000002a.log", and back.
[[nodiscard]] std::string segment_name(std::uint32_t number);
[[nodiscard]] std::optional<std::uint32_t> parse_segment_name(std::string_view name);
// "free-0000002a", named after the segment that it last was.
[[nodiscard]] std::string free_name(std::uint32_t number);
[[nodiscard]] std::optional<std::uint32_t> parse_free_name(std::string_view name);
// "bad-0000002a": was to be moved to quarantine/, where no directory and no entry can be made on a full disk.
[[nodiscard]] std::string bad_name(std::uint32_t number);
[[nodiscard]] std::optional<std::uint32_t> parse_bad_name(std::string_view name);
// "new-0000002a", while it is being made; what a crash leaves of it is of no use.
[[nodiscard]] std::string new_name(std::uint32_t number);
[[nodiscard]] std::optional<std::uint32_t> parse_new_name(std::string_view name);

// What a segment's file may have: the longest batch finds room behind the first block; offsets are numbers of 32 bits.
inline constexpr std::uint32_t kSegmentBytesMin = kBatchBytesMax + kBlockBytes;
// What an operator may set it to: room for two of the longest batches, so that none is left half empty.
inline constexpr std::uint32_t kSegmentBytesSetMin = 2 * kBatchBytesMax;
inline constexpr std::uint32_t kSegmentBytesMax = 1U << 30;
// What is wrong with a file of a spool, behind its path.  A segment holds mail: moving it away would lose that.
inline constexpr const char* kIsALink =
    ": is no plain file, or a file with a second name, where nothing but the relay may write; put the file itself "
    "here, under "
    "this name alone (a link to anything else, a directory or a device can be removed)";
inline constexpr const char* kIsForeign =
    ": belongs to another user; give it to the user that the relay runs as (chown)";
// The last number that a segment can have: the first that are given are small, and each is given once.
inline constexpr std::uint32_t kSegmentNumberMax = 0xefff'ffff;
inline constexpr const char* kHasNoNumber =
    ": no segment has such a number; it was made or renamed by hand: give it its own name, or move it out of the spool";
inline constexpr std::uint32_t kSegmentBytesDefault = 64U << 20;
static_assert(kSegmentBytesSetMin >= kSegmentBytesMin);
static_assert(kSegmentBytesDefault % kBlockBytes == 0 && kSegmentBytesMin % kBlockBytes == 0);

struct Segment {
  std::uint32_t number = 0;
  int file = -1;  // open for direct reads (and writes, while it is written)
  std::uint64_t salt = 0;
  std::uint32_t bytes = 0;   // of the file
  std::uint32_t used = 0;    // written so far: nothing that checks lies behind it
  std::uint64_t needed = 0;  // by messages, drafts and readers
  bool writable = false;     // the file is open for writing, too
  bool removed = false;      // its file has no name any more: it was removed from outside
  bool unreadable = false;   // in part: the file is kept when nothing needs it any more
};

class Segments {
 public:
  Segment& add(const Segment& segment);
  // nullptr when there is none.
  [[nodiscard]] Segment* find(std::uint32_t number);
  // The oldest, or null when there is none.
  [[nodiscard]] Segment* oldest();
  [[nodiscard]] Segment* newest();
  // The next one behind it, or null.
  [[nodiscard]] Segment* after(std::uint32_t number);
  void remove(std::uint32_t number);
  void need(std::uint32_t number) { ++get(number).needed; }
  void release(std::uint32_t number);
  [[nodiscard]] std::size_t count() const { return segments_.size(); }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  template <typename Visit>
  void for_each(Visit&& visit) {
    for (auto& [number, segment] : segments_) visit(segment);
  }

 private:
  Segment& get(std::uint32_t number);
  std::map<std::uint32_t, Segment> segments_;  // addresses stay
  std::uint64_t bytes_ = 0;
};

// A file that holds nothing that counts; its name says nothing.
struct FreeFile {
  std::string name;
  std::uint32_t bytes = 0;
};
// Whether such a file can be a segment.
[[nodiscard]] constexpr bool is_segment_size(std::uint64_t bytes) {
  return bytes >= kSegmentBytesMin && bytes <= kSegmentBytesMax && bytes % kBlockBytes == 0;
}

// Blocking, on a worker: turns `file`, or a new one of `file.bytes` where it has no name, into the segment
// `head.number`, ready to be written behind its first block.  The error is a sentence; then `file` has the name that
// the free file has now, or none where nothing is left of it.
[[nodiscard]] io::DiskResult<Segment> begin_segment(io::Disk& disk, const std::string& directory, FreeFile& file,
                                                    const SegmentHead& head);

// Blocking: moves the segment's file to quarantine/, on the disk when it returns; on a full disk it is renamed where it
// is. The path that it has now.  May be tried again.
[[nodiscard]] io::DiskResult<std::string> quarantine_segment(io::Disk& disk, const std::string& directory,
                                                             std::uint32_t number);

enum class SegmentEnd : std::uint8_t {
  free,  // to be used again
  removed,
  quarantined,  // kept in quarantine/ for the operator
};
// Blocking, on a worker: closes `file`, unless it is negative, and ends the segment.  May be tried again.
[[nodiscard]] io::DiskResult<void> end_segment(io::Disk& disk, const std::string& directory, std::uint32_t number,
                                               int file, SegmentEnd end);

}  // namespace sluice::spool
