// What is counted and measured of a core's connections to next hops: one for all pools of the core, whatever their
// number, so that it is read without going over them.  Outlives them; that core's thread only.
#pragma once

#include <cstdint>

#include "engine/base/span_histogram.h"
#include "engine/base/tls_counts.h"

namespace sluice::hop {

struct HopCounters {
  std::uint64_t opened = 0;
  std::uint64_t reused = 0;
  std::uint64_t failed = 0;     // attempts to open
  std::uint64_t waited = 0;     // sessions that had to wait for a connection
  std::uint64_t refused = 0;    // for which the wait was too long, or the queue full
  std::uint64_t given_way = 0;  // connections taken from a slow sender for others that waited
  std::uint64_t waiting = 0;    // callers that wait now
  StageTimes connect;           // until a connection was there, of those that came to be
  StageTimes tls_handshake;     // likewise, of those that succeeded
  StageTimes final_reply;       // from the end of the content to its answer
  TlsCounts tls;                // of connections that were secured
};

}  // namespace sluice::hop
