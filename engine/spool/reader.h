// Reading a spool as it lies on the disk, for the operator: nothing is changed, and a relay may be using it meanwhile.
// Blocking; for a program of its own.  One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "engine/io/disk.h"
#include "engine/spool/scan.h"
#include "engine/spool/stored.h"

namespace sluice::spool {

// One record, or a place that does not check.
struct ReadRecord {
  std::uint32_t segment = 0;
  std::uint32_t offset = 0;
  std::uint32_t bytes = 0;
  std::optional<Damage> damage;  // then nothing else is there
  RecordType type{};
  QueueId id = 0;
  std::optional<DecodedMessage> message;          // of a message record; its content is gone
  std::optional<message::DeliveryStatus> status;  // of a status record
  bool senseless = false;                         // it checks, and its payload means nothing
  bool incomplete = false;                        // shown once more, at the end: content of this message is missing
};

struct ReadCounts {
  std::uint64_t segments = 0;
  std::uint64_t free_files = 0;
  std::uint64_t records = 0;
  std::uint64_t messages = 0;    // records of messages, copies among them
  std::uint64_t ended = 0;       // records that end one
  std::uint64_t pending = 0;     // messages that are still to be delivered, or reported on
  std::uint64_t incomplete = 0;  // of these, without some of their content
  std::uint64_t damaged = 0;     // places, and records that mean nothing
  std::uint64_t unreadable = 0;  // places that the disk does not give
  std::uint64_t cut_short = 0;   // writes that were not complete: a crash, or one that is under way

  // A write that was cut short was never answered for.
  [[nodiscard]] bool sound() const { return incomplete + damaged + unreadable == 0; }
};

// Every record of every segment in the order of the log, but for those that open a batch; behind those of a segment,
// what does not check there.  The error is a sentence: there is no spool of this version.
io::DiskResult<ReadCounts> read_spool(io::Disk& disk, const std::string& directory,
                                      const std::function<void(const ReadRecord&)>& on_record);

}  // namespace sluice::spool
