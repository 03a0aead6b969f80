#include "engine/spool/reader.h"

#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "engine/spool/directory.h"
#include "engine/spool/segments.h"

namespace sluice::spool {
namespace {

using OnRecord = std::function<void(const ReadRecord&)>;

class Reader {
 public:
  Reader(io::Disk& disk, std::string directory, const OnRecord& on_record)
      : disk_(disk), directory_(std::move(directory)), on_record_(on_record) {}

  io::DiskResult<ReadCounts> run();

 private:
  // What is known of a message that has not ended.
  struct Pending {
    Location place;
    std::vector<Location> pieces;
  };
  class Visitor;

  void read_segment(std::uint32_t number, std::uint32_t bytes);
  bool read_head(std::uint32_t number, int file, SegmentHead& head);
  bool is_still(std::uint32_t number, int file, const SegmentHead& head);
  void take(std::uint32_t segment, const Frame& frame);
  void take_message(const Location& place, ReadRecord& read);
  void tell_damage(std::uint32_t segment, const Damage& place);
  void tell_incomplete();
  [[nodiscard]] std::string path(std::uint32_t number) const { return directory_ + "/" + segment_name(number); }

  io::Disk& disk_;
  std::string directory_;
  const OnRecord& on_record_;
  ReadCounts counts_;
  std::set<std::uint32_t> listed_;
  absl::flat_hash_map<QueueId, Pending> pending_;
  absl::flat_hash_map<QueueId, std::vector<Location>> pieces_;
};

// A relay that runs writes while we read: of a write that is under way we see a part, and it looks like damage when
// a later one is there by the time we come to it.  So a segment with damage is read once more: what is damaged still is
// damaged, and what was missed is taken then.
class Reader::Visitor final : public ScanVisitor {
 public:
  Visitor(Reader& reader, std::uint32_t segment) : reader_(reader), segment_(segment) {}
  void begin_again() {
    before_ = std::exchange(taken_, {});
    places.clear();
  }
  void record(const Frame& frame) override {
    taken_.push_back(frame.offset);
    if (!std::ranges::binary_search(before_, frame.offset)) reader_.take(segment_, frame);
  }
  void damaged(const Damage& place) override { places.push_back(place); }
  std::vector<Damage> places;

