#include "engine/spool/recovery.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "engine/spool/scan.h"

namespace sluice::spool {
namespace {

constexpr std::string_view kQuarantine = "quarantine";
constexpr std::uint32_t kQuarantineBytesMax = 8U << 20;  // of one place that is kept aside

io::DiskError refusal(std::string text) { return {.error = 0, .text = std::move(text)}; }

}  // namespace

// What is known of an id so far, going back in the log.
struct Recovery::Seen {
  std::uint32_t segment = 0;  // the last one that told of it
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
    Item item{.at = {segment_, frame.offset, static_cast<std::uint32_t>(frame.payload.size())},
              .type = frame.type,
              .id = frame.id,
              .status = {},
              .message = nullptr};
    if (frame.type == RecordType::status) item.status = frame.payload;
    if (frame.type == RecordType::message) {
      auto decoded = decode_message(frame.id, frame.payload);
      if (!decoded) {
        damage.push_back({.offset = frame.offset, .bytes = frame.bytes(), .at_end = false});
        return;
      }
      decoded->content = {};
      item.message = std::make_unique<DecodedMessage>(*std::move(decoded));
    }
    items.push_back(std::move(item));
  }
  void damaged(const Damage& place) override { damage.push_back(place); }

  std::vector<Item> items;
  std::vector<Damage> damage;

 private:
  std::uint32_t segment_;
};

Recovery::Recovery(io::Disk& disk, std::string directory, std::function<void(const std::string&)> note)
    : disk_(disk), directory_(std::move(directory)), note_(std::move(note)) {}

Recovery::~Recovery() = default;

// ------------------------------------------------------------------------------------------ files

io::DiskResult<void> Recovery::list_files() {
  const auto entries = disk_.list(directory_);
  if (!entries) return std::unexpected(entries.error());
  for (const io::DiskEntry& entry : *entries) {
    const auto number = parse_segment_name(entry.name);
    const bool free = is_free_name(entry.name);
    if (!number && !free) continue;
    const std::string path = directory_ + "/" + entry.name;
    if (!entry.regular || entry.links != 1)
      return std::unexpected(refusal(path + ": is a link or no plain file; nothing but the relay may write here: move it away"));
    if (!entry.own)
      return std::unexpected(refusal(path + ": belongs to another user; give it to the user that the relay runs as"));
    if (free) {
      free_.push_back(entry.name);
    } else {
      segments_[*number] = {.number = *number, .bytes = static_cast<std::uint32_t>(entry.bytes)};
    }
  }
  return {};
}

io::DiskResult<void> Recovery::read_segment(std::uint32_t number) {
  Segment& segment = segments_.at(number);
  const std::string path = directory_ + "/" + segment_name(number);
  auto file = disk_.open(path, /*writable=*/false);
  if (!file) return std::unexpected(file.error());
  segment.file = *file;
  const auto block = disk_.read(*file, 0, kBlockBytes);
  if (!block) return std::unexpected(block.error());
  SegmentHead head;
  const HeadFault fault = read_segment_head(*block, head);
  if (fault == HeadFault::other_version)
    return std::unexpected(refusal(path + ": was written by another version; run that one until the spool is empty"));
  // Its header is of its next life, or was not written yet: nothing in it was ever answered for.
  const bool unused = fault == HeadFault::blank || (fault == HeadFault::none && head.number != number);
  if (unused || fault == HeadFault::damaged) {
    disk_.close(*file);
    const std::string name = unused ? free_name(number) : std::string(kQuarantine) + "/" + segment_name(number);
    if (!unused) {
      ++counts_.damaged;
      note_(path + ": its header is damaged; moved to " + name);
      if (auto made = disk_.make_directory(directory_ + "/" + std::string(kQuarantine)); !made) return made;
    }
    if (auto moved = disk_.rename(path, directory_ + "/" + name); !moved) return moved;
    if (unused) free_.push_back(name);
    segments_.erase(number);
    return {};
  }
  segment.salt = head.salt;
  segment.used = segment.bytes;
  ++counts_.segments;
  counts_.bytes_read += segment.bytes;
  return {};
}

void Recovery::quarantine(const Segment& segment, std::uint32_t offset, std::uint32_t bytes, const std::string& reason) {
  const std::string folder = directory_ + "/" + std::string(kQuarantine);
  const std::string name = folder + "/" + segment_name(segment.number) + "." + std::to_string(offset);
  const std::string what = segment_name(segment.number) + ": octets " + std::to_string(offset) + " to " +
                           std::to_string(offset + bytes) + ": " + reason;
  const auto octets = disk_.read(segment.file, offset, std::min(bytes, kQuarantineBytesMax));
  auto kept = disk_.make_directory(folder);
  if (kept) kept = disk_.write_small(name + ".txt", what + "\n");
  if (kept && octets) kept = disk_.write_small(name + ".octets", *octets);
  note_(what + (kept ? "; kept in " + name + ".*" : "; could not be kept aside: " + kept.error().text));
}

