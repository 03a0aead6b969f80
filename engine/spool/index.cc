#include "engine/spool/index.h"

#include "engine/spool/stored.h"

namespace sluice::spool {

std::uint32_t kilobytes_of(std::uint32_t record_bytes, std::span<const Location> pieces, std::size_t recipients) {
  std::uint64_t bytes = record_bytes;
  for (const Location& piece : pieces) bytes += piece.bytes();
  bytes += frame_bytes(0) + 3 * frame_bytes(bare_status_bytes_max(recipients));
  return static_cast<std::uint32_t>((bytes + 1023) / 1024);
}

}  // namespace sluice::spool
