#include "engine/trace/segment_writer.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include "engine/trace/segment.h"

namespace sluice::trace {
namespace {

// So that days are kept to, whatever comes.
constexpr WallMillis kSegmentSpanMs = std::chrono::milliseconds(std::chrono::hours(6)).count();
constexpr WallMillis kDayMs = std::chrono::milliseconds(std::chrono::hours(24)).count();

}  // namespace

SegmentWriter::~SegmentWriter() {
  if (lock_ >= 0) disk_.close(lock_);
}

std::uint64_t SegmentWriter::segment_bytes() const {
  return limits_.segment_bytes > 0 ? limits_.segment_bytes : kSegmentBytes;
}

// Goes on with the last segment where it has room.  What was half written at its end is cut off.  What has no index, as
// a disk was full, gets it now.
std::expected<void, std::string> SegmentWriter::open(WallMillis now) {
  if (auto made = disk_.make_directory(directory_); !made) return std::unexpected(made.error().text);
  if (lock_ < 0) {
    const auto locked = disk_.lock(directory_ + "/lock");
    if (!locked) return std::unexpected(locked.error().text);
    lock_ = *locked;
  }
  const auto names = list_segments(disk_, directory_);
  if (!names) return std::unexpected(names.error());
  const bool go_on = !names->empty() && !names->back().indexed && names->back().bytes < segment_bytes();
  index_fault_.clear();
  for (const SegmentName& name : *names)
    if (!name.indexed && !(go_on && name.number == names->back().number)) index(name.number);
  number_ = names->empty() ? 1 : go_on ? names->back().number : names->back().number + 1;
  auto file = io::PlainFile::open_to_append(blocks_path(directory_, number_));
  if (!file) return std::unexpected(file.error());
  const auto walked = walk_blocks(*file, 0);
  if (!walked) return std::unexpected(walked.error());
  if (auto cut = file->truncate(walked->end); !cut) return cut;
  size_ = walked->end;
  blocks_ = walked->blocks.size();
  begun_ = walked->blocks.empty() ? now : walked->blocks.front().entry.first_at;
  file_ = *std::move(file);
  return {};
}

std::expected<void, std::string> SegmentWriter::prepare(WallMillis now) {
  if (file_) return {};
  if (auto opened = open(now); !opened) return opened;
  static_cast<void>(remove_oldest(now));  // fault() has it
  return {};
}

std::expected<void, std::string> SegmentWriter::append(std::string_view block, WallMillis now) {
  if (auto prepared = prepare(now); !prepared) return prepared;
  const auto free = disk_.free_bytes(directory_);
  if (free && *free < limits_.free_bytes_min + block.size())
    return std::unexpected(directory_ + ": the disk has less free space than trace.free_bytes_min");
  if (auto written = file_->append(block); !written) {
    // What is left of it is no block; where it cannot be cut off it is passed over.
    static_cast<void>(file_->truncate(size_));
    file_.reset();
    return written;
  }
  size_ += block.size();
  if (blocks_++ == 0) begun_ = now;
  const bool old = now - begun_ >= kSegmentSpanMs || now < begun_ - kSegmentSpanMs;
  if (size_ < segment_bytes() && blocks_ < kSegmentBlocksMax && !old) return {};
  file_.reset();
  index(number_);
  return {};
}

// Without it the segment is read as one that is being written.
void SegmentWriter::index(std::uint64_t number) {
  if (const auto done = index_segment(disk_, directory_, number); !done)
    index_fault_ = done.error() + "; nothing is missing, but the segment is searched without an index";
}

std::expected<void, std::string> SegmentWriter::remove_segment(std::uint64_t number) {
  // The index first: without its blocks it is none.
  const std::string index = index_path(directory_, number);
  if (disk_.look(index))
    if (auto removed = disk_.remove(index); !removed) return std::unexpected(removed.error().text);
  if (auto removed = disk_.remove(blocks_path(directory_, number)); !removed)
    return std::unexpected(removed.error().text);
  return {};
}

std::expected<void, std::string> SegmentWriter::remove_oldest(WallMillis now) {
  auto removed = remove_what_is_too_much(now);
  removal_fault_ = removed ? std::string() : removed.error() + "; nothing is missing, but what is too old stays";
  return removed;
}

std::expected<void, std::string> SegmentWriter::remove_what_is_too_much(WallMillis now) {
  if (lock_ < 0) return {};
  const auto names = list_segments(disk_, directory_);
  if (!names) return std::unexpected(names.error());
  std::uint64_t bytes = 0;
  for (const SegmentName& name : *names) bytes += name.bytes;
  for (const SegmentName& name : *names) {
    if (name.number == number_) break;
    const auto free = disk_.free_bytes(directory_);
    const bool too_much = bytes > limits_.bytes_max - std::min(limits_.bytes_max, segment_bytes()) ||
                          (free && *free < limits_.free_bytes_min + segment_bytes());
    if (!too_much) {
      const auto reader = SegmentReader::open(directory_, name);
      if (!reader) return std::unexpected(reader.error());
      WallMillis last = 0;
      for (const BlockEntry& block : reader->blocks()) last = std::max(last, block.last_at);
      if (now - last <= kDayMs * WallMillis{limits_.days}) break;
    }
    if (auto removed = remove_segment(name.number); !removed) return removed;
    bytes -= name.bytes;
  }
  return {};
}

}  // namespace sluice::trace
