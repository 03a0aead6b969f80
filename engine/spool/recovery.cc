#include "engine/spool/recovery.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <tuple>

namespace sluice::spool {
namespace {

io::DiskError refusal(std::string text) { return {.error = 0, .text = std::move(text)}; }

std::string places_text(std::uint32_t offset, std::uint32_t bytes) {
  return "bytes " + std::to_string(offset) + " to " + std::to_string(offset + bytes);
}

constexpr const char* kIsNotUsed = "; it is not used";
constexpr const char* kIsOfAnotherVersion = ": was written by another version; run that one until the spool is empty";

bool has_no_number(const io::DiskEntry& entry) {
  const auto number = parse_segment_name(entry.name);
  return number.value_or(parse_free_name(entry.name).value_or(parse_new_name(entry.name).value_or(0))) >
         kSegmentNumberMax;
}

// Behind the path of a file of the spool; null: nothing.
const char* fault_of(const io::DiskEntry& entry) {
  return !entry.regular || entry.links != 1 ? kIsALink
         : !entry.own                       ? kIsForeign
         : has_no_number(entry)             ? kHasNoNumber
                                            : nullptr;
}

// Why a segment's file is refused for its header, behind its path; empty: it is not.  A file that is about to be a
// segment once more has the number of its next life already, and no record of it.
std::string header_fault(io::Disk& disk, int file, std::uint32_t bytes, std::uint32_t number, HeadFault fault,
                         const SegmentHead& head) {
  if (fault == HeadFault::other_version) return kIsOfAnotherVersion;
  if (fault != HeadFault::none || head.number == number || !has_records(disk, file, bytes, head.salt)) return {};
  return ": was written as " + segment_name(head.number) +
         " and renamed since, so that it is not known what in it was delivered; "
         "give it that name where no file has it, or move it out of the spool";
}

// The same, of a file that nothing is known of yet.
std::string header_fault(io::Disk& disk, const std::string& path, const io::DiskEntry& entry, std::uint32_t number) {
  const auto file = disk.open(path, /*writable=*/false);
  if (!file) return {};
  const auto block = disk.read(*file, 0, kBlockBytes);
  SegmentHead head;
  std::string fault;
  if (block) {
    const auto bytes = static_cast<std::uint32_t>(std::min<std::uint64_t>(entry.bytes, kSegmentBytesMax));
    fault = header_fault(disk, *file, bytes, number, read_segment_head(*block, head), head);
  }
  disk.close(*file);
  return fault;
}

}  // namespace

// What is known of an id so far, going back in the log.
struct Recovery::Seen {
  std::uint32_t segment = 0;  // the last one that mentions it
  bool settled = false;       // done, or found: older records of it mean nothing
  Location status;
  std::string status_payload;
};

struct Recovery::Waiting {
  DecodedMessage decoded;
  Entry entry;
  std::vector<Location> missing;
};

struct Recovery::Item {
  Location at;
  RecordType type{};
  QueueId id = 0;
  std::string status;
  std::unique_ptr<DecodedMessage> message;
};

// What one segment holds, in the order of the log; recovery goes through it backwards.
class Recovery::Collector final : public ScanVisitor {
 public:
  explicit Collector(std::uint32_t segment) : segment_(segment) {}

  void record(const Frame& frame) override {
    end = std::max(end, frame.offset + frame.bytes());
    if (frame.type == RecordType::batch) return;
    Item item{.at = {segment_, frame.offset, static_cast<std::uint32_t>(frame.payload.size())},
              .type = frame.type,
              .id = frame.id,
              .status = {},
              .message = nullptr};
    if (frame.type == RecordType::status) item.status = frame.payload;
    if (frame.type == RecordType::message) {
      auto decoded = decode_message(frame.id, frame.payload);
      if (!decoded) {
        damage.push_back({.offset = frame.offset, .bytes = frame.bytes()});
        return;
      }
      decoded->content = {};
      item.message = std::make_unique<DecodedMessage>(*std::move(decoded));
    }
    items.push_back(std::move(item));
  }
  void damaged(const Damage& place) override {
    end = std::max(end, place.offset + place.bytes);
    damage.push_back(place);
  }

  std::vector<Item> items;
  std::vector<Damage> damage;
  std::uint32_t end = kBlockBytes;  // of all that was found