// ------------------------------------------------------------------------------------------ records

io::DiskResult<void> Recovery::run(const Found& found) {
  if (auto listed = list_files(); !listed) return listed;
  std::vector<std::uint32_t> numbers;
  for (const auto& [number, segment] : segments_) numbers.push_back(number);
  if (!numbers.empty()) last_segment_ = numbers.back();
  for (const std::uint32_t number : numbers)
    if (auto read = read_segment(number); !read) return read;
  for (auto at = numbers.rbegin(); at != numbers.rend(); ++at) {
    const auto known = segments_.find(*at);
    if (known == segments_.end()) continue;
    const Segment segment = known->second;
    parent_[*at] = *at;
    Collector collector(*at);
    SegmentScan scan(disk_, segment.file, segment.bytes, segment.salt);
    if (auto done = scan.run(collector); !done)
      note_(segment_name(*at) + ": cannot be read to its end: " + done.error().text + "; what was read is used");
    for (const Damage& place : collector.damage) {
      ++(place.at_end ? counts_.cut_short : counts_.damaged);
      quarantine(segment, place.offset, place.bytes,
                 place.at_end ? "a write that was cut short, or damage" : "does not check");
    }
    for (auto item = collector.items.rbegin(); item != collector.items.rend(); ++item) take(*item, found);
  }
  for (const auto& [id, waiting] : waiting_) {
    ++counts_.lost_pieces;
    const Location at = waiting.entry.message;
    quarantine(segments_.at(at.segment), at.offset, at.bytes(),
               "message " + message::queue_id_text(id) + ": some of its content is not there any more");
  }
  waiting_.clear();
  seen_.clear();
  return {};
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
  if (seen.settled) return;
  if (item.type == RecordType::done) {
    seen.settled = true;
  } else if (item.type == RecordType::status && !seen.status.present()) {
    seen.status = item.at;
    seen.status_payload = std::move(item.status);
  } else if (item.type == RecordType::message) {
    seen.settled = true;
    take_message(item, seen, found);
  }
}

void Recovery::take_message(Item& item, Seen& seen, const Found& found) {
  Waiting waiting{.decoded = std::move(*item.message), .entry = {}, .missing = {}};
  waiting.entry.message = item.at;
  std::uint64_t bytes = item.at.bytes();
  for (const Location& piece : waiting.decoded.stored.pieces) bytes += piece.bytes();
  waiting.entry.kilobytes = static_cast<std::uint32_t>((bytes + 1023) / 1024);
  if (seen.status.present()) {
    auto status = decode_status(seen.status_payload);
    if (status && status->recipients.size() == waiting.decoded.stored.envelope.recipients.size()) {
      waiting.decoded.status = *std::move(status);
      waiting.entry.status = seen.status;
    }
    seen.status_payload = std::string();
  }
  waiting.missing = waiting.decoded.stored.pieces;
  if (waiting.missing.empty()) {
    complete(item.id, waiting, found);
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

void Recovery::complete(QueueId id, const Waiting& waiting, const Found& found) {
  index_[id] = waiting.entry;
  ++segments_.at(waiting.entry.message.segment).needed;
  for (const Location& piece : waiting.decoded.stored.pieces) ++segments_.at(piece.segment).needed;
  ++counts_.messages;
  found({.id = id,
         .stored = waiting.decoded.stored,
         .status = waiting.decoded.status,
         .segment = waiting.entry.message.segment});
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

std::vector<Share> Recovery::divide(std::size_t cores) {
  std::vector<Share> shares(cores);
  std::map<std::uint32_t, std::uint64_t> weight;  // messages by the root of their segments
  for (const auto& [number, segment] : segments_) weight[root(number)] += segment.needed + 1;
  std::vector<std::pair<std::uint64_t, std::uint32_t>> heaviest;
  for (const auto& [number, count] : weight) heaviest.emplace_back(count, number);
  std::ranges::sort(heaviest, std::greater());
  std::vector<std::uint64_t> load(cores);
  std::map<std::uint32_t, std::size_t> core_of_root;
  for (const auto& [count, number] : heaviest) {
    const auto core = static_cast<std::size_t>(std::ranges::min_element(load) - load.begin());
    load[core] += count;
    core_of_root[number] = core;
  }
  for (const auto& [number, segment] : segments_) {
    core_of_[number] = core_of_root.at(root(number));
    shares[core_of_[number]].segments.push_back(segment);
  }
  for (std::size_t i = 0; i < free_.size(); ++i) shares[i % cores].free.push_back(std::move(free_[i]));
  for (const auto& [id, entry] : index_) shares[core_of_.at(entry.message.segment)].index.emplace(id, entry);
  index_.clear();
  return shares;
}

}  // namespace sluice::spool
