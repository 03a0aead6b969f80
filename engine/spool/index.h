// What memory holds of each message in the spool: where its records are.  Everything else is read back when it is due.
// Owned by a Spool, or made by recovery; one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "engine/message/queue_id.h"
#include "engine/spool/record.h"

namespace sluice::spool {

using message::QueueId;

struct Entry {
  Location message;
  Location status;              // the latest; not present: the one in the message record
  std::uint32_t kilobytes = 0;  // see kilobytes_of()
};
static_assert(sizeof(Entry) == 28);

// What a message needs of the disk until its end: its own record of so many bytes, its pieces, and the room that is
// reserved for its outcome.  That is its end and three bare status records: one that stands in the log, one that the
// cleaner takes into the message's record, and one that the record of then has beyond that of now.
[[nodiscard]] std::uint32_t kilobytes_of(std::uint32_t record_bytes, std::span<const Location> pieces,
                                         std::size_t recipients);

// One of a million messages costs its key and entry, and what the table leaves empty: at most 94 bytes when the table
// has just grown.
using Index = absl::flat_hash_map<QueueId, Entry>;
// The pieces of those that have any: 12 bytes for each half a megabyte.
using PieceIndex = absl::flat_hash_map<QueueId, std::vector<Location>>;

// What a table has allocated: a slot and a byte of control for each that has room.
template <typename Table>
[[nodiscard]] std::uint64_t table_bytes(const Table& table) {
  return std::uint64_t{table.capacity()} * (sizeof(typename Table::value_type) + 1);
}

}  // namespace sluice::spool
