// How many of the file descriptors that the process may have are for clients, and how many for next hops, so that some
// are always left for the control socket, the spool, the log and the name service.  Pure.  Any thread.
#pragma once

#include <cstdint>

#include "engine/net/dialer.h"

namespace sluice::server {

struct FileLimits {
  std::uint32_t sessions_per_core = 0;
  std::uint32_t outgoing_per_core = 0;
  bool reduced = false;      // less than what is configured
  std::uint64_t wanted = 0;  // descriptors for what is configured
};

// What is kept back: for control connections, segments of the spool, name look-ups, and files that are read again.
inline constexpr std::uint64_t kFilesReserved = 24;
inline constexpr std::uint64_t kFilesReservedPerCore = 8 + net::Dialer::kBesideMax;

// `files_max`: RLIMIT_NOFILE; `files_open`: what the process has open before the first client comes.  Each core gets at
// least one session and one connection to a next hop.
[[nodiscard]] FileLimits file_limits(std::uint64_t files_max, std::uint64_t files_open, std::uint32_t cores,
                                     std::uint32_t sessions_per_core, std::uint32_t outgoing_per_core);

}  // namespace sluice::server
