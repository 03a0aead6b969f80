// The platform: the kernel, the clock and chance.  Everything above engine/io reaches them through these interfaces;
// there are two implementations, the real one (real_*.h) and the simulated one (tests/sim), and nothing above can tell
// which one it runs on.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "engine/base/fair_queue.h"
#include "engine/base/time.h"
#include "engine/io/address.h"
#include "engine/io/disk.h"

namespace sluice::io {

// What an operation is called by until it completes; engine/io/loop.h makes them.
using Tag = std::uint64_t;

struct Completion {
  Tag tag = 0;
  std::int32_t result = 0;   // bytes, a descriptor, or a negative errno
  bool more = false;         // further completions of the same operation follow
  bool has_buffer = false;   // a provided buffer carries the bytes
  std::uint16_t buffer = 0;  // its number
};

// Submissions are gathered and go to the kernel in wait().  What an operation points at must stay where it
// is until its last completion.  One thread, but for wake().
class Ring {
 public:
  virtual ~Ring() = default;

  virtual void accept_multishot(Tag tag, int listener) = 0;
  // Fills provided buffers; with `multishot`, again and again until cancelled, out of buffers or the end.
  // `poll_first`: wait for readiness before trying.
  virtual void receive(Tag tag, int socket, bool multishot, bool poll_first) = 0;
  // Sends all of it, or fails.  `message` and what it points at stay until completion.
  virtual void send(Tag tag, int socket, const msghdr* message) = 0;
  virtual void send(Tag tag, int socket, const void* bytes, std::size_t size) = 0;
  virtual void connect(Tag tag, int socket, const Address* address) = 0;
  virtual void close(Tag tag, int descriptor) = 0;
  // Whole blocks of a file from Disk, in memory that is aligned likewise (kDiskBlockBytes).  The result is
  // bytes, maybe fewer than asked for and then perhaps within a block, or a negative errno.  `durable`: they
  // are on the disk when it completes (RWF_DSYNC).
  virtual void write_file(Tag tag, int file, const void* bytes, std::size_t size, std::uint64_t offset,
                          bool durable) = 0;
  virtual void read_file(Tag tag, int file, void* bytes, std::size_t size, std::uint64_t offset) = 0;
  // Asks for `target` to end; proves nothing by itself: the target's own last completion does.
  virtual void cancel(Tag tag, Tag target) = 0;

  // Hands a receive buffer to the kernel.
  virtual void provide_buffer(std::uint16_t id, char* data, std::uint32_t size) = 0;

  // Submits what was gathered now, rather than when the turn ends: worth a system call where much is done before.
  virtual void submit() = 0;
  // Lets the kernel's threads that write and read files go on, where they wait for this thread's CPU.
  virtual void give_way() = 0;
  // Submits what was gathered, waits until something completes, wake() is called or `timeout` passes
  // (zero: does not wait), and stores completions.  Returns how many.
  virtual std::size_t wait(Duration timeout, std::span<Completion> completions) = 0;
  // Any thread: makes wait() return.
  virtual void wake() = 0;
  // System calls that waited or submitted so far, for the counters.
  [[nodiscard]] virtual std::uint64_t enters() const = 0;
};

struct ListenOptions {
  bool reuse_port = true;
  int backlog = 4096;
};

// Sockets are made and named here; everything that could wait goes through the ring.  Results: a
// descriptor, or an errno.
class Sockets {
 public:
  virtual ~Sockets() = default;
  virtual std::expected<int, int> listen(const Address& address, const ListenOptions& options) = 0;
  virtual std::expected<int, int> open(int family) = 0;  // for connect()
  virtual Address peer(int socket) = 0;
  virtual Address local(int socket) = 0;  // For tests, which listen on any port
  // Says FIN behind what was sent: nothing more will be.  Receiving goes on.
  virtual void end_output(int socket) = 0;
  // The close of it is a reset (RFC 9293 3.10.7), and takes away what was not read yet.
  virtual void reset_at_close(int socket) = 0;
  virtual void close(int descriptor) = 0;  // where no ring runs (yet, or any more)
};

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() = 0;
  virtual WallMillis wall() = 0;
};

class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::span<std::byte> bytes) = 0;
  std::uint64_t number() {
    std::uint64_t value = 0;
    fill(std::as_writable_bytes(std::span(&value, 1)));
    return value;
  }
};

// Runs what may block (password hashes, SQLite, name look-ups) away from the cores.  Of jobs that wait, those of each
// share take turns.
class Workers {
 public:
  virtual ~Workers() = default;
  // Any thread.  `job` runs on a worker; false when the queue is full and it will not.
  virtual bool submit(std::function<void()> job, CustomerShare share) = 0;
};

// One core's platform.  The parts must outlive their users.
struct Platform {
  Ring& ring;
  Sockets& sockets;
  Clock& clock;
  Random& random;
  Workers& workers;
  Disk& disk;
};

}  // namespace sluice::io
