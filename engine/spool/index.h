// What memory holds of each message in the spool: where its records are.  Everything else is read back when it is due.
// Owned by a Spool, or made by recovery; one thread.
#pragma once

#include <cstdint>

#include "absl/container/flat_hash_map.h"
#include "engine/message/queue_id.h"
#include "engine/spool/record.h"

namespace sluice::spool {

using message::QueueId;

struct Entry {
  Location message;
  Location status;              // the latest; not present: the one in the message record
  std::uint32_t kilobytes = 0;  // on disk, pieces and all
  std::uint16_t changing = 0;   // status and done records on their way to the disk
  bool moving = false;          // being copied forward
};
static_assert(sizeof(Entry) <= 32);

// One of a million messages costs its key and entry, and what the table leaves empty: at most 92 octets when the table
// has just grown.
using Index = absl::flat_hash_map<QueueId, Entry>;

}  // namespace sluice::spool