 private:
  Reader& reader_;
  std::uint32_t segment_;
  std::vector<std::uint32_t> taken_;   // offsets, in order
  std::vector<std::uint32_t> before_;  // by the first reading
};

io::DiskResult<ReadCounts> Reader::run() {
  if (auto fine = Directory::check(disk_, directory_); !fine) return std::unexpected(fine.error());
  const auto entries = disk_.list(directory_);
  if (!entries) return std::unexpected(entries.error());
  for (const io::DiskEntry& entry : *entries) {
    if (parse_free_name(entry.name)) ++counts_.free_files;
    if (const auto number = parse_segment_name(entry.name)) listed_.insert(*number);
  }
  for (const io::DiskEntry& entry : *entries)
    if (const auto number = parse_segment_name(entry.name))
      read_segment(*number, static_cast<std::uint32_t>(std::min<std::uint64_t>(entry.bytes, kSegmentBytesMax)));
  counts_.pending = pending_.size();
  tell_incomplete();
  return counts_;
}

// False where there is none.
bool Reader::read_head(std::uint32_t number, int file, SegmentHead& head) {
  const auto block = disk_.read(file, 0, kBlockBytes);
  const HeadFault fault = block ? read_segment_head(*block, head) : HeadFault::damaged;
  if (fault == HeadFault::damaged || fault == HeadFault::other_version)
    tell_damage(number, {.offset = 0, .bytes = kBlockBytes, .unreadable = !block});
  return fault == HeadFault::none;
}

void Reader::read_segment(std::uint32_t number, std::uint32_t bytes) {
  const auto file = disk_.open(path(number), /*writable=*/false);
  if (!file) {
    // Gone since we looked: the relay needs it no more, and nothing is missing.
    if (file.error().error != ENOENT) tell_damage(number, {.offset = 0, .bytes = bytes, .unreadable = true});
    return;
  }
  SegmentHead head;
  const bool whole = read_head(number, *file, head);
  if (whole && head.number != number) {
    // About to be another segment, and nothing is in it yet; or it was renamed, and a start refuses it.
    if (has_records(disk_, *file, bytes, head.salt) && disk_.look(path(number)))
      tell_damage(number, {.offset = 0, .bytes = kBlockBytes});
  } else if (whole) {
    ++counts_.segments;
    Visitor visitor(*this, number);
    SegmentScan(disk_, *file, bytes, head.salt).run(visitor);
    if (!visitor.places.empty()) {
      visitor.begin_again();
      SegmentScan(disk_, *file, bytes, head.salt).run(visitor);
    }
    // Where the relay has begun to use the file again, it is not this segment any more that does not check.
    if (!visitor.places.empty() && is_still(number, *file, head))
      for (const Damage& place : visitor.places) tell_damage(number, place);
  }
  disk_.close(*file);
}

bool Reader::is_still(std::uint32_t number, int file, const SegmentHead& head) {
  SegmentHead now;
  const auto block = disk_.read(file, 0, kBlockBytes);
  const bool other = block && read_segment_head(*block, now) == HeadFault::none && now.salt != head.salt;
  return !other && disk_.look(path(number));
}

void Reader::take(std::uint32_t segment, const Frame& frame) {
  if (frame.type == RecordType::batch) return;
  const Location place{segment, frame.offset, static_cast<std::uint32_t>(frame.payload.size())};
  ++counts_.records;
  ReadRecord read{.segment = segment, .offset = frame.offset, .bytes = frame.bytes(), .damage = {}};
  read.type = frame.type;
  read.id = frame.id;
  if (frame.type == RecordType::message) {
    read.message = decode_message(frame.id, frame.payload);
    take_message(place, read);
  } else if (frame.type == RecordType::status) {
    read.status = decode_status(frame.payload);
    read.senseless = !read.status;
  } else if (frame.type == RecordType::piece) {
    pieces_[frame.id].push_back(place);
  } else {
    ++counts_.ended;
    pending_.erase(frame.id);
    pieces_.erase(frame.id);
  }
  if (read.senseless) ++counts_.damaged;
  on_record_(read);
}

void Reader::take_message(const Location& place, ReadRecord& read) {
  ++counts_.messages;
  read.senseless = !read.message;
  if (read.senseless) return;
  read.message->content = {};
  pending_[read.id] = {.place = place, .pieces = read.message->stored.pieces};
}

void Reader::tell_damage(std::uint32_t segment, const Damage& place) {
  ++(place.unreadable ? counts_.unreadable : place.at_end ? counts_.cut_short : counts_.damaged);
  ReadRecord read{.segment = segment, .offset = place.offset, .bytes = place.bytes, .damage = place};
  on_record_(read);
}

void Reader::tell_incomplete() {
  std::vector<std::pair<Location, QueueId>> found;
  for (const auto& [id, message] : pending_) {
    const std::vector<Location>& there = pieces_[id];
    for (const Location& piece : message.pieces) {
      if (std::ranges::find(there, piece) != there.end()) continue;
      // Where its segment has gone since we began, the message has been finished or moved.
      if (listed_.contains(piece.segment) && !disk_.look(path(piece.segment))) continue;
      found.emplace_back(message.place, id);
      break;
    }
  }
  std::ranges::sort(found, [](const auto& a, const auto& b) { return a.first.before(b.first); });
  counts_.incomplete = found.size();
  for (const auto& [place, id] : found) {
    ReadRecord read{.segment = place.segment, .offset = place.offset, .bytes = place.bytes(), .damage = {}};
    read.type = RecordType::message;
    read.id = id;
    read.incomplete = true;
    on_record_(read);
  }
}

}  // namespace

io::DiskResult<ReadCounts> read_spool(io::Disk& disk, const std::string& directory, const OnRecord& on_record) {
  return Reader(disk, directory, on_record).run();
}

}  // namespace sluice::spool