 private:
  std::uint32_t segment_;
};

Recovery::Recovery(io::Disk& disk, std::string directory, std::function<void(const std::string&)> note)
    : disk_(disk), directory_(std::move(directory)), note_(std::move(note)) {}

Recovery::~Recovery() {
  for (const auto& [number, segment] : segments_)
    if (segment.file >= 0) disk_.close(segment.file);
}

// ------------------------------------------------------------------------------------------ files

io::DiskResult<void> Recovery::examine(io::Disk& disk, const std::string& directory,
                                       const std::function<void(const std::string&)>& note) {
  const auto entries = disk.list(directory);
  if (!entries) return std::unexpected(entries.error());
  for (const io::DiskEntry& entry : *entries) {
    const auto number = parse_segment_name(entry.name);
    const bool segment = number.has_value();
    if (!segment && !parse_free_name(entry.name) && !parse_new_name(entry.name)) continue;
    const std::string path = directory + "/" + entry.name;
    const char* const fault = fault_of(entry);
    if (fault != nullptr && segment) return std::unexpected(refusal(path + fault));
    if (fault != nullptr) note(path + fault + kIsNotUsed);
    if (!segment || fault != nullptr) continue;
    if (const std::string refused = header_fault(disk, path, entry, *number); !refused.empty())
      return std::unexpected(refusal(path + refused));
  }
  return {};
}

io::DiskResult<void> Recovery::list_files() {
  const auto entries = disk_.list(directory_);
  if (!entries) return std::unexpected(entries.error());
  for (const io::DiskEntry& entry : *entries)
    if (auto taken = take_file(entry); !taken) return taken;
  return {};
}

io::DiskResult<void> Recovery::take_file(const io::DiskEntry& entry) {
  const auto number = parse_segment_name(entry.name);
  const auto free = parse_free_name(entry.name);
  const auto unfinished = parse_new_name(entry.name);
  if (const auto bad = parse_bad_name(entry.name); bad && *bad <= kSegmentNumberMax) put_bad_away(*bad);
  if (!number && !free && !unfinished) return {};
  const std::string path = directory_ + "/" + entry.name;
  const char* const fault = fault_of(entry);
  // Numbers are not used again while a file is named after them.
  if (!has_no_number(entry))
    last_segment_ = std::max(last_segment_, number.value_or(free.value_or(unfinished.value_or(0))));
  // Without a segment, what it tells of would be lost, or be sent again.  Nothing is in any other file.
  if (fault != nullptr && number) return std::unexpected(refusal(path + fault));
  if (fault != nullptr) {
    note_(path + fault + kIsNotUsed);
    return {};
  }
  if (unfinished) return disk_.remove(path);
  if (free && !is_segment_size(entry.bytes)) {
    if (auto removed = disk_.remove(path); !removed) note_(removed.error().text);
  } else if (free) {
    free_.push_back({.name = entry.name, .bytes = static_cast<std::uint32_t>(entry.bytes)});
  } else {
    const auto bytes = static_cast<std::uint32_t>(std::min<std::uint64_t>(entry.bytes, kSegmentBytesMax));
    segments_[*number] = {.number = *number, .bytes = bytes};
  }
  return {};
}

// There may be room in quarantine now.
void Recovery::put_bad_away(std::uint32_t number) {
  last_segment_ = std::max(last_segment_, number);
  const std::string folder = directory_ + "/" + kQuarantine;
  const std::string from = directory_ + "/" + bad_name(number);
  auto done = disk_.make_directory(folder);
  if (done) done = disk_.rename(from, folder + "/" + segment_name(number));
  note_(from + (done ? ": moved to " + folder : ": stays there: " + done.error().text));
}

// For writing where that is possible: a core may go on behind what is found.
io::DiskResult<int> Recovery::open_file(const std::string& path, bool& writable) {
  auto file = disk_.open(path, /*writable=*/true);
  writable = file.has_value();
  return writable ? file : disk_.open(path, /*writable=*/false);
}

io::DiskResult<void> Recovery::open_segment(std::uint32_t number) {
  Segment& segment = segments_.at(number);
  const std::string path = directory_ + "/" + segment_name(number);
  auto file = open_file(path, segment.writable);
  if (!file) return std::unexpected(file.error());
  segment.file = *file;
  const auto block = disk_.read(*file, 0, kBlockBytes);
  if (!block && block.error().error != EIO) return std::unexpected(block.error());
  if (!block) {
    leave_file(number);
    return {};
  }
  SegmentHead head;
  const HeadFault fault = read_segment_head(*block, head);
  if (const std::string refused = header_fault(disk_, *file, segment.bytes, number, fault, head); !refused.empty())
    return std::unexpected(refusal(path + refused));
  if (fault == HeadFault::damaged) return put_file_away(number, "its header is damaged");
  // Its header is of its next life, or was not written yet: nothing in it was ever answered for.
  if (fault == HeadFault::blank || head.number != number) return put_file_away(number, "");
  segment.salt = head.salt;
  segment.used = segment.bytes;
  parent_[number] = number;
  ++counts_.segments;
  counts_.bytes_read += segment.bytes;
  return {};
}

// The disk does not give its header.  It may at the next start, so nothing is done to it.
void Recovery::leave_file(std::uint32_t number) {
  disk_.close(segments_.at(number).file);
  segments_.erase(number);
  ++counts_.unreadable;
  note_(directory_ + "/" + segment_name(number) +
        ": its header cannot be read; what is in it stays there, and is looked for again at the next start");
}

// Under a free file's name; or, with a fault, into quarantine as it is.
io::DiskResult<void> Recovery::put_file_away(std::uint32_t number, const std::string& fault) {
  const std::uint32_t bytes = segments_.at(number).bytes;
  disk_.close(segments_.at(number).file);
  segments_.erase(number);
  if (!fault.empty()) {
    const auto moved = quarantine_segment(disk_, directory_, number);
    if (!moved) return std::unexpected(moved.error());
    ++counts_.damaged;
    note_(segment_name(number) + ": " + fault + "; moved to " + *moved);
    return {};
  }
  const std::string name = free_name(number);
  if (auto moved = disk_.rename(directory_ + "/" + segment_name(number), directory_ + "/" + name); !moved) return moved;
  if (is_segment_size(bytes)) free_.push_back({.name = name, .bytes = bytes});
  return {};
}

// False where that failed.
bool Recovery::keep(const std::string& name, const std::string& what, const std::vector<Place>& places) {
  const auto kept = keep_in_quarantine(disk_, directory_, name, what, places);
  const std::string where = directory_ + "/" + kQuarantine + "/" + name + ".*";
  if (kept && *kept == Kept::before) return true;  // and was noted then
  note_(what + (kept ? "; kept in " + where : "; could not be quarantined: " + kept.error().text));
  return kept.has_value();
}

void Recovery::tell_damage(Segment& segment, const Damage& place) {
  const std::string what = segment_name(segment.number) + ": " + places_text(place.offset, place.bytes) + ": ";
  if (place.unreadable) {
    ++counts_.unreadable;
    segment.unreadable = true;
    note_(what + "cannot be read; the file will be kept in " + directory_ + "/" + kQuarantine +
          " when all else in it has been delivered");
    return;
  }
  ++(place.at_end ? counts_.cut_short : counts_.damaged);
  const bool kept = keep(segment_name(segment.number) + "." + std::to_string(place.offset),
                         what + (place.at_end ? "a write that was cut short, or damage" : "does not check"),
                         {{segment.file, place.offset, place.bytes}});
  // Then the file is; but not for an end: no client has got 250 for that.
  if (!kept && !place.at_end) segment.unreadable = true;
}

// ------------------------------------------------------------------------------------------ records

io::DiskResult<void> Recovery::run(const Found& found) {
  if (auto listed = list_files(); !listed) return listed;
  std::vector<std::uint32_t> numbers;
  for (const auto& [number, segment] : segments_) numbers.push_back(number);
  for (const std::uint32_t number : numbers)
    if (auto opened = open_segment(number); !opened) return opened;
  if (auto synced = disk_.sync_directory(directory_); !synced) return synced;
  std::vector<std::uint32_t> empty;
  for (auto at = segments_.rbegin(); at != segments_.rend(); ++at)
    if (!read_records(at->second, found)) empty.push_back(at->first);
  for (const auto& [id, waiting] : waiting_) lose(id, waiting);
  waiting_.clear();
  seen_ = {};
  free_empty(empty);
  return {};
}

// Nothing was ever written to them: they were ready when the relay ended.  Their names stay until they are used.
void Recovery::free_empty(const std::vector<std::uint32_t>& empty) {
  for (const std::uint32_t number : empty) {
    const Segment& segment = segments_.at(number);
    if (!is_segment_size(segment.bytes)) continue;
    disk_.close(segment.file);
    free_.push_back({.name = segment_name(number), .bytes = segment.bytes});
    segments_.erase(number);
  }
}

// False where there is nothing in it.
bool Recovery::read_records(Segment& segment, const Found& found) {
  // What a killed process was writing can be read, but is not on the disk yet.  Before it lets anything older go, it
  // is.
  if (auto synced = disk_.sync(segment.file); !synced) note_(synced.error().text);
  Collector collector(segment.number);
  SegmentScan(disk_, segment.file, segment.bytes, segment.salt).run(collector);
  for (const Damage& place : collector.damage) tell_damage(segment, place);
  for (auto item = collector.items.rbegin(); item != collector.items.rend(); ++item) take(*item, found);
  if (segment.unreadable) return true;
  segment.used = std::min((collector.end + kBlockBytes - 1) / kBlockBytes * kBlockBytes, segment.bytes);
  return !collector.items.empty() || !collector.damage.empty();
}

void Recovery::take(Item& item, const Found& found) {
  last_id_ = std::max(last_id_, item.id);
  Seen& seen = seen_[item.id];
  if (seen.segment != 0) join(seen.segment, item.at.segment);
  seen.segment = item.at.segment;
  if (item.type == RecordType::piece) {
    take_piece(item, found);
    return;
  }
  // Behind a copy that is not complete (yet), it is gone through as if that copy were not there.
  if (seen.settled && !waiting_.contains(item.id)) return;
  if (item.type == RecordType::done) {
    seen.settled = true;
  } else if (item.type == RecordType::status && !seen.status.present()) {
    seen.status = item.at;
    seen.status_payload = std::move(item.status);
  } else if (item.type == RecordType::message) {
    seen.settled = true;
    if (!may_be_complete(item)) take_message(item, seen, found);
  }
}

// Whether a newer copy of the message is there and lacks only pieces that may still come.
bool Recovery::may_be_complete(const Item& item) {
  const auto newer = waiting_.find(item.id);
  if (newer == waiting_.end()) return false;
  const auto lost = [&item](const Location& piece) { return item.at.before(piece); };
  if (std::ranges::none_of(newer->second.missing, lost)) return true;
  waiting_.erase(newer);
  return false;
}

void Recovery::take_message(Item& item, Seen& seen, const Found& found) {
  Waiting waiting{.decoded = std::move(*item.message), .entry = {}, .missing = {}};
  waiting.entry.message = item.at;
  waiting.entry.kilobytes =
      kilobytes_of(item.at.bytes(), waiting.decoded.stored.pieces, waiting.decoded.stored.envelope.recipients.size());
  if (seen.status.present()) {
    auto status = decode_status(seen.status_payload);
    if (status && status->recipients.size() == waiting.decoded.stored.envelope.recipients.size()) {
      waiting.decoded.status = *std::move(status);
      waiting.entry.status = seen.status;
    }
  }
  waiting.missing = waiting.decoded.stored.pieces;
  if (waiting.missing.empty()) {
    complete(item.id, waiting, found);
    seen.status_payload = std::string();
  } else {
    waiting_.emplace(item.id, std::move(waiting));
  }
}

void Recovery::take_piece(const Item& item, const Found& found) {
  const auto at = waiting_.find(item.id);
  if (at == waiting_.end() || std::erase(at->second.missing, item.at) == 0) return;
  if (!at->second.missing.empty()) return;
  complete(item.id, at->second, found);
  waiting_.erase(at);
}

void Recovery::complete(QueueId id, Waiting& waiting, const Found& found) {
  index_[id] = waiting.entry;
  ++segments_.at(waiting.entry.message.segment).needed;
  for (const Location& piece : waiting.decoded.stored.pieces) ++segments_.at(piece.segment).needed;
  ++counts_.messages;
  found({.id = id,
         .stored = waiting.decoded.stored,
         .status = waiting.decoded.status,
         .segment = waiting.entry.message.segment});
  if (!waiting.decoded.stored.pieces.empty()) pieces_[id] = std::move(waiting.decoded.stored.pieces);
}

// Some of its content is not there any more: the rest is for the operator.
void Recovery::lose(QueueId id, const Waiting& waiting) {
  ++counts_.lost_pieces;
  const auto place = [this](const Location& at, std::uint32_t skipped) {
    return Place{segments_.at(at.segment).file, at.offset + skipped, at.bytes() - skipped};
  };
  std::vector<Place> places{place(waiting.entry.message, 0)};
  for (const Location& piece : waiting.decoded.stored.pieces)
    if (std::ranges::find(waiting.missing, piece) == waiting.missing.end())
      places.push_back(place(piece, kFrameHeaderBytes));
  const bool kept =
      keep(message::queue_id_text(id),
           "message " + message::queue_id_text(id) + ": some of its content is not there any more", places);
  if (kept) return;
  segments_.at(waiting.entry.message.segment).unreadable = true;
  for (const Location& piece : waiting.decoded.stored.pieces)
    if (const auto at = segments_.find(piece.segment); at != segments_.end()) at->second.unreadable = true;
}

// ------------------------------------------------------------------------------------------ cores

std::uint32_t Recovery::root(std::uint32_t segment) {
  std::uint32_t& parent = parent_.at(segment);
  if (parent == segment) return segment;
  return parent = root(parent);
}

void Recovery::join(std::uint32_t a, std::uint32_t b) {
  a = root(a);
  b = root(b);
  parent_.at(std::max(a, b)) = std::min(a, b);
}

// Cores that can go on with segments: when all of a core's are full it needs a file to copy the oldest of them to, and
// one more, as a file is never filled to its last byte, and the room for status records comes on top (Room::cleaner()).
// The files are made here: space that is only counted may be another program's before a core asks for it.
std::size_t Recovery::cores_able(std::size_t cores) {
  if (index_.empty()) return cores;
  constexpr std::size_t kFilesEach = 2;
  std::uint32_t bytes = kSegmentBytesMin;
  for (const auto& [number, segment] : segments_)
    if (is_segment_size(segment.bytes)) bytes = std::max(bytes, segment.bytes);
  while (free_.size() < kFilesEach * cores) {
    const std::string name = free_name(++last_segment_);
    const auto file = disk_.create(directory_ + "/" + name, bytes);
    if (!file) break;
    disk_.close(*file);
    free_.push_back({.name = name, .bytes = bytes});
  }
  return std::clamp<std::size_t>(free_.size() / kFilesEach, 1, cores);
}

// The core of each root of segments that tell of the same messages.
std::map<std::uint32_t, std::size_t> Recovery::assign(std::size_t cores) {
  std::map<std::uint32_t, std::uint64_t> weight;  // messages by the root of their segments
  for (const auto& [number, segment] : segments_) weight[root(number)] += segment.needed + 1;
  std::vector<std::pair<std::uint64_t, std::uint32_t>> heaviest;
  for (const auto& [number, count] : weight) heaviest.emplace_back(count, number);
  std::ranges::sort(heaviest, std::greater());
  std::vector<std::uint64_t> load(cores_able(cores));
  std::map<std::uint32_t, std::size_t> core_of_root;
  for (const auto& [count, number] : heaviest) {
    const auto core = static_cast<std::size_t>(std::ranges::min_element(load) - load.begin());
    load[core] += count;
    core_of_root[number] = core;
  }
  return core_of_root;
}

std::vector<Share> Recovery::divide(std::size_t cores) {
  std::vector<Share> shares(cores);
  const std::map<std::uint32_t, std::size_t> core_of_root = assign(cores);
  for (const auto& [number, segment] : segments_) {
    core_of_[number] = core_of_root.at(root(number));
    shares[core_of_[number]].segments.push_back(segment);
  }
  for (FreeFile& file : free_) {
    // First two to each core that has segments, which could not go on without; then to that which has the fewest for
    // its segments.
    const auto need = [](const Share& share) {
      const double ratio = static_cast<double>(share.segments.size() + 1) / static_cast<double>(share.free.size() + 1);
      return std::tuple(share.free.size() < 2 && !share.segments.empty(), share.free.empty(), ratio);
    };
    std::ranges::max_element(shares, {}, need)->free.push_back(std::move(file));
  }
  for (const auto& [id, entry] : index_) shares[core_of_.at(entry.message.segment)].index.emplace(id, entry);
  for (auto& [id, pieces] : pieces_)
    shares[core_of_.at(index_.at(id).message.segment)].pieces.emplace(id, std::move(pieces));
  index_ = {};
  pieces_ = {};
  segments_.clear();  // their files are the cores' now
  return shares;
}

}  // namespace sluice::spool
