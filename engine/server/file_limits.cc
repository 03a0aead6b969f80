#include "engine/server/file_limits.h"

#include <algorithm>

namespace sluice::server {

FileLimits file_limits(std::uint64_t files_max, std::uint64_t files_open, std::uint32_t cores,
                       std::uint32_t sessions_per_core, std::uint32_t outgoing_per_core) {
  const std::uint64_t kept = files_open + kFilesReserved + kFilesReservedPerCore * cores;
  const std::uint64_t each = std::uint64_t{sessions_per_core} + outgoing_per_core;
  FileLimits limits{
      .sessions_per_core = sessions_per_core, .outgoing_per_core = outgoing_per_core, .wanted = kept + each * cores};
  if (limits.wanted <= files_max) return limits;
  limits.reduced = true;
  const std::uint64_t left = (files_max > kept ? files_max - kept : 0) / cores;
  // Neither direction takes the other's half, and what one does not need is the other's.
  const std::uint64_t half = left / 2;
  const std::uint64_t outgoing = std::min<std::uint64_t>(
      outgoing_per_core, std::max(half, left - std::min<std::uint64_t>(left, sessions_per_core)));
  const std::uint64_t sessions = std::min<std::uint64_t>(sessions_per_core, left - std::min(left, outgoing));
  limits.outgoing_per_core = static_cast<std::uint32_t>(std::max<std::uint64_t>(outgoing, 1));
  limits.sessions_per_core = static_cast<std::uint32_t>(std::max<std::uint64_t>(sessions, 1));
  return limits;
}

}  // namespace sluice::server
