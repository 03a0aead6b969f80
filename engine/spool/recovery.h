// What is in a spool's segments when a relay starts: reads all of them, the newest first, so that of every message the
// latest word is known before the message itself is found.  Nothing that does not check becomes mail; it is
// kept in quarantine/, with the reason.
// Blocking, at start-up.  One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "engine/io/disk.h"
#include "engine/spool/index.h"
#include "engine/spool/quarantine.h"
#include "engine/spool/scan.h"
#include "engine/spool/segments.h"
#include "engine/spool/stored.h"

namespace sluice::spool {

// A message that is still ours.
struct Recovered {
  QueueId id = 0;
  const Stored& stored;
  const message::DeliveryStatus& status;
  std::uint32_t segment = 0;  // which segments go to which core is decided later: see Share
};

// What one core goes on with.
struct Share {
  std::vector<Segment> segments;
  std::vector<FreeFile> free;
  Index index;
  PieceIndex pieces;
};

struct RecoveryCounts {
  std::uint64_t messages = 0;
  std::uint64_t segments = 0;
  std::uint64_t bytes_read = 0;
  std::uint64_t damaged = 0;      // places put into quarantine
  std::uint64_t cut_short = 0;    // places in the last write of a segment, which a crash cut short: likewise
  std::uint64_t unreadable = 0;   // places that the disk does not give
  std::uint64_t lost_pieces = 0;  // messages without some of their content, put into quarantine
};

class Recovery {
 public:
  using Found = std::function<void(const Recovered&)>;
  // `note` gets what the operator should know, a sentence each.
  Recovery(io::Disk& disk, std::string directory, std::function<void(const std::string&)> note);
  ~Recovery();
  Recovery(const Recovery&) = delete;
  Recovery& operator=(const Recovery&) = delete;

  // What run() would refuse to start with, as far as names, owners and headers of files tell; nothing is changed, and a
  // relay may be using them.  `note` gets which files would not be used.
  static io::DiskResult<void> examine(io::Disk& disk, const std::string& directory,
                                      const std::function<void(const std::string&)>& note);

  // Reads everything.  `found` is called once for each message that is still ours, in no order that matters.
  // The error is a sentence: the spool cannot be used as it is.
  io::DiskResult<void> run(const Found& found);

  // Afterwards: gives the segments to `cores` cores.  Segments that tell of the same messages stay together.  On a disk
  // that is full they go to no more cores than have two free files each: with fewer a core could not go on with them.
  std::vector<Share> divide(std::size_t cores);
  // Which of them got the segment.
  [[nodiscard]] std::size_t core_of(std::uint32_t segment) const { return core_of_.at(segment); }
  [[nodiscard]] QueueId last_id() const { return last_id_; }
  [[nodiscard]] std::uint32_t last_segment() const { return last_segment_; }
  [[nodiscard]] const RecoveryCounts& counts() const { return counts_; }

 private:
  struct Seen;
  struct Waiting;
  struct Item;
  class Collector;

  io::DiskResult<void> list_files();
  io::DiskResult<void> take_file(const io::DiskEntry& entry);
  io::DiskResult<void> open_segment(std::uint32_t number);
  void leave_file(std::uint32_t number);
  io::DiskResult<void> put_file_away(std::uint32_t number, const std::string& fault);
  bool read_records(Segment& segment, const Found& found);
  void free_empty(const std::vector<std::uint32_t>& empty);
  void put_bad_away(std::uint32_t number);
  io::DiskResult<int> open_file(const std::string& path, bool& writable);
  std::size_t cores_able(std::size_t cores);
  std::map<std::uint32_t, std::size_t> assign(std::size_t cores);
  void tell_damage(Segment& segment, const Damage& place);
  void take(Item& item, const Found& found);
  void take_message(Item& item, Seen& seen, const Found& found);
  bool may_be_complete(const Item& item);
  void take_piece(const Item& item, const Found& found);
  void complete(QueueId id, Waiting& waiting, const Found& found);
  void lose(QueueId id, const Waiting& waiting);
  void join(std::uint32_t a, std::uint32_t b);
  std::uint32_t root(std::uint32_t segment);
  bool keep(const std::string& name, const std::string& what, const std::vector<Place>& places);

  io::Disk& disk_;
  std::string directory_;
  std::function<void(const std::string&)> note_;
  std::map<std::uint32_t, Segment> segments_;
  std::vector<FreeFile> free_;
  absl::flat_hash_map<QueueId, Seen> seen_;
  std::map<QueueId, Waiting> waiting_;  // found, but for some of their pieces
  Index index_;
  PieceIndex pieces_;
  std::map<std::uint32_t, std::uint32_t> parent_;  // union-find over segments
  std::map<std::uint32_t, std::size_t> core_of_;
  QueueId last_id_ = 0;
  std::uint32_t last_segment_ = 0;
  RecoveryCounts counts_;
};

}  // namespace sluice::spool
