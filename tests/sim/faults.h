// What must go wrong in a simulated world, and when: calls that fail, connections that break.
// Owned by its SimWorld; one thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/time.h"

namespace sluice::sim {

enum class SimCall : std::uint8_t {
  accept,
  receive,
  send,
  connect,
  close,
  open,
  listen,
  work,
  look_up,
  query,
  write_file,
  read_file,
  sync,
  create,
  open_file,
  rename,
  remove,
  list
};
inline constexpr std::size_t kSimCalls = 18;
inline constexpr std::uint64_t kSimForever = UINT64_MAX;

// Calls of one kind fail with an errno: `count` of them, after `after` others, counted from when the fault
// was added.  An accept counts once a connection and a receive once a completion, the others once a call.
// An error that ends a connection (ECONNRESET, say) ends it for both sides; EINTR, EAGAIN, ENOMEM and
// ENOBUFS leave it as it was, but a send may have sent a part and then tells how much.  `work` has no
// error: the workers' queue is full.  A failed `query` (DNS) is SERVFAIL.
// Of a disk: `write_file` and `read_file` are transfers, by the ring or blocking, and the ring's count as they
// end; `sync` is the durable part of a write, of create(), of write_small(), sync() and sync_directory(); `create`
// is whatever makes a new file or directory; `list` all that only looks.  When a write or its sync fails, a
// part of it may have been written (not after EINTR, EAGAIN and ENOMEM of the write itself); blocking calls
// keep EINTR to themselves.
struct SimFault {
  SimCall call = SimCall::send;
  std::uint64_t after = 0;
  std::uint64_t count = 1;  // kSimForever: from then on
  int error = 0;
  std::string host;  // only calls of the host with this address; all when empty
};

enum class SimBreak : std::uint8_t {
  reset,  // both sides see ECONNRESET
  end,    // the receiver sees an ordinary end of the stream there, the sender a reset
  stall,  // nothing is delivered for a while
};

// Connections break after a number of bytes in one direction: `count` of them after `after` others, counted
// as they are established from when the fault was added.
struct SimStreamFault {
  std::uint64_t after = 0;
  std::uint64_t count = 1;
  bool to_server = true;  // the direction whose bytes are counted
  std::uint64_t bytes = 0;
  SimBreak what = SimBreak::reset;
  Duration stall = Duration::max();
  std::string server;  // only connections to the host with this address; all when empty
};

class SimFaults {
 public:
  void add(SimFault fault) { calls_.push_back({std::move(fault), 0}); }
  void add(SimStreamFault fault) { streams_.push_back({std::move(fault), 0}); }
  void clear();

  // Asked at every call: 0, or the errno that it fails with.
  int fails(SimCall call, std::string_view host);
  // Asked for every new connection: what will break on its two streams, nearest first.
  std::vector<SimStreamFault> breaks(std::string_view server);
  // Calls so far, so that a test can let each of them fail in turn.
  [[nodiscard]] std::uint64_t calls(SimCall call) const { return seen_[static_cast<std::size_t>(call)]; }

 private:
  template <typename Fault>
  struct Counted {
    Fault fault;
    std::uint64_t seen;
  };
  std::vector<Counted<SimFault>> calls_;
  std::vector<Counted<SimStreamFault>> streams_;
  std::array<std::uint64_t, kSimCalls> seen_{};
};

}  // namespace sluice::sim
