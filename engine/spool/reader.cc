#include "engine/spool/reader.h"

#include "engine/spool/directory.h"
#include "engine/spool/segments.h"

namespace sluice::spool {
namespace {

class Reader final : public ScanVisitor {
 public:
  Reader(std::uint32_t segment, ReadCounts& counts, const std::function<void(const ReadRecord&)>& told)
      : segment_(segment), counts_(counts), told_(told) {}

  void record(const Frame& frame) override {
    if (frame.type == RecordType::batch) return;
    ++counts_.records;
    ReadRecord read{.segment = segment_, .offset = frame.offset, .bytes = frame.bytes()};
    read.type = frame.type;
    read.id = frame.id;
    if (frame.type == RecordType::message) {
      ++counts_.messages;
      read.message = decode_message(frame.id, frame.payload);
      read.senseless = !read.message;
      if (read.message) read.message->content = {};
    } else if (frame.type == RecordType::status) {
      read.status = decode_status(frame.payload);
      read.senseless = !read.status;
    } else if (frame.type == RecordType::done) {
      ++counts_.ended;
    }
    if (read.senseless) ++counts_.damaged;
    told_(read);
  }

  void damaged(const Damage& damage) override {
    ++(damage.at_end ? counts_.cut_short : counts_.damaged);
    ReadRecord read{.segment = segment_, .offset = damage.offset, .bytes = damage.bytes};
    read.damage = damage;
    told_(read);
  }

 private:
  std::uint32_t segment_;
  ReadCounts& counts_;
  const std::function<void(const ReadRecord&)>& told_;
};

// A file that goes while we look has been recycled by the relay: nothing is missing.
bool read_segment(io::Disk& disk, const std::string& path, std::uint32_t number, std::uint32_t bytes,
                  ReadCounts& counts, const std::function<void(const ReadRecord&)>& told) {
  const auto file = disk.open(path, /*writable=*/false);
  if (!file) return false;
  const auto block = disk.read(*file, 0, kBlockBytes);
  SegmentHead head;
  const HeadFault fault = block ? read_segment_head(*block, head) : HeadFault::damaged;
  if (fault == HeadFault::damaged) {
    Reader(number, counts, told).damaged({.offset = 0, .bytes = kBlockBytes});
  } else if (fault == HeadFault::none && head.number == number) {
    ++counts.segments;
    Reader reader(number, counts, told);
    SegmentScan(disk, *file, bytes, head.salt).run(reader);
  }
  disk.close(*file);
  return true;
}

}  // namespace

io::DiskResult<ReadCounts> read_spool(io::Disk& disk, const std::string& directory,
                                      const std::function<void(const ReadRecord&)>& told) {
  if (auto fine = Directory::check(disk, directory); !fine) return std::unexpected(fine.error());
  const auto entries = disk.list(directory);
  if (!entries) return std::unexpected(entries.error());
  ReadCounts counts;
  for (const io::DiskEntry& entry : *entries) {
    if (parse_free_name(entry.name)) ++counts.free_files;
    if (const auto number = parse_segment_name(entry.name))
      read_segment(disk, directory + "/" + entry.name, *number, static_cast<std::uint32_t>(entry.bytes), counts, told);
  }
  return counts;
}

}  // namespace sluice::spool
