// Segments made by hand, batch by batch, on a disk in memory; and messages made from a number.
// Owned by one test; one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/io/aligned.h"
#include "engine/spool/batch.h"
#include "engine/spool/scan.h"
#include "engine/spool/segments.h"
#include "engine/spool/stored.h"
#include "tests/sim/context.h"
#include "tests/support/memory_disk.h"

namespace sluice::spool {

// Bytes that tell by themselves whose they are, and where in them one is: eight for each place.  Much of what these
// tests do is to make and compare them, so they are no text, which took two thirds of their time.
inline std::string content_of(QueueId id, std::size_t size) {
  constexpr int kPlaceBits = 32;
  std::vector<std::uint64_t> places(size / sizeof(std::uint64_t) + 1);
  std::uint64_t place = id << kPlaceBits;
  for (std::uint64_t& each : places) each = place++;
  return {reinterpret_cast<const char*>(places.data()), size};
}

inline Stored stored_of(QueueId id, std::size_t content_bytes, std::size_t recipients = 1) {
  Stored stored{.envelope = {.id = message::queue_id_text(id), .reverse_path = "sender@customer.example"},
                .submitter = {.customer = "customer", .account = "account"},
                .arrived = 1'700'000'000'000,
                .content_bytes = content_bytes};
  for (std::size_t i = 0; i < recipients; ++i)
    stored.envelope.recipients.push_back({.forward_path = "recipient" + std::to_string(i) + "@example.org"});
  return stored;
}

// A status that differs from others by its number.
inline message::DeliveryStatus status_of(std::uint32_t tries, std::size_t recipients = 1) {
  message::DeliveryStatus status{.tries = tries, .due = 1'700'000'000'000 + tries};
  status.recipients.resize(recipients);
  if (tries > 0) status.recipients.front().text = "try " + std::to_string(tries);
  return status;
}

class SegmentText {
 public:
  explicit SegmentText(std::uint32_t number, std::uint64_t salt = 77, std::uint32_t bytes = 1U << 20)
      : number_(number), salt_(salt), memory_(kBatchBytesMax) {
    bytes_ = write_segment_head({.number = number, .salt = salt, .created_ms = 1'700'000'000'000});
    size_ = bytes;
    begin();
  }
  Location add(RecordType type, QueueId id, std::string_view head, std::string_view content = {}) {
    Chain chain;
    chain.append_copy(content);
    return batch_.add(type, id, head, &chain);
  }
  // A message with all of its content in its record.
  Location message(QueueId id, std::size_t size = 100, std::uint32_t tries = 0) {
    return add(RecordType::message, id, encode_message(stored_of(id, size), status_of(tries)), content_of(id, size));
  }
  // The rest of a message whose content begins with these pieces.
  Location message(QueueId id, const std::vector<Location>& pieces, std::size_t size, std::uint32_t tries = 0) {
    Stored stored = stored_of(id, size);
    stored.pieces = pieces;
    std::size_t done = 0;
    for (const Location& piece : pieces) done += piece.payload;
    return add(RecordType::message, id, encode_message(stored, status_of(tries)), content_of(id, size).substr(done));
  }
  Location piece(QueueId id, std::size_t from, std::size_t size) {
    return add(RecordType::piece, id, {}, content_of(id, from + size).substr(from));
  }
  Location status(QueueId id, std::uint32_t tries) {
    return add(RecordType::status, id, encode_status(status_of(tries)));
  }
  Location done(QueueId id) { return add(RecordType::done, id, {}); }
  // Ends the batch at hand; what comes now is in another one.
  void sync() {
    if (batch_.records() == 0) return;
    bytes_ += batch_.finish(1'700'000'000'000);
    begin();
  }
  // The bytes written so far.
  std::string written() {
    sync();
    return bytes_;
  }
  // The whole file; behind the end lies what `before` held there.
  std::string file(std::string_view before = {}) {
    std::string file = written();
    if (before.size() > file.size()) file += before.substr(file.size());
    file.resize(std::max<std::size_t>(file.size(), size_));
    return file;
  }
  void put_on(testing::MemoryDisk& disk, const std::string& directory, std::string_view before = {}) {
    disk.file(directory + "/" + segment_name(number_)).bytes = file(before);
  }
  [[nodiscard]] std::uint32_t end() const { return static_cast<std::uint32_t>(bytes_.size()); }
  [[nodiscard]] std::uint64_t salt() const { return salt_; }

 private:
  void begin() { batch_.begin(number_, salt_, end(), kBatchBytesMax); }
  std::uint32_t number_;
  std::uint64_t salt_;
  std::uint32_t size_ = 0;
  io::AlignedBytes memory_;
  Batch batch_{{reinterpret_cast<char*>(memory_.data()), memory_.size()}};
  std::string bytes_;
};

// What a scan tells.
class Heard final : public ScanVisitor {
 public:
  struct Record {
    RecordType type{};
    QueueId id = 0;
    std::uint32_t offset = 0;
    friend bool operator==(const Record&, const Record&) = default;
  };
  void record(const Frame& frame) override {
    if (frame.type == RecordType::batch) {
      ++batches;
    } else {
      records.push_back({frame.type, frame.id, frame.offset});
    }
  }
  void damaged(const Damage& place) override { damage.push_back(place); }
  [[nodiscard]] std::vector<QueueId> ids() const {
    std::vector<QueueId> ids;
    for (const Record& record : records) ids.push_back(record.id);
    return ids;
  }
  std::vector<Record> records;
  std::vector<Damage> damage;
  std::size_t batches = 0;
};

inline Heard scan_text(const std::string& file, std::uint64_t salt, std::uint64_t bad_from = 0,
                       std::uint64_t bad_to = 0) {
  testing::MemoryDisk disk;
  testing::MemoryDisk::File& put = disk.file("/segment");
  put.bytes = file;
  put.bad_from = bad_from;
  put.bad_to = bad_to;
  Heard heard;
  SegmentScan(disk, *disk.open("/segment", false), static_cast<std::uint32_t>(file.size()), salt).run(heard);
  return heard;
}

}  // namespace sluice::spool
